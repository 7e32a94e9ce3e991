"""A text file as blocks of whole lines: encodings, byte order marks, NUL bytes, line ends.

Every block is ASCII-compatible and ends with a line feed, so that what reads it may look for
separators, quotes and line ends as bytes.
"""

from __future__ import annotations

import codecs
import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from vazao.sheets.encoding import Weighing, decode_utf8, decode_windows, to_utf8

HEAD_BYTES = 1 << 18
DELIMITERS = (",", ";", "\t", "|")

_BOMS = (
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

    ``encoding`` is ``utf-8`` until `decide` says otherwise, or UTF-16; ``strays`` counts the bytes
    of another encoding; ``position`` the bytes read; ``nuls`` the NUL bytes removed; ``head`` is
    the cleaned beginning.
    """

    def __init__(self, path: Path, *, block_bytes: int, line_bytes: int) -> None:
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
        body = head[self.bom :]
        if self.wide:
            body = body.decode(self.encoding, "replace").encode()
        self.lone_returns = b"\n" not in body and b"\r" in body
        self.head = self._clean(body)
        self.nuls = 0

    @property
    def wide(self) -> bool:
        """Whether it is UTF-16."""
        return self.encoding.startswith("utf-16")

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
        if not self.wide and not self.bom and not self._weighing.mostly_utf8:
            self.encoding = "windows-1252"

    def decode(self, block: bytes) -> str:
        """A cleaned block that was not transcoded, as text."""
        if self.encoding == "windows-1252":
            return decode_windows(block, lines_of_utf8=self._weighing.utf8 > 0)
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
        if self.encoding == "windows-1252":
            return self.decode(block).encode()
        return to_utf8(block) if self.strays else block

    def _pieces(self) -> Iterator[bytes]:
        decoder = codecs.getincrementaldecoder(self.encoding)("replace") if self.wide else None
        with self.path.open("rb") as file:
            file.seek(self.bom)
            self.position = self.bom
            while piece := file.read(self.block_bytes):
                self.position += len(piece)
                yield self._clean(decoder.decode(piece).encode() if decoder else piece)
            if decoder:
                yield self._clean(decoder.decode(b"", final=True).encode())

    def _clean(self, piece: bytes) -> bytes:
        if b"\0" in piece:
            self.nuls += piece.count(b"\0")
            piece = piece.replace(b"\0", b"")
        return piece.replace(b"\r", b"\n") if self.lone_returns else piece


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


def find_delimiter(head: str, filename: str, *, complete: bool) -> tuple[str, bool]:
    """The delimiter of a file that begins with *head*, and whether a ``sep=`` line says so.

    The one that splits the first records most evenly, and then into most fields; where none
    splits the header, a tab for ``.tsv`` and otherwise a comma.

    Args:
        head: the cleaned beginning.
        filename: its name may decide a tie.
        complete: whether *head* is the whole file; if not, its last record is not judged.
    """
    first = head.split("\n", 1)[0].strip().strip('"')
    if len(first) == 5 and first.lower().startswith("sep=") and first[4] in DELIMITERS:
        return first[4], True
    # ``sep=`` and a tab loses its tab to the strip.
    if first.lower() == "sep=":
        return "\t", True
    preferred = "\t" if filename.lower().endswith((".tsv", ".tab")) else ","
    ranked = [(*_evenness(head, d, complete), d == preferred, d) for d in DELIMITERS]
    best = max(ranked)
    return (best[3] if best[1] > 1 else preferred), False


def _evenness(head: str, delimiter: str, complete: bool) -> tuple[float, int]:
    """The share of the first records as wide as the header, and the header's width."""
    widths = []
    lines = head.split("\n")
    try:
        for record in csv.reader((line + "\n" for line in lines), delimiter=delimiter):
            widths.append(len(record))
            if len(widths) > 20:
                break
    except csv.Error:
        pass
    if not complete and len(widths) > 1 and len(widths) <= 20:
        widths.pop()
    if not widths or widths[0] < 2:
        return 0.0, 1
    rest = [width for width in widths[1:] if width]
    share = Counter(rest)[widths[0]] / len(rest) if rest else 1.0
    return round(share, 1), widths[0]
