"""What pages read stays a look into an index, however many jobs an organization has."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql

from tests.support.history import write_job
from tests.support.jobs import make_platform
from vazao.jobs import overview, service, store
from vazao.kit.platform import Platform
from vazao.kit.sql import PAGE_BYTES

pytestmark = pytest.mark.anyio
MANY = """
insert into jobs.job (token, organization_id, kind, status, step, requested_at, started_at,
    finished_at)
select md5(n::text), 1 + n % 2, (array['test.echo', 'test.fan'])[1 + n / 2 % 2],
    case when n % 4000 = 0 then 'failed' when n > 39000 then 'queued' else 'finished' end, 'only',
    now() - interval '1 hour', now() - interval '1 hour', now() - interval '30 minutes'
from generate_series(1, 40000) as n
"""


@pytest.fixture
async def platform(database_url: str, data_dir: Path) -> AsyncIterator[Platform]:
    made = make_platform(database_url, data_dir)
    await made.open()
    async with made.db.connection() as conn:
        await conn.execute(MANY)
        await conn.execute("analyze jobs.job")
    yield made
    await made.close()


async def touched(conn: Any, statement: Any, **params: Any) -> tuple[int, str]:
    """How many pages a statement touches, and its plan."""
    cursor = await conn.execute(
        sql.SQL("explain (analyze, buffers, format json) ") + statement, params
    )
    plan = (await cursor.fetchone())[0][0]["Plan"]
    return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"], json.dumps(plan)


@pytest.mark.parametrize("asked", [
    {}, {"status": "failed"}, {"status": "cancelled"}, {"kind": "test.fan"}, {"before": 20_000},
    {"kind": "nothing"}, {"status": "failed", "kind": "test.echo"},
    {"status": "queued", "kind": "test.fan", "before": 39_900}, {"token": "0" * 32},
])
async def test_a_list_reads_little(platform: Platform, asked: dict[str, Any]) -> None:
    async with platform.db.connection() as conn:
        blocks, plan = await touched(
            conn, store.pages.listing(list(asked)), organization_id=1, limit=26,
            page_bytes=PAGE_BYTES, **asked
        )
    assert "Seq Scan" not in plan
    assert blocks < 150, plan


async def test_times_and_figures_read_little(platform: Platform) -> None:
    async with platform.db.connection() as conn:
        blocks, plan = await touched(
            conn, store.pages.Q.times_of_kinds, organization_id=1,
            kinds=["test.echo", "test.fan"], limit=overview.NEWEST_OF_KIND,
        )
        assert "Seq Scan" not in plan
        assert blocks < 1200, plan
        blocks, plan = await touched(
            conn, store.pages.Q.count_open, organization_id=1, limit=100
        )
        assert "Seq Scan" not in plan
        assert blocks < 150, plan
        assert await overview.open_jobs(conn, 1) == 499
        assert await overview.open_jobs(conn, 3) == 0


@pytest.mark.parametrize("count", [1, 2, 199, 200, 201, 3000])
async def test_a_sample_holds_the_first_and_the_last(platform: Platform, count: int) -> None:
    token = await write_job(platform, 5, parts=count)
    async with platform.db.connection() as conn:
        job = await service.get_job(conn, 5, token)
        numbers = [part.number for part in await overview.sample(conn, job)]
    assert (numbers[0], numbers[-1]) == (1, count)
    assert len(numbers) == len(set(numbers)) == min(count, overview.PICTURED)


async def test_the_log_tells_what_went_wrong_in_order(platform: Platform) -> None:
    token = await write_job(platform, 5, status="failed", parts=9)
    async with platform.db.connection() as conn:
        events = await overview.events(conn, await service.get_job(conn, 5, token))
    told = [event.what for event in events]
    assert (told[0], told[-1]) == ("requested", "failed")
    assert told.count("began") == told.count("done") == 3
    again = [event.values for event in events if event.what == "again"]
    assert [(each["number"], each["errors"], each["lost"]) for each in again] == [
        (5, 1, 0), (7, 0, 1),
    ]
    assert [event.at for event in events] == sorted(event.at for event in events)


async def test_a_search_reads_the_newest_alone(platform: Platform) -> None:
    async with platform.db.connection() as conn:
        floor, plan = await touched(
            conn, store.pages.Q.nth_newest, organization_id=1, newest=overview.SEARCHED
        )
        assert "Seq Scan" not in plan
        assert floor < 600, plan
        blocks, plan = await touched(
            conn, store.pages.listing(["by", "about", "above"]), organization_id=1, limit=26,
            page_bytes=PAGE_BYTES, by="ana", about="x", above=40_000 - 2 * overview.SEARCHED,
        )
    assert "Seq Scan" not in plan
    assert blocks < 600, plan
