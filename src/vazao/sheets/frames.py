"""From raw columns of text to batches: headers, empty cells and rows, long rows, limits."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import polars as pl

from vazao.sheets.errors import (
    SheetCellTooLarge,
    SheetNoHeader,
    SheetRepeatedHeaders,
    SheetTooManyColumns,
    SheetTooManyRows,
)
from vazao.sheets.models import BEYOND, Batch, Limits, Note, is_reserved

_ESCAPED = re.compile(r"^'('*[=+\-@])")


def check_headers(cells: Sequence[str | None], limits: Limits) -> list[str]:
    """The column names of a header row: trimmed, without the empty ones at its end.

    An apostrophe in front of ``= + - @`` is taken off, as it is from every cell.
    An empty name inside stays, as ``""``: a column that nobody can map. Names are compared
    without regard to capitals. The columns that we add to files do not count towards the limit.

    Raises:
        SheetNoHeader: no cell has a name.
        SheetTooManyColumns, SheetCellTooLarge: over a limit.
        SheetRepeatedHeaders: a name appears twice.
    """
    names = [_ESCAPED.sub(r"\1", (cell or "").strip()) for cell in cells]
    while names and not names[-1]:
        names.pop()
    if not names:
        raise SheetNoHeader()
    counted = sum(not is_reserved(name) for name in names)
    if counted > limits.columns:
        raise SheetTooManyColumns(value=counted, limit=limits.columns)
    for number, name in enumerate(names, 1):
        size = len(name.encode())
        if size > limits.cell_bytes:
            raise SheetCellTooLarge(row=1, column=number, value=size, limit=limits.cell_bytes)
    seen: dict[str, list[str]] = {}
    for name in filter(None, names):
        seen.setdefault(name.casefold(), []).append(name)
    repeated = [spellings[0] for spellings in seen.values() if len(spellings) > 1]
    if repeated:
        raise SheetRepeatedHeaders(names=", ".join(repeated), details=repeated)
    return names


def nul_note(count: int) -> Note:
    """What is said of NUL bytes, which PostgreSQL has no place for."""
    return Note("NUL bytes were removed: {count}.", {"count": count})


class BatchMaker:
    """Makes `Batch`es of raw frames and counts what goes through against the row limit."""

    def __init__(self, headers: Sequence[str], limits: Limits, batch_rows: int) -> None:
        self.headers = list(headers)
        self.limits = limits
        self.batch_rows = batch_rows
        self.rows = 0
        # A row of an earlier file of errors whose surplus cells nobody has put into place yet.
        self._beyond = next((f"c{n}" for n, h in enumerate(headers) if h == BEYOND), None)

    def feed(
        self,
        raw: pl.DataFrame,
        first_row: int,
        *,
        blank_strings: bool = True,
        check_cells: bool = True,
        expected_rows: int = 0,
    ) -> Iterator[Batch]:
        """The batches of one raw frame, whose rows are *first_row*, *first_row* + 1, ….

        Args:
            raw: String columns in file order, more than there are headers where a row may be
                long; optionally ``fields`` (Int64), which then says which rows are long, and
                ``beyond`` (String), what these have there.
            blank_strings: it may hold ``""``, to become null.
            check_cells: a cell may be larger than its limit.
            expected_rows: how many rows the file is known to have, for the message.
        """
        number = pl.int_range(first_row, first_row + raw.height, eager=True, dtype=pl.Int64)
        frame = raw.insert_column(0, number.alias("row"))
        cells = [name for name in frame.columns if name not in ("row", "fields", "beyond")]
        if blank_strings:
            frame = frame.with_columns(pl.when(pl.col(cells) != "").then(pl.col(cells)))
        if check_cells:
            self._check_cells(frame, cells)
        frame, long_rows = self._part(frame, cells)
        self.rows += frame.height + long_rows.height
        if self.rows > self.limits.rows:
            raise SheetTooManyRows(value=max(self.rows, expected_rows), limit=self.limits.rows)
        empty = long_rows.clear()
        for start in range(0, frame.height, self.batch_rows):
            yield Batch(frame.slice(start, self.batch_rows), long_rows)
            long_rows = empty
        if long_rows.height:
            yield Batch(frame.clear(), long_rows)

    def _part(self, frame: pl.DataFrame, cells: list[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Split into good and long rows, the empty ones dropped."""
        wanted = [f"c{n}" for n in range(len(self.headers))]
        beyond = cells[len(wanted) :]
        if "fields" not in frame.columns:
            frame = frame.with_columns(self._fields(frame, beyond))
        if self._beyond:
            told = pl.when(pl.col(self._beyond).is_not_null()).then(pl.lit(len(wanted), pl.Int64))
            frame = frame.with_columns(pl.coalesce("fields", told).alias("fields"))
        fields = frame.get_column("fields")
        if fields.null_count() == frame.height:
            good, long_rows = frame, frame.clear()
        else:
            good, long_rows = frame.filter(fields.is_null()), frame.filter(fields.is_not_null())
        good = good.select("row", *wanted)
        # A column without nulls proves that no row is empty, and a null count costs nothing.
        if good.height and all(good.get_column(name).null_count() for name in wanted):
            good = good.filter(pl.any_horizontal(pl.col(wanted).is_not_null()))
        return good, long_rows.select("row", "fields", self._surplus(frame, beyond), *wanted)

    def _surplus(self, frame: pl.DataFrame, beyond: list[str]) -> pl.Expr:
        """What long rows have beyond the last header, as one text for whoever corrects them."""
        places = ["beyond"] if "beyond" in frame.columns else beyond
        if self._beyond:
            places = [self._beyond, *places]
        if not places:
            return pl.lit(None, pl.String).alias("beyond")
        return pl.concat_str(places, separator=" | ", ignore_nulls=True).alias("beyond")

    def _fields(self, frame: pl.DataFrame, beyond: list[str]) -> pl.Expr:
        """How many fields a long row has; null for the others."""
        used = [name for name in beyond if frame.get_column(name).null_count() < frame.height]
        if not used:
            return pl.lit(None, dtype=pl.Int64).alias("fields")
        width = len(self.headers)
        places = {name: width + beyond.index(name) + 1 for name in used}
        return pl.max_horizontal(
            pl.when(pl.col(name).is_not_null()).then(pl.lit(place, dtype=pl.Int64))
            for name, place in places.items()
        ).alias("fields")

    def _check_cells(self, frame: pl.DataFrame, cells: list[str]) -> None:
        if not frame.height:
            return
        longest = frame.select(pl.col(cells).str.len_bytes().max()).row(0)
        for column, (name, size) in enumerate(zip(cells, longest, strict=True), 1):
            if size is not None and size > self.limits.cell_bytes:
                found = frame.filter(pl.col(name).str.len_bytes() == size)
                raise SheetCellTooLarge(
                    row=found.get_column("row")[0],
                    column=self.label(column),
                    value=size,
                    limit=self.limits.cell_bytes,
                )

    def label(self, column: int) -> str:
        """What to call the column of that number, from 1: its header, or the number."""
        name = self.headers[column - 1] if column <= len(self.headers) else ""
        return f"{column} ({name[:64]})" if name else str(column)
