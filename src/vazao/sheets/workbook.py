"""A look at a workbook before anything reads it: what it unpacks to, its sheets, its cells.

Only the zip directory is believed at first; then the parts that matter are really unpacked,
in pieces, so that a wrong size, an entity declaration or a far stray cell is found here.
"""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO
from xml.etree import ElementTree

from vazao.sheets.epoch import epoch_of, misread, readable_copy
from vazao.sheets.errors import (
    SheetDamaged,
    SheetFarCell,
    SheetPackedOtherwise,
    SheetTooManyColumns,
    SheetUnpacksTooLarge,
    SheetUnreadable,
    SheetUnsupported,
)
from vazao.sheets.models import Limits

_PIECE = 1 << 20
_SEAM = 64
_ENTRIES = 10_000
# A grid larger than this is only allowed where a good part of it is filled.
_GRID_CELLS = 50_000_000
_GRID_SHARE = 20
_RATIO = 400
_RATIO_BYTES = 64 << 20
_HIDDEN = ("hidden", "veryhidden")
_REFERENCE = re.compile(rb"""\br\s*=\s*["']([A-Za-z]{1,7})([0-9]{1,10})["']""")


def column_number(letters: str) -> int:
    """The number of a column by its letters: A is 1, XFD 16384."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number


def column_letters(number: int) -> str:
    """The letters of a column by its number, from 1."""
    letters = ""
    while number:
        number, place = divmod(number - 1, 26)
        letters = chr(65 + place) + letters
    return letters


def packed_entries(path: Path) -> list[zipfile.ZipInfo]:
    """What the directory of a packed file names.

    Raises:
        SheetUnreadable: it is damaged, or packed in a way that nobody reads.
    """
    try:
        with zipfile.ZipFile(path) as packed:
            return packed.infolist()
    # In its structure, or in a name that is not UTF-8.
    except (zipfile.BadZipFile, UnicodeDecodeError) as error:
        raise SheetDamaged from error
    # The library's word for a directory whose version of the format is later than it knows.
    except NotImplementedError as error:
        raise SheetPackedOtherwise from error


class Workbook:
    """An XLSX file's directory and sheets.

    ``sheets`` maps their names to their parts; ``first`` is the first that is not hidden (or the
    first, where all are); ``epoch`` is the day from which it counts dates.
    """

    def __init__(self, path: Path, limits: Limits) -> None:
        """Read the directory and the list of sheets.

        Raises:
            SheetUnpacksTooLarge: the entries' sizes are over the limit.
            SheetUnreadable, SheetUnsupported: not a sound workbook; one with a password.
        """
        self.path = path
        self.limits = limits
        self.unpacked = 0
        entries = packed_entries(path)
        self._entries = {info.filename: info for info in entries}
        self._check_directory(entries)
        self.sheets = self._find_sheets()

    def _check_directory(self, entries: list[zipfile.ZipInfo]) -> None:
        names = {info.filename.casefold() for info in entries}
        if len(entries) > _ENTRIES or len(names) < len(entries):
            raise SheetUnreadable("The parts of the workbook are too many, or repeated.")
        if any(info.flag_bits & 1 for info in entries):
            raise SheetUnsupported("Workbooks with a password are not accepted.")
        total = sum(info.file_size for info in entries)
        if total > self.limits.unpacked_bytes:
            raise SheetUnpacksTooLarge(value=total, limit=self.limits.unpacked_bytes)
        for info in entries:
            if info.file_size > max(_RATIO_BYTES, info.compress_size * _RATIO):
                raise SheetUnpacksTooLarge(
                    value=info.file_size, limit=max(_RATIO_BYTES, info.compress_size * _RATIO)
                )

    def pieces(self, name: str) -> Iterator[bytes]:
        """What the part *name* unpacks to, in pieces.

        Raises:
            SheetUnpacksTooLarge: more than the directory or the limit says.
            SheetUnreadable: the part is missing or damaged.
        """
        info = self._entries.get(name)
        if info is None:
            raise SheetUnreadable("The workbook lacks its part {part}.", part=name)
        size = 0
        with self.path.open("rb") as file:
            for piece in _unpack(file, info):
                size += len(piece)
                self.unpacked += len(piece)
                # Other readers do not stop at the size that the directory claims.
                limit = min(info.file_size, self.limits.unpacked_bytes)
                if size > limit or self.unpacked > self.limits.unpacked_bytes:
                    raise SheetUnpacksTooLarge(value=size, limit=limit)
                yield piece
        if size != info.file_size:
            raise SheetUnreadable("The workbook's part {part} is incomplete.", part=name)

    def _text(self, name: str) -> bytes:
        text = b""
        for piece in self.pieces(name):
            text += piece
            if len(text) > _PIECE * 8:
                raise SheetUnreadable("The workbook's part {part} is too large.", part=name)
        _refuse_declarations(text)
        return text

    def _parse(self, name: str) -> ElementTree.Element:
        text = self._text(name)
        try:
            return ElementTree.fromstring(text)  # noqa: S314 - it has no declarations by now
        except ElementTree.ParseError as error:
            raise SheetUnreadable("The workbook's part {part} is damaged.", part=name) from error

    def _relations(self, part: str, kind: str) -> dict[str, str]:
        """The parts that *part* (the package itself if empty) refers to as *kind*, by id."""
        place = PurePosixPath("/", part)
        folder = place.parent if part else place
        found = {}
        for relation in self._parse(str(folder / "_rels" / f"{place.name}.rels").lstrip("/")):
            if relation.get("Type", "").endswith(kind):
                target = str(folder / relation.get("Target", ""))
                found[relation.get("Id", "")] = target.lstrip("/")
        return found

    def _find_sheets(self) -> dict[str, str]:
        roots = list(self._relations("", "/officeDocument").values())
        if not roots:
            raise SheetUnreadable("The workbook does not say where its sheets are.")
        self._root = roots[0]
        targets = self._relations(self._root, "/worksheet")
        sheets: dict[str, str] = {}
        visible = []
        root = self._parse(self._root)
        self.epoch, self._misread = epoch_of(root), misread(root)
        for element in root.iter():
            if element.tag.rpartition("}")[2] == "sheet":
                ids = [v for key, v in element.attrib.items() if key.endswith("}id")]
                if ids and ids[0] in targets:
                    name = element.get("name", "")
                    sheets[name] = targets[ids[0]]
                    if element.get("state", "").lower() not in _HIDDEN:
                        visible.append(name)
        if not sheets:
            raise SheetUnreadable("The workbook has no sheet.")
        self.first = next(iter([*visible, *sheets]))
        return sheets

    def copy_for_reader(self) -> IO[bytes] | None:
        """A copy to be read instead, where the reader would take this one's dates for others."""
        if not self._misread:
            return None
        return readable_copy(self.path, self._root, self._text(self._root), self.epoch)

    def look(self, sheet: str) -> None:
        """Unpack what a reader of that sheet would read, and look for what would harm it.

        Raises:
            SheetFarCell, SheetTooManyColumns: a cell beyond the columns that may be, or one
                that makes the sheet span far more cells than it has.
            SheetUnpacksTooLarge, SheetUnreadable: as `pieces`; entity declarations.
        """
        part = self.sheets[sheet]
        top = PurePosixPath(self._root).parent
        for name in self._entries:
            if name != part and PurePosixPath(name).parent == top and name.endswith(".xml"):
                for piece in self._tags(name):
                    _refuse_declarations(piece)
        suspicious = _beyond(self.limits.columns)
        tall = False
        for piece in self._tags(part):
            _refuse_declarations(piece)
            for letters, digits in suspicious.findall(piece):
                tall = True
                self._check_column(letters.decode(), int(digits))
        if tall:
            self.explain(sheet)

    def _check_column(self, letters: str, row: int) -> None:
        number, limit = column_number(letters), self.limits.columns
        if number > limit and row == 1:
            raise SheetTooManyColumns(value=number, limit=limit)
        if number > limit:
            raise SheetFarCell(cell=f"{letters}{row}", limit=limit)

    def explain(self, sheet: str, *, grid_cells: int = _GRID_CELLS) -> None:
        """Measure the sheet by every reference in it, slowly.

        Raises:
            SheetFarCell: it spans more than *grid_cells*, nearly all of them empty.
        """
        rows = columns = cells = 0
        for piece in self._tags(self.sheets[sheet]):
            found = _REFERENCE.findall(piece)
            cells += len(found)
            if found:
                rows = max(rows, max(int(digits) for _, digits in found))
                widest = max({letters.upper() for letters, _ in found}, key=lambda w: (len(w), w))
                columns = max(columns, column_number(widest.decode()))
        if rows * columns > grid_cells and rows * columns > cells * _GRID_SHARE:
            cell = f"{column_letters(columns)}{rows}"
            raise SheetFarCell(
                "A cell is far away from the others, {cell}; at most {limit} cells are spanned.",
                cell=cell, limit=grid_cells,
            )

    def _tags(self, name: str) -> Iterator[bytes]:
        """The part's pieces, and between two the seam, for what stands across both."""
        before = b""
        for piece in self.pieces(name):
            yield piece
            yield before[-_SEAM:] + piece[:_SEAM]
            before = piece


def _unpack(file: BinaryIO, info: zipfile.ZipInfo) -> Iterator[bytes]:
    """The bytes of one entry by its own data, not by the size that the directory claims."""
    file.seek(info.header_offset)
    header = file.read(30)
    if len(header) < 30 or not header.startswith(b"PK\x03\x04"):
        raise SheetDamaged
    name_length, extra_length = struct.unpack("<HH", header[26:30])
    file.seek(name_length + extra_length, 1)
    left = info.compress_size
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise SheetPackedOtherwise
    packed = zlib.decompressobj(-15) if info.compress_type == zipfile.ZIP_DEFLATED else None
    try:
        while left and (raw := file.read(min(left, 1 << 16))):
            left -= len(raw)
            if packed is None:
                yield raw
            while packed is not None and raw:
                yield packed.decompress(raw, _PIECE)
                raw = packed.unconsumed_tail
        if packed is not None:
            yield packed.flush()
    except zlib.error as error:
        raise SheetDamaged from error


def _refuse_declarations(text: bytes) -> None:
    """Entities are never needed in a workbook; UTF-16 would hide them from this look."""
    if b"<!DOCTYPE" in text or text.startswith((b"\xff\xfe", b"\xfe\xff", b"\0")):
        raise SheetUnreadable("The workbook declares entities, or is not UTF-8.")


def _beyond(columns: int) -> re.Pattern[bytes]:
    """Matches references right of *columns*, or so far down that the grid must be measured."""
    last = column_letters(columns)
    longer = f"[A-Z]{{{len(last) + 1},7}}"
    choices = [longer]
    for place, letter in enumerate(last):
        if letter < "Z":
            rest = len(last) - place - 1
            choices.append(f"{last[:place]}[{chr(ord(letter) + 1)}-Z][A-Z]{{{rest}}}")
    right = f"(?:{'|'.join(choices)})[0-9]+"
    return re.compile(f'r="(?=(?:{right}|[A-Z]+[0-9]{{7,}})")([A-Z]+)([0-9]{{1,10}})"'.encode())
