"""Workbooks of Excel 97 to 2003 (BIFF): their cells with their formats, as ``grid`` shows them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from vazao.sheets.errors import SheetDamaged, SheetUnreadable, SheetUnsupported
from vazao.sheets.formats import BUILT_IN, Format, format_of
from vazao.sheets.grid import Grid
from vazao.sheets.markup import SCHEMA
from vazao.sheets.workbook import Part

_AT_ONCE: Final = 50_000
# xlrd's types of cells: text, number, date (a number, too), boolean; an error shows nothing.
_TEXT, _NUMBERS, _BOOLEAN = 1, (2, 3), 4


class OldWorkbook:
    """An XLS workbook that stands open.

    Attributes:
        sheets: those that hold cells.
        formats: what cells show, by the number of their style.
        from_1904: whether it counts its days from 1904.
    """

    def __init__(self, path: Path) -> None:
        """Read the workbook.

        Raises:
            SheetUnreadable, SheetUnsupported: it is damaged; it has a password.
        """
        import xlrd

        try:
            # Styles say what a number means; sheets are read when they are asked for.
            self.book = xlrd.open_workbook(
                str(path), formatting_info=True, on_demand=True, logfile=_Nowhere()
            )
        except xlrd.XLRDError as error:
            if "encrypt" in str(error).lower() or "password" in str(error).lower():
                raise SheetUnsupported("Workbooks with a password are not accepted.") from error
            raise SheetDamaged from error
        except (AssertionError, IndexError, KeyError, ValueError, TypeError) as error:
            raise SheetDamaged from error
        self.from_1904 = self.book.datemode == 1
        said = {key: each.format_str for key, each in self.book.format_map.items()}
        codes = BUILT_IN | {key: code for key, code in said.items() if code}
        known = {code: format_of(code) for code in set(codes.values())}
        self.formats: list[Format] = [
            known.get(codes.get(style.format_key, ""), Format()) for style in self.book.xf_list
        ]
        self.sheets = [
            Part(name, str(place), bool(self.book._sheet_visibility[place]))
            for place, name in enumerate(self.book.sheet_names())
        ]
        if not self.sheets:
            raise SheetUnreadable("The workbook has no sheet.")


class _Nowhere:
    """What the library would print."""

    def write(self, _: str) -> int:
        """Nothing."""
        return 0


@dataclass
class XlsGrid(Grid):
    """The cells of a sheet."""

    book: OldWorkbook | None = None

    def frames(self) -> Iterator[pl.DataFrame]:
        """The cells, some thousand at a time."""
        assert self.book is not None
        try:
            sheet: Any = self.book.book.sheet_by_index(int(self.part.part))
        except (AssertionError, IndexError, KeyError, ValueError, TypeError) as error:
            raise SheetDamaged from error
        found: list[tuple[int, int, str, int, str | None, bool]] = []
        for row in range(sheet.nrows):
            for col, cell in enumerate(sheet.row(row)):
                kind, text = _said(cell)
                if text is not None:
                    found.append((row + 1, col + 1, kind, cell.xf_index or 0, text, False))
            if len(found) >= _AT_ONCE:
                self.fraction = row / sheet.nrows
                yield pl.DataFrame(found, schema=SCHEMA, orient="row")
                found = []
        self.counts.hidden = sum(bool(each.hidden) for each in sheet.rowinfo_map.values())
        self.counts.merged = len(sheet.merged_cells)
        yield pl.DataFrame(found, schema=SCHEMA, orient="row")


def _said(cell: Any) -> tuple[str, str | None]:
    """The kind of a cell as ``markup`` calls it, and its value as text."""
    if cell.ctype == _TEXT:
        return "str", cell.value
    if cell.ctype in _NUMBERS:
        number = cell.value
        return "n", str(int(number)) if number == int(number) else repr(number)
    if cell.ctype == _BOOLEAN:
        return "b", str(int(cell.value))
    return "n", None
