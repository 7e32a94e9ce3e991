"""Connections give up a peer that is cut off, on both sides, in less time than a worker may be
silent.
"""

from __future__ import annotations

import asyncio

import pytest
from psycopg import AsyncConnection, sql

from tests.support.waiting import eventually
from vazao.kit.db import REACH, SERVER_REACH, SESSION, Database, reach_of
from vazao.kit.settings import Settings

pytestmark = pytest.mark.anyio


async def server_side(database: Database) -> dict[str, str]:
    await database.open()
    try:
        async with database.connection() as conn:
            shown = {}
            for name in SESSION:
                cursor = await conn.execute(sql.SQL("show {}").format(sql.Identifier(name)))
                row = await cursor.fetchone()
                shown[name] = row[0] if row else ""
            assert conn.info.get_parameters().items() >= REACH.items()
    finally:
        await database.close()
    return shown


async def test_both_sides_give_up_a_peer_that_is_cut_off(database_url: str) -> None:
    shown = await server_side(Database(database_url))
    assert shown == SESSION


async def test_the_session_of_a_pooler_is_left_as_it_is(database_url: str) -> None:
    shown = await server_side(Database(database_url, pooled=True))
    assert shown["tcp_user_timeout"] == "0"
    assert shown["tcp_keepalives_idle"] != "10"


async def ask(database: Database) -> int:
    async with database.connection() as conn:
        row = await (await conn.execute("select pg_backend_pid(), pg_sleep(0.05)")).fetchone()
        return row[0] if row else 0


async def test_connections_that_the_server_ended_meanwhile_are_nobody_s_error(
    database_url: str
) -> None:
    """All of a full pool, as at a restart; whoever comes next is answered, at once."""
    database = Database(database_url)
    await database.open()
    try:
        pids = sorted(set(await asyncio.gather(*(ask(database) for _ in range(30)))))
        assert len(pids) > 5
        async with await AsyncConnection.connect(database_url) as conn:
            await conn.execute(
                "select pg_terminate_backend(pid, 5000) from unnest(%s::int[]) pid", [pids]
            )
        again = asyncio.gather(*(ask(database) for _ in range(30)))
        assert set(await asyncio.wait_for(again, 5)).isdisjoint(pids)
    finally:
        await database.close()


async def test_what_can_wait_leaves_connections_to_others(database_url: str) -> None:
    database, go, holding = Database(database_url, max_size=6), asyncio.Event(), 0

    async def hold(*, patient: bool) -> None:
        nonlocal holding
        async with database.transaction(patient=patient):
            holding += 1
            await go.wait()

    async def held(count: int) -> None:
        async def so_many() -> bool:
            return holding == count

        await eventually(so_many)

    await database.open()
    try:
        crowd = [asyncio.create_task(hold(patient=True)) for _ in range(20)]
        await held(2)
        others = [asyncio.create_task(hold(patient=False)) for _ in range(4)]
        await held(6)
        go.set()
        await asyncio.gather(*crowd, *others)
        assert holding == 24
    finally:
        await database.close()


def test_what_the_address_says_counts() -> None:
    given = reach_of("postgresql://x/y?keepalives_idle=60&connect_timeout=3")
    assert given == {n: v for n, v in REACH.items()
                     if n not in ("keepalives_idle", "connect_timeout")}


def test_an_address_that_is_none_is_left_to_whoever_connects() -> None:
    assert reach_of("postgresql://x:y:z/?a") == REACH


def test_a_cut_host_s_locks_are_free_before_it_counts_as_lost() -> None:
    lost = Settings.model_fields["worker_lost_seconds"].default
    idle, interval, count = (int(SERVER_REACH[f"tcp_keepalives_{name}"])
                             for name in ("idle", "interval", "count"))
    assert idle + interval * count < lost
    assert int(SERVER_REACH["tcp_user_timeout"]) / 1000 < lost
