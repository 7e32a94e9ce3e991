"""What a process shows of itself from time to time: its pool of connections, and the disk."""

from __future__ import annotations

import asyncio
import shutil

from vazao.kit import metrics
from vazao.kit.platform import Platform

EVERY_SECONDS = 5.0


def show(platform: Platform) -> None:
    """Set the gauges to what is the case now."""
    stats = platform.db.pool.get_stats()
    idle = stats.get("pool_available", 0)
    metrics.POOL.labels("in_use").set(stats.get("pool_size", 0) - idle)
    metrics.POOL.labels("idle").set(idle)
    metrics.POOL.labels("waiting").set(stats.get("requests_waiting", 0))
    usage = shutil.disk_usage(platform.settings.folder)
    metrics.DISK.labels("free").set(usage.free)
    metrics.DISK.labels("total").set(usage.total)


async def keep(platform: Platform) -> None:
    """Show them again and again, until cancelled."""
    while True:
        show(platform)
        metrics.add_tallies()
        await asyncio.sleep(EVERY_SECONDS)
