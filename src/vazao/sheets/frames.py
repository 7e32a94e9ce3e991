"""From raw columns of text to batches: headers, empty cells and rows, long rows, limits."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import polars as pl

from vazao.sheets.errors import (
    SheetCellTooLarge,
    SheetNoHeader,
    SheetTooManyColumns,
    SheetTooManyRows,
)
from vazao.sheets.models import BEYOND, Batch, Limits, Note, clean_header, is_reserved

_ESCAPED = re.compile(r"^'('*[=+\-@])")
_OWN = ("row", "fields", "beyond", "code")
TOO_LONG = "row_too_long"
# What a blank row has: blanks of any script, marks that nobody sees, the end mark of old files.
_BLANKS = r"\s\x00-\x20\x{200b}\x{feff}\x{2060}\x{ad}\x{200e}\x{200f}"
_CONTENT = rf"[^{_BLANKS}]"
_VISIBLE = rf"^[^{_BLANKS}]"


def check_headers(
    cells: Sequence[str | None], limits: Limits, *, row: int = 1
) -> tuple[list[str], list[Note]]:
    """The column names of a header row, without the empty ones at its end, and what to say of them.

    An apostrophe in front of ``= + - @`` is taken off, as it is from every cell. An empty name
    inside stays, as ``""``: a column that nobody can map. A name that repeats another one (capitals
    make no difference) gets a number. The columns that we add to files do not count towards the
    limit.

    Args:
        row: the number of that row, for messages.

    Raises:
        SheetNoHeader: no cell has a name.
        SheetTooManyColumns, SheetCellTooLarge: over a limit.
    """
    names = [_ESCAPED.sub(r"\1", clean_header(cell or "")) for cell in cells]
    while names and not names[-1]:
        names.pop()
    if not names:
        raise SheetNoHeader()
    counted = sum(bool(name) and not is_reserved(name) for name in names)
    if counted > limits.columns:
        raise SheetTooManyColumns(value=counted, limit=limits.columns)
    for number, name in enumerate(names, 1):
        size = len(name.encode())
        if size > limits.cell_bytes:
            raise SheetCellTooLarge(row=row, column=number, value=size, limit=limits.cell_bytes)
    unique, repeated = _numbered(names)
    notes = [Note("Column names that appear more than once, numbered: {names}.",
                  {"names": ", ".join(repeated)[:200]})] if repeated else []
    if unnamed := sum(not name for name in unique):
        notes.append(Note("Columns without a name, ignored: {count}.", {"count": unnamed}))
    return unique, notes


def _numbered(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """*names*, each unlike those before it, and those that were not."""
    taken = {name.casefold() for name in names}
    seen: set[str] = set()
    unique, repeated = [], []
    for name in names:
        told, number = name, 2
        if name and name.casefold() in seen:
            repeated.append(name)
            while (told := f"{name} ({number})").casefold() in taken:
                number += 1
            taken.add(told.casefold())
        seen.add(told.casefold())
        unique.append(told)
    return unique, list(dict.fromkeys(repeated))


def nul_note(count: int) -> Note:
    """What is said of NUL bytes, which PostgreSQL has no place for."""
    return Note("NUL bytes were removed: {count}.", {"count": count})


class BatchMaker:
    """Makes `Batch`es of raw frames and counts what goes through against the row limit.

    Args:
        width: how many fields a row may have, those under no name included; as many as there are
            headers by default.
    """

    def __init__(
        self, headers: Sequence[str], limits: Limits, batch_rows: int, *, width: int = 0
    ) -> None:
        self.headers = list(headers)
        self.limits = limits
        self.batch_rows = batch_rows
        self.rows = 0
        self.beside = 0
        self._width = max(width, len(self.headers))
        self._names = [f"c{n}" for n in range(len(self.headers))]
        # A row of an earlier file of errors whose surplus cells nobody has put into place yet.
        self._beyond = next((f"c{n}" for n, h in enumerate(headers) if h == BEYOND), None)

    def feed(
        self,
        raw: pl.DataFrame,
        *,
        blank_strings: bool = True,
        check_cells: bool = True,
        expected_rows: int = 0,
    ) -> Iterator[Batch]:
        """The batches of one raw frame.

        Args:
            raw: ``row`` (Int64) and String columns in file order, more than there are headers where
                a row may be long; optionally ``fields`` (Int64), which then says which rows are
                long, ``beyond`` (String), what these have there, and ``code`` (String), why a row
                cannot be read.
            blank_strings: it may hold ``""``, to become null.
            check_cells: a cell may be larger than its limit.
            expected_rows: how many rows the file is known to have, for the message.
        """
        frame = self._padded(raw)
        cells = [name for name in frame.columns if name not in _OWN]
        if blank_strings:
            frame = frame.with_columns(pl.when(pl.col(cells) != "").then(pl.col(cells)))
        if check_cells:
            self._check_cells(frame, cells)
        frame, refused = self._part(frame, cells)
        self.rows += frame.height + refused.height
        if self.rows > self.limits.rows:
            raise SheetTooManyRows(value=max(self.rows, expected_rows), limit=self.limits.rows)
        empty = refused.clear()
        for start in range(0, frame.height, self.batch_rows):
            yield Batch(frame.slice(start, self.batch_rows), refused)
            refused = empty
        if refused.height:
            yield Batch(frame.clear(), refused)

    def _padded(self, raw: pl.DataFrame) -> pl.DataFrame:
        """*raw* with a column for every header."""
        lacking = [name for name in self._names if name not in raw.columns]
        if not lacking:
            return raw
        raw = raw.with_columns(pl.lit(None, pl.String).alias(name) for name in lacking)
        others = [name for name in raw.columns if name != "row" and name not in self._names]
        return raw.select("row", *self._names, *others)

    def _part(self, frame: pl.DataFrame, cells: list[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Split into good and refused rows, the blank ones dropped."""
        unnamed, beyond = cells[len(self._names):self._width], cells[self._width:]
        self._count_beside(frame, unnamed)
        if "fields" not in frame.columns:
            frame = frame.with_columns(self._fields(frame, beyond))
        if self._beyond:
            told = pl.when(pl.col(self._beyond).is_not_null()).then(
                pl.lit(len(self._names), pl.Int64)
            )
            frame = frame.with_columns(pl.coalesce("fields", told).alias("fields"))
        if "code" not in frame.columns:
            frame = frame.with_columns(pl.lit(None, pl.String).alias("code"))
        is_bad = frame.get_column("fields").is_not_null() | frame.get_column("code").is_not_null()
        good = frame.filter(~is_bad) if is_bad.any() else frame
        refused = frame.filter(is_bad) if is_bad.any() else frame.clear()
        return self._without_blank(good.select("row", *self._names)), refused.select(
            "row", pl.coalesce("code", pl.lit(TOO_LONG)).alias("code"),
            pl.col("fields").cast(pl.String).alias("value"), self._surplus(refused, beyond),
            *self._names,
        )

    def _without_blank(self, rows: pl.DataFrame) -> pl.DataFrame:
        """*rows* but for those that hold nothing but blanks, which are none."""
        # A column whose cells all begin with something shows that there is no such row, and a
        # null count costs nothing.
        for name in self._names:
            column = rows.get_column(name)
            if not column.null_count() and column.str.contains(_VISIBLE).all():
                return rows
        if not rows.height:
            return rows
        return rows.filter(pl.any_horizontal(
            pl.col(name).str.contains(_CONTENT) for name in self._names
        ).fill_null(value=False))

    def _count_beside(self, frame: pl.DataFrame, unnamed: list[str]) -> None:
        for name in unnamed:
            column = frame.get_column(name)
            if column.null_count() < frame.height:
                self.beside += int(column.str.contains(_CONTENT).sum())

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
        places = {name: self._width + beyond.index(name) + 1 for name in used}
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
