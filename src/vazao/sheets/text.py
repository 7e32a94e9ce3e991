"""A text file as blocks of whole lines: encodings, byte order marks, NUL bytes, line ends.

Every block is ASCII-compatible and ends with a line feed, so that what reads it may look for
separators, quotes and line ends as bytes.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from vazao.sheets.asked import SINGLE, encoding_of
from vazao.sheets.encoding import Weighing, decode_single, decode_utf8, to_utf8

HEAD_BYTES = 1 << 18

_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class LineTooLong(Exception):
    """A line is longer than any row may be; ``start`` is its beginning."""

    def __init__(self, start: bytes) -> None:
        super().__init__(len(start))
        self.start = start


class SheetText:
    """A text file and how to read it.

    ``encoding`` is ``utf-8`` until `decide` says otherwise, or UTF-16 or UTF-32; ``strays`` counts
    the bytes of another encoding; ``position`` the bytes read; ``nuls`` the NUL bytes removed;
    ``head`` is the cleaned beginning; ``lone_returns``: whether lines end with a carriage return.
    """

    def __init__(
        self, path: Path, *, block_bytes: int, line_bytes: int, encoding: str | None = None
    ) -> None:
        self.path = path
        self.size = path.stat().st_size
        self.block_bytes = block_bytes
        self.line_bytes = line_bytes
        self.position = 0
        self.nuls = 0
        self._weighing = Weighing()
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
        self.encoding, self.bom = _sniff(head)
        self._said = encoding is not None
        if encoding is not None:
            self.encoding = _known(encoding, self.encoding)
        body = head[self.bom :]
        if self.wide:
            body = body.decode(self.encoding, "replace").encode()
        self.lone_returns = _ends_with_returns(body)
        self.head = self._clean(body)
        self.nuls = 0

    @property
    def wide(self) -> bool:
        """Whether it is UTF-16 or UTF-32."""
        return self.encoding.startswith(("utf-16", "utf-32"))

    @property
    def strays(self) -> int:
        """How many bytes are not of the encoding that the whole was found to have."""
        return self._weighing.strays if self.encoding == "utf-8" else 0

    def weigh(self, block: bytes) -> None:
        """See what *block*, as it stands in the file, speaks for."""
        if not self.wide and not block.isascii():
            self._weighing.feed(block)

    def decide(self) -> None:
        """Everything has been weighed: it is UTF-8 if a mark says so, or most of it is."""
        free = not (self.wide or self.bom or self._said)
        if free and not self._weighing.mostly_utf8:
            self.encoding = self._weighing.single

    def decode(self, block: bytes) -> str:
        """A cleaned block that was not transcoded, as text."""
        if self.encoding in SINGLE:
            found = self._weighing.utf8 > 0
            return decode_single(block, self.encoding, lines_of_utf8=found)
        return decode_utf8(block)

    def blocks(self, *, transcode: bool) -> Iterator[bytes]:
        """The file from its start; as UTF-8 if *transcode*, else Windows-1252 stays as it is.

        Raises:
            LineTooLong: a line does not end within ``line_bytes``.
        """
        self.nuls = 0
        carry: list[bytes] = []
        held = 0
        for piece in self._pieces():
            cut = piece.rfind(b"\n") + 1
            if cut:
                yield self._finish(b"".join([*carry, piece[:cut]]), transcode)
                carry, held = [], 0
            carry.append(piece[cut:])
            held += len(piece) - cut
            if held > self.line_bytes:
                raise LineTooLong(b"".join(carry))
        if held:
            yield self._finish(b"".join([*carry, b"\n"]), transcode)

    def _finish(self, block: bytes, transcode: bool) -> bytes:
        if not transcode or self.wide or block.isascii():
            return block
        if self.encoding in SINGLE:
            return self.decode(block).encode()
        return to_utf8(block) if self.strays else block

    def _pieces(self) -> Iterator[bytes]:
        decoder = codecs.getincrementaldecoder(self.encoding)("replace") if self.wide else None
        with self.path.open("rb") as file:
            file.seek(self.bom)
            self.position = self.bom
            held = b""
            while piece := file.read(self.block_bytes):
                self.position += len(piece)
                piece = self._bare(held + (decoder.decode(piece).encode() if decoder else piece))
                # A mark, or the two ends of a line, may stand across two pieces; what is taken
                # away may have stood between them.
                cut = len(piece) - _mark_begun(piece)
                cut -= piece[:cut].endswith(b"\r")
                held, piece = piece[cut:], piece[:cut]
                yield self._with_feeds(piece)
            if decoder:
                held += decoder.decode(b"", final=True).encode()
            yield self._clean(held)

    def _clean(self, piece: bytes) -> bytes:
        return self._with_feeds(self._bare(piece))

    def _bare(self, piece: bytes) -> bytes:
        if b"\0" in piece:
            self.nuls += piece.count(b"\0")
            piece = piece.replace(b"\0", b"")
        # Files that were joined have marks in their middle, too.
        if codecs.BOM_UTF8 in piece:
            piece = piece.replace(codecs.BOM_UTF8, b"")
        return piece

    def _with_feeds(self, piece: bytes) -> bytes:
        if self.lone_returns:
            piece = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return piece


def _mark_begun(piece: bytes) -> int:
    """How many bytes at the end of *piece* may be the beginning of a mark."""
    return next((n for n in (2, 1) if piece.endswith(codecs.BOM_UTF8[:n])), 0)


def _known(name: str, found: str) -> str:
    """The encoding of that name; of UTF-16 and UTF-32 the one that was found.

    Raises:
        SheetEncodingUnknown: there is none that is read.
    """
    wanted = encoding_of(name)
    if wanted in ("utf-16", "utf-32"):
        return found if found.startswith(wanted) else f"{wanted}-le"
    return wanted


def _ends_with_returns(head: bytes) -> bool:
    """Whether lines end with a carriage return, as on old Macintoshes: outside quotes there are
    more of them alone than line feeds.
    """
    if b"\r" not in head:
        return False
    data = np.frombuffer(head + b"\n", np.uint8)
    inside = np.cumsum(data == 34) % 2 == 1
    lone = (data[:-1] == 13) & (data[1:] != 10) & ~inside[:-1]
    feeds = (data[:-1] == 10) & ~inside[:-1]
    return int(np.count_nonzero(lone)) > int(np.count_nonzero(feeds))


def _sniff(head: bytes) -> tuple[str, int]:
    """The encoding by mark or by where the NUL bytes stand, and the mark's length."""
    for mark, encoding in _BOMS:
        if head.startswith(mark):
            return encoding, len(mark)
    sample = head[:4096]
    half = len(sample) // 2
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    # Text of the Latin alphabet in UTF-16 has a NUL in nearly every pair, always on one side.
    if half and odd > 0.6 * half and even < 0.1 * half:
        return "utf-16-le", 0
    if half and even > 0.6 * half and odd < 0.1 * half:
        return "utf-16-be", 0
    return "utf-8", 0
