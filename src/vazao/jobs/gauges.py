"""How much work there is, for operators: parts by state, workers that live, the longest wait."""

from __future__ import annotations

from vazao.jobs import store
from vazao.kit import metrics
from vazao.kit.platform import Platform
from vazao.kit.sql import Conn

EVERY_SECONDS = 10.0


async def read(platform: Platform, conn: Conn) -> dict[str, float]:
    """Parts by state (``parts_held``, ``parts_queued``, ``parts_running``), the longest wait in
    seconds (``oldest_wait``), and ``workers`` that live; a few reads of partial indexes.
    """
    load = await store.order.load(conn)
    return {
        "parts_held": load.held, "parts_queued": load.queued, "parts_running": load.running,
        "oldest_wait": load.oldest_seconds,
        "workers": await store.workers.count(conn, platform.settings.worker_lost_seconds),
    }


async def measure(platform: Platform) -> None:
    """Count, and set the gauges."""
    async with platform.db.connection() as conn:
        found = await read(platform, conn)
    for state in ("held", "queued", "running"):
        metrics.PARTS_NOW.labels(state).set(found[f"parts_{state}"])
    metrics.OLDEST_WAITING.set(found["oldest_wait"])
    metrics.WORKERS_LIVE.set(found["workers"])
