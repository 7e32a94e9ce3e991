"""OpenDocument sheets: their cells as the document shows them (ODF 1.3, part 3).

A cell says both its value and the text that it shows. Numbers are taken by their value, with all
of their digits, unless the text is the same digits with zeros or signs among them: then it is a
code, and the text is what people know it by.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

import polars as pl

from vazao.sheets.errors import SheetDamaged, SheetUnreadable, SheetUnsupported
from vazao.sheets.grid import Grid
from vazao.sheets.markup import SCHEMA
from vazao.sheets.package import Package
from vazao.sheets.workbook import Part

CONTENT: Final = "content.xml"
_AT_ONCE: Final = 50_000
_MOST_ROWS: Final = 1 << 20
_MOST_COLUMNS: Final = 1_024
_SIGNED: Final = re.compile(r"[0-9()/. +-]*[0-9][0-9()/. +-]*")
_CLOCK: Final = re.compile(r"-?[0-9]+:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?")
_DURATION: Final = re.compile(r"(-?)P(?:(\d+)D)?T(\d+)H(\d+)M(\d+)(?:[.,]\d+)?S")
_TRUTH: Final = {"true": "true", "false": "false", "verdadeiro": "true", "falso": "false"}
_LINES: Final = {"tab": "\t", "line-break": "\n"}


class Document:
    """An OpenDocument file that stands open; ``sheets`` are its tables, in their order."""

    def __init__(self, package: Package) -> None:
        """Find the tables.

        Raises:
            SheetUnreadable, SheetUnsupported: it is damaged; it has a password.
        """
        self.package = package
        manifest = "META-INF/manifest.xml"
        if manifest in package and "encryption-data" in "".join(package.texts(manifest)):
            raise SheetUnsupported("Workbooks with a password are not accepted.")
        tables = _Tables()
        for _ in _parsed(package, tables):
            pass
        self.sheets = [
            Part(name, str(place), style in tables.hidden)
            for place, (name, style) in enumerate(tables.found)
        ]
        if not self.sheets:
            raise SheetUnreadable("The workbook has no sheet.")


@dataclass
class OdsGrid(Grid):
    """The cells of a table."""

    document: Document | None = None

    def frames(self) -> Iterator[pl.DataFrame]:
        """The cells, some thousand at a time."""
        assert self.document is not None
        package = self.document.package
        size, reader = max(package.size(CONTENT), 1), _Cells(int(self.part.part))
        for done in _parsed(package, reader):
            self.fraction = min(done / size, 1.0)
            if len(reader.found) >= _AT_ONCE:
                yield reader.frame()
        self.counts.hidden, self.counts.merged = reader.hidden, reader.merged
        yield reader.frame()


def _parsed(package: Package, handler: _Tables | _Cells) -> Iterator[int]:
    """Hand the document to *handler*; how many characters have been read, again and again."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = handler.start
    parser.EndElementHandler = handler.end
    parser.CharacterDataHandler = handler.data
    done = 0
    try:
        for text in package.texts(CONTENT):
            done += len(text)
            parser.Parse(re.sub(r"^\s*<\?xml[^>]*\?>", "", text) if done == len(text) else text)
            yield done
        if package.sample is None:
            parser.Parse("", True)
    except expat.ExpatError as error:
        raise SheetDamaged from error


class _Tables:
    """Finds the tables and those of their styles that hide them."""

    def __init__(self) -> None:
        self.found: list[tuple[str, str]] = []
        self.hidden: set[str] = set()
        self._style = ""

    def start(self, name: str, given: dict[str, str]) -> None:
        """An element begins."""
        if name == "table:table":
            self.found.append((given.get("table:name", ""), given.get("table:style-name", "")))
        elif name == "style:style":
            self._style = given.get("style:name", "")
        elif name == "style:table-properties" and given.get("table:display") == "false":
            self.hidden.add(self._style)

    def end(self, name: str) -> None:
        """An element ends."""

    def data(self, text: str) -> None:
        """Text."""


@dataclass
class _Cells:
    """Collects the cells of one table, by its number."""

    wanted: int
    found: list[tuple[int, int, str, int, str | None, bool]] = field(default_factory=list)
    hidden: int = 0
    merged: int = 0
    _table: int = -1
    _row: int = 0
    _col: int = 0
    _again: int = 1
    _first: int = 0
    _given: dict[str, str] = field(default_factory=dict)
    _texts: list[str] | None = None
    _aside: int = 0

    def frame(self) -> pl.DataFrame:
        """The cells found since the last time."""
        found, self.found = self.found, []
        return pl.DataFrame(found, schema=SCHEMA, orient="row")

    def start(self, name: str, given: dict[str, str]) -> None:
        """An element begins."""
        if name == "table:table":
            self._table += 1
        if self._table != self.wanted:
            return
        kind = name.rpartition(":")[2]
        if name == "table:table-row":
            self._row += 1
            self._col, self._first = 0, len(self.found)
            self._again = _times(given.get("table:number-rows-repeated"))
            if given.get("table:visibility", "visible") != "visible":
                self.hidden += 1
        elif name in ("table:table-cell", "table:covered-table-cell"):
            self._given, self._texts, self._aside = given, [], 0
            self.merged += name == "table:table-cell" and (
                _times(given.get("table:number-columns-spanned")) > 1
                or _times(given.get("table:number-rows-spanned")) > 1
            )
        elif self._texts is None:
            return
        elif name == "office:annotation":
            self._aside += 1
        elif name == "text:p" and self._texts:
            self._texts.append("\n")
        elif name == "text:s":
            self._texts.append(" " * min(_times(given.get("text:c")), 1000))
        elif name.startswith("text:") and kind in _LINES:
            self._texts.append(_LINES[kind])

    def data(self, text: str) -> None:
        """Text, which counts inside cells and outside of remarks."""
        if self._texts is not None and not self._aside:
            self._texts.append(text)

    def end(self, name: str) -> None:
        """An element ends."""
        if self._table != self.wanted:
            return
        if name == "office:annotation":
            self._aside -= 1
        elif name in ("table:table-cell", "table:covered-table-cell"):
            self._cell("".join(self._texts or []))
            self._texts = None
        elif name == "table:table-row":
            self._repeat()

    def _cell(self, text: str) -> None:
        times = _times(self._given.get("table:number-columns-repeated"))
        shown = _shown(self._given, text)
        has_formula = "table:formula" in self._given and not any(
            name.endswith(":value-type") for name in self._given
        )
        if shown or has_formula:
            for place in range(min(times, _MOST_COLUMNS)):
                self.found.append(
                    (self._row, self._col + place + 1, "str", 0, shown or None, has_formula)
                )
        self._col += times

    def _repeat(self) -> None:
        """A row that stands several times."""
        row = self.found[self._first:]
        last = min(self._row + self._again - 1, _MOST_ROWS) if row else self._row
        for number in range(self._row + 1, last + 1):
            self.found += [(number, *cell[1:]) for cell in row]
        self._row += self._again - 1


def _times(text: str | None) -> int:
    return max(int(text), 1) if text and text.isdecimal() else 1


def _shown(given: dict[str, str], text: str) -> str | None:
    """What a cell shows: see the module's head."""
    if given.get("calcext:value-type") == "error":
        return None
    kind = given.get("office:value-type", "string")
    if kind == "date":
        day, _, time = given.get("office:date-value", "").partition("T")
        return f"{day} {time}" if time.strip("0:.") else day
    if kind == "boolean":
        return given.get("office:boolean-value")
    if kind == "time":
        return text if _CLOCK.fullmatch(text) else _clock(given.get("office:time-value", ""))
    if kind in ("float", "percentage", "currency"):
        return _number(given.get("office:value", ""), text)
    return text or given.get("office:string-value", "")


def _number(value: str, text: str) -> str:
    """A number, or the code by which it is known."""
    bare = value.removesuffix(".0")
    if bare in ("0", "1") and (truth := _TRUTH.get(text.casefold())):
        return truth
    digits = re.sub("[^0-9]", "", text)
    is_code = (
        bare.isdecimal() and _SIGNED.fullmatch(text) is not None
        and digits.lstrip("0") == bare.lstrip("0") and text != bare
        # A point or a comma alone groups or parts the digits of an amount.
        and (digits != bare or bool(set(text) & set("()-/ +")) or text.count(".") > 1)
    )
    return text if is_code else bare


def _clock(duration: str) -> str:
    found = _DURATION.fullmatch(duration)
    if found is None:
        return duration
    sign, days, hours, minutes, seconds = found.groups()
    return f"{sign}{int(days or 0) * 24 + int(hours):02}:{int(minutes):02}:{int(seconds):02}"
