"""Sheets of delimited text: two passes, in blocks, with memory that does not grow with the file.

The first pass settles what only the whole file can tell: its encoding, what its quotes mean,
how many records there are. The second cuts blocks at the ends of records and lets polars take
them apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import polars as pl

from vazao.sheets.asked import SINGLE, check_delimiter
from vazao.sheets.careful import CarefulReader, records_frame
from vazao.sheets.dialect import DELIMITERS, find_dialect, records_of
from vazao.sheets.errors import (
    SheetCellTooLarge,
    SheetEmpty,
    SheetTooManyColumns,
)
from vazao.sheets.frames import BatchMaker, check_headers, nul_note
from vazao.sheets.looking import LOOKED_AT, header_notes, is_blank, look
from vazao.sheets.models import FOUND, Batch, Choices, Limits, Note, Sheet
from vazao.sheets.quotes import QuoteScan, cut_records, scan_text, widest_record
from vazao.sheets.text import HEAD_BYTES, LineTooLong, SheetText

BLOCK_BYTES = 1 << 22
# Columns read beyond the header's width, to see which rows are longer.
_SPARE = 4
# Wider than this a header is only where nameless columns follow: they are not read at all.
_WIDEST = 1024
_CAREFUL_ROWS = 20_000
_READ_AS = {
    "windows-1252": Note("The file is not valid UTF-8; it was read as Windows-1252."),
    "cp850": Note("The file was read as CP850, the encoding of MS-DOS."),
    "mac-roman": Note("The file was read as Mac Roman, the encoding of old Macintoshes."),
}


class CsvSheet(Sheet):
    """A `Sheet` of delimited text."""

    def __init__(
        self,
        path: Path,
        filename: str,
        *,
        choices: Choices = FOUND,
        limits: Limits,
        batch_rows: int,
        block_bytes: int = BLOCK_BYTES,
    ) -> None:
        """Scan the file and read its header; errors as `open_sheet` says."""
        super().__init__(limits)
        self._choices = choices
        # No row can be longer without a cell, or a number of columns, over its limit.
        self._record_bytes = limits.columns * (limits.cell_bytes + 1)
        self._text = SheetText(
            path, block_bytes=block_bytes, line_bytes=self._record_bytes,
            encoding=choices.encoding,
        )
        if choices.delimiter is not None:
            check_delimiter(choices.delimiter)
        whole = self._text.size <= HEAD_BYTES
        head = self._text.head.decode("latin-1")
        self._dialect = find_dialect(head, filename, complete=whole, said=choices.delimiter)
        self.delimiter = self._separator = self._dialect.delimiter
        self._scan = self._first_pass()
        self.encoding = self._text.encoding
        self._read_header(limits)
        self._maker = BatchMaker(self.headers, limits, batch_rows, width=self._fields)
        estimate = self._scan.records if self._scan.regular else self._scan.lines
        self.rows_total = max(estimate - self.header_row, 0)
        self._row = 1

    def _first_pass(self) -> QuoteScan:
        scan = QuoteScan(ord(self._separator))
        try:
            scan_text(self._text, scan, skip_first_line=self._dialect.skip)
        except LineTooLong as error:
            raise self._too_long(error.start, scan.records + 1) from error
        if not scan.content:
            raise SheetEmpty()
        return scan

    def _too_long(self, start: bytes, row: int) -> Exception:
        """The error of a record that is longer than any may be."""
        limits = self.limits
        fields = start.split(self._separator.encode())
        for column, cell in enumerate(fields, 1):
            if len(cell) > limits.cell_bytes:
                return SheetCellTooLarge(
                    row=row, column=column, value=len(cell), limit=limits.cell_bytes
                )
        return SheetTooManyColumns(value=len(fields), limit=limits.columns)

    def _read_header(self, limits: Limits) -> None:
        """Find the row with the column names; what was decided on the way becomes notes."""
        head = self._text.decode(self._text.head)
        if self._dialect.skip:
            head = head.partition("\n")[2]
        records = records_of(
            head, self._separator, spaced=self._dialect.spaced, most=LOOKED_AT * 2
        )
        rows = [
            (number, record) for number, record in enumerate(records, 1)
            if not all(map(is_blank, record))
        ]
        found = look(rows[:LOOKED_AT], self._choices.header_row)
        self.header_row = found.row
        self.samples = [
            [cell or None for cell in cells] for number, cells in rows if number > found.row
        ]
        self.headers, notes = check_headers(found.names, limits, row=found.row)
        self._fields = max(len(found.names), len(self.headers))
        self._width = min(self._fields, _WIDEST) + _SPARE
        self.notes = [
            *self._text_notes(), *header_notes(found.row, found.above, self._choices), *notes
        ]

    def _text_notes(self) -> list[Note]:
        text = self._text
        notes: list[Note] = []
        if text.nuls:
            notes.append(nul_note(text.nuls))
        if text.encoding in SINGLE and self._choices.encoding is None:
            notes.append(_READ_AS[text.encoding])
        if text.strays:
            notes.append(
                Note(
                    "Bytes that are not UTF-8 were read as Windows-1252: {count}.",
                    {"count": text.strays},
                )
            )
        if text.lone_returns:
            notes.append(Note("Lines end with a carriage return only, as on old Macintoshes."))
        if self._separator not in DELIMITERS[:2] and not self._dialect.told:
            notes.append(Note("The values are separated by {sign}.", {"sign": {
                "\t": "TAB"}.get(self._separator, self._separator)}))
        return notes

    def batches(self) -> Iterator[Batch]:
        """The rows under the header, batch by batch."""
        scan = self._scan
        odd = not scan.regular or scan.open or self._dialect.spaced
        opens = scan.at_start or self._dialect.spaced
        careful = (scan.any and opens and odd) or not self._separator.isascii()
        yield from self._careful_batches() if careful else self._block_batches()
        self.rows_total = self._maker.rows
        self.fraction_read = 1.0
        if self._maker.beside:
            self.notes.append(Note("Cells without a column name, skipped: {count}.",
                                   {"count": self._maker.beside}))

    def _blocks(self) -> Iterator[bytes]:
        """The file as UTF-8 in blocks of whole lines, without the ``sep=`` line."""
        skip = self._dialect.skip
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
                raise self._too_long(carry, self._row)

    def _block_batches(self) -> Iterator[Batch]:
        for block in self._record_blocks():
            raw = self._under_header(self._take_apart(block))
            quoted = b'"' in block
            yield from self._maker.feed(
                raw,
                blank_strings=b'""' in block,
                check_cells=quoted or _has_long_line(block, self.limits.cell_bytes),
                expected_rows=self.rows_total,
            )

    def _under_header(self, raw: pl.DataFrame) -> pl.DataFrame:
        """*raw* with the numbers of its rows, and without those down to the header."""
        first, self._row = self._row, self._row + raw.height
        number = pl.int_range(first, self._row, eager=True, dtype=pl.Int64).alias("row")
        return raw.insert_column(0, number).slice(max(self.header_row + 1 - first, 0))

    def _take_apart(self, block: bytes) -> pl.DataFrame:
        names = self._separator.join(f"c{n}" for n in range(self._width))
        try:
            raw = pl.read_csv(
                # With a first line as wide as wanted, shorter ones are padded.
                names.encode() + b"\n" + block,
                separator=self._separator,
                quote_char='"' if self._scan.at_start else None,
                infer_schema=False,
                truncate_ragged_lines=True,
            )
        except pl.exceptions.ComputeError:
            # Its idea of a sound quote is stricter than ours: let each record decide.
            return self._take_apart_carefully(block)
        if self._fields > _WIDEST:
            return raw
        if b'"' in block and self._may_be_wrapped(raw):
            return self._take_apart_carefully(block)
        spare = raw.get_columns()[self._fields :]
        unsure = self._may_hide(block) or any(c.null_count() < raw.height for c in spare)
        if unsure and widest_record(block, ord(self._separator)) > self._width:
            return self._take_apart_carefully(block)
        return raw

    def _may_be_wrapped(self, raw: pl.DataFrame) -> bool:
        """Whether a row has separators in its first cell and no other cell: some program may have
        put the whole of it into quotes.
        """
        others = [f"c{n}" for n in range(1, self._fields)]
        return bool(others) and bool(raw.select(
            (pl.col("c0").str.contains(self._separator, literal=True)
             & pl.all_horizontal(pl.col(others).is_null())).any()
        ).item())

    def _may_hide(self, block: bytes) -> bool:
        """Whether content can stand beyond the columns read, all spare ones being empty."""
        run = self._separator.encode() * (self._width - self._fields + 1)
        return run in block or (self._scan.at_start and b'""' in block)

    def _take_apart_carefully(self, block: bytes) -> pl.DataFrame:
        reader = self._careful_reader(iter([block.decode()]))
        return records_frame(list(reader.records()), self._fields)

    def _careful_reader(self, texts: Iterator[str]) -> CarefulReader:
        return CarefulReader(texts, self._dialect, self._fields, self.limits)

    def _careful_batches(self) -> Iterator[Batch]:
        records = self._careful_reader(block.decode() for block in self._blocks()).records()
        size = min(self._maker.batch_rows, _CAREFUL_ROWS)
        while chunk := list(islice(records, size)):
            raw = self._under_header(records_frame(chunk, self._fields))
            yield from self._maker.feed(
                raw, blank_strings=False, expected_rows=self.rows_total
            )


def _has_long_line(block: bytes, limit: int) -> bool:
    """Whether a line of *block* is longer than *limit*, found in strides of that length."""
    start = 0
    while len(block) - start > limit:
        end = block.rfind(b"\n", start, start + limit + 1)
        if end < 0:
            return True
        start = end + 1
    return False
