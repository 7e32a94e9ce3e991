"""PNG files checked piece by piece, and their pixels shuffled exactly."""

from __future__ import annotations

import random
import resource
import struct
import subprocess
import sys
import zlib
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import pngs
from tests.support.fuzzing import examples
from tests.support.pngs import SIGNATURE, chunk, header, palette
from vazao.images import png, tasks
from vazao.images.png import Check, ImageBroken, ImageEmpty, ImageNotPng, ImageTooLarge

MOST = 50_000_000
IDAT = chunk(b"IDAT", zlib.compress(bytes(2 * 7)))
GOOD = SIGNATURE + header(2, 2) + IDAT + chunk(b"IEND")


def checked(data: bytes, piece: int = 1 << 20, most: int = MOST) -> png.Header:
    check = Check(most)
    for begin in range(0, len(data), piece):
        check.feed(data[begin : begin + piece])
    return check.finish()


@pytest.mark.parametrize(("color", "depth"), pngs.KINDS)
@pytest.mark.parametrize("interlaced", [False, True])
def test_every_kind_of_png_passes_in_pieces_of_any_size(
    color: int, depth: int, interlaced: bool
) -> None:
    for width, height in ((1, 1), (3, 2), (13, 9)):
        data = pngs.write(pngs.pixels(width, height, depth, color), depth, color,
                          interlaced=interlaced, extra=chunk(b"tEXt", b"a\0b"))
        for piece in (1, 7, 1 << 20):
            found = checked(data, piece)
            assert found == png.Header(width, height, depth, color, interlaced)
        assert checked(data + b"more after the end").width == width


BROKEN = {
    "no end": GOOD[:-12],
    "cut in the pixels": GOOD[:45],
    "cut in the header": GOOD[:20],
    "a wrong checksum": GOOD[:-20] + b"\0\0\0\0" + GOOD[-16:],
    "a wrong checksum of the end": GOOD[:-1] + b"\0",
    "no pixels": SIGNATURE + header(2, 2) + chunk(b"IEND"),
    "too few pixels": SIGNATURE + header(2, 3) + IDAT + chunk(b"IEND"),
    "no zlib": SIGNATURE + header(2, 2) + chunk(b"IDAT", b"xxxxxxxxxxx") + chunk(b"IEND"),
    "a cut zlib stream": SIGNATURE + header(2, 2) + chunk(b"IDAT", zlib.compress(bytes(14))[:-1])
    + chunk(b"IEND"),
    "a filter that does not exist": SIGNATURE + header(2, 2)
    + chunk(b"IDAT", zlib.compress(bytes(7) + b"\5" + bytes(6))) + chunk(b"IEND"),
    "a header of another length": SIGNATURE + chunk(b"IHDR", bytes(12)) + IDAT,
    "no header": SIGNATURE + IDAT + chunk(b"IEND"),
    "two headers": SIGNATURE + header(2, 2) + header(2, 2) + IDAT + chunk(b"IEND"),
    "no width": SIGNATURE + header(0, 2) + IDAT + chunk(b"IEND"),
    "a depth that cannot be": SIGNATURE + header(2, 2, 4, 2) + IDAT + chunk(b"IEND"),
    "a colour type that cannot be": SIGNATURE + header(2, 2, 8, 5) + IDAT + chunk(b"IEND"),
    "an interlace that cannot be": SIGNATURE + header(2, 2, 8, 2, 2) + IDAT + chunk(b"IEND"),
    "no palette": SIGNATURE + header(14, 1, 8, 3) + IDAT + chunk(b"IEND"),
    "a palette of halves": SIGNATURE + header(2, 2, 8, 3) + chunk(b"PLTE", b"ab") + IDAT,
    "a huge palette": SIGNATURE + header(2, 2, 8, 3) + chunk(b"PLTE", bytes(771)) + IDAT,
    "an unknown critical chunk": SIGNATURE + header(2, 2) + chunk(b"ABCD") + IDAT,
    "a chunk without a name": SIGNATURE + header(2, 2) + chunk(b"\0\1\2\3") + IDAT,
    "pixels in two places": SIGNATURE + header(2, 2) + IDAT + chunk(b"tEXt", b"a\0b") + IDAT,
    "a chunk of 4 GB": SIGNATURE + header(2, 2) + struct.pack(">I4s", 0xFFFFFFFF, b"tEXt"),
    "chunks without number": SIGNATURE + header(2, 2) + chunk(b"IDAT") * 70_000,
}


@pytest.mark.parametrize("why", BROKEN)
def test_a_broken_png_is_refused_with_a_reason(why: str) -> None:
    assert checked(GOOD).height == 2
    for piece in (1 << 20, 5):
        with pytest.raises(ImageBroken) as refused:
            checked(BROKEN[why], piece)
        assert refused.value.message().startswith("The PNG is broken")


@pytest.mark.parametrize("data", [b"x", b"\xff\xd8\xff\xe0" * 20, SIGNATURE[:7], b"GIF89a" * 9])
def test_what_is_no_png_is_said_to_be_none(data: bytes) -> None:
    with pytest.raises(ImageNotPng):
        checked(data)


def test_nothing_is_nothing() -> None:
    with pytest.raises(ImageEmpty):
        checked(b"")


@pytest.mark.parametrize(("width", "height"), [(60_000, 60_000), (1_000_001, 1), (5001, 10_000)])
def test_a_bomb_is_refused_at_its_header(width: int, height: int) -> None:
    check = Check(MOST)
    with pytest.raises(ImageTooLarge) as refused:
        check.feed(SIGNATURE + header(width, height, 1, 0))
    assert str(width) in refused.value.message()


def test_pixels_that_never_end_cost_no_memory() -> None:
    squeeze = zlib.compressobj(9)
    bomb = b"".join(squeeze.compress(bytes(1 << 20)) for _ in range(400)) + squeeze.flush()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    checked(SIGNATURE + header(10, 10) + chunk(b"IDAT", bomb) + chunk(b"IEND"))
    whole = SIGNATURE + header(20_000, 2500, 8, 6) + chunk(b"IDAT", bomb) + chunk(b"IEND")
    checked(whole)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20 << 10


@examples(300)
@given(st.integers(0, 2**32), st.sampled_from(pngs.KINDS), st.booleans())
def test_no_damage_gets_through_or_raises_anything_else(
    seed: int, kind: tuple[int, int], interlaced: bool
) -> None:
    color, depth = kind
    data = bytearray(pngs.write(pngs.pixels(9, 5, depth, color), depth, color,
                                interlaced=interlaced))
    chance = random.Random(seed)
    place = chance.randrange(len(data))
    data[place] ^= 1 << chance.randrange(8)
    with pytest.raises((ImageBroken, ImageNotPng, ImageTooLarge)):
        checked(bytes(data), chance.randrange(1, 99))


def shuffle(folder: Path, data: bytes, block: int, seed: int = 7) -> bytes:
    checked(data)
    source, target = folder / "in.png", folder / "out.png"
    source.write_bytes(data)
    target.write_bytes(b"")
    tasks.shuffle_file(source, target, block, seed, lambda fraction: None)
    made = target.read_bytes()
    checked(made)
    return made


def blocks(rows: pngs.Rows, block: int) -> Counter[tuple[tuple[pngs.Pixel, ...], ...]]:
    """How often each whole block is there."""
    high, wide = len(rows) // block * block, len(rows[0]) // block * block
    return Counter(
        tuple(tuple(row[x : x + block]) for row in rows[y : y + block])
        for y in range(0, high, block) for x in range(0, wide, block)
    )


def rest(rows: pngs.Rows, block: int) -> list[list[pngs.Pixel]]:
    """What no whole block covers, where it is."""
    high, wide = len(rows) // block * block, len(rows[0]) // block * block
    return [row[wide:] if y < high else row for y, row in enumerate(rows)]


@examples(120)
@given(
    st.sampled_from(pngs.KINDS), st.booleans(), st.integers(1, 23), st.integers(1, 23),
    st.integers(1, 9), st.integers(0, 2**128 - 1),
)
def test_whole_blocks_move_the_rest_stays_and_every_pixel_is_there_once(
    tmp_path_factory: pytest.TempPathFactory, kind: tuple[int, int], interlaced: bool, width: int,
    height: int, block: int, seed: int,
) -> None:
    color, depth = kind
    rows = pngs.pixels(width, height, depth, color, seed)
    data = pngs.write(rows, depth, color, interlaced=interlaced, seed=seed)
    made = shuffle(tmp_path_factory.getbasetemp(), data, block, seed)
    shape, shuffled, _ = pngs.read(made)
    assert shape == (width, height, depth, color)
    assert Counter(p for row in shuffled for p in row) == Counter(p for row in rows for p in row)
    assert blocks(shuffled, block) == blocks(rows, block)
    assert rest(shuffled, block) == rest(rows, block)
    assert shuffle(tmp_path_factory.getbasetemp(), data, block, seed) == made


@pytest.mark.parametrize(("color", "depth"), pngs.KINDS)
def test_two_different_blocks_change_places(tmp_path: Path, color: int, depth: int) -> None:
    rows = pngs.pixels(16, 8, depth, color)
    for seed in range(10):
        _, shuffled, _ = pngs.read(shuffle(tmp_path, pngs.write(rows, depth, color), 8, seed))
        assert shuffled == [row[8:] + row[:8] for row in rows]


def test_what_pixels_look_like_is_kept_and_what_is_no_picture_is_not(tmp_path: Path) -> None:
    looks = [(b"tRNS", bytes([0, 99])), (b"bKGD", b"\3"), (b"pHYs", struct.pack(">IIB", 3, 4, 1))]
    others = [(b"tEXt", b"Author\0Ana"), (b"eXIf", b"MM"), (b"acTL", struct.pack(">II", 1, 0))]
    extra = b"".join(chunk(*pair) for pair in looks + others)
    late = chunk(b"fdAT", bytes(9)) + chunk(b"tIME", bytes(7))
    rows = pngs.pixels(20, 20, 4, 3)
    _, _, chunks = pngs.read(shuffle(
        tmp_path, pngs.write(rows, 4, 3, extra=extra, after=late), 5
    ))
    kinds = [kind for kind, _ in chunks if kind not in (b"IHDR", b"IDAT", b"IEND")]
    assert kinds == [b"PLTE", *(kind for kind, _ in looks)]
    assert chunk(*chunks[1]) == palette(4)
    assert all(pair in chunks for pair in looks)


def test_who_waits_no_more_stops_the_work(tmp_path: Path) -> None:
    source, target = tmp_path / "in.png", tmp_path / "out.png"
    source.write_bytes(pngs.write(pngs.pixels(4, 40, 8, 0), 8, 0))
    target.write_bytes(b"")
    told: list[float] = []

    def tell(fraction: float) -> None:
        told.append(fraction)
        if fraction > 0.4:
            raise tasks.Stopped

    with pytest.raises(tasks.Stopped):
        tasks.shuffle_file(source, target, 4, 1, tell)
    assert told == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]


def test_no_image_library_is_loaded_before_the_first_picture() -> None:
    code = ("import sys\nfrom vazao.main import registry\nregistry()\n"
            "print([m for m in ('PIL', 'numpy') if m in sys.modules])")
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
