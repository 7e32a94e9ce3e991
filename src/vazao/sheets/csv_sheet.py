"""Sheets of delimited text: two passes, in blocks, with memory that does not grow with the file.

The first pass settles what only the whole file can tell: its encoding, what its quotes mean,
how many records there are. The second cuts blocks at the ends of records and lets polars take
them apart.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import polars as pl

from vazao.sheets.careful import INNER_RETURN, CarefulReader, records_frame
from vazao.sheets.errors import (
    SheetCellTooLarge,
    SheetEmpty,
    SheetTooManyColumns,
    SheetUnclosedQuote,
)
from vazao.sheets.frames import BatchMaker, check_headers, nul_note
from vazao.sheets.models import Batch, Limits, Note, Sheet
from vazao.sheets.quotes import QuoteScan, cut_records, scan_text, widest_record
from vazao.sheets.text import HEAD_BYTES, LineTooLong, SheetText, find_delimiter

BLOCK_BYTES = 1 << 22
# Columns read beyond the header's width, to see which rows are longer.
_SPARE = 4
_CAREFUL_ROWS = 20_000


class CsvSheet(Sheet):
    """A `Sheet` of delimited text."""

    def __init__(
        self,
        path: Path,
        filename: str,
        *,
        limits: Limits,
        batch_rows: int,
        block_bytes: int = BLOCK_BYTES,
    ) -> None:
        """Scan the file and read its header; errors as `open_sheet` says."""
        super().__init__(limits)
        # No row can be longer without a cell, or a number of columns, over its limit.
        self._record_bytes = limits.columns * (limits.cell_bytes + 1)
        self._text = SheetText(path, block_bytes=block_bytes, line_bytes=self._record_bytes)
        whole = self._text.size <= HEAD_BYTES
        head = self._text.head.decode("latin-1")
        self.delimiter, self._skip = find_delimiter(head, filename, complete=whole)
        self._scan = self._first_pass(self.delimiter)
        self.encoding = self._text.encoding
        fields = self._read_header(self.delimiter)
        self.headers = check_headers(fields, limits)
        self._width = max(len(fields), len(self.headers)) + _SPARE
        if len(fields) > max(1024, limits.columns):
            raise SheetTooManyColumns(value=len(fields), limit=limits.columns)
        estimate = self._scan.records if self._scan.regular else self._scan.lines
        self.rows_total = max(estimate - 1, 0)
        self._maker = BatchMaker(self.headers, limits, batch_rows)
        self.notes = self._describe()

    def _first_pass(self, delimiter: str) -> QuoteScan:
        scan = QuoteScan(ord(delimiter))
        try:
            scan_text(self._text, scan, skip_first_line=self._skip)
        except LineTooLong as error:
            raise self._too_long(error.start, scan.records + 1, delimiter) from error
        if not scan.content:
            raise SheetEmpty()
        if scan.regular and scan.open:
            raise SheetUnclosedQuote(row=scan.opened_in)
        return scan

    def _too_long(self, start: bytes, row: int, delimiter: str) -> Exception:
        """The error of a record that is longer than any may be."""
        limits = self.limits
        fields = start.split(delimiter.encode())
        for column, cell in enumerate(fields, 1):
            if len(cell) > limits.cell_bytes:
                return SheetCellTooLarge(
                    row=row, column=column, value=len(cell), limit=limits.cell_bytes
                )
        return SheetTooManyColumns(value=len(fields), limit=limits.columns)

    def _read_header(self, delimiter: str) -> list[str]:
        head = self._text.decode(self._text.head)
        lines = io.StringIO(INNER_RETURN.sub(" ", head), newline="\n")
        if self._skip:
            lines.readline()
        csv.field_size_limit(max(csv.field_size_limit(), HEAD_BYTES))
        return next(csv.reader(lines, delimiter=delimiter), [])

    def _describe(self) -> list[Note]:
        text = self._text
        notes: list[Note] = []
        if text.nuls:
            notes.append(nul_note(text.nuls))
        if text.encoding == "windows-1252":
            notes.append(Note("The file is not valid UTF-8; it was read as Windows-1252."))
        if text.strays:
            notes.append(
                Note(
                    "Bytes that are not UTF-8 were read as Windows-1252: {count}.",
                    {"count": text.strays},
                )
            )
        if text.lone_returns:
            notes.append(Note("Lines end with a carriage return alone, as on old Macintoshes."))
        unnamed = sum(not name for name in self.headers)
        if unnamed:
            notes.append(Note("Columns without a name, ignored: {count}.", {"count": unnamed}))
        return notes

    def batches(self) -> Iterator[Batch]:
        """The rows under the header, batch by batch."""
        scan = self._scan
        careful = scan.any and scan.at_start and not scan.regular
        yield from self._careful_batches() if careful else self._block_batches()
        self.rows_total = self._maker.rows
        self.fraction_read = 1.0

    def _blocks(self) -> Iterator[bytes]:
        """The file as UTF-8 in blocks of whole lines, without the ``sep=`` line."""
        skip = self._skip
        for block in self._text.blocks(transcode=True):
            self.fraction_read = self._text.position / max(self._text.size, 1)
            if skip:
                block, skip = block[block.index(b"\n") + 1 :], False
            if block:
                yield block

    def _record_blocks(self) -> Iterator[bytes]:
        """The same, of whole records."""
        quoted = self._scan.any and self._scan.at_start
        carry = b""
        for piece in self._blocks():
            block = carry + piece if carry else piece
            cut = cut_records(block) if quoted and b'"' in block else len(block)
            carry = block[cut:]
            if cut:
                yield block if cut == len(block) else block[:cut]
            if len(carry) > self._record_bytes:
                raise self._too_long(carry, self._row, self.delimiter or ",")

    def _block_batches(self) -> Iterator[Batch]:
        self._row = 1
        for block in self._record_blocks():
            raw = self._take_apart(block)
            quoted = b'"' in block
            first, height = self._row, raw.height
            if first == 1:
                raw, first = raw.slice(1), 2
            self._row += height
            yield from self._maker.feed(
                raw,
                first,
                blank_strings=b'""' in block,
                check_cells=quoted or _has_long_line(block, self.limits.cell_bytes),
                expected_rows=self.rows_total,
            )

    def _take_apart(self, block: bytes) -> pl.DataFrame:
        separator = self.delimiter or ","
        names = separator.join(f"c{n}" for n in range(self._width))
        try:
            raw = pl.read_csv(
                # With a first line as wide as wanted, shorter ones are padded.
                names.encode() + b"\n" + block,
                separator=separator,
                quote_char='"' if self._scan.at_start else None,
                infer_schema=False,
                truncate_ragged_lines=True,
            )
        except pl.exceptions.ComputeError:
            # Its idea of a sound quote is stricter than ours: let each record decide.
            return self._take_apart_carefully(block)
        spare = raw.get_columns()[len(self.headers) :]
        unsure = self._may_hide(block) or any(c.null_count() < raw.height for c in spare)
        if unsure and widest_record(block, ord(separator)) > self._width:
            return self._take_apart_carefully(block)
        return raw

    def _may_hide(self, block: bytes) -> bool:
        """Whether content can stand beyond the columns read, all spare ones being empty."""
        spare = self._width - len(self.headers)
        run = (self.delimiter or ",").encode() * (spare + 1)
        return run in block or (self._scan.at_start and b'""' in block)

    def _take_apart_carefully(self, block: bytes) -> pl.DataFrame:
        reader = self._careful_reader(iter([block.decode()]))
        return records_frame(list(reader.records()), len(self.headers))

    def _careful_reader(self, texts: Iterator[str]) -> CarefulReader:
        return CarefulReader(texts, self.delimiter or ",", len(self.headers), self.limits)

    def _careful_batches(self) -> Iterator[Batch]:
        records = self._careful_reader(block.decode() for block in self._blocks()).records()
        next(records, None)
        first = 2
        size = min(self._maker.batch_rows, _CAREFUL_ROWS)
        while chunk := list(islice(records, size)):
            raw = records_frame(chunk, len(self.headers))
            yield from self._maker.feed(
                raw, first, blank_strings=False, expected_rows=self.rows_total
            )
            first += len(chunk)


def _has_long_line(block: bytes, limit: int) -> bool:
    """Whether a line of *block* is longer than *limit*, found in strides of that length."""
    start = 0
    while len(block) - start > limit:
        end = block.rfind(b"\n", start, start + limit + 1)
        if end < 0:
            return True
        start = end + 1
    return False
