"""What can be wrong with an import, a mapping or a lead, each with its remedy."""

from __future__ import annotations

from typing import Any

from vazao.kit.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    Gone,
    NotFound,
    StorageFull,
    Unavailable,
    Unprocessable,
    detail,
)
from vazao.kit.i18n import translate


class ImportNotFound(NotFound):
    """There is no such import."""

    code = "import_not_found"


class LeadNotFound(NotFound):
    """There is no such lead."""

    code = "lead_not_found"


class FieldNotFound(NotFound):
    """There is no such custom field."""

    code = "field_not_found"


class FieldTaken(Conflict):
    """A custom field of this name already exists."""

    code = "field_taken"


class EmailTaken(Conflict):
    """Another lead already has this e-mail."""

    code = "email_taken"


class AddressSuppressed(Conflict):
    """The person who had this e-mail opted out before changing it."""

    code = "suppressed"

    def __init__(self) -> None:
        super().__init__(
            remedy="Use another address, or mark this lead as opted out too (opted_out)."
        )


class OptionInvalid(BadRequest):
    """The option {name} cannot be {value}; it is one of: {allowed}."""

    code = "option_invalid"

    @classmethod
    def of(cls, name: str, value: str, *allowed: str) -> OptionInvalid:
        """The error for a *value* that is none of those *allowed*."""
        return cls(
            name=name[:80], value=value[:80], allowed=", ".join(allowed),
            details=[detail(name[:80], value, *allowed)],
        )


class FileUnnamed(BadRequest):
    """The JSON must have "file", the id of a stored upload."""

    code = "file_unnamed"


class OptionUnknown(BadRequest):
    """There is no option {name}. Valid options: {known}."""

    code = "option_unknown"


class NotATrial(Conflict):
    """This import was not a dry run. Only a dry run can be applied or list its changes."""

    code = "import_not_a_trial"


class TrialNotFinished(Conflict):
    """This check has not finished, so its rows cannot be imported yet."""

    code = "trial_not_finished"

    def __init__(self) -> None:
        super().__init__(remedy="Wait until it has finished.")


class TrialEnded(Conflict):
    """This check failed or was cancelled, so it read nothing that could be imported."""

    code = "trial_ended"

    def __init__(self) -> None:
        super().__init__(remedy="Start it over, or check the sheet again.")


class TrialApplied(Conflict):
    """The dry run has already been applied."""

    code = "trial_applied"


class ChangesGone(Conflict):
    """The list of changes of this check has been removed: it is kept for a short time."""

    code = "changes_gone"

    def __init__(self) -> None:
        super().__init__(
            remedy="If it has not been imported yet, check the sheet again to see its changes."
        )


class NothingCorrected(Unprocessable):
    """No value was changed, so nothing was sent again."""

    code = "nothing_corrected"


class MappingInvalid(Unprocessable):
    """The mapping is not a JSON object of headers to field names or null."""

    code = "mapping_invalid"


class MappingUnknownHeader(Unprocessable):
    """The mapping has a column that is not in the sheet: {header}."""

    code = "mapping_unknown_header"


class MappingReservedHeader(Unprocessable):
    """The column {header} is a note that Vazão added, and is never imported."""

    code = "mapping_reserved_header"


class MappingUnknownField(Unprocessable):
    """The column {header} is mapped to {field}, which is not a field of a lead."""

    code = "mapping_unknown_field"


class MappingCustomName(Unprocessable):
    """The column {header} is mapped to {field}, which is not a valid name for a custom field."""

    code = "mapping_custom_name"


class MappingFieldTwice(Unprocessable):
    """Two columns are mapped to the field {field}: {first} and {second}."""

    code = "mapping_field_twice"


class MappingWithoutEmail(Unprocessable):
    """No column of the sheet is mapped to email, which every lead needs."""

    code = "mapping_without_email"


REMEDIES = {
    "column": "The values of the column {column} look like addresses: map it to email.",
    "nameless": "Read without a header row, the sheet has these columns: {headers}. Set the header "
    "row (header_row), or map the column with the addresses.",
    "sheets": "Columns found in row {row} of the sheet {sheet}: {headers}. Other sheets: {others}. "
    "Choose another sheet or row, or map the column with the addresses.",
    "sheet": "Columns found in row {row} of the sheet {sheet}: {headers}. Choose another row, or "
    "map the column with the addresses.",
    "text": "Columns found in row {row}, separated by {delimiter}: {headers}. Choose another row "
    "or delimiter, or map the column with the addresses.",
}
"""Remedies of :class:`MappingWithoutEmail`, by what was found."""


class LeadInvalid(Unprocessable):
    """Some fields of the lead are not valid."""

    code = "lead_invalid"

    def body(self, language: str = "en") -> dict[str, Any]:
        """As every error, the remedies among its details in *language*, too."""
        whole = super().body(language)
        whole["error"]["details"] = [
            detail | {"remedy": self._said(detail["remedy"], language)} for detail in self.details
        ]
        return whole

    def _said(self, text: str, language: str) -> str:
        said = translate(text, language)
        return said.format(**self.params) if self.params else said


class TooManyCustomFields(Unprocessable):
    """Your leads would have {value} custom fields; the limit is {limit}."""

    code = "too_many_custom_fields"

    def __init__(self, value: int, limit: int) -> None:
        super().__init__(
            remedy="Leave the columns that you do not need unmapped.", value=value, limit=limit
        )


class FiltersExclusive(BadRequest):
    """The filter email finds one lead and cannot be combined with other filters."""

    code = "filters_exclusive"


class ReadsDifferently(Conflict):
    """The server restarted and read the sheet again; its valid rows are not the same as before."""

    code = "sheet_reads_differently"

    def __init__(self) -> None:
        super().__init__(
            remedy="The type of a custom field probably changed in the meantime. Send it again."
        )


class SortInvalid(BadRequest):
    """Leads cannot be sorted by {value}. Choose one of: {sorts}; a minus (-name) reverses the
    order.
    """

    code = "sort_invalid"


class TooManyToSort(BadRequest):
    """Too many leads match to be sorted by a field."""

    code = "too_many_to_sort"

    def __init__(self) -> None:
        super().__init__(
            remedy="Narrow the search to at most 10,000 leads, or sort by newest or by last change."
        )


class ChoiceInvalid(BadRequest):
    """A choice field needs 1 to 200 values of 1 to 100 characters each."""

    code = "choice_invalid"


class SortExclusive(BadRequest):
    """updated_since lists leads in the order of their changes: remove sort."""

    code = "sort_exclusive"


class SinceInvalid(BadRequest):
    """updated_since must be a date and time like 2026-11-21T08:00:00-03:00, not {value}."""

    code = "updated_since_invalid"


class FileNotReadable(BadRequest):
    """The file {path} does not exist or cannot be read."""

    code = "file_not_readable"


class EmailInvalid(BadRequest):
    """This is not an e-mail address."""

    code = "email_invalid"


class PurgeNeedsAdmin(Forbidden):
    """Only an administrator of the organization can erase a person permanently."""

    code = "purge_needs_admin"


class PurgeForgotten(Conflict):
    """The address that this job should erase is no longer stored: the job ended more than {days}
    days ago.
    """

    code = "purge_forgotten"


SEND_WITHOUT = "Send it again without that person."


class SheetErased(Gone):
    """The stored sheet was removed: it contained a person who was erased permanently."""

    code = "sheet_erased"


class SheetExpired(Gone):
    """The stored sheet was removed: sheets are kept for {days} days."""

    code = "sheet_expired"


class TooManySheets(StorageFull):
    """At most {limit} sheets may be stored, and the limit is reached."""

    code = "too_many_sheets"


class TookTooLong(Unavailable):
    """Preparing the file took more than {seconds} s, the longest allowed."""

    code = "took_too_long"
