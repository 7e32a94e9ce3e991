"""Chunks unpacked, block by block: however well they are packed, memory stays the same."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator

import zstandard

from vazao.relay.errors import ChunkWrong
from vazao.relay.models import Chunk
from vazao_agent import wire

BLOCK = 1 << 18
WINDOW = 8 << 20


def unpack(packed: bytes, encoding: str, chunk: Chunk) -> Iterator[bytes]:
    """The chunk's text in blocks of at most 256 KiB.

    Raises:
        ChunkWrong: it is damaged, or not as long as its manifest says.
    """
    left = chunk.raw
    try:
        for block in _zstd(packed) if encoding == wire.ZSTD else _zlib(packed):
            left -= len(block)
            if left < 0:
                break
            yield block
    except (zstandard.ZstdError, zlib.error) as error:
        raise ChunkWrong from error
    if left:
        raise ChunkWrong


def _zstd(packed: bytes) -> Iterator[bytes]:
    with zstandard.ZstdDecompressor(max_window_size=WINDOW).stream_reader(
        io.BytesIO(packed)
    ) as reader:
        while block := reader.read(BLOCK):
            yield block


def _zlib(packed: bytes) -> Iterator[bytes]:
    unpacker = zlib.decompressobj()
    while packed and not unpacker.eof:
        yield unpacker.decompress(packed, BLOCK)
        packed = unpacker.unconsumed_tail
    yield unpacker.flush()
