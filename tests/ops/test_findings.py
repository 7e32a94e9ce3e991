"""Faults that are planted, one after another: each is named, with what mends it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import psycopg
import pytest

from tests.support.jobs import ask, end_of, working
from tests.support.kinds import gate
from tests.support.waiting import eventually
from vazao.kit.findings import Finding
from vazao.kit.platform import Platform
from vazao.ops import finding, learning, reading, store, tables
from vazao.ops.models import Usual
from vazao.ops.settings import OpsSettings

pytestmark = pytest.mark.anyio
Plant = Callable[[], Awaitable[None]]


@asynccontextmanager
async def session(platform: Platform, name: str = "planted") -> AsyncIterator[Any]:
    conn = await psycopg.AsyncConnection.connect(
        platform.database_url, autocommit=True, application_name=name
    )
    async with conn:
        yield conn


async def found(platform: Platform, during: Plant | None = None) -> dict[str, Finding]:
    """What is wrong, by code; differences are of the time that *during* takes."""
    async with finding.connected(platform) as conn:
        before = await reading.read(conn)
        if during is not None:
            await during()
        # A session tells its counters when it has been idle for a second, or when it ends.
        change = reading.between(before, await reading.read(conn))
        seen = await finding.look(platform, conn, change)
    assert seen.failed == []
    return {each.code: each for each in seen.findings}


async def test_nothing_is_wrong(platform: Platform) -> None:
    assert await found(platform) == {}


async def test_a_lock_that_others_wait_for(platform: Platform) -> None:
    platform.settings.of(OpsSettings).lock_seconds = 0.0
    async with session(platform, "holder") as holder, session(platform) as waiter:
        pid = holder.info.backend_pid
        await holder.execute("create table thing (id int)")
        async with holder.transaction():
            await holder.execute("lock table thing")
            task = asyncio.create_task(waiter.execute("select from thing"))

            async def told() -> Finding | None:
                return (await found(platform)).get("lock_held")

            seen = await eventually(told)
        await task
    assert seen.params["relation"] == "thing"
    assert seen.params["application"] == "holder"
    assert seen.told("en").startswith(f"Session {pid} (holder) has kept others waiting")
    assert str(pid) in seen.advised("pt_BR")


async def test_a_transaction_left_open(platform: Platform) -> None:
    platform.settings.of(OpsSettings).idle_transaction_seconds = 0.1
    async with session(platform, "forgetful") as left, left.transaction():
        await left.execute("select 1")

        async def told() -> Finding | None:
            return (await found(platform)).get("transaction_idle")

        seen = await eventually(told)
    assert seen.params["application"] == "forgetful"
    assert await found(platform) == {}


async def test_connections_that_are_not_closed(platform: Platform) -> None:
    platform.settings.of(OpsSettings).connections_share = 0.05
    async with AsyncExitStack() as stack:
        for _ in range(40):
            await stack.enter_async_context(session(platform, "leaking"))
        seen = (await found(platform))["connections_taken"]
    assert (seen.params["application"], seen.params["sessions"]) == ("leaking", 40)


async def test_dead_rows_without_autovacuum(platform: Platform) -> None:
    async with session(platform) as conn:
        await conn.execute("create table fat (id int) with (autovacuum_enabled = false)")
        await conn.execute("insert into fat select generate_series(1, 60000)")
        await conn.execute("delete from fat")

    async def told() -> Finding | None:
        return (await found(platform)).get("dead_rows")

    seen = await eventually(told)
    assert seen.subject == "public.fat"
    async with session(platform) as conn:
        await conn.execute("alter table fat set (autovacuum_enabled = true)")
        await conn.execute("vacuum analyze fat")
    assert await found(platform) == {}


async def test_a_table_that_is_mostly_empty_and_one_whose_statistics_are_old(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "WASTED_BYTES", 1 << 20)
    async with session(platform) as conn:
        for name in ("emptied", "stale"):
            await conn.execute(
                f"create table {name} with (autovacuum_enabled = false) as select n as id, "
                "repeat('x', 200) as filler from generate_series(1, 20000) as n".encode()
            )
        # The statistics of one say that its rows are short; by now they are not.
        await conn.execute("update stale set filler = 'x'")
        await conn.execute("vacuum (analyze) stale")
        await conn.execute("update stale set filler = repeat('x', 400)")
        await conn.execute("delete from emptied where id % 20 <> 0")
    # A session tells what it changed as it ends, which would count as changed since.
    async with session(platform) as conn:
        await conn.execute("vacuum (analyze, truncate off) emptied")

    async def told() -> list[str] | None:
        async with finding.connected(platform) as looking:
            before = await reading.read(looking)
            change = reading.between(before, await reading.read(looking))
            seen = await finding.look(platform, looking, change)
        return [f.subject for f in seen.findings if f.code == "table_bloated"] or None

    assert await eventually(told) == ["public.emptied"]


LARGE = (
    "create table large as select n as id, n % 5000 as kind, repeat('x', 100) as filler "
    "from generate_series(1, 150000) as n"
)
ASKED = "select filler from large where kind = %s"


async def ask_much(platform: Platform, times: int = 120) -> None:
    async with session(platform) as conn:
        for n in range(times):
            await conn.execute(ASKED, [n % 5000])


async def test_an_index_is_missing(platform: Platform) -> None:
    async with session(platform) as conn:
        await conn.execute(LARGE)
        await conn.execute("analyze large")

    seen = (await found(platform, lambda: ask_much(platform, 100)))["index_missing"]
    assert seen.subject == "public.large (kind)"
    assert seen.advised("en").endswith("create index concurrently on public.large (\"kind\")")
    async with session(platform) as conn:
        await conn.execute("create index on large (kind)")
    assert "index_missing" not in await found(platform, lambda: ask_much(platform, 100))


FIRST = "select filler from large where kind = %s order by id limit 1"


async def ask_first(platform: Platform, times: int) -> None:
    async with session(platform) as conn:
        for n in range(times):
            await conn.execute(FIRST, [n])


async def test_a_plan_that_turned(platform: Platform) -> None:
    async with session(platform) as conn:
        await conn.execute(LARGE.replace("n % 5000", "n * 7919 % 150001"))
        await conn.execute("create index on large (kind)")
        await conn.execute("create index on large (id)")
        await conn.execute("analyze large")
    await ask_first(platform, 50)
    async with finding.connected(platform) as looking:
        row = await (await looking.execute(
            "select queryid, total_exec_time / calls from pg_stat_statements where query like "
            "'select filler from large where kind = $1 order%' and dbid = ("
            "select oid from pg_database where datname = current_database())"
        )).fetchone()
        assert row is not None
        known = Usual(queryid=row[0], usual_ms=row[1], readings=6)
        known = await learning.with_plan(known, lambda queryid: explain(looking, queryid))
    assert known.plan is not None
    assert "large_kind_idx" in known.plan
    async with platform.db.transaction() as conn:
        await store.usual.learn(conn, [known])
    # The database now takes it that half of the rows have any kind, and goes through them by id.
    async with session(platform) as conn:
        await conn.execute("alter table large alter kind set (n_distinct = 2)")
        await conn.execute("analyze large")
    seen = (await found(platform, lambda: ask_first(platform, 100)))["plan_turned"]
    assert "Index Scan large_id_idx" in seen.told("en")
    assert "analyze public.large" in seen.advised("en")


async def explain(conn: Any, queryid: int) -> Any:
    schema = await store.counters.schema_of_statements(conn)
    assert schema is not None
    texts = await store.counters.texts(conn, schema, [queryid])
    return await store.plans.plan_of(conn, texts[queryid])


def statement(calls: int, ms: float) -> reading.StatementChange:
    return reading.StatementChange(7, calls, ms, 0, 0)


def test_a_usual_time_is_learnt_and_what_is_strange_is_no_lesson() -> None:
    assert learning.taught(None, statement(4, 400.0)) is None
    known = learning.taught(None, statement(100, 200.0))
    for _ in range(5):
        assert known is not None
        known = learning.taught(known, statement(100, 400.0))
    assert known is not None
    assert (known.readings, round(known.usual_ms, 2)) == (6, 3.67)
    assert learning.taught(known, statement(100, 2_000.0)) is None
    assert learning.taught(known, statement(100, 1_000.0)).usual_ms < 5  # type: ignore[union-attr]


async def test_no_worker(platform: Platform) -> None:
    job = await ask(platform, "test.echo")
    seen = (await found(platform))["no_worker"]
    assert seen.params["waiting"] == 1
    async with working(platform):
        await end_of(platform, job)
        assert "no_worker" not in await found(platform)


async def test_one_organization_holds_all_workers(platform: Platform) -> None:
    platform.settings.queue_wait_seconds = 0.1
    platform.settings.worker_concurrency = 1
    async with working(platform):
        held = [await ask(platform, "test.gate", gate="held") for _ in range(4)]
        other = await ask(platform, "test.gate", organization_id=2, gate="held")

        async def told() -> Finding | None:
            return (await found(platform)).get("queue_starved")

        try:
            seen = await eventually(told)
        finally:
            gate("held").set()
        for job in (*held, other):
            await end_of(platform, job)
    assert seen.params["waiting"] >= 1
