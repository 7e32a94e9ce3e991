"""An answer of ``/search``: its pieces from prepared bytes, its ETag, its headers."""

from __future__ import annotations

from collections.abc import Sequence

from vazao.events.blocks import Run, hash_of, json_of
from vazao.events.blocks import count as count_of

PREFIX, SUFFIX = b'{"data":{"events":[', b']},"error":null}'
JSON_TYPE = "application/json"
WHOLE_BYTES = 1 << 18
"""A longer answer goes in pieces: none of them is made before the one before was taken."""
VARY = "Authorization, Api-Token, Cookie"


def etag_of(found: int, hashes: int) -> str:
    """The ETag of an answer of so many events whose hashes have this sum."""
    return f'"{found:x}-{hashes:x}"'


def tag(runs: Sequence[Run]) -> str:
    """The ETag of *runs*."""
    return etag_of(count_of(runs), hash_of(runs))


def size(runs: Sequence[Run]) -> int:
    """How many bytes the answer of *runs* has."""
    inside = sum(block.offsets[j] - block.offsets[i] for block, i, j in runs)
    return len(PREFIX) + max(0, inside - 1) + len(SUFFIX)


def body(runs: Sequence[Run]) -> bytes:
    """The answer of *runs*."""
    return b"".join((PREFIX, b",".join(map(json_of, runs)), SUFFIX))


def cache_control(seconds: int, *, public: bool) -> str:
    """How long caches may keep an answer; one for a tenant is its own browser's alone."""
    if not public:
        return "private, no-cache"
    return f"public, max-age={seconds}, stale-if-error=86400"
