"""Whether anybody works: a line of ``/readyz``."""

from __future__ import annotations

from vazao.jobs import store
from vazao.kit.errors import Unavailable
from vazao.kit.platform import Platform


async def count_workers(platform: Platform) -> str:
    """How many workers are at work.

    Raises:
        Unavailable: none is.
    """
    async with platform.db.connection() as conn:
        count = await store.workers.count(conn, platform.settings.worker_lost_seconds)
    if not count:
        raise Unavailable("No worker is running.", remedy="Run: vazao worker")
    return str(count)
