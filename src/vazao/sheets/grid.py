"""The rows of a worksheet as frames of text, some thousand at a time: what the workbook shows."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

import numpy as np
import polars as pl

from vazao.sheets import markup
from vazao.sheets.errors import SheetUnreadable
from vazao.sheets.formats import Format
from vazao.sheets.looking import LOOKED_AT, Row
from vazao.sheets.models import UNSTORED
from vazao.sheets.shown import numbers, shown
from vazao.sheets.workbook import Part, Workbook

_HIDDEN_ROW: Final = re.compile(r"""<row\b[^>]*\bhidden=["'](?:1|true)["']""")
_AHEAD: Final = 2
"""Pieces of some megabytes that are matched while one is used: the readers of a workbook are what
its import waits for."""
_ISO: Final = r"^(\d{4}-\d\d-\d\d)T00:00(?::00(?:\.0+)?)?Z?$"


@dataclass
class Counts:
    """What a sheet has besides its values, for notes.

    Attributes:
        hidden: rows that are hidden.
        merged: areas of merged cells.
        beside: cells with content under no column name.
        unstored: formulas without a stored value.
        lacking: shared texts that the workbook lacks.
    """

    hidden: int = 0
    merged: int = 0
    beside: int = 0
    unstored: int = 0
    lacking: int = 0


@dataclass
class Grid(ABC):
    """The cells of one sheet; those of each kind of file say where they come from.

    Args:
        formats: what cells show, by the number of their style.
        shared: the workbook's shared texts, if it has any.
    """

    part: Part
    formats: list[Format] = field(default_factory=list)
    from_1904: bool = False
    shared: pl.Series | None = None
    counts: Counts = field(default_factory=Counts)
    fraction: float = 0.0

    @abstractmethod
    def frames(self) -> Iterator[pl.DataFrame]:
        """Frames of cells as ``markup`` describes them, their rows in order."""

    def pieces(self) -> Iterator[pl.DataFrame]:
        """Cells with content: ``row``, ``col`` and ``text``, each row whole in one of the frames.

        Raises:
            SheetUnreadable: it is damaged, or its rows are in no order.
        """
        kept, last = pl.DataFrame(), 0
        for cells in self.frames():
            found = pl.concat([kept, self._values(cells)]) if kept.height else self._values(cells)
            if not found.height:
                continue
            if _rows(found).min() <= last:
                raise SheetUnreadable("The rows of the workbook are not in their order.")
            # The last row may go on in the next frame.
            end = int(_rows(found).max())
            kept = found.filter(pl.col("row") == end)
            whole = found.filter(pl.col("row") < end)
            if whole.height:
                last = int(_rows(whole).max())
                yield whole
        if kept.height:
            yield kept

    def _values(self, cells: pl.DataFrame) -> pl.DataFrame:
        """What the cells show; those that show nothing are left out."""
        if not cells.height:
            return pl.DataFrame(schema={"row": pl.Int32, "col": pl.Int32, "text": pl.String})
        parts = []
        for (kind, style), group in cells.group_by("kind", "style", maintain_order=True):
            text = self._shown(group.get_column("text"), str(kind), int(str(style)))
            told = group.select("row", "col", "formula").with_columns(text.alias("text"))
            parts.append(told)
        found = pl.concat(parts)
        unstored = found.get_column("formula") & found.get_column("text").is_null()
        if unstored.any():
            lacking = cells.filter(pl.col("formula") & pl.col("text").is_null())
            self.counts.unstored += lacking.height
            marks = lacking.select("row", "col", pl.lit(UNSTORED).alias("mark"))
            found = found.join(marks, on=["row", "col"], how="left").with_columns(
                pl.coalesce("text", "mark").alias("text")
            )
        return found.filter(pl.col("text") != "").select("row", "col", "text")

    def _shown(self, texts: pl.Series, kind: str, style: int) -> pl.Series:
        if kind == "s":
            return self._texts(texts)
        if kind == "b":
            return texts.replace_strict(["1", "0", "true", "false"],
                                        ["true", "false", "true", "false"], default=None)
        if kind == "e":
            return pl.repeat(None, texts.len(), dtype=pl.String, eager=True)
        if kind == "d":
            return texts.str.replace(_ISO, "${1}").str.replace(r"^(\S+)T(\S+?)(?:\.0+)?Z?$",
                                                               "${1} ${2}")
        if kind in markup.IN_PLACE:
            return texts
        known = self.formats[style:style + 1]
        if texts.null_count() == texts.len() or not known:
            return numbers(texts)
        return shown(texts, known[0], from_1904=self.from_1904)

    def _texts(self, numbers: pl.Series) -> pl.Series:
        if self.shared is None:
            raise SheetUnreadable("The workbook lacks the shared texts that its cells refer to.")
        places = numbers.cast(pl.UInt32, strict=False)
        known = (places < self.shared.len()).fill_null(value=False)
        self.counts.lacking += int((~known & numbers.is_not_null()).sum())
        frame = pl.DataFrame({"p": places, "k": known})
        return self.shared.gather(frame.select(pl.when("k").then("p")).to_series())


@dataclass
class XlsxGrid(Grid):
    """The cells of a worksheet."""

    book: Workbook | None = None

    def frames(self) -> Iterator[pl.DataFrame]:
        """Frames of the worksheet's XML, some megabytes each."""
        assert self.book is not None
        size, done = max(self.book.package.size(self.part.part), 1), 0
        odd = markup.Odd("")
        for head, rows, cells in _matched_ahead(self.book.rows(self.part.part)):
            done += len(rows)
            self.fraction = min(done / size, 1.0)
            if "hidden" in rows:
                self.counts.hidden += len(_HIDDEN_ROW.findall(rows))
            yield self._cells(head, rows, cells, odd)
        self.counts.merged = self.book.merged

    def _cells(
        self, head: str, rows: str, cells: pl.DataFrame | None, odd: markup.Odd
    ) -> pl.DataFrame:
        if cells is None:
            odd.head = head
            return odd.read(rows)
        if cells.height:
            odd.row = int(_rows(cells).max())
        return cells


def _matched_ahead(
    pieces: Iterator[tuple[str, str]]
) -> Iterator[tuple[str, str, pl.DataFrame | None]]:
    """Each piece of markup with its cells by patterns, while the next ones are unpacked and
    matched; the first at once, for those who want to see no more.
    """
    with ThreadPoolExecutor(_AHEAD) as pool:
        waiting: deque[tuple[str, str, Future[pl.DataFrame | None]]] = deque()
        held = 0
        for head, rows in pieces:
            waiting.append((head, rows, pool.submit(_by_patterns, rows)))
            if len(waiting) > held:
                yield _done(*waiting.popleft())
                held = _AHEAD
        while waiting:
            yield _done(*waiting.popleft())


def _by_patterns(rows: str) -> pl.DataFrame | None:
    return markup.usual(rows) if rows.strip() else pl.DataFrame(schema=markup.SCHEMA)


def _done(
    head: str, rows: str, cells: Future[pl.DataFrame | None]
) -> tuple[str, str, pl.DataFrame | None]:
    return head, rows, cells.result()


def _rows(cells: pl.DataFrame) -> np.ndarray:
    return cells.get_column("row").to_numpy()


def first_rows(pieces: Iterator[pl.DataFrame]) -> tuple[list[Row], list[pl.DataFrame]]:
    """The first rows with content, and the pieces that were read for them."""
    read: list[pl.DataFrame] = []
    rows: list[Row] = []
    for piece in pieces:
        read.append(piece)
        frame = wide(piece.filter(
            pl.col("row").is_in(piece.get_column("row").unique().sort().head(LOOKED_AT).implode())
        ), MOST_COLUMNS)
        rows += [(int(each[0]), list(each[1:])) for each in frame.iter_rows()]
        if len(rows) >= LOOKED_AT:
            break
    return rows[:LOOKED_AT], read


MOST_COLUMNS: Final = 16_384


def wide(cells: pl.DataFrame, width: int) -> pl.DataFrame:
    """Cells as a table: ``row`` (Int64), and ``c0``… as far as there are any, at most *width*."""
    cells = cells.filter(pl.col("col") <= width)
    numbers = cells.get_column("row").unique().sort()
    places = numbers.search_sorted(cells.get_column("row")).to_numpy()
    columns = cells.get_column("col").to_numpy()
    texts = cells.get_column("text")
    order = np.argsort(columns, kind="stable")
    made: dict[str, pl.Series] = {"row": numbers.cast(pl.Int64)}
    ends = np.searchsorted(columns[order], np.arange(1, int(columns.max(initial=0)) + 2))
    for column, (begin, end) in enumerate(pairwise(ends)):
        chosen = order[begin:end]
        index = np.full(len(numbers), -1, np.int64)
        index[places[chosen]] = chosen
        gathered = pl.Series(index)
        made[f"c{column}"] = texts.gather(gathered.set(gathered < 0, None))
    return pl.DataFrame(made)
