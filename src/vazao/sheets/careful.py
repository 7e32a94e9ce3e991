"""Records one by one, for the text that cannot be read column-wise.

Quotes in the middle of a field, or rows far longer than the header, are left to the standard
library's reader: slower, and with a definite answer for each record.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence

import polars as pl

from vazao.sheets.errors import SheetCellTooLarge, SheetUnclosedQuote
from vazao.sheets.models import Limits

# A carriage return inside a line is content, and csv refuses it; NUL bytes are gone by now, so
# one can stand for it meanwhile.
INNER_RETURN = re.compile(r"\r(?!\n)")
_STAND_IN = "\0"


class CarefulReader:
    """Reads records from blocks of whole lines.

    A quote that closes in the middle of a field is taken as spreadsheet programs take it (what
    follows belongs to the text) where the record stays on one line and is as wide as the
    header; otherwise a quote was left open somewhere, and nobody can say where the record ends.
    """

    def __init__(self, blocks: Iterable[str], delimiter: str, width: int, limits: Limits) -> None:
        # The module's own ceiling would come before a larger limit.
        csv.field_size_limit(max(csv.field_size_limit(), limits.cell_bytes + 1))
        self.delimiter = delimiter
        self.width = width
        self.limits = limits
        self.row = 0
        self._line = ""
        self._lines = self._read_lines(blocks)

    def _read_lines(self, blocks: Iterable[str]) -> Iterator[str]:
        for block in blocks:
            text = block
            if text.count("\r") != text.count("\r\n"):
                text = INNER_RETURN.sub(_STAND_IN, text)
            for line in io.StringIO(text, newline="\n"):
                self._line = line
                yield line

    def records(self) -> Iterator[list[str]]:
        """The fields of each record, ``[]`` for a blank line; ``row`` is its number, from 1.

        Raises:
            SheetUnclosedQuote, SheetCellTooLarge: naming the record's number.
        """
        reader = csv.reader(self._lines, delimiter=self.delimiter, strict=True)
        while True:
            before = reader.line_num
            try:
                record = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                record = self._mend(error, lines=reader.line_num - before)
            self.row += 1
            yield record

    def _mend(self, error: csv.Error, *, lines: int) -> list[str]:
        row = self.row + 1
        ended = "unexpected end" in str(error)
        if lines > 1 or ended:
            raise SheetUnclosedQuote(row=row) from error
        if "field limit" not in str(error):
            record = next(csv.reader([self._line], delimiter=self.delimiter))
            if len(record) >= self.width and not any(record[self.width :]):
                return record
            raise SheetUnclosedQuote(row=row) from error
        cells = self._line.split(self.delimiter)
        sizes = [len(cell.encode()) for cell in cells]
        column = max(range(len(sizes)), key=sizes.__getitem__)
        raise SheetCellTooLarge(
            row=row, column=column + 1, value=sizes[column], limit=self.limits.cell_bytes
        ) from error


def records_frame(records: Sequence[list[str]], width: int) -> pl.DataFrame:
    """Records as ``c0``… up to *width*; ``fields``, their width where they are longer; ``beyond``.

    Empty fields are null, and at a record's end they do not count towards its width. What stands
    beyond *width* is one text.
    """
    padding: list[str | None] = [None] * width
    rows = [(record + padding)[:width] for record in records]
    columns = list(zip(*rows, strict=True)) or [()] * width
    frame = pl.DataFrame(
        {f"c{n}": pl.Series(column, dtype=pl.String) for n, column in enumerate(columns)}
    ).with_columns(
        pl.when(pl.all() != "").then(pl.all().str.replace_all(_STAND_IN, "\r", literal=True))
    )
    fields = [_used(record, width) for record in records]
    beyond = [
        " | ".join(cell for cell in record[width:] if cell) if used else None
        for record, used in zip(records, fields, strict=True)
    ]
    return frame.with_columns(
        pl.Series("fields", fields, dtype=pl.Int64), pl.Series("beyond", beyond, dtype=pl.String)
    )


def _used(record: list[str], width: int) -> int | None:
    """How many fields a long record has, or None."""
    used = len(record)
    while used > width and not record[used - 1]:
        used -= 1
    return used if used > width else None
