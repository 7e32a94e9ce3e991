"""The pixels of a PNG as bytes and back, exactly: no sample is scaled, rounded or dropped.

Pillow would widen samples of 2 and 4 bits and halve those of 16. Its decoder is asked for the
stored bytes instead: samples below 8 bits as indices, two bytes of 16 bits as two channels, and
three or four samples of 16 bits in two passes, the high bytes and the low ones.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from vazao.images.looks import looks
from vazao.images.png import PALETTE, SIGNATURE, Header, ImageBroken, chunk, chunks

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.uint8]

MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
LEVEL = 6
STRIP_ROWS = 256
STRIP_BYTES = 1 << 20
IDAT_BYTES = 1 << 18


def decode(header: Header, data: bytes) -> Samples:
    """The samples of the checked PNG *data*: (rows, columns, bytes of a pixel).

    Below 8 bits a byte is one sample; at 16 a sample is two bytes, the high one first.

    Raises:
        ImageBroken: the decoder refuses what the check let pass.
    """
    import numpy as np

    packed = b"".join(body for kind, body in chunks(data) if kind == b"IDAT")
    wide = header.depth == 16
    size = header.channels * (2 if wide else 1)
    pixels = np.empty((header.height, header.width, size), np.uint8)
    if header.depth < 8:
        _fill(pixels, header, packed, "P", f"P;{header.depth}")
    elif size <= 4:
        _fill(pixels, header, packed, MODES[size], MODES[size])
    else:
        mode = MODES[header.channels]
        # Named for what they are made for: of big-endian samples, 16L is the low byte.
        _fill(pixels[:, :, 0::2], header, packed, mode, f"{mode};16B")
        _fill(pixels[:, :, 1::2], header, packed, mode, f"{mode};16L")
    return pixels


def _fill(pixels: Samples, header: Header, packed: bytes, mode: str, raw: str) -> None:
    import numpy as np
    from PIL import Image

    size = (header.width, header.height)
    try:
        image = Image.frombytes(mode, size, packed, "zip", raw, int(header.interlaced))
    except ValueError as error:
        raise ImageBroken from error
    # Strip by strip: the image as one array would hold the pixels twice more.
    for top in range(0, header.height, STRIP_ROWS):
        bottom = min(top + STRIP_ROWS, header.height)
        strip = np.asarray(image.crop((0, top, header.width, bottom)))
        pixels[top:bottom] = strip.reshape(bottom - top, header.width, -1)


def encode(header: Header, data: bytes, bands: Iterable[Samples]) -> Iterator[bytes]:
    """A PNG of the same kind as *data*, not interlaced, in pieces.

    Args:
        header: of *data*, whose palette, transparency and colour chunks are kept as they are
            (:mod:`vazao.images.looks`).
        bands: the rows from the top on, shaped as :func:`decode` does.
    """
    yield SIGNATURE + chunk(b"IHDR", struct.pack(
        ">IIBBBBB", header.width, header.height, header.depth, header.color, 0, 0, 0
    ))
    for kind, body in looks(header, data):
        yield chunk(kind, body)
    squeeze, made = zlib.compressobj(LEVEL), bytearray()
    above: Samples | None = None
    for rows in _strips(header, bands):
        made += squeeze.compress(_filtered(header, rows, above).data)
        above = rows[-1:]
        if len(made) >= IDAT_BYTES:
            yield chunk(b"IDAT", bytes(made))
            made.clear()
    yield chunk(b"IDAT", bytes(made) + squeeze.flush())
    yield chunk(b"IEND", b"")


def _strips(header: Header, bands: Iterable[Samples]) -> Iterator[Samples]:
    """The rows as PNG stores them, few enough at a time for what filtering needs beside them."""
    step = max(1, STRIP_BYTES // header.row_bytes(header.width))
    for band in bands:
        for top in range(0, len(band), step):
            yield _packed(header, band[top : top + step])


def _packed(header: Header, band: Samples) -> Samples:
    """The band's rows as PNG stores them: (rows, bytes)."""
    import numpy as np

    if header.depth >= 8:
        return band.reshape(len(band), -1)
    every = 8 // header.depth
    samples = band[:, :, 0]
    padded = np.pad(samples, ((0, 0), (0, -samples.shape[1] % every)))
    packed = np.zeros((len(band), padded.shape[1] // every), np.uint8)
    for place in range(every):
        packed |= padded[:, place::every] << (8 - header.depth * (place + 1))
    return packed


def _filtered(header: Header, rows: Samples, above: Samples | None) -> Samples:
    """The rows with a filter byte each: of None, Sub, Up and Average the one with the smallest
    sum of absolute differences (the heuristic of PNG section 12.7); indices are never filtered.
    """
    import numpy as np

    made = np.zeros((len(rows), 1 + rows.shape[1]), np.uint8)
    made[:, 1:] = rows
    if header.depth < 8 or header.color == PALETTE:
        return made
    step = header.channels * header.depth // 8
    left, up = np.zeros_like(rows), np.zeros_like(rows)
    left[:, step:] = rows[:, :-step]
    up[1:] = rows[:-1]
    if above is not None:
        up[:1] = above
    least = _cost(rows)
    # Their mean, rounded down, without a ninth bit.
    for number, guess in ((1, left), (2, up), (3, (left & up) + ((left ^ up) >> 1))):
        candidate: Samples = np.subtract(rows, guess, dtype=np.uint8)
        cost = _cost(candidate)
        better = cost < least
        made[better, 0] = number
        made[better, 1:] = candidate[better]
        least = np.minimum(least, cost)
    return made


def _cost(rows: Samples) -> NDArray[np.int64]:
    import numpy as np

    return np.minimum(rows, 0 - rows).sum(axis=1, dtype=np.int64)
