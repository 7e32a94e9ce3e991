"""What can be wrong with a sheet as a whole; each names the limit, the value and the remedy."""

from __future__ import annotations

from typing import Any, ClassVar

from vazao.kit.errors import (
    BadRequest,
    NotFound,
    TooLarge,
    Unprocessable,
    VazaoError,
)


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
    cure = "Send a sheet whose first row has the column names."


class SheetNoHeader(SheetError, Unprocessable):
    """The header row is empty."""

    code = "sheet_no_header"
    cure = "Set the header row (header_row), or choose none."


class SheetDelimiterInvalid(SheetError, BadRequest):
    """The delimiter must be one character that is not a letter, digit, space or quote."""

    code = "sheet_delimiter_invalid"
    status = 400
    cure = "Choose one such as ; or ,."


class SheetEncodingUnknown(SheetError, BadRequest):
    """The encoding {encoding} is not supported."""

    code = "sheet_encoding_unknown"
    status = 400
    cure = "Choose utf-8, windows-1252, utf-16, cp850 or mac-roman, or let it be detected."


class SheetRowMissing(SheetError, Unprocessable):
    """Row {row} cannot be the header row: it is not among the first rows with content."""

    code = "sheet_row_missing"
    cure = "Set the row number as a spreadsheet program shows it, or none."


class SheetUnreadable(SheetError, Unprocessable):
    """The file cannot be read as a sheet: {reason}."""

    code = "sheet_unreadable"
    cure = "Open it in a spreadsheet program and save it again as XLSX or CSV."


class SheetDamaged(SheetUnreadable):
    """The workbook is damaged or incomplete."""


class SheetSampleInvalid(SheetError):
    """These are not pieces of a file."""

    code = "sheet_sample_invalid"


class SheetPackedOtherwise(SheetUnreadable):
    """The workbook is compressed in an unsupported way."""


class SheetUnsupported(SheetError, Unprocessable):
    """Files of the kind {kind} are not accepted."""

    code = "sheet_unsupported"
    cure = "Save it as XLSX or CSV and send that file."


class SheetNotInWorkbook(SheetError, NotFound):
    """The workbook has no sheet called {sheet}. Its sheets: {sheets}."""

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
    cure = "Remove the columns that you do not need, also the empty ones at the right."


class SheetCellTooLarge(SheetError, TooLarge):
    """The cell in row {row}, column {column}, has {value} bytes; the limit is {limit}."""

    code = "sheet_cell_too_large"
    status = 413
    cure = "Shorten that text. The cause may also be a missing quotation mark before it."


class SheetUnpacksTooLarge(SheetError, TooLarge):
    """The workbook unpacks to {value} bytes or more; the limit is {limit}."""

    code = "sheet_unpacks_too_large"
    status = 413
    cure = "Remove what you do not need from it, or save the sheet as CSV."


class SheetFarCell(SheetError, TooLarge):
    """The cell {cell} is far away from the others: a sheet may span at most {limit} columns."""

    code = "sheet_far_cell"
    status = 413
    cure = "Delete that cell's row and column, save, and send the file again."


class SheetNeedsTooMuchMemory(SheetError, TooLarge):
    """Reading this workbook takes more memory than the limit of {limit} bytes."""

    code = "sheet_needs_too_much_memory"
    status = 413
    cure = "Save the sheet as CSV, which has no such limit, or split it."
