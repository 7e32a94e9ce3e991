"""What can be wrong with a sheet as a whole; each names the limit, the value and the remedy."""

from __future__ import annotations

from typing import Any, ClassVar

from vazao.kit.errors import (
    BadRequest,
    Conflict,
    NotFound,
    TooLarge,
    Unprocessable,
    VazaoError,
)
from vazao.kit.i18n import translate


class SheetError(VazaoError):
    """The sheet cannot be read.

    Subclasses state their ``cure``, the remedy that follows every message of theirs; both are
    gettext templates filled from the keyword arguments.
    """

    code: ClassVar[str] = "sheet_unreadable"
    status: ClassVar[int] = 422
    cure: ClassVar[str | None] = None

    def __init__(self, template: str | None = None, **params: Any) -> None:
        params.setdefault("remedy", self.cure)
        super().__init__(template, **params)


class SheetEmpty(SheetError, Unprocessable):
    """The file is empty."""

    code = "sheet_empty"
    cure = "Send a sheet whose first row holds the column names."


class SheetNoHeader(SheetError, Unprocessable):
    """The first row of the sheet is empty, so its columns have no names."""

    code = "sheet_no_header"
    cure = "Put the column names in the first row."


class SheetRepeatedHeaders(SheetError, Unprocessable):
    """These column names appear more than once: {names}."""

    code = "sheet_repeated_headers"
    cure = "Give every column a name of its own (capitals do not make a difference)."


class SheetUnclosedQuote(SheetError, Unprocessable):
    """A quotation mark that opens in row {row} is never closed."""

    code = "sheet_unclosed_quote"
    cure = "Close it, or write it twice where it belongs to the text."


class SheetUnreadable(SheetError, Unprocessable):
    """The file cannot be read as a sheet: {reason}."""

    code = "sheet_unreadable"
    cure = "Open it in a spreadsheet program and save it anew as XLSX or CSV."


class SheetDamaged(SheetUnreadable):
    """The workbook is damaged or incomplete."""


class SheetPackedOtherwise(SheetUnreadable):
    """The workbook is packed in a way that is not known."""


class SheetUnsupported(SheetError, Unprocessable):
    """Files of the kind {kind} are not accepted."""

    code = "sheet_unsupported"
    cure = "Save it as XLSX or CSV and send that."


class SheetNotInWorkbook(SheetError, NotFound):
    """The workbook has no sheet called {sheet}; it has: {sheets}."""

    code = "sheet_not_found"
    status = 404
    cure = "Choose one of these."


class SheetFileTooLarge(SheetError, TooLarge):
    """The file has {value} bytes; the limit is {limit}."""

    code = "sheet_file_too_large"
    status = 413
    cure = "Split it into several files."


class SheetTooManyRows(SheetError, TooLarge):
    """The sheet has {value} rows; the limit is {limit}."""

    code = "sheet_too_many_rows"
    status = 413
    cure = "Split it into several files."


class SheetTooManyColumns(SheetError, TooLarge):
    """The sheet has {value} columns; the limit is {limit}."""

    code = "sheet_too_many_columns"
    status = 413
    cure = "Remove the columns that are not needed, the empty ones at the right too."


class SheetCellTooLarge(SheetError, TooLarge):
    """The cell in row {row}, column {column}, has {value} bytes; the limit is {limit}."""

    code = "sheet_cell_too_large"
    status = 413
    cure = "Shorten that text; a quotation mark missing before it can also be the cause."


class SheetUnpacksTooLarge(SheetError, TooLarge):
    """The workbook unpacks to {value} bytes or more; the limit is {limit}."""

    code = "sheet_unpacks_too_large"
    status = 413
    cure = "Remove what is not needed from it, or save the sheet as CSV."


class SheetFarCell(SheetError, TooLarge):
    """A cell is far away from the others, {cell}; at most {limit} columns are spanned."""

    code = "sheet_far_cell"
    status = 413
    cure = "Delete that cell's row and column, save, and send the file again."


class SheetNeedsTooMuchMemory(SheetError, TooLarge):
    """Reading this workbook takes more memory than the limit of {limit} bytes."""

    code = "sheet_needs_too_much_memory"
    status = 413
    cure = "Save the sheet as CSV, which has no such limit, or split it."


class ImportNotFound(NotFound):
    """There is no such import."""

    code = "import_not_found"


class LeadNotFound(NotFound):
    """There is no such lead."""

    code = "lead_not_found"


class EmailTaken(Conflict):
    """Another lead has this e-mail already."""

    code = "email_taken"


class OptionInvalid(BadRequest):
    """The option {name} cannot be {value}; it is one of: {allowed}."""

    code = "option_invalid"


class DryRunNotYet(Unprocessable):
    """This version cannot try an import without writing (dry_run); nothing was imported."""

    code = "dry_run_not_available"


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


class LeadInvalid(Unprocessable):
    """Some fields of the lead are not valid."""

    code = "lead_invalid"

    def body(self, language: str = "en") -> dict[str, Any]:
        """As every error, the remedies among its details in *language*, too."""
        whole = super().body(language)
        whole["error"]["details"] = [
            detail | {"remedy": translate(detail["remedy"], language)} for detail in self.details
        ]
        return whole


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


class SinceInvalid(BadRequest):
    """updated_since must be a date and time like 2026-11-21T08:00:00-03:00, not {value}."""

    code = "updated_since_invalid"


class FileNotReadable(BadRequest):
    """There is no file {path} that could be read."""

    code = "file_not_readable"
