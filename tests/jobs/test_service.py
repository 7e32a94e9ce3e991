"""Jobs end to end, with a worker inside the test's process."""

from __future__ import annotations

import pytest

from tests.jobs.conftest import working
from tests.jobs.kinds import EFFECTS
from tests.support import eventually
from vazao import jobs
from vazao.jobs.models import Job
from vazao.kit.platform import Platform

pytestmark = pytest.mark.anyio


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


async def test_a_returned_value_is_the_result(platform: Platform) -> None:
    job = await ask(platform, "test.echo", word="oi")
    async with working(platform):
        job = await end_of(platform, job)
    assert job.status == "finished"
    assert job.result == {"echo": {"word": "oi"}}
    assert job.progress == 1
    assert (job.parts_total, job.parts_done, job.pending) == (1, 1, 0)
    assert job.requested_at <= job.started_at <= job.finished_at
    assert job.execution_seconds > 0


async def test_parts_are_joined_once(platform: Platform) -> None:
    await make_effects(platform)
    job = await ask(platform, "test.fan", parts=30)
    async with working(platform):
        job = await end_of(platform, job)
    assert job.status == "finished"
    assert job.result == {"sum": sum(range(30))}
    assert await effects(platform, job) == ["slice"] * 30 + ["join", "on_end finished"]
    assert (job.parts_total, job.parts_done, job.rows_done) == (32, 32, 300)
