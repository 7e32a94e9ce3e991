"""Housekeeping of accounts."""

from __future__ import annotations

from vazao.accounts import store
from vazao.kit.platform import Platform

SLICE = 5_000


async def purge(platform: Platform) -> None:
    """Delete expired sessions and forgotten failures, slice by slice."""
    deleted = SLICE
    while deleted >= SLICE:
        async with platform.db.transaction() as conn:
            deleted = await store.purge(conn, SLICE)
