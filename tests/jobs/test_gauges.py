"""How much work there is, as operators see it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.jobs import ask
from vazao.jobs import gauges, store
from vazao.kit import metrics
from vazao.kit.platform import Platform

pytestmark = pytest.mark.anyio


async def test_parts_are_counted_by_state_and_the_longest_wait_is_known(
    platform: Platform
) -> None:
    async with platform.db.connection() as conn:
        assert (await store.order.load(conn)).oldest_seconds == 0
        for organization, count in ((1, 203), (2, 1), (3, 2)):
            for _ in range(count):
                await ask(platform, "test.echo", organization_id=organization)
        await conn.execute(
            "update jobs.part set requested_at = requested_at - interval '1 hour' "
            "where state = 'held' and number = 1 and job_id = (select max(job_id) from jobs.part "
            "where state = 'held')"
        )
        await conn.execute("update jobs.part set state = 'held' where organization_id = 3")
        row = await (await conn.execute(
            "select count(*) filter (where state = 'held'), "
            "count(*) filter (where state = 'queued') from jobs.part"
        )).fetchone()
        await conn.execute(
            "update jobs.part set requested_at = kit.now() - interval '2 hours' "
            "where job_id = (select min(job_id) from jobs.part where organization_id = 3)"
        )
        load = await store.order.load(conn)
    assert row
    assert row[0] >= 2
    assert (load.held, load.queued, load.running) == (*row, 0)
    assert timedelta(hours=2) <= timedelta(seconds=load.oldest_seconds) < timedelta(hours=2.1)
    await gauges.measure(platform)
    assert metrics.PARTS_NOW.labels("held")._value.get() == row[0]
    assert metrics.OLDEST_WAITING._value.get() >= 7200
