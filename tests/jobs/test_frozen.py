"""A worker that freezes or is cut off inside a transaction does not keep others from their work."""

from __future__ import annotations

import pytest

from tests.support.jobs import ask, fetch, make_effects
from vazao.jobs import fairness, store
from vazao.jobs.parts import PartRun
from vazao.kit.platform import Platform

pytestmark = pytest.mark.anyio


async def begun(platform: Platform) -> PartRun:
    await make_effects(platform)
    await ask(platform, "test.echo")
    async with platform.db.connection() as conn:
        attempt = await fetch(conn, 1)
    assert attempt is not None
    return PartRun(platform, attempt[1], attempt[0], attempt[2])


async def test_a_take_back_does_not_wait_for_an_ending(platform: Platform) -> None:
    run = await begun(platform)
    async with platform.db.transaction() as frozen, platform.db.transaction() as conn:
        await store.jobs.lock(frozen, run.job.id)
        await conn.execute("set local lock_timeout = '2s'")
        freed = await store.workers.take_back(conn, [1])
        # The part changes a second time in this transaction: that looks at its job's key.
        released = await fairness.release(conn, run.job.organization_id)
    assert (len(freed), released) == (1, 1)


async def test_a_part_s_transaction_does_not_stay_open_for_ever(platform: Platform) -> None:
    run = await begun(platform)
    limits = []
    async with run.finishing() as conn:
        limits.append(await (await conn.execute(
            "show idle_in_transaction_session_timeout")).fetchone())
    async with platform.db.connection() as conn:
        limits.append(await (await conn.execute(
            "show idle_in_transaction_session_timeout")).fetchone())
    assert limits == [("1min",), ("0",)]
