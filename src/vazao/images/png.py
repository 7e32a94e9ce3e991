"""PNG files (ISO/IEC 15948, W3C PNG Third Edition): checked piece by piece, without a decoder.

The check inflates the pixels to nowhere, in pieces of 256 KiB, and never more of them than the
header promises: what passes it is whole, and no picture costs more memory than a piece. It
imports no image library, so that a web process stays small.

What the reference library (libpng) only warns of is taken: an ancillary chunk whose checksum is
wrong, a palette that the pixels do not use, more pixels than the header promises. What it warns of
is not read either; :mod:`vazao.images.looks` leaves it out of what is made of the picture.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from vazao.kit.errors import BadRequest

SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
PALETTE = 3
CRITICAL = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND"})
# First column and row of each pass of an interlaced picture, and the steps between pixels.
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
         (0, 1, 1, 2))
MOST_CHUNKS = 1 << 16
LARGEST_CHUNK = (1 << 31) - 1
# The reference library's own limit: a single row must not cost the memory of a picture.
LONGEST_SIDE = 1_000_000
PIECE_BYTES = 1 << 18
INPUT_BYTES = 1 << 16


class ImageEmpty(BadRequest):
    """The body is empty; send a PNG image."""

    code = "image_empty"


class ImageNotPng(BadRequest):
    """The body is not a PNG image."""

    code = "image_not_png"


class ImageBroken(BadRequest):
    """The PNG is broken."""

    code = "image_broken"


class ImageTooLarge(BadRequest):
    """The image has {width} × {height} pixels; at most {megapixels} megapixels are accepted."""

    code = "image_too_large"


@dataclass(frozen=True, slots=True)
class Header:
    """What IHDR says: size in pixels, bits a sample, the colour type, Adam7 or not."""

    width: int
    height: int
    depth: int
    color: int
    interlaced: bool

    @property
    def channels(self) -> int:
        """Samples a pixel."""
        return CHANNELS[self.color]

    @property
    def megapixels(self) -> float:
        """The size, in millions of pixels."""
        return self.width * self.height / 1e6

    def row_bytes(self, width: int) -> int:
        """Bytes of a row of *width* pixels, without the filter's."""
        return (width * self.depth * self.channels + 7) // 8

    def passes(self) -> list[tuple[int, int]]:
        """(rows, bytes of a row with its filter's) of each pass of the pixel data."""
        if not self.interlaced:
            return [(self.height, 1 + self.row_bytes(self.width))]
        sizes = (
            (-(-(self.height - y) // dy), -(-(self.width - x) // dx)) for x, y, dx, dy in ADAM7
        )
        return [(h, 1 + self.row_bytes(w)) for h, w in sizes if h > 0 and w > 0]


def header_of(body: bytes) -> Header:
    """The header in IHDR's 13 bytes.

    Raises:
        ImageBroken: no picture has such one.
    """
    width, height, depth, color, method, filters, interlace = struct.unpack(">IIBBBBB", body)
    possible = depth in DEPTHS.get(color, ()) and (method, filters) == (0, 0) and interlace < 2
    if not (possible and 0 < width <= LARGEST_CHUNK and 0 < height <= LARGEST_CHUNK):
        raise ImageBroken("The PNG is broken: its header is invalid.")
    return Header(width, height, depth, color, interlace == 1)


class Pixels:
    """The inflated data, counted and forgotten.

    Args:
        header: what says how much there must be.
    """

    def __init__(self, header: Header) -> None:
        self._inflate = zlib.decompressobj()
        self._passes = header.passes()
        self._at = 0
        self._surplus = False

    def feed(self, data: memoryview) -> None:
        """Look at the next compressed bytes.

        Raises:
            ImageBroken: they are not what the header promises.
        """
        for begin in range(0, len(data), INPUT_BYTES):
            rest: bytes | memoryview = data[begin : begin + INPUT_BYTES]
            while not (self._inflate.eof or self._surplus):
                try:
                    made = self._inflate.decompress(rest, PIECE_BYTES)
                except zlib.error as error:
                    raise ImageBroken(
                        "The PNG is broken: its pixels cannot be decompressed."
                    ) from error
                self._count(made)
                rest = self._inflate.unconsumed_tail
                if not rest and len(made) < PIECE_BYTES:
                    break

    def _count(self, made: bytes) -> None:
        at = 0
        while at < len(made):
            if not self._passes:
                # Decoders have all they asked for here, and read no further.
                self._surplus = True
                return
            rows, stride = self._passes[0]
            piece = made[at : at + rows * stride - self._at]
            if max(piece[-self._at % stride :: stride], default=0) > 4:
                raise ImageBroken("The PNG is broken: its pixels cannot be decompressed.")
            at += len(piece)
            self._at += len(piece)
            if self._at == rows * stride:
                del self._passes[0]
                self._at = 0

    @property
    def whole(self) -> bool:
        """Whether all pixels were there, and after them their checksum or still more pixels."""
        return not self._passes and (self._inflate.eof or self._surplus)


class Check:
    """Takes a PNG's bytes as they come, and refuses at the first that cannot be.

    Args:
        most_pixels: pictures with more are refused at their header.

    Attributes:
        header: the picture's, once its bytes were there.
    """

    def __init__(self, most_pixels: int) -> None:
        self._most = most_pixels
        self.header: Header | None = None
        self._pixels: Pixels | None = None
        self._fixed = bytearray()
        self._need = len(SIGNATURE)
        self._signed = self._ended = self._colored = False
        self._kind = b""
        self._body = bytearray()
        self._left = 0
        self._crc: int | None = None
        self._chunks = 0

    def feed(self, data: bytes) -> None:
        """Look at the next bytes; those after the end are ignored, as decoders do.

        Raises:
            ImageNotPng, ImageBroken, ImageTooLarge: the picture is refused.
        """
        view = memoryview(data)
        while view and not self._ended:
            if self._left:
                piece, view = view[: self._left], view[self._left :]
                self._left -= len(piece)
                self._take(piece)
                continue
            missing = self._need - len(self._fixed)
            self._fixed += view[:missing]
            view = view[missing:]
            if len(self._fixed) == self._need:
                fixed, self._fixed = bytes(self._fixed), bytearray()
                self._step(fixed)

    def finish(self) -> Header:
        """The header of the picture, now that all bytes were there.

        Raises:
            ImageEmpty, ImageNotPng, ImageBroken: there were none, others, or too few.
        """
        if not self._signed:
            if not self._fixed:
                raise ImageEmpty
            raise ImageNotPng
        if not self._ended or self.header is None:
            raise ImageBroken("The PNG is broken: it ends in the middle.")
        return self.header

    def _step(self, fixed: bytes) -> None:
        if not self._signed:
            if fixed != SIGNATURE:
                raise ImageNotPng
            self._signed = True
        elif self._crc is None:
            length, kind = struct.unpack(">I4s", fixed)
            self._begin(length, kind)
        else:
            if struct.unpack(">I", fixed)[0] != self._crc and self._kind in CRITICAL:
                raise ImageBroken("The PNG is broken: a checksum is wrong.")
            self._crc, self._need = None, 8
            self._end()

    def _begin(self, length: int, kind: bytes) -> None:
        self._chunks += 1
        known = kind in CRITICAL or (kind.isalpha() and kind[:1].islower())
        ordered = (kind == b"IHDR") == (self.header is None)
        if not known or not ordered or length > LARGEST_CHUNK or self._chunks > MOST_CHUNKS:
            raise ImageBroken("The PNG is broken: its parts are not in order.")
        if kind in self._read and length > 768:
            raise ImageBroken("The PNG is broken: its parts are not in order.")
        if kind == b"IDAT":
            self._begin_pixels()
        self._kind, self._left, self._need = kind, length, 4
        self._crc = zlib.crc32(kind)
        self._body.clear()

    def _begin_pixels(self) -> None:
        """The pieces of the pixel data follow one another, and a palette stands before them."""
        assert self.header is not None
        apart = self._pixels is not None and self._kind != b"IDAT"
        if apart or (self.header.color == PALETTE and not self._colored):
            raise ImageBroken("The PNG is broken: its parts are not in order.")
        self._pixels = self._pixels or Pixels(self.header)

    def _take(self, piece: memoryview) -> None:
        self._crc = zlib.crc32(piece, self._crc or 0)
        if self._kind == b"IDAT" and self._pixels is not None:
            self._pixels.feed(piece)
        elif self._kind in self._read:
            self._body += piece

    @property
    def _read(self) -> frozenset[bytes]:
        """The chunks whose bodies are looked at: a palette only where pixels name its colours."""
        named = self.header is not None and self.header.color == PALETTE
        return frozenset({b"IHDR", b"PLTE"} if named else {b"IHDR"})

    def _end(self) -> None:
        if self._kind == b"IHDR":
            if len(self._body) != 13:
                raise ImageBroken("The PNG is broken: its header is invalid.")
            self.header = header_of(bytes(self._body))
            self._hold(self.header)
        elif self._kind == b"PLTE":
            bad = b"PLTE" in self._read and (not self._body or len(self._body) % 3)
            if bad or self._colored:
                raise ImageBroken("The PNG is broken: its palette is invalid.")
            self._colored = True
        elif self._kind == b"IEND":
            if self._pixels is None or not self._pixels.whole:
                raise ImageBroken("The PNG is broken: pixels are missing.")
            self._ended = True

    def _hold(self, header: Header) -> None:
        if max(header.width, header.height) > LONGEST_SIDE:
            raise ImageTooLarge(
                "The image has {width} × {height} pixels; no side may be longer than {longest}.",
                width=header.width, height=header.height, longest=LONGEST_SIDE,
            )
        if header.width * header.height > self._most:
            raise ImageTooLarge(
                width=header.width, height=header.height, megapixels=f"{self._most / 1e6:g}"
            )


def chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """(type, body) of each chunk of a PNG that passed its check; without those that are damaged."""
    view, at = memoryview(data), len(SIGNATURE)
    while at + 12 <= len(view):
        length, kind = struct.unpack_from(">I4s", view, at)
        body = view[at + 8 : at + 8 + length]
        at += 12 + length
        # The check compared the checksums of the others.
        if kind in CRITICAL or view[at - 4 : at] == struct.pack(">I", _sum(kind, body)):
            yield kind, body
        if kind == b"IEND":
            return


def chunk(kind: bytes, body: bytes | memoryview) -> bytes:
    """A chunk as bytes, with its length and checksum."""
    crc = struct.pack(">I", _sum(kind, body))
    return b"".join((struct.pack(">I", len(body)), kind, body, crc))


def _sum(kind: bytes, body: bytes | memoryview) -> int:
    return zlib.crc32(body, zlib.crc32(kind))
