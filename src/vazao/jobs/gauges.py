"""How much work there is, for operators: parts by state, workers that live, the longest wait."""

from __future__ import annotations

from vazao.jobs import store
from vazao.kit import metrics
from vazao.kit.platform import Platform

EVERY_SECONDS = 10.0


async def measure(platform: Platform) -> None:
    """Count, and set the gauges; a few reads of partial indexes."""
    async with platform.db.connection() as conn:
        load = await store.order.load(conn)
        workers = await store.workers.count(conn, platform.settings.worker_lost_seconds)
    for state in ("held", "queued", "running"):
        metrics.PARTS_NOW.labels(state).set(getattr(load, state))
    metrics.OLDEST_WAITING.set(load.oldest_seconds)
    metrics.WORKERS_LIVE.set(workers)
