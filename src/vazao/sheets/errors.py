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
    cure = "Send a sheet whose first row holds the column names."


class SheetNoHeader(SheetError, Unprocessable):
    """The row of column names is empty."""

    code = "sheet_no_header"
    cure = "Name the row that holds them (header_row), or say that there is none."


class SheetDelimiterInvalid(SheetError, BadRequest):
    """The delimiter is one character, and no letter, digit, blank or quote."""

    code = "sheet_delimiter_invalid"
    status = 400
    cure = "Name one such as ; or ,."


class SheetEncodingUnknown(SheetError, BadRequest):
    """The encoding {encoding} is not known here."""

    code = "sheet_encoding_unknown"
    status = 400
    cure = "Name one of utf-8, windows-1252, utf-16, cp850 and mac-roman, or let it be found."


class SheetRowMissing(SheetError, Unprocessable):
    """Row {row} cannot hold the column names: it is not among the first rows with content."""

    code = "sheet_row_missing"
    cure = "Give the row's number as a spreadsheet program shows it, or none."


class SheetUnreadable(SheetError, Unprocessable):
    """The file cannot be read as a sheet: {reason}."""

    code = "sheet_unreadable"
    cure = "Open it in a spreadsheet program and save it anew as XLSX or CSV."


class SheetDamaged(SheetUnreadable):
    """The workbook is damaged or incomplete."""


class SheetSampleInvalid(SheetError):
    """These are no pieces of a file."""

    code = "sheet_sample_invalid"


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
