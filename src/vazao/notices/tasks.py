"""Housekeeping of notices."""

from __future__ import annotations

from vazao.kit.platform import Platform
from vazao.notices import store
from vazao.notices.settings import NoticeSettings

SLICE = 5_000


async def sweep(platform: Platform) -> None:
    """Forget what was delivered long ago and what was removed, slice by slice."""
    days = platform.settings.of(NoticeSettings).keep_days
    swept = SLICE
    while swept >= SLICE:
        async with platform.db.transaction() as conn:
            swept = await store.deliveries.sweep(conn, days=days, limit=SLICE)
    swept = SLICE
    while swept >= SLICE:
        async with platform.db.transaction() as conn:
            swept = await store.outbox.sweep(conn, days=days, limit=SLICE)
    async with platform.db.transaction() as conn:
        await store.webhooks.sweep(conn)
