"""Records one by one, for the text that cannot be read column-wise.

Quotes in the middle of a field, or rows far longer than the header, are left to the standard
library's reader: slower, and with a definite answer for each record.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

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
    follows belongs to the text) where that field stays on one line and the record is as wide as
    the header. Otherwise a quote was left open somewhere, and the record's end is not known.
    """

    def __init__(self, blocks: Iterable[str], delimiter: str, width: int, limits: Limits) -> None:
        # The module's own ceiling would come before a larger limit.
        csv.field_size_limit(max(csv.field_size_limit(), limits.cell_bytes + 1))
        self.delimiter = delimiter
        self.width = width
        self.limits = limits
        self.row = 0
        self._record: list[str] = []
        self._lines = self._read_lines(blocks)
        # How the last line of a field goes on: its quote is doubled, or closes before a
        # separator or the line's end, or does not close yet.
        inside, after = '(?:[^"]|"")*', f"(?:[{re.escape(delimiter)}\r\n]|$)"
        self._sound = re.compile(f'{inside}(?:"{after}|$)')

    def _read_lines(self, blocks: Iterable[str]) -> Iterator[str]:
        for block in blocks:
            text = block
            if text.count("\r") != text.count("\r\n"):
                text = INNER_RETURN.sub(_STAND_IN, text)
            for line in io.StringIO(text, newline="\n"):
                self._record.append(line)
                yield line

    def records(self) -> Iterator[list[str]]:
        """The fields of each record, ``[]`` for a blank line; ``row`` is its number, from 1.

        Raises:
            SheetUnclosedQuote, SheetCellTooLarge: naming the record's number.
        """
        reader = csv.reader(self._lines, delimiter=self.delimiter, strict=True)
        while True:
            self._record.clear()
            try:
                record = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                record = self._mend(error)
            self.row += 1
            yield record

    def _mend(self, error: csv.Error) -> list[str]:
        """The record whose lines so far are in ``_record``, though a quote in it is not sound."""
        if "field limit" in str(error):
            raise self._too_large() from error
        if "unexpected end" in str(error):
            raise SheetUnclosedQuote(row=self.row + 1) from error
        try:
            record = self._read_leniently()
        except csv.Error as limit:
            raise self._too_large() from limit
        if len(record) < self.width or any(record[self.width :]):
            raise SheetUnclosedQuote(row=self.row + 1) from error
        return record

    def _read_leniently(self) -> list[str]:
        """The record anew from its first line, over as many lines as its quoted fields take."""
        lines = chain(tuple(self._record), self._lines)
        record = fields = self._fields(next(lines))
        # Only a quoted field holds a line feed: one that ends with it is not closed yet.
        while fields[-1].endswith("\n"):
            line = next(lines, None)
            if line is None or not self._sound.match(line):
                raise SheetUnclosedQuote(row=self.row + 1)
            fields = self._fields(f'"{line}')
            record = [*record[:-1], record[-1] + fields[0], *fields[1:]]
            if (size := len(record[-1].encode())) > self.limits.cell_bytes:
                raise SheetCellTooLarge(
                    row=self.row + 1, column=len(record), value=size, limit=self.limits.cell_bytes
                )
        return record

    def _fields(self, line: str) -> list[str]:
        return next(csv.reader([line], delimiter=self.delimiter))

    def _too_large(self) -> SheetCellTooLarge:
        cells = self._record[-1].split(self.delimiter)
        sizes = [len(cell.encode()) for cell in cells]
        column = max(range(len(sizes)), key=sizes.__getitem__)
        return SheetCellTooLarge(
            row=self.row + 1, column=column + 1, value=sizes[column],
            limit=self.limits.cell_bytes,
        )


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
