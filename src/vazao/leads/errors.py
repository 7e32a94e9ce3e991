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
    """There is a custom field of that name already."""

    code = "field_taken"


class EmailTaken(Conflict):
    """Another lead has this e-mail already."""

    code = "email_taken"


class AddressSuppressed(Conflict):
    """Someone who had this e-mail opted out and has left it."""

    code = "suppressed"

    def __init__(self) -> None:
        super().__init__(
            remedy="Use another address, or say that this lead has opted out, too (opted_out)."
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
    """There is no option {name}; there are: {known}."""

    code = "option_unknown"


class NotATrial(Conflict):
    """This import was no dry run; only a dry run can be applied, or shows what it would change."""

    code = "import_not_a_trial"


class TrialNotFinished(Conflict):
    """This check has not finished, so its rows cannot be imported yet."""

    code = "trial_not_finished"

    def __init__(self) -> None:
        super().__init__(remedy="Wait until it has finished; if it failed, check the sheet again.")


class TrialApplied(Conflict):
    """The dry run has been applied already."""

    code = "trial_applied"


class ChangesGone(Conflict):
    """The list of what this check would change has been removed: it is kept for a short time."""

    code = "changes_gone"

    def __init__(self) -> None:
        super().__init__(remedy="Import the sheet, or check it again to see its changes.")


class NothingCorrected(Unprocessable):
    """No cell was changed: nothing was sent again."""

    code = "nothing_corrected"


class MappingInvalid(Unprocessable):
    """The mapping is not a JSON object of headers to field names or null."""

    code = "mapping_invalid"


class MappingUnknownHeader(Unprocessable):
    """The mapping names a column that the sheet does not have: {header}."""

    code = "mapping_unknown_header"


class MappingReservedHeader(Unprocessable):
    """The column {header} is a remark of ours and is never imported."""

    code = "mapping_reserved_header"


class MappingUnknownField(Unprocessable):
    """The column {header} is mapped to {field}, which is not a field of a lead."""

    code = "mapping_unknown_field"


class MappingCustomName(Unprocessable):
    """The column {header} is mapped to {field}, which is not a name for a custom field."""

    code = "mapping_custom_name"


class MappingFieldTwice(Unprocessable):
    """The field {field} is given to two columns: {first} and {second}."""

    code = "mapping_field_twice"


class MappingWithoutEmail(Unprocessable):
    """No column of the sheet is mapped to email, and a lead is known by its e-mail."""

    code = "mapping_without_email"


REMEDIES = {
    "column": "The values of the column {column} look like addresses: map it to email.",
    "nameless": "Read without a row of column names, the sheet has these columns: {headers}. Name "
                "the row of the column names (header_row), or map the column with the addresses.",
    "sheets": "The columns found in row {row} of the sheet {sheet}: {headers}. Other sheets: "
              "{others}. Name another sheet or row, or map the column with the addresses.",
    "sheet": "The columns found in row {row} of the sheet {sheet}: {headers}. Name another row, or "
             "map the column with the addresses.",
    "text": "The columns found in row {row}, between {delimiter}: {headers}. Name another row or "
            "delimiter, or map the column with the addresses.",
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
            remedy="Map columns that you do not need to nothing.", value=value, limit=limit
        )


class FiltersExclusive(BadRequest):
    """An e-mail belongs to one lead: email is not combined with other filters."""

    code = "filters_exclusive"


class ReadsDifferently(Conflict):
    """The server restarted, and read again the sheet has other valid rows than before."""

    code = "sheet_reads_differently"

    def __init__(self) -> None:
        super().__init__(
            remedy="The type of a custom field was probably changed meanwhile. Send it again."
        )


class SortInvalid(BadRequest):
    """Leads are not sorted by {value}. There are {sorts}; -name and so on sort downwards."""

    code = "sort_invalid"


class TooManyToSort(BadRequest):
    """Too many leads match to put them in the order of a field."""

    code = "too_many_to_sort"

    def __init__(self) -> None:
        super().__init__(
            remedy="Narrow the search to at most 10,000 leads, or sort by the newest or the last "
                   "change."
        )


class ChoiceInvalid(BadRequest):
    """A field of one of several values needs 1 to 200 of them, each of 1 to 100 characters."""

    code = "choice_invalid"


class SortExclusive(BadRequest):
    """updated_since has an order of its own, that of the changes: leave out sort."""

    code = "sort_exclusive"


class SinceInvalid(BadRequest):
    """updated_since must be a date and time like 2026-11-21T08:00:00-03:00, not {value}."""

    code = "updated_since_invalid"


class FileNotReadable(BadRequest):
    """There is no file {path} that could be read."""

    code = "file_not_readable"


class EmailInvalid(BadRequest):
    """That is no e-mail address."""

    code = "email_invalid"


class PurgeNeedsAdmin(Forbidden):
    """Only an administrator of the organization may erase a person for good."""

    code = "purge_needs_admin"


class PurgeForgotten(Conflict):
    """Whom this job was to erase is known no longer: it ended more than {days} days ago."""

    code = "purge_forgotten"


SEND_WITHOUT = "Whoever sent it can send it again without that person."


class SheetErased(Gone):
    """The stored sheet was removed: a person in it was erased at their request."""

    code = "sheet_erased"


class SheetExpired(Gone):
    """The stored sheet was removed: sheets are kept for {days} days."""

    code = "sheet_expired"


class TooManySheets(StorageFull):
    """No more than {limit} sheets may be stored, and as many are."""

    code = "too_many_sheets"


class TookTooLong(Unavailable):
    """The file took more than {seconds} s to be made, the longest it may."""

    code = "took_too_long"
