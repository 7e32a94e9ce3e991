"""What the reference library only warns of is taken, and left out of what is made."""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from pathlib import Path

import pytest

from tests.support import pngs
from tests.support.pngs import SIGNATURE, chunk, header, palette
from vazao.images import looks as judged
from vazao.images import tasks
from vazao.images.png import Check, ImageBroken

GAMMA = chunk(b"gAMA", struct.pack(">I", 45455))
BOMB = chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(judged.LARGEST_PROFILE + 1)))


def profile(space: bytes = b"RGB ", size: int = 200) -> bytes:
    made = bytearray(size)
    made[:4], made[16:20], made[36:40] = struct.pack(">I", size), space, b"acsp"
    return bytes(made)


def icc(profile: bytes, method: bytes = b"\0") -> bytes:
    return chunk(b"iCCP", b"x\0" + method + zlib.compress(profile))


def damaged(good: bytes) -> bytes:
    return good[:-1] + bytes([good[-1] ^ 1])


def picture(color: int, depth: int, before: bytes = b"", after: bytes = b"") -> bytes:
    """A picture whose chunks before the pixels are *before* alone, its own palette too."""
    rows = pngs.pixels(9, 5, depth, color)
    data = pngs.write(rows, depth, color, after=after)
    own = palette(depth) if color == 3 else b""
    head = SIGNATURE + header(9, 5, depth, color)
    assert data.startswith(head + own)
    return head + before + data[len(head + own):]


def made_of(folder: Path, data: bytes) -> list[tuple[bytes, bytes]]:
    """The chunks of the shuffled picture, but those of every picture; its pixels are held."""
    check = Check(1000)
    check.feed(data)
    check.finish()
    source, target = folder / "in.png", folder / "out.png"
    source.write_bytes(data)
    target.write_bytes(b"")
    tasks.shuffle_file(source, target, 2, 7, lambda fraction: None)
    (width, height, depth, color), rows, chunks = pngs.read(target.read_bytes())
    wanted = pngs.pixels(width, height, depth, color)
    assert Counter(p for row in rows for p in row) == Counter(p for row in wanted for p in row)
    return [pair for pair in chunks if pair[0] not in (b"IHDR", b"IDAT", b"IEND")]


PALETTE = palette(2)
SHORT, LONG = chunk(b"PLTE", bytes(6)), chunk(b"PLTE", bytes(range(30)))
WHITE = chunk(b"bKGD", bytes(6))
# Of which kind of picture, what stands before the pixels, and what is left of it.
TAKEN: dict[str, tuple[int, int, bytes, bytes]] = {
    "a text whose checksum is wrong": (2, 8, damaged(chunk(b"tEXt", b"a\0b")) + GAMMA, GAMMA),
    "a profile whose checksum is wrong": (2, 8, damaged(icc(profile())), b""),
    "a gamma whose checksum is wrong": (2, 8, damaged(GAMMA), b""),
    "a profile": (2, 8, icc(profile()), icc(profile())),
    "a profile of grey in colour": (2, 8, icc(profile(b"GRAY")), b""),
    "a profile of grey": (4, 8, icc(profile(b"GRAY")), icc(profile(b"GRAY"))),
    "a profile that is none": (2, 8, icc(b"profile"), b""),
    "a profile that says another length": (2, 8, icc(profile() + b"x"), b""),
    "a profile packed in another way": (2, 8, icc(profile(), b"\1"), b""),
    "a profile without a name": (2, 8, chunk(b"iCCP", b"\0\0" + zlib.compress(profile())), b""),
    "a profile that is not zlib": (2, 8, chunk(b"iCCP", b"x\0\0xxxx"), b""),
    "a profile that never ends": (2, 8, BOMB, b""),
    "sRGB after a profile": (2, 8, icc(profile()) + chunk(b"sRGB", b"\0"), icc(profile())),
    "a profile after sRGB": (2, 8, chunk(b"sRGB", b"\0") + icc(profile()), chunk(b"sRGB", b"\0")),
    "a palette in grey": (0, 8, PALETTE + GAMMA, GAMMA),
    "half a palette in grey": (0, 8, chunk(b"PLTE", b"ab"), b""),
    "a huge palette in grey": (4, 8, chunk(b"PLTE", bytes(3000)), b""),
    "a palette in colour": (2, 8, PALETTE, PALETTE),
    "half a palette in colour": (6, 8, chunk(b"PLTE", b"ab"), b""),
    "a palette longer than the depth allows": (3, 2, LONG, chunk(b"PLTE", bytes(range(12)))),
    "a transparency longer than the palette": (3, 2, SHORT + chunk(b"tRNS", b"abc"), SHORT),
    "a transparency before the palette": (3, 2, chunk(b"tRNS", b"a") + PALETTE, PALETTE),
    "a transparency of another size": (2, 8, chunk(b"tRNS", b"ab"), b""),
    "a transparency beside alpha": (6, 8, chunk(b"tRNS", bytes(6)), b""),
    "a gamma after the palette": (3, 2, PALETTE + GAMMA, PALETTE),
    "a gamma twice": (2, 8, GAMMA + chunk(b"gAMA", struct.pack(">I", 7)), GAMMA),
    "a gamma of nothing": (2, 8, chunk(b"gAMA", bytes(4)), b""),
    "a gamma of another size": (2, 8, chunk(b"gAMA", bytes(3)) + GAMMA, GAMMA),
    "an intent that does not exist": (2, 8, chunk(b"sRGB", b"\4"), b""),
    "a background": (2, 8, WHITE, WHITE),
    "a background of another size": (0, 8, WHITE, b""),
    "a background outside the palette": (3, 2, SHORT + chunk(b"bKGD", b"\2"), SHORT),
    "counts of another palette": (3, 2, SHORT + chunk(b"hIST", bytes(6)), SHORT),
    "counts": (3, 2, SHORT + chunk(b"hIST", bytes(4)), SHORT + chunk(b"hIST", bytes(4))),
    "more bits than there are": (2, 8, chunk(b"sBIT", b"\x08\x09\x08"), b""),
    "bits": (3, 2, chunk(b"sBIT", b"\5\6\5") + SHORT, chunk(b"sBIT", b"\5\6\5") + SHORT),
    "what nobody knows": (2, 8, chunk(b"prVt", b"x") + chunk(b"eXIf", b"MM"), b""),
}


@pytest.mark.parametrize("why", TAKEN)
def test_what_is_only_warned_of_is_taken_and_left_out(tmp_path: Path, why: str) -> None:
    color, depth, before, left = TAKEN[why]
    found = made_of(tmp_path, picture(color, depth, before))
    assert b"".join(chunk(*pair) for pair in found) == left


def test_damage_after_the_pixels_is_taken_too(tmp_path: Path) -> None:
    late = damaged(chunk(b"tEXt", b"a\0b")) + PALETTE + GAMMA
    assert made_of(tmp_path, picture(2, 8, after=late)) == []


@pytest.mark.parametrize("before", [
    damaged(PALETTE), PALETTE + PALETTE, chunk(b"PLTE", b"ab"), chunk(b"PLTE"),
], ids=["a wrong checksum", "twice", "half of one", "empty"])
def test_a_palette_that_pixels_need_must_be_right(before: bytes) -> None:
    with pytest.raises(ImageBroken):
        Check(1000).feed(picture(3, 2, before))


@pytest.mark.parametrize("before", [damaged(PALETTE), PALETTE + PALETTE],
                         ids=["a wrong checksum", "twice"])
def test_critical_chunks_are_held_to_their_rules_also_where_nothing_needs_them(
    before: bytes,
) -> None:
    with pytest.raises(ImageBroken):
        Check(1000).feed(picture(0, 8, before))


@pytest.mark.parametrize(("color", "depth"), pngs.KINDS)
@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("more", [1, 500_000])
def test_more_pixels_than_the_header_says_are_passed_over(
    tmp_path: Path, color: int, depth: int, interlaced: bool, more: int
) -> None:
    rows = pngs.pixels(9, 5, depth, color)
    data = pngs.write(rows, depth, color, interlaced=interlaced, pieces=1)
    begin = data.index(b"IDAT") - 4
    (length,) = struct.unpack_from(">I", data, begin)
    raw = zlib.decompress(data[begin + 8 : begin + 8 + length])
    body = zlib.compress(raw + bytes(more))
    tail = chunk(b"IDAT", body[:20]) + chunk(b"IDAT", body[20:]) + chunk(b"IDAT", b"no zlib")
    colors = [(b"PLTE", palette(depth)[8:-4])] if color == 3 else []
    assert made_of(tmp_path, data[:begin] + tail + chunk(b"IEND")) == colors


def test_as_many_pixels_as_the_header_says_still_need_the_end_of_their_stream() -> None:
    data = picture(2, 8)
    begin = data.index(b"IDAT") - 4
    raw = b"".join(b"\0" + bytes(27) for _ in range(5))
    for packed in (zlib.compress(raw)[:-4], zlib.compress(raw)[:-1] + b"x"):
        with pytest.raises(ImageBroken):
            Check(1000).feed(data[:begin] + chunk(b"IDAT", packed) + chunk(b"IEND"))
