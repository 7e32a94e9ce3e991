"""What tells how the pixels of a PNG look: the chunks that a picture made of it takes over.

They are judged as the reference library (libpng) reads them. It warns of a chunk that is in the
wrong place, has the wrong size or comes twice, and reads on without it. So the picture that is made
looks as its source did, and holds nothing that a reader would stumble over.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from vazao.images.png import PALETTE, Header, chunks

GREY = frozenset({0, 4})
# In the order of the standard's table. Texts, dates, EXIF and animations are not the picture.
SIZES: dict[bytes, int] = {
    b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"cICP": 4, b"mDCV": 24, b"cLLI": 8, b"pHYs": 9,
}
BEFORE_PALETTE = frozenset({
    b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP", b"mDCV", b"cLLI", b"sBIT",
})
# Samples of the colour types that a tRNS, a bKGD or an sBIT speaks of.
CLEAR_BYTES = {0: 2, 2: 6}
BACK_BYTES = {0: 2, 2: 6, 3: 1, 4: 2, 6: 6}
DEPTH_BYTES = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}
# The reference library's own limit of what one chunk may inflate to.
LARGEST_PROFILE = 8_000_000
LONGEST_NAME = 79
PROFILE_HEAD = 132


def looks(header: Header, data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(type, body) of each chunk before the pixels of the checked PNG *data* that is taken over."""
    colors = 0
    seen: set[bytes] = set()
    for kind, view in chunks(data):
        if kind == b"IDAT":
            return
        body = _palette(header, view) if kind == b"PLTE" else view
        if kind in seen or not _fits(kind, body, header, colors, seen):
            continue
        if kind == b"PLTE":
            colors = len(body) // 3
        seen.add(kind)
        yield kind, bytes(body)


def _palette(header: Header, body: memoryview) -> memoryview:
    """The colours that a sample can name: a longer palette is cut."""
    return body[: 3 << header.depth] if header.color == PALETTE else body


def _fits(
    kind: bytes, body: bytes | memoryview, header: Header, colors: int, seen: set[bytes]
) -> bool:
    if colors and kind in BEFORE_PALETTE:
        return False
    if kind in SIZES:
        return len(body) == SIZES[kind] and _means(kind, bytes(body), seen)
    if kind == b"PLTE":
        return header.color not in GREY and 0 < len(body) <= 768 and len(body) % 3 == 0
    if kind == b"tRNS":
        if header.color == PALETTE:
            return 0 < len(body) <= colors
        return len(body) == CLEAR_BYTES.get(header.color)
    if kind == b"bKGD":
        inside = header.color != PALETTE or (len(body) == 1 and body[0] < colors)
        return inside and len(body) == BACK_BYTES[header.color]
    if kind == b"hIST":
        return bool(colors) and len(body) == 2 * colors
    if kind == b"sBIT":
        deepest = 8 if header.color == PALETTE else header.depth
        right = len(body) == DEPTH_BYTES[header.color]
        return right and all(0 < bits <= deepest for bits in bytes(body))
    return kind == b"iCCP" and b"sRGB" not in seen and _is_profile(bytes(body), header)


def _means(kind: bytes, body: bytes, seen: set[bytes]) -> bool:
    if kind == b"gAMA":
        return any(body)
    return kind != b"sRGB" or (body[0] < 4 and b"iCCP" not in seen)


def _is_profile(body: bytes, header: Header) -> bool:
    """Whether an iCCP holds a whole colour profile of this kind of picture, and no bomb."""
    name, _, rest = body.partition(b"\0")
    if not 0 < len(name) <= LONGEST_NAME or rest[:1] != b"\0":
        return False
    inflate = zlib.decompressobj()
    try:
        profile = inflate.decompress(rest[1:], LARGEST_PROFILE)
    except zlib.error:
        return False
    space = b"GRAY" if header.color in GREY else b"RGB "
    whole = inflate.eof and len(profile) >= PROFILE_HEAD
    return (
        whole and int.from_bytes(profile[:4]) == len(profile)
        and profile[16:20] == space and profile[36:40] == b"acsp"
    )
