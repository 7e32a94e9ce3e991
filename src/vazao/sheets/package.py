"""A workbook's package: a ZIP whose parts are found as ECMA-376 part 2 says.

Names of parts know no case, and some programs write them with backslashes; parts name each other
by relations. Only the directory is believed at first: what a part really unpacks to is counted.
"""

from __future__ import annotations

import codecs
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO
from xml.etree import ElementTree

from vazao.sheets.errors import (
    SheetDamaged,
    SheetPackedOtherwise,
    SheetUnpacksTooLarge,
    SheetUnreadable,
    SheetUnsupported,
)
from vazao.sheets.models import Limits
from vazao.sheets.sample import Sample

_PIECE = 1 << 20
_WHOLE = 8 << 20
_TAGS = 300_000
_ENTRIES = 10_000
_RATIO = 400
_RATIO_BYTES = 64 << 20
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_DECLARED = re.compile(rb"""^<\?xml[^>]*\bencoding\s*=\s*["']([\w-]+)["']""")


def packed_entries(path: Path) -> list[zipfile.ZipInfo]:
    """What the directory of a packed file names.

    Raises:
        SheetUnreadable: it is damaged, or packed in a way that nobody reads.
    """
    try:
        with zipfile.ZipFile(path) as packed:
            return packed.infolist()
    # In its structure, in a name that is not UTF-8, or in a place that no file has.
    except (zipfile.BadZipFile, ValueError, struct.error) as error:
        raise SheetDamaged from error
    # The library's word for a directory whose version of the format is later than it knows.
    except NotImplementedError as error:
        raise SheetPackedOtherwise from error


def part_name(name: str) -> str:
    """A part's name as it is compared: with slashes, without the first one, and without case."""
    return name.replace("\\", "/").lstrip("/").casefold()


class Package:
    """The parts of a packed document, by their names."""

    def __init__(self, path: Path, limits: Limits, sample: Sample | None = None) -> None:
        """Read the directory.

        Args:
            sample: which of the file is there; parts that are not there to their end just end.

        Raises:
            SheetUnpacksTooLarge: the entries' sizes are over the limit.
            SheetUnreadable, SheetUnsupported: it is damaged; it has a password.
        """
        self.path = path
        self.limits = limits
        self.sample = sample
        self.unpacked = 0
        entries = packed_entries(path)
        self._check(entries)
        # Of two parts with one name programs read the last.
        self._entries = {part_name(info.filename): info for info in entries}

    def _check(self, entries: list[zipfile.ZipInfo]) -> None:
        if len(entries) > _ENTRIES:
            raise SheetUnreadable("The parts of the workbook are too many.")
        if any(info.flag_bits & 1 for info in entries):
            raise SheetUnsupported("Workbooks with a password are not accepted.")
        total = sum(info.file_size for info in entries)
        if total > self.limits.unpacked_bytes:
            raise SheetUnpacksTooLarge(value=total, limit=self.limits.unpacked_bytes)
        for info in entries:
            most = max(_RATIO_BYTES, info.compress_size * _RATIO)
            if info.file_size > most:
                raise SheetUnpacksTooLarge(value=info.file_size, limit=most)

    def __contains__(self, name: str) -> bool:
        return part_name(name) in self._entries

    @property
    def names(self) -> list[str]:
        """The names of the parts, as they are compared."""
        return list(self._entries)

    def size(self, name: str) -> int:
        """How many bytes the part unpacks to, as the directory says."""
        info = self._entries.get(part_name(name))
        return info.file_size if info else 0

    def pieces(self, name: str) -> Iterator[bytes]:
        """What the part *name* unpacks to, in pieces.

        Raises:
            SheetUnpacksTooLarge: more than the directory or the limit says.
            SheetUnreadable: the part is missing or damaged.
        """
        info = self._entries.get(part_name(name))
        if info is None:
            raise SheetUnreadable("The workbook lacks its part {part}.", part=name)
        size = 0
        with self.path.open("rb") as file:
            for piece in _unpack(file, info, self.sample):
                size += len(piece)
                self.unpacked += len(piece)
                limit = min(info.file_size, self.limits.unpacked_bytes)
                if size > limit or self.unpacked > self.limits.unpacked_bytes:
                    raise SheetUnpacksTooLarge(value=size, limit=limit)
                yield piece
        if size != info.file_size and self.sample is None:
            raise SheetUnreadable("The workbook's part {part} is incomplete.", part=name)

    def texts(self, name: str) -> Iterator[str]:
        """A part of XML as text, in pieces, in whatever encoding it says that it is.

        Raises:
            SheetUnreadable: it declares entities, which no workbook needs; as :meth:`pieces`.
        """
        decoder, first = None, True
        for piece in self.pieces(name):
            if decoder is None:
                encoding, mark = _encoding(piece)
                decoder = codecs.getincrementaldecoder(encoding)("replace")
                piece = piece[mark:]
            text = decoder.decode(piece)
            # Before the root element there is nowhere else for it to be.
            if first and "<!DOCTYPE" in text:
                raise SheetUnreadable("The workbook declares entities.")
            first = False
            yield text

    def parse(self, name: str) -> ElementTree.Element:
        """A small part of XML, whole.

        Raises:
            SheetUnreadable: it is damaged, or larger than such parts are.
        """
        if self.size(name) > _WHOLE:
            raise SheetUnreadable("The workbook's part {part} is too large.", part=name)
        text = re.sub(r"^\s*<\?xml[^>]*\?>", "", "".join(self.texts(name)))
        # A tree takes a hundred times the memory of its shortest elements.
        if text.count("<") > _TAGS:
            raise SheetUnreadable("The workbook's part {part} is too large.", part=name)
        if "<!DOCTYPE" in text:
            raise SheetUnreadable("The workbook declares entities.")
        try:
            return ElementTree.fromstring(text)  # noqa: S314 - it has no declarations by now
        except ElementTree.ParseError as error:
            raise SheetUnreadable("The workbook's part {part} is damaged.", part=name) from error

    def relations(self, part: str, kind: str) -> dict[str, str]:
        """The parts that *part* (the package itself if empty) refers to as *kind*, by id; none
        where it says nothing.
        """
        place = PurePosixPath("/", part)
        folder = place.parent if part else place
        named = str(folder / "_rels" / f"{place.name}.rels").lstrip("/")
        if named not in self:
            return {}
        found = {}
        for relation in self.parse(named):
            if relation.get("Type", "").endswith(kind):
                target = relation.get("Target", "").replace("\\", "/")
                found[relation.get("Id", "")] = _resolved(folder, target)
        return found


def _resolved(folder: PurePosixPath, target: str) -> str:
    """The name of the part that *target* means, seen from *folder*."""
    steps: list[str] = []
    for step in (folder / target).parts:
        if step == "..":
            steps = steps[:-1]
        elif step not in ("/", "."):
            steps.append(step)
    return "/".join(steps)


def _encoding(start: bytes) -> tuple[str, int]:
    """How a part of XML is encoded, and the length of its mark."""
    for mark, encoding in _MARKS:
        if start.startswith(mark):
            return encoding, len(mark)
    for encoding in ("utf-16-le", "utf-16-be"):
        if start.startswith("<?".encode(encoding)):
            return encoding, 0
    declared = _DECLARED.match(start)
    try:
        return (codecs.lookup(declared[1].decode()).name if declared else "utf-8"), 0
    except LookupError:
        return "utf-8", 0


def _unpack(
    file: BinaryIO, info: zipfile.ZipInfo, sample: Sample | None
) -> Iterator[bytes]:
    """The bytes of one entry by its own data, not by the size that the directory claims."""
    if info.header_offset < 0:
        raise SheetDamaged
    file.seek(info.header_offset)
    header = file.read(30)
    if len(header) < 30 or not header.startswith(b"PK\x03\x04"):
        raise SheetDamaged
    name_length, extra_length = struct.unpack("<HH", header[26:30])
    file.seek(name_length + extra_length, 1)
    left = info.compress_size
    if sample is not None:
        left = min(left, max(sample.end_of(info.header_offset) - file.tell(), 0))
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
        if packed is not None and sample is None:
            yield packed.flush()
    except zlib.error as error:
        raise SheetDamaged from error
