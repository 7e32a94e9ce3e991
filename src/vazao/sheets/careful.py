"""Records one by one, for the text that cannot be read column-wise.

Quotes in the middle of a field, or rows far longer than the header, are left to the standard
library's reader: slower, and with a definite answer for each record.
"""

from __future__ import annotations

import csv
import io
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import polars as pl

from vazao.sheets.dialect import INNER_RETURN, Dialect, unwrapped
from vazao.sheets.errors import SheetCellTooLarge
from vazao.sheets.models import Limits

_STAND_IN: Final = "\0"
UNCLOSED: Final = "quote_unclosed"
_REREAD: Final = 64 << 20
"""Characters that may be read a second time, all in all, because a quote before them never closed:
whoever leaves thousands of them open gets each line by itself afterwards."""
_LIKE_RECORDS: Final = 2


class Record(NamedTuple):
    """The fields of a record, and what is wrong with it, if anything is."""

    fields: list[str]
    code: str = ""


class CarefulReader:
    """Reads records from blocks of whole lines.

    A quote that closes in the middle of a field is taken as spreadsheet programs take it (what
    follows belongs to the text) where that field stays on one line and the record is as wide as
    the header; so is one with a backslash before it, as databases write them. Otherwise a quote was
    left open somewhere: then the line is a record that cannot be read, and the next one is another.
    """

    def __init__(
        self, blocks: Iterable[str], dialect: Dialect, width: int, limits: Limits
    ) -> None:
        # The module's own ceiling would come before a larger limit.
        csv.field_size_limit(max(csv.field_size_limit(), limits.cell_bytes + 1))
        self.delimiter = dialect.delimiter
        self.width = width
        self.limits = limits
        self.row = 0
        self._spaced = dialect.spaced
        self._record: list[str] = []
        self._again: deque[str] = deque()
        self._left = _REREAD
        self._source = self._read_lines(blocks)
        # How the last line of a field goes on: its quote is doubled, or closes before a
        # separator or the line's end, or does not close yet.
        inside, after = '(?:[^"]|"")*', f"(?:[{re.escape(self.delimiter)}\r\n]|$)"
        self._sound = re.compile(f'{inside}(?:"{after}|$)')

    @staticmethod
    def _read_lines(blocks: Iterable[str]) -> Iterator[str]:
        for block in blocks:
            text = block
            if text.count("\r") != text.count("\r\n"):
                text = INNER_RETURN.sub(_STAND_IN, text)
            yield from io.StringIO(text, newline="\n")

    def _lines(self) -> Iterator[str]:
        """Lines of the next records; those that were read in vain come again."""
        while True:
            line = self._again.popleft() if self._again else next(self._source, None)
            if line is None:
                return
            self._record.append(line)
            yield line

    def records(self) -> Iterator[Record]:
        """Each record, ``[]`` for a blank line; ``row`` is its number, from 1.

        Raises:
            SheetCellTooLarge: naming the record's number.
        """
        reader = self._reader(self._lines())
        while True:
            self._record.clear()
            try:
                record = Record(
                    unwrapped(next(reader), self.delimiter, self.width, spaced=self._spaced)
                )
            except StopIteration:
                return
            except csv.Error as error:
                record = self._mended(error)
                # It is in the middle of a field, and of lines that come again.
                reader = self._reader(self._lines())
            self.row += 1
            yield record

    def _reader(self, lines: Iterable[str], *, escape: str | None = None) -> Iterator[list[str]]:
        return csv.reader(
            lines, delimiter=self.delimiter, strict=True, skipinitialspace=self._spaced,
            escapechar=escape, doublequote=escape is None,
        )

    def _mended(self, error: csv.Error) -> Record:
        """The record whose lines so far are in ``_record``, though a quote in it is not sound."""
        lines = list(self._record)
        if "field limit" in str(error) and not self._swallowed(lines):
            raise self._too_large() from error
        if "unexpected end" not in str(error) and "field limit" not in str(error):
            found = self._escaped(lines) or self._lenient(lines)
            if found is not None:
                return Record(found)
        self._put_back(lines[1:])
        return Record(self._fields(lines[0]), UNCLOSED)

    def _swallowed(self, lines: list[str]) -> bool:
        """Whether what stands in an open quote looks like records of its own."""
        whole = sum(line.count(self.delimiter) == self.width - 1 for line in lines[1:])
        return self.width > 1 and whole >= _LIKE_RECORDS

    def _put_back(self, lines: list[str]) -> None:
        """Lines to be read again, in front of those that already are."""
        self._again.extendleft(reversed(lines))
        self._left -= sum(map(len, lines))
        if self._left < 0:
            # Each line by itself: quotes mean nothing any more.
            self._source = (line.replace('"', "'") for line in self._source)
            self._again = deque(line.replace('"', "'") for line in self._again)
            self._left = _REREAD

    def _escaped(self, lines: list[str]) -> list[str] | None:
        """The record read as one whose quotes have backslashes, if it is as wide as the header."""
        if '\\"' not in "".join(lines):
            return None
        try:
            record = next(self._reader(lines, escape="\\"))
        except (csv.Error, StopIteration):
            return None
        return record if len(record) == self.width else None

    def _lenient(self, lines: list[str]) -> list[str] | None:
        """The record anew from its first line, over as many lines as its quoted fields take.

        Raises:
            SheetCellTooLarge: a cell of it is.
        """
        self._again.extendleft(reversed(lines[1:]))
        following = self._lines()
        self._record = [lines[0]]
        record = fields = self._fields(lines[0])
        # Only a quoted field holds a line feed: one that ends with it is not closed yet.
        while fields and fields[-1].endswith("\n"):
            line = next(following, None)
            if line is None or not self._sound.match(line):
                record = []
                break
            fields = self._fields(f'"{line}')
            record = [*record[:-1], record[-1] + fields[0], *fields[1:]]
            if (size := len(record[-1].encode())) > self.limits.cell_bytes:
                if self._swallowed(self._record):
                    record = []
                    break
                raise SheetCellTooLarge(
                    row=self.row + 1, column=len(record), value=size, limit=self.limits.cell_bytes
                )
        if len(record) >= self.width and not any(record[self.width:]):
            return record
        lines[1:] = self._record[1:]
        return None

    def _fields(self, line: str) -> list[str]:
        reader = csv.reader(
            [line], delimiter=self.delimiter, skipinitialspace=self._spaced
        )
        try:
            return next(reader, [])
        except csv.Error as error:
            raise self._too_large() from error

    def _too_large(self) -> SheetCellTooLarge:
        cells = self._record[-1].split(self.delimiter)
        sizes = [len(cell.encode()) for cell in cells]
        column = max(range(len(sizes)), key=sizes.__getitem__)
        return SheetCellTooLarge(
            row=self.row + 1, column=column + 1, value=sizes[column],
            limit=self.limits.cell_bytes,
        )


def records_frame(records: Sequence[Record], width: int) -> pl.DataFrame:
    """Records as ``c0``… up to *width*; ``fields``, their width where they are longer; ``beyond``;
    ``code``, what is wrong with them (null where nothing is).

    Empty fields are null, and at a record's end they do not count towards its width. What stands
    beyond *width* is one text.
    """
    padding: list[str | None] = [None] * width
    rows = [(record.fields + padding)[:width] for record in records]
    columns = list(zip(*rows, strict=True)) or [()] * width
    frame = pl.DataFrame(
        {f"c{n}": pl.Series(column, dtype=pl.String) for n, column in enumerate(columns)}
    ).with_columns(
        pl.when(pl.all() != "").then(pl.all().str.replace_all(_STAND_IN, "\r", literal=True))
    )
    fields = [_used(record.fields, width) for record in records]
    beyond = [
        " | ".join(cell for cell in record.fields[width:] if cell) if used else None
        for record, used in zip(records, fields, strict=True)
    ]
    return frame.with_columns(
        pl.Series("fields", fields, dtype=pl.Int64), pl.Series("beyond", beyond, dtype=pl.String),
        pl.Series("code", [record.code or None for record in records], dtype=pl.String),
    )


def _used(record: list[str], width: int) -> int | None:
    """How many fields a long record has, or None."""
    used = len(record)
    while used > width and not record[used - 1]:
        used -= 1
    return used if used > width else None
