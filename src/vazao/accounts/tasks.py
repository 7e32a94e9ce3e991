"""Housekeeping of accounts."""

from __future__ import annotations

from vazao.accounts import store
from vazao.kit import metrics
from vazao.kit.platform import Platform

SLICE = 5_000


async def purge(platform: Platform) -> None:
    """Delete expired sessions and forgotten failures, slice by slice."""
    deleted = SLICE
    while deleted >= SLICE:
        async with platform.db.transaction() as conn:
            deleted = await store.purge(conn, SLICE)


async def measure_limits(platform: Platform) -> None:
    """Show of each quota how much the organization uses that uses most."""
    async with platform.db.connection() as conn:
        for quota in platform.registry.quotas:
            limit = quota.limit(platform.settings)
            most = await quota.most(conn, limit)
            metrics.QUOTA_USED.labels(quota.name).set(most / limit)
