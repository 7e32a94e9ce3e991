"""The cells of a worksheet's XML as a frame: by patterns where its markup is usual, else by expat.

A frame of cells has ``row`` and ``col`` (Int32, from 1), ``kind`` (String: ``n``, ``s``, ``str``,
``inlineStr``, ``b``, ``e``, ``d``), ``style`` (Int32), ``text`` (String; null where there is none)
and ``formula`` (Boolean). Texts are what they say but for shared ones, which are numbers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

import polars as pl

from vazao.sheets.errors import SheetDamaged
from vazao.sheets.texts import plain, spelt

SCHEMA: Final = {
    "row": pl.Int32, "col": pl.Int32, "kind": pl.String, "style": pl.Int32, "text": pl.String,
    "formula": pl.Boolean,
}
IN_PLACE: Final = ("str", "inlineStr")
# At each place its next character says how to go on: such a pattern is matched in one pass.
_VALUE: Final = r"v(?: [^<>/]*)?(?:/>|>([^<]*)</v>)</c>"
_CELL: Final = (
    r'^r="([A-Z]{1,3})([0-9]{1,7})"([^<>/]*)(?:/>|><(?:'
    rf"(f)[^<>/]*(?:/>|>[^<]*</f>)<(?:{_VALUE}|/c>)|{_VALUE}|"
    r"is><t(?:/>|(?: [^<>/]*)?>([^<]*)</t>)</is></c>|/c>))"
)
_NAMES: Final = ["letters", "row", "rest", "formula", "result", "value", "inline"]
_BETWEEN: Final = re.compile(r">\s*\n\s*<")
_KIND: Final = re.compile(r"""\bt=["']([A-Za-z]+)["']""")
_LETTERS: Final = re.compile("[A-Za-z]+")
_STYLE: Final = re.compile(r"""\bs=["']([0-9]{1,9})["']""")
_PLACE: Final = re.compile(r"\$?([A-Za-z]{1,3})\$?([0-9]{1,7})")


def column_number(letters: str) -> int:
    """The number of a column by its letters: A is 1, XFD 16384."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number


def usual(rows: str) -> pl.DataFrame | None:
    """The cells of whole *rows* of XML; ``None`` where some are written in an unusual way."""
    # What is rare is looked for: it is found, or not, at the speed of memory.
    if "!--" in rows:
        return None
    return _matched(_BETWEEN.sub("><", rows) if "\n" in rows else rows)


def _matched(rows: str) -> pl.DataFrame | None:
    pieces = pl.Series("cell", [rows]).str.split("<c ").explode()
    if rows.count("<c") > len(pieces) - 1:
        return None
    cells = pieces.slice(1).str.extract_groups(_CELL).struct.rename_fields(_NAMES).struct.unnest()
    if cells.get_column("letters").null_count():
        return None
    rest = cells.get_column("rest").unique()
    letters = cells.get_column("letters").unique()
    kinds = [_first(_KIND, each, "n") for each in rest]
    # An inline text may stand under any type; a value under that of inline texts may, too.
    frame = cells.select(
        pl.col("row").cast(pl.Int32),
        pl.col("letters").replace_strict(
            letters, pl.Series([column_number(each) for each in letters], dtype=pl.Int32)
        ).alias("col"),
        pl.col("rest").replace_strict(rest, pl.Series(kinds, dtype=pl.String)).alias("kind"),
        pl.col("rest").replace_strict(
            rest, pl.Series([int(_first(_STYLE, each, "0")) for each in rest], dtype=pl.Int32)
        ).alias("style"),
        pl.coalesce("inline", "value", "result").alias("text"),
        pl.col("formula").is_not_null(),
    )
    return frame.with_columns(plain(frame.get_column("text")))


def _first(pattern: re.Pattern[str], text: str, default: str) -> str:
    found = pattern.search(text)
    return found[1] if found else default


@dataclass
class Odd:
    """Reads rows as expat sees them: cells without a place, texts of several runs, CDATA.

    Args:
        head: the beginning of the part, whose root says what prefixes mean.
        row: the last row before, after which one without a number comes.
    """

    head: str
    row: int = 0
    _col: int = 0
    _path: list[str] = field(default_factory=list)
    _cell: dict[str, str] = field(default_factory=dict)
    _value: list[str] | None = None
    _inline: list[str] | None = None
    _formula: bool = False
    _found: list[tuple[int, int, str, int, str | None, bool]] = field(default_factory=list)

    def read(self, rows: str) -> pl.DataFrame:
        """The cells of whole *rows*.

        Raises:
            SheetDamaged: they are not well-formed.
        """
        self._found, self._path = [], []
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._data
        try:
            parser.Parse(self.head + rows + _closing(self.head), True)
        except expat.ExpatError as error:
            raise SheetDamaged from error
        return pl.DataFrame(self._found, schema=SCHEMA, orient="row")

    def _start(self, name: str, given: dict[str, str]) -> None:
        name = name.rpartition(":")[2]
        self._path.append(name)
        if name == "row":
            number = given.get("r", "")
            self.row = int(number) if number.isdecimal() and int(number) else self.row + 1
            self._col = 0
        elif name == "c":
            place = _PLACE.fullmatch(given.get("r", ""))
            self._col = column_number(place[1]) if place else self._col + 1
            self.row = int(place[2]) if place else self.row
            self._cell, self._value, self._inline = given, None, None
            self._formula = False
        elif name == "v":
            self._value = self._value or []
        elif name == "is":
            self._inline = []
        elif name == "f":
            self._formula = True

    def _data(self, text: str) -> None:
        inside = self._path[-1] if self._path else ""
        if inside == "v" and self._value is not None:
            self._value.append(text)
        elif inside == "t" and self._inline is not None and "rPh" not in self._path:
            self._inline.append(text)

    def _end(self, name: str) -> None:
        self._path.pop()
        if name.rpartition(":")[2] != "c":
            return
        kind, style = self._cell.get("t", "n"), self._cell.get("s", "")
        kind = kind if _LETTERS.fullmatch(kind) else "n"
        told = self._value if self._inline is None else self._inline
        text = None if told is None else "".join(told)
        self._found.append((
            self.row, self._col, kind, int(style) if style.isdecimal() else 0,
            text if text is None or kind == "n" else spelt(text), self._formula,
        ))


def _closing(head: str) -> str:
    """What ends the elements that *head* opens: the part's root and its ``sheetData``."""
    opened = re.findall(r"<((?:\w+:)?(?:worksheet|sheetData))\b[^>]*[^/>]?>", head)
    return "".join(f"</{name}>" for name in reversed(opened))
