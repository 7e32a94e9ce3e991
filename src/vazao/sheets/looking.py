"""One look at the first rows of a table: which of them holds the column names.

Evidence is weighed, names of files are not: addresses of e-mail tell where data begin, since
nearly every sheet of people has a column of them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from vazao.sheets.errors import SheetEmpty, SheetRowMissing
from vazao.sheets.models import Choices, Note, clean_header

LOOKED_AT: Final = 50
"""Rows with content that are looked at."""
NONE: Final = "none"
_ADDRESS: Final = re.compile(r"[^@\s,;|<>()\"]+@[^@\s,;|<>()\"]+\.[^@\s.,;|<>()\"]{2,}")
_DECORATION: Final = " \t\r\n\u00a0\u200b\ufeff\"'`<>();,.:*#"
Row = tuple[int, Sequence[str | None]]


@dataclass(frozen=True)
class Look:
    """What was found.

    Attributes:
        row: the number of the row with the names, as the file counts; 0 where there is none.
        names: its cells; letters where there is none.
        above: how many rows with content stand above it.
        addresses: how many of the rows looked at hold an address of e-mail.
    """

    row: int
    names: list[str | None]
    above: int = 0
    addresses: int = 0


def header_notes(row: int, above: int, choices: Choices) -> list[Note]:
    """What is said of the row that was taken for the column names."""
    if choices.header_row is not None:
        return []
    if row == 0:
        return [Note("The first row looks like data, so the columns are named by their letters.")]
    if above:
        return [Note("Row {row} was used as the header row. Rows above it, skipped: {count}.",
                     {"row": row, "count": above})]
    return [Note("Row {row} was used as the header row.", {"row": row})] if row > 1 else []


def is_address(cell: str | None) -> bool:
    """Whether a cell looks like an address of e-mail, decorated as people do."""
    if not cell or "@" not in cell:
        return False
    bare = cell.strip(_DECORATION)
    inner = bare.rpartition("<")[2] if "<" in bare else bare
    return _ADDRESS.fullmatch(inner.removeprefix("mailto:").strip(_DECORATION)) is not None


def is_blank(cell: str | None) -> bool:
    """Whether nobody sees anything in a cell."""
    return not cell or not clean_header(cell)


def look(rows: Sequence[Row], wanted: str | None = None) -> Look:
    """Find the column names among the first *rows* with content.

    Args:
        wanted: the row's number, or ``none``, where somebody has said it.

    Raises:
        SheetEmpty: there is no row.
        SheetRowMissing: the row that is wanted is not among them.
    """
    if not rows:
        raise SheetEmpty()
    filled = [sum(not is_blank(cell) for cell in cells) for _, cells in rows]
    column = _addresses(rows)
    with_address = [] if column is None else [
        place for place, (_, cells) in enumerate(rows)
        if column < len(cells) and is_address(cells[column])
    ]
    if wanted == NONE or (wanted is None and with_address[:1] == [0]):
        return Look(0, _letters(max(len(cells) for _, cells in rows)), 0, len(with_address))
    if wanted is not None:
        found = next((n for n, (number, _) in enumerate(rows) if str(number) == wanted), None)
        if found is None:
            raise SheetRowMissing(row=wanted[:20])
    elif column is not None:
        found = _above(rows[:with_address[0]], filled, column)
    else:
        # A title stands alone in its row, where the table has several columns.
        usual = min(sorted(filled)[len(filled) // 2], 2)
        found = next(n for n, count in enumerate(filled) if count >= usual)
    number, cells = rows[found]
    return Look(number, list(cells), found, len(with_address))


def _above(rows: Sequence[Row], filled: Sequence[int], column: int) -> int:
    """Which of the *rows* above the first address names the columns.

    One that says "mail" above the addresses does; else the first one that says anything there, and
    is no title, which stands alone in its row; else the fullest one.
    """
    tops = [cells[column] if column < len(cells) else None for _, cells in rows]
    said = [place for place, cell in enumerate(tops) if not is_blank(cell)]
    named = [place for place in said if "mail" in (tops[place] or "").casefold()]
    least = min(max(filled[:len(rows)]), 2)
    full = [place for place in said if filled[place] >= least]
    fullest = max(range(len(rows)), key=lambda place: (filled[place], -place))
    return next(iter([*named, *full, fullest]))


def _addresses(rows: Sequence[Row]) -> int | None:
    """The column with the most addresses; of several the first."""
    counts: dict[int, int] = {}
    for _, cells in rows:
        for place, cell in enumerate(cells):
            if is_address(cell):
                counts[place] = counts.get(place, 0) + 1
    return max(counts, key=lambda place: (counts[place], -place)) if counts else None


def _letters(width: int) -> list[str | None]:
    return [letters(number) for number in range(1, width + 1)]


def letters(number: int) -> str:
    """The letters of a column by its number, from 1."""
    found = ""
    while number:
        number, place = divmod(number - 1, 26)
        found = chr(65 + place) + found
    return found
