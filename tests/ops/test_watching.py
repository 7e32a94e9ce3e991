"""One process looks, notes what began and what is over, and hands on when it is gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.jobs import make_platform
from tests.support.notices import events, listens
from tests.support.waiting import eventually
from vazao import accounts, ops
from vazao.kit.platform import PUBLIC, Platform
from vazao.ops import store
from vazao.ops.models import Alarm
from vazao.ops.settings import OpsSettings
from vazao.ops.watching import Watch

pytestmark = pytest.mark.anyio


@pytest.fixture
async def watched(counted: str, data_dir: Path) -> AsyncIterator[Platform]:
    platform = make_platform(counted, data_dir, disk_floor_bytes=0)
    ops.register(platform.registry)
    settings = platform.settings.of(OpsSettings)
    settings.every_seconds, settings.idle_transaction_seconds = 0.1, 0.1
    await platform.open()
    yield platform
    await platform.close()


async def wrong(platform: Platform) -> list[Alarm]:
    async with platform.db.connection() as conn:
        return await store.alarms.now_wrong(conn)


async def over(platform: Platform) -> list[Alarm]:
    async with platform.db.connection() as conn:
        return await store.alarms.over(conn)


async def test_an_alarm_begins_goes_on_and_is_over(watched: Platform) -> None:
    watch = Watch(watched)
    watch.start()
    try:
        connection = await psycopg.AsyncConnection.connect(watched.database_url)
        async with connection as left:
            await left.execute("select 1")
            first = (await eventually(lambda: wrong(watched)))[0]
            assert (first.code, first.subject) == (
                "transaction_idle", str(left.info.backend_pid)
            )

            async def goes_on() -> list[Alarm] | None:
                found = await wrong(watched)
                return found if found[0].seen_at > first.seen_at else None

            later = await eventually(goes_on)
            assert [(each.id, each.since) for each in later] == [(first.id, first.since)]
        ended = (await eventually(lambda: over(watched)))[0]
        assert (ended.id, ended.ended_at is not None) == (first.id, True)
        assert await wrong(watched) == []
    finally:
        await watch.close()


async def test_one_looks_and_another_takes_over(watched: Platform) -> None:
    first, second = Watch(watched), Watch(watched)
    first.start()
    try:
        assert await eventually(lambda: sessions(watched)) == 1
        second.start()
        await asyncio.gather(*(eventually(lambda: sessions(watched)) for _ in range(3)))
        assert await sessions(watched) == 1
        await first.close()
        assert await eventually(lambda: sessions(watched)) == 1
    finally:
        await second.close()


async def sessions(platform: Platform) -> int:
    async with platform.db.connection() as conn:
        found: Any = await (await conn.execute(
            "select count(*) from pg_stat_activity where application_name = 'vazao-ops' "
            "and datname = current_database()"
        )).fetchone()
    return found[0]


async def test_a_database_that_goes_away_is_looked_at_again(watched: Platform) -> None:
    watch = Watch(watched)
    watch.start()
    try:
        assert await eventually(lambda: sessions(watched)) == 1
        async with watched.db.connection() as conn:
            await conn.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where "
                "application_name = 'vazao-ops' and datname = current_database()"
            )

        async def again() -> bool:
            return await sessions(watched) == 1

        await eventually(again)
    finally:
        await watch.close()


async def test_what_begins_and_is_over_is_told_to_the_platforms_own_organization(
    watched: Platform,
) -> None:
    watched.registry.resolve_organization = accounts.organization_id
    async with watched.db.connection() as conn:
        public = await accounts.organization_id(conn, PUBLIC)
    await listens(watched, public, "alarm.raised", "alarm.solved")
    watch = Watch(watched)
    watch.start()
    try:
        async with await psycopg.AsyncConnection.connect(watched.database_url) as left:
            await left.execute("select 1")
            await eventually(lambda: events(watched, public))

        async def both() -> bool:
            return {type for type, _, _ in await events(watched, public)} == {
                "alarm.raised", "alarm.solved"
            }

        await eventually(both)
        first = (await events(watched, public))[0]
        assert first[:2] == ("alarm.raised", f"alarm:{first[2]['alarm']}")
    finally:
        await watch.close()
