"""An XLSX workbook: its sheets, what its number formats mean, its shared texts, its cells."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final
from xml.etree import ElementTree

import polars as pl

from vazao.sheets import texts
from vazao.sheets.errors import SheetDamaged, SheetUnreadable
from vazao.sheets.formats import BUILT_IN, NUMBER, Format, format_of
from vazao.sheets.package import Package

_HIDDEN: Final = ("hidden", "veryhidden")
_PREFIX: Final = re.compile(r"<(\w+):(?:worksheet|sst)\b")
_ROOM: Final = 4 << 20
"""Characters of XML that are worked on at once."""
_LONGEST: Final = 64 << 20


@dataclass(frozen=True)
class Part:
    """A sheet of a workbook, and the part that holds its cells."""

    name: str
    part: str
    hidden: bool


class Workbook:
    """A workbook that stands open.

    Attributes:
        sheets: those that hold cells, in the workbook's order.
        from_1904: whether it counts its days from 1904.
        formats: what cells show, by the number of their style.
        merged: areas of merged cells of the sheet whose rows were read last.
    """

    def __init__(self, package: Package) -> None:
        """Read all but texts and cells.

        Raises:
            SheetUnreadable: it is not a sound workbook.
        """
        self.package = package
        self.merged = 0
        self._root = self._main()
        root = self.package.parse(self._root)
        self.from_1904 = _counts_from_1904(root)
        self.sheets = self._sheets(root)
        self.formats = self._formats()

    def _main(self) -> str:
        """The part that names the sheets, by relation or else by its usual name."""
        named = self.package.relations("", "/officeDocument").values()
        usual = (name for name in self.package.names if name.endswith("xl/workbook.xml"))
        for name in (*named, *usual):
            if name in self.package:
                return name
        raise SheetUnreadable("The workbook does not say where its sheets are.")

    def _sheets(self, root: ElementTree.Element) -> list[Part]:
        targets = self.package.relations(self._root, "/worksheet")
        found = []
        for element in root.iter():
            ids = [value for key, value in element.attrib.items() if key.endswith("}id")]
            part = targets.get(ids[0] if ids else "")
            # An entry whose part is missing is passed over, as programs do; so are charts.
            if _bare(element) == "sheet" and part is not None and part in self.package:
                hidden = element.get("state", "").lower() in _HIDDEN
                found.append(Part(element.get("name", ""), part, hidden))
        if not found:
            raise SheetUnreadable("The workbook has no sheet.")
        return found

    def _formats(self) -> list[Format]:
        part = self._related("/styles")
        if part is None:
            return [NUMBER]
        codes, styles = dict(BUILT_IN), []
        for element in self.package.parse(part):
            if _bare(element) == "numFmts":
                codes |= {
                    int(each.get("numFmtId", "0")): each.get("formatCode", "")
                    for each in element if each.get("numFmtId", "").isdecimal()
                }
            elif _bare(element) == "cellXfs":
                styles = [each.get("numFmtId", "0") for each in element]
        known = {code: format_of(code) for code in codes.values()}
        return [
            known.get(codes.get(int(each), "") if each.isdecimal() else "", NUMBER)
            for each in styles
        ] or [NUMBER]

    def _related(self, kind: str) -> str | None:
        """The part that the workbook refers to as *kind*, if it is there."""
        named = list(self.package.relations(self._root, kind).values())
        folder = PurePosixPath(self._root).parent
        usual = str(folder / f"{kind.strip('/')}.xml")
        return next((name for name in (*named, usual) if name in self.package), None)

    def shared(self) -> pl.Series | None:
        """The shared texts; ``None`` where the workbook has no such part.

        Raises:
            SheetUnreadable: they cannot be read.
        """
        part = self._related("/sharedStrings")
        return None if part is None else texts.shared(_unprefixed(self.package.texts(part)))

    def rows(self, part: str) -> Iterator[tuple[str, str]]:
        """The XML of a sheet's rows, some whole rows at a time, each with the part's beginning;
        at last an empty text.

        Raises:
            SheetUnreadable: it cannot be read, or a row has no end.
        """
        head, carry, ended = "", "", False
        pieces = _unprefixed(self.package.texts(part))
        for text in pieces:
            carry += text
            if not head:
                found = re.search(r"<sheetData(?:\s[^>]*)?(/?)>", carry)
                if found is None:
                    continue
                head = carry[:found.start()] + found[0]
                carry = carry[found.end():]
                if found[1]:
                    carry = f"</sheetData>{carry}"
            end = carry.find("</sheetData>", max(len(carry) - len(text) - 12, 0))
            if ended := end >= 0:
                yield head, carry[:end]
                carry = carry[end:]
                break
            if len(carry) < _ROOM:
                continue
            cut = _last_row(carry)
            if cut > 0:
                yield head, carry[:cut]
                carry = carry[cut:]
            elif len(carry) > _LONGEST:
                raise SheetUnreadable("A row of the workbook is too long.")
        if head and not ended:
            if self.package.sample is None:
                raise SheetDamaged
            yield head, carry[:_last_row(carry)]
            carry = ""
        self.merged = sum(text.count("<mergeCell ") for text in (carry, *pieces))
        yield head, ""


def _last_row(text: str) -> int:
    """Where the last row begins: whatever ends it, the ones before are whole."""
    return max(text.rfind("<row "), text.rfind("<row>"), 0)


def _unprefixed(pieces: Iterator[str]) -> Iterator[str]:
    """Pieces of a part whose elements have a prefix (``x:row``) without it."""
    prefix, carry = None, ""
    for text in pieces:
        piece = carry + text
        if prefix is None:
            found = _PREFIX.search(piece)
            prefix = found[1] if found else ""
        if not prefix:
            yield text
            continue
        # A tag's name may stand across two pieces.
        cut = piece.rfind("<")
        carry, piece = (piece[cut:], piece[:cut]) if cut >= 0 else ("", piece)
        yield _bared(piece, prefix)
    if carry:
        yield _bared(carry, prefix or "")


def _bared(text: str, prefix: str) -> str:
    bared = text.replace(f"<{prefix}:", "<").replace(f"</{prefix}:", "</")
    return bared.replace(f"xmlns:{prefix}=", "xmlns=")


def _bare(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _counts_from_1904(root: ElementTree.Element) -> bool:
    """As the workbook's own properties say: extensions have an element of that name, too."""
    return any(
        each.get("date1904", "").strip().lower() in ("1", "true")
        for each in root if _bare(each) == "workbookPr"
    )
