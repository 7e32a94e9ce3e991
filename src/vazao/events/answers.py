"""An answer of ``/search``: its pieces from prepared bytes, its ETag, its headers."""

from __future__ import annotations

from collections.abc import Sequence

from vazao.events.blocks import MASK, Run, hash_of
from vazao.events.blocks import count as count_of

PREFIX, SUFFIX = b'{"data":{"events":[', b']},"error":null}'
JSON_TYPE = "application/json"
WHOLE_BYTES = 1 << 18
"""A longer answer goes in pieces: none of them is made before the one before was taken."""
VARY = "Authorization, Api-Token, Cookie"


def etag_of(found: int, hashes: int) -> str:
    """The ETag of an answer of so many events whose hashes have this sum."""
    return f'"{found:x}-{hashes:x}"'


def quickly(runs: Sequence[Run]) -> tuple[bytes, bytes]:
    """The ETag and the whole answer of *runs*: as :func:`tag` and :func:`body`, in one go."""
    if len(runs) != 1:
        return tag(runs).encode(), body(runs)
    block, i, j = runs[0]
    offsets, sums = block.offsets, block.sums
    return (
        b'"%x-%x"' % (j - i, (sums[j] - sums[i]) & MASK),
        PREFIX + block.json[offsets[i]:offsets[j] - 1] + SUFFIX,
    )


def tag(runs: Sequence[Run]) -> str:
    """The ETag of *runs*."""
    return etag_of(count_of(runs), hash_of(runs))


def size(runs: Sequence[Run]) -> int:
    """How many bytes the answer of *runs* has."""
    inside = sum(block.offsets[j] - block.offsets[i] for block, i, j in runs)
    return len(PREFIX) + max(0, inside - 1) + len(SUFFIX)


def body(runs: Sequence[Run]) -> bytes:
    """The answer of *runs*."""
    found = [b.json[b.offsets[i]:b.offsets[j] - 1] for b, i, j in runs]
    return b"".join((PREFIX, b",".join(found), SUFFIX))


def cache_control(seconds: int, *, public: bool) -> str:
    """How long caches may keep an answer; one for a tenant is its own browser's alone."""
    if not public:
        return "private, no-cache"
    return f"public, max-age={seconds}, stale-if-error=86400"
