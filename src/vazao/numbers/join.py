"""Joins the ranges of a number file, in their order: tokens cut through are put together here."""

from __future__ import annotations

import base64
import re
from typing import Any

import numpy as np

from vazao.numbers.layout import LIMBS, LIMIT_DIGITS, OFFENDERS_MOST, PAD
from vazao.numbers.scan import Offender, Open, Piece, Range, decimal, shown

BOM = b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
KINDS = (
    (b"\x89PNG", "PNG"), (b"\xff\xd8\xff", "JPEG"), (b"GIF8", "GIF"), (b"%PDF", "PDF"),
    (b"PK\x03\x04", "ZIP/XLSX"), (b"PK\x05\x06", "ZIP"), (b"\x1f\x8b", "GZIP"), (b"BZh", "BZIP2"),
    (b"\xfd7zXZ", "XZ"), (b"7z\xbc\xaf", "7Z"), (b"\x28\xb5\x2f\xfd", "ZSTD"), (b"Rar!", "RAR"),
    (b"\xd0\xcf\x11\xe0", "XLS/DOC"), (b"PAR1", "Parquet"), (b"SQLite", "SQLite"),
    (b"\x7fELF", "ELF"),
)
"""Files that are no text, by how they begin."""
_NUMBER = re.compile(rb"[+-]?[0-9]{1,%d}" % LIMIT_DIGITS)


class Joiner:
    """The file so far.

    Attributes:
        offenders: its first ten, with their places in the file, in order.
        utf_16: whether it begins as UTF-16 text does.
        kind: of a file that begins as no text does, what it is; empty: no text of any sort.
        bytes, numbers, evens: counted so far.
    """

    def __init__(self, kernel: Any) -> None:
        self._kernel = kernel
        self._limbs = np.zeros(LIMBS, np.int64)
        self._buffer = np.zeros(PAD + LIMIT_DIGITS + 64, np.uint8)
        self._open, self._whole = Open(), True
        self._lines = 0
        self.bytes = self.numbers = self.evens = 0
        self.offenders: list[Offender] = []
        self.utf_16 = False
        self.kind: str | None = None

    def add(self, part: Range) -> None:
        """Add the next range."""
        self._extend(part.head)
        if not part.solid:
            self._close()
            for found in part.offenders:
                self._note(found.byte + self.bytes, found.lines + self._lines, found.text)
            self.numbers += part.numbers
            self.evens += part.evens
            self._add_number(part.sum.encode())
            end = self.bytes + part.bytes
            self._open = Open(end - part.tail.bytes, self._lines + part.lines)
            self._whole = True
            self._extend(part.tail)
        self.bytes += part.bytes
        self._lines += part.lines

    def finish(self) -> str:
        """The sum, decimal."""
        self._close()
        return decimal(self._kernel, self._limbs)

    def _extend(self, piece: Piece) -> None:
        text = base64.b64decode(piece.text)
        self._whole = self._whole and len(text) == piece.bytes
        self._open.extend(text)
        self._open.size += piece.bytes - len(text)

    def _close(self) -> None:
        """The open token has ended: a number, an offender, or nothing at all."""
        token, text = self._open, bytes(self._open.first)
        if token.byte == 0:
            self.utf_16 = text.startswith(_UTF_16)
            self.kind = _kind(text)
            if text.startswith(BOM):
                text = text.removeprefix(BOM)
                token.byte, token.size = len(BOM), token.size - len(BOM)
        if token.size == 0:
            return
        if not self._whole or len(text) < token.size or not _NUMBER.fullmatch(text):
            self._note(token.byte, token.lines, shown(text, token.size))
            return
        self.numbers += 1
        if text[-1] % 2 == 0:
            self.evens += 1
            self._add_number(text)

    def _note(self, byte: int, lines: int, text: str) -> None:
        if len(self.offenders) < OFFENDERS_MOST:
            self.offenders.append(Offender(byte, lines, text))

    def _add_number(self, text: bytes) -> None:
        sign = -1 if text.startswith(b"-") else 1
        digits = text.lstrip(b"+-")
        end = PAD + len(digits)
        self._buffer[PAD:end] = np.frombuffer(digits, np.uint8)
        self._kernel.add_digits(self._buffer, PAD, end, sign, self._limbs)


def _kind(beginning: bytes) -> str | None:
    """What begins so, where it is no text; ``None`` where it may be one."""
    for magic, kind in KINDS:
        if beginning.startswith(magic):
            return kind
    # UTF-16 without a mark has NUL bytes between its digits.
    return "" if b"\0" in beginning and not beginning.strip(b"\0")[:1].isdigit() else None
