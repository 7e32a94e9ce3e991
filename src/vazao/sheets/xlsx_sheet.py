"""Sheets of workbooks, read in a process apart and delivered batch by batch."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import polars as pl

from vazao.sheets.apart import Apart
from vazao.sheets.frames import BatchMaker, check_headers, nul_note
from vazao.sheets.looking import header_notes
from vazao.sheets.models import Batch, Choices, Limits, Note, Sheet
from vazao.sheets.sample import Sample

_FRAME: Final = struct.Struct(">qd")
NUL: Final = "\0"
COUNTED: Final = {
    "hidden": Note("Hidden rows were read too: {count}."),
    "merged": Note("Areas of merged cells, read with the value in their first cell only: {count}."),
    "beside": Note("Cells without a column name, skipped: {count}."),
    "unstored": Note("Formulas without a stored value, skipped: {count}. Open the workbook in a "
    "spreadsheet program and save it to store their values."),
    "lacking": Note("Texts that the workbook lacks, left empty: {count}."),
}


class XlsxSheet(Sheet):
    """A `Sheet` of a workbook."""

    def __init__(
        self, path: Path, *, choices: Choices, limits: Limits, batch_rows: int,
        sample: Sample | None = None,
    ) -> None:
        """Look into the workbook and read the sheet's header; errors as `open_sheet` says."""
        super().__init__(limits)
        self._sample = sample
        self._apart = Apart(
            path, limits, sample, sheet=choices.sheet, header_row=choices.header_row
        )
        try:
            about = self._apart.answer()
            self.sheets = about["sheets"]
            self.name = about["sheet"]
            self.header_row = about["row"]
            self.samples = about["samples"]
            names = [name or "" for name in about["names"]]
            self._nuls = sum(name.count(NUL) for name in names)
            self.headers, self.notes = check_headers(
                [name.replace(NUL, "") for name in names], limits, row=self.header_row
            )
        except BaseException:
            self.close()
            raise
        self.notes = [*self._found(about, choices), *self.notes]
        self._maker = BatchMaker(self.headers, limits, batch_rows)

    def _found(self, about: dict[str, Any], choices: Choices) -> list[Note]:
        """What was decided without being asked."""
        notes = []
        others = [name for name in about["visible"] if name != self.name]
        if choices.sheet is None and others and about["visible"][0] != self.name:
            notes.append(Note("The sheet {name} was read; the workbook also has: {others}.",
                              {"name": self.name, "others": ", ".join(others)[:200]}))
        return [*notes, *header_notes(self.header_row, about["above"], choices)]

    def batches(self) -> Iterator[Batch]:
        """The rows under the header, batch by batch."""
        while True:
            size, self.fraction_read = _FRAME.unpack(self._apart.read(_FRAME.size))
            if size <= 0:
                break
            raw = self._without_nuls(pl.read_ipc_stream(BytesIO(self._apart.read(size))))
            rows = self._maker.rows + raw.height
            self.rows_total = max(rows, round(rows / max(self.fraction_read, 1e-6)))
            yield from self._maker.feed(raw)
        counts = self._apart.answer()
        self.rows_total = self._maker.rows
        self.fraction_read = 1.0
        self.notes += [
            Note(note.text, {"count": counts[name]})
            for name, note in COUNTED.items() if counts[name] and self._sample is None
        ]
        if self._nuls:
            self.notes.append(nul_note(self._nuls))

    def _without_nuls(self, raw: pl.DataFrame) -> pl.DataFrame:
        """*raw* as PostgreSQL takes it: a workbook may spell a NUL as ``_x0000_``."""
        cells = pl.exclude("row")
        if raw.width < 2 or not raw.select(
            pl.any_horizontal(cells.str.contains(NUL, literal=True).any())
        ).item():
            return raw
        counts = raw.select(cells.str.count_matches(NUL, literal=True).sum())
        self._nuls += counts.sum_horizontal().item()
        return raw.with_columns(cells.str.replace_all(NUL, "", literal=True))

    def close(self) -> None:
        """End the child, whatever it is doing."""
        self._apart.close()
        super().close()
