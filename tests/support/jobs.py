"""A platform with kinds of work made for tests, and jobs from the request to their end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from tests.support.kinds import EFFECTS, register_kinds
from tests.support.waiting import eventually
from vazao import images, jobs, numbers, uploads
from vazao.jobs.models import Job, Part
from vazao.jobs.store import order, parts
from vazao.kit.platform import Platform
from vazao.kit.registry import Registry
from vazao.kit.settings import Settings
from vazao.kit.worker import work


def make_platform(database_url: str, data_dir: Path, **settings: Any) -> Platform:
    """A platform with the test kinds, quick beats and no other feature."""
    registry = Registry()
    uploads.register(registry)
    jobs.register(registry)
    images.register(registry)
    numbers.register(registry)
    register_kinds(registry)
    chosen = {
        "worker_beat_seconds": 0.5, "worker_lost_seconds": 15.0, "worker_stop_seconds": 2.0,
    } | settings
    made = Settings(database_url=database_url, data_dir=data_dir, secret="x" * 32, **chosen)
    return Platform(made, database_url, registry, direct=True)


@asynccontextmanager
async def working(platform: Platform) -> AsyncIterator[asyncio.Event]:
    """A worker inside the test's own process."""
    stop = asyncio.Event()
    task = asyncio.create_task(work(platform, stop))
    try:
        yield stop
    finally:
        stop.set()
        await task


async def load(platform: Platform, job: Job) -> Job:
    async with platform.db.connection() as conn:
        return await jobs.get_job(conn, job.organization_id, job.token)


async def ask(platform: Platform, kind: str, organization_id: int = 1, **payload: object) -> Job:
    async with platform.db.transaction() as conn:
        return await jobs.enqueue(
            conn, kind, organization_id=organization_id, payload=dict(payload)
        )


async def end_of(platform: Platform, job: Job) -> Job:
    async def look() -> Job | None:
        found = await load(platform, job)
        return found if found.ended else None

    return await eventually(look)


async def effects(platform: Platform, job: Job) -> list[str]:
    async with platform.db.connection() as conn:
        rows = await conn.execute(
            "select what from test_effect where job_id = %s order by id", [job.id]
        )
        return [row[0] for row in await rows.fetchall()]


async def make_effects(platform: Platform) -> None:
    async with platform.db.connection() as conn:
        await conn.execute(EFFECTS)


async def fetch(conn: Any, worker_id: int) -> tuple[Part, Job, UUID] | None:
    """What a worker would run next, begun."""
    fetched = await parts.fetch(conn, [order.QUEUE, order.QUICK], None, worker_id)
    return fetched[1] if fetched else None
