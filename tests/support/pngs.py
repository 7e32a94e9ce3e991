"""PNG files of every kind, written and read sample by sample, slowly, by the book."""

from __future__ import annotations

import random
import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
KINDS = [(0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16), (3, 1), (3, 2), (3, 4), (3, 8),
         (4, 8), (4, 16), (6, 8), (6, 16)]
PASSES = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
          (0, 1, 1, 2)]
Pixel = tuple[int, ...]
Rows = list[list[Pixel]]


def chunk(kind: bytes, body: bytes = b"") -> bytes:
    crc = struct.pack(">I", zlib.crc32(kind + body))
    return struct.pack(">I", len(body)) + kind + body + crc


def header(width: int, height: int, depth: int = 8, color: int = 2, interlace: int = 0) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlace))


def pixels(width: int, height: int, depth: int, color: int, seed: int = 0) -> Rows:
    """A picture of chance."""
    chance = random.Random(seed)
    return [
        [tuple(chance.randrange(1 << depth) for _ in range(CHANNELS[color])) for _ in range(width)]
        for _ in range(height)
    ]


def palette(depth: int) -> bytes:
    return chunk(b"PLTE", bytes(i * 7 % 256 for i in range(3 << depth)))


def write(
    rows: Rows, depth: int, color: int, *, interlaced: bool = False, extra: bytes = b"",
    after: bytes = b"", pieces: int = 3, seed: int = 0,
) -> bytes:
    """A PNG whose rows are filtered by chance; *extra* stands before, *after* behind the pixels."""
    width, height = len(rows[0]), len(rows)
    chance, raw = random.Random(seed), b""
    step = max(1, depth * CHANNELS[color] // 8)
    for x, y, dx, dy in PASSES if interlaced else [(0, 0, 1, 1)]:
        above = b""
        for row in rows[y::dy]:
            if packed := _pack(row[x::dx], depth):
                kind = chance.randrange(5)
                raw += bytes([kind]) + _filter(kind, packed, above or bytes(len(packed)), step)
                above = packed
    squeezed = zlib.compress(raw)
    size = len(squeezed) // pieces + 1
    body = b"".join(chunk(b"IDAT", squeezed[i : i + size]) for i in range(0, len(squeezed), size))
    colors = palette(depth) if color == 3 else b""
    return (SIGNATURE + header(width, height, depth, color, int(interlaced)) + colors + extra
            + body + after + chunk(b"IEND"))


def read(data: bytes) -> tuple[tuple[int, int, int, int], Rows, list[tuple[bytes, bytes]]]:
    """(width, height, depth, colour type), the pixels, and every chunk of a plain PNG."""
    chunks, at = [], len(SIGNATURE)
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        assert chunk(kind, body) == data[at : at + 12 + length]
        chunks.append((kind, body))
        at += 12 + length
    width, height, depth, color, *_, interlace = struct.unpack(">IIBBBBB", chunks[0][1])
    assert interlace == 0
    raw = zlib.decompress(b"".join(body for kind, body in chunks if kind == b"IDAT"))
    stride = 1 + (width * depth * CHANNELS[color] + 7) // 8
    step, above, rows = max(1, depth * CHANNELS[color] // 8), bytes(stride - 1), []
    for begin in range(0, len(raw), stride):
        line = bytearray(raw[begin + 1 : begin + stride])
        for i, value in enumerate(line):
            line[i] = (value + _guess(raw[begin], line, above, i, step)) % 256
        rows.append(_unpack(bytes(line), width, depth, CHANNELS[color]))
        above = bytes(line)
    assert len(rows) == height
    return (width, height, depth, color), rows, chunks


def _pack(row: list[Pixel], depth: int) -> bytes:
    bits = "".join(format(sample, f"0{depth}b") for pixel in row for sample in pixel)
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))


def _unpack(line: bytes, width: int, depth: int, channels: int) -> list[Pixel]:
    bits = "".join(format(byte, "08b") for byte in line)
    samples = [int(bits[i * depth : (i + 1) * depth], 2) for i in range(width * channels)]
    return [tuple(samples[i : i + channels]) for i in range(0, len(samples), channels)]


def _filter(kind: int, line: bytes, above: bytes, step: int) -> bytes:
    return bytes((v - _guess(kind, line, above, i, step)) % 256 for i, v in enumerate(line))


def _guess(kind: int, line: bytes | bytearray, above: bytes, i: int, step: int) -> int:
    left, corner = (line[i - step], above[i - step]) if i >= step else (0, 0)
    up = above[i]
    if kind == 4:
        guess = left + up - corner
        return min((left, up, corner), key=lambda near: abs(guess - near))
    return (0, left, up, (left + up) // 2)[kind]
