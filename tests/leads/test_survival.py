"""Killed, crashed, cancelled, started over: nothing is lost and nothing is done twice."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.support.leads import Tenant, five, make_platform, outcome, view, working
from tests.support.locks import waits_for_lock, writer
from tests.support.waiting import eventually
from vazao import jobs
from vazao.kit.platform import Platform
from vazao.leads import declaring, store, tasks

pytestmark = pytest.mark.anyio
ORGANIZATION = 9
ROWS = 1200


@pytest.fixture
async def small(database_url: str, data_dir: Path) -> AsyncIterator[Platform]:
    """A platform with slices of a hundred rows and no worker."""
    made = make_platform(database_url, data_dir, leads_slice_rows=100, worker_concurrency=2)
    await made.open()
    yield made
    await made.close()


@asynccontextmanager
async def process(platform: Platform) -> AsyncIterator[asyncio.subprocess.Process]:
    """A worker process; killed at the end if it still lives."""
    made = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.worker_of_leads", platform.database_url,
        str(platform.settings.folder), "leads_slice_rows=100", "worker_concurrency=2",
        cwd=Path(__file__).parents[2],
        stderr=asyncio.subprocess.DEVNULL if not os.environ.get("SHOW") else None,
        stdout=asyncio.subprocess.DEVNULL if not os.environ.get("SHOW") else None,
    )
    try:
        yield made
    finally:
        if made.returncode is None:
            made.kill()
        await made.wait()


def sheet(name: str, rows: int = ROWS) -> str:
    """New people, known people that change or stay, duplicates, and bad rows."""
    lines = [f"u{n}@x.com,{name if n % 2 else 'old'}{n},t{n % 3}" for n in range(rows)]
    lines += lines[:20] + [f"bad{n},x," for n in range(30)]
    return "E-mail,Nome,Tags\n" + "\n".join(lines) + "\n"


KNOWN = "E-mail,Nome,Tags\n" + "".join(f"u{n}@x.com,old{n},t{n % 3}\n" for n in range(0, 600))
EXPECTED = (600, 300, 300, 20, 30)


async def begun(platform: Platform) -> tuple[Tenant, str]:
    """A base of 600 leads, and an import of 1,250 rows that waits for a worker."""
    tenant = Tenant(platform, ORGANIZATION)
    async with working(platform):
        assert await tenant.five(KNOWN) == (600, 0, 0, 0, 0)
    return tenant, await tenant.begin(sheet("new"))


async def ends_as_if_undisturbed(tenant: Tenant, token: str) -> dict[str, Any]:
    """Another worker finishes the import: the same outcomes and base as ever; the import."""
    shown = await outcome(tenant.platform, token, tenant.id)
    assert (shown["status"], five(shown)) == ("finished", EXPECTED), shown["error"]
    assert shown["rows_total"] == sum(EXPECTED)
    base = await tenant.base()
    assert {e: (lead["name"], lead["tags"]) for e, lead in base.items()} == {
        f"u{n}@x.com": (f"{'new' if n % 2 else 'old'}{n}", [f"t{n % 3}"]) for n in range(ROWS)
    }
    refused = await tenant.rows(
        "select row from leads.rejection r join leads.import i on i.id = r.import_id "
        "where organization_id = %s order by row"
    )
    assert [row for (row,) in refused] == list(range(ROWS + 22, ROWS + 52))
    assert len((await tenant.errors(shown)).splitlines()) == 31
    async with tenant.platform.db.connection() as conn:
        assert await store.base.size(conn, tenant.id) == ROWS
    await tasks.sweep(tenant.platform)
    assert await staging(tenant) == []
    return shown


async def staging(tenant: Tenant) -> list[str]:
    found = await tenant.rows(
        "select relname from pg_class where %s::int > 0 and "
        "relnamespace = 'leads_staging'::regnamespace and relkind = 'r' and relname !~ '_r$'"
    )
    return [name for (name,) in found]


MOMENTS = {
    "before staging": "lock table leads.custom_field in access exclusive mode",
    "while staging": "lock table leads.suppression in access exclusive mode",
    "staged, not handed over": "select from leads.import for update",
    "in the middle of a slice": "select from leads.lead where email like 'u1%' for update",
    "at a new row": "insert into leads.lead (organization_id, email) values (9, 'u700@x.com')",
    "at a slice's record": "insert into leads.slice (organization_id, import_id, round, number, "
    "created, updated, unchanged, duplicates, rejected) select organization_id, id, round, 2, "
    "'{}', '{}', 0, 0, 0 from leads.import order by id desc limit 1",
    "at a slice's end": "select from leads.base for update",
    "at the job's count": "select from jobs.job where status <> 'finished' for update",
}


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_worker_killed_at_any_moment_loses_nothing_and_repeats_nothing(
    small: Platform, moment: str
) -> None:
    tenant, token = await begun(small)
    async with writer(small) as theirs:
        await theirs.execute(MOMENTS[moment])  # type: ignore[arg-type]
        async with process(small) as killed:
            await waits_for_lock(small)
            killed.kill()
            assert await killed.wait() == -signal.SIGKILL
        # What the killed one left waiting in the server goes on when the lock is freed, too.
        async with working(small):
            await theirs.rollback()
            shown = await ends_as_if_undisturbed(tenant, token)
    assert shown["status"] == "finished"


async def test_workers_killed_again_and_again(small: Platform) -> None:
    tenant, token = await begun(small)
    for wanted in (1, 4, 8):
        async with process(small) as killed:
            async def far_enough(wanted: int = wanted) -> bool:
                shown = await view(small, token, ORGANIZATION)
                return shown["parts_done"] >= wanted or shown["status"] == "finished"

            await eventually(far_enough)
            killed.kill()
            assert await killed.wait() == -signal.SIGKILL
    async with working(small):
        assert (await ends_as_if_undisturbed(tenant, token))["status"] == "finished"


@asynccontextmanager
async def gated(
    platform: Platform, after: int
) -> AsyncIterator[tuple[asyncio.Event, asyncio.Event]]:
    """Lets *after* slices merge; sets the first event then, and waits for the second."""
    kind = platform.registry.job_kinds["leads.import"]
    reached, go, count = asyncio.Event(), asyncio.Event(), 0

    async def merge(run: jobs.PartRun) -> None:
        nonlocal count
        count += 1
        if count > after:
            reached.set()
            await go.wait()
        await tasks.merge(run)

    steps = dict(kind.steps) | {"merge": merge}
    platform.registry.job_kinds["leads.import"] = dataclasses.replace(kind, steps=steps)
    yield reached, go
    go.set()


async def emptied(tenant: Tenant, name: str) -> None:
    await run(tenant, sql.SQL("truncate leads_staging.{}").format(sql.Identifier(name)))


async def gone(tenant: Tenant, name: str) -> None:
    await run(tenant, sql.SQL("drop table leads_staging.{}").format(sql.Identifier(name)))


async def run(tenant: Tenant, statement: sql.Composed) -> None:
    async with tenant.platform.db.connection() as conn:
        await conn.execute(statement)


@pytest.mark.parametrize("after", [0, 3])
@pytest.mark.parametrize("crash", [emptied, gone])
async def test_a_staging_that_a_crash_emptied_is_read_again(
    small: Platform, crash: Callable[[Tenant, str], Awaitable[None]], after: int
) -> None:
    tenant, token = await begun(small)
    async with gated(small, after) as (reached, go), working(small):
        await asyncio.wait_for(reached.wait(), 20)
        (name,) = await staging(tenant)
        await crash(tenant, name)
        go.set()
        await ends_as_if_undisturbed(tenant, token)
        record = await tenant.rows(
            "select staging from leads.import where organization_id = %s order by id desc limit 1"
        )
    assert record[0][0] != name, "it was read again, under another name"


async def test_a_staging_is_had_again_by_the_rules_of_the_first_time(small: Platform) -> None:
    """A type that was declared meanwhile would leave values out."""
    tenant = Tenant(small, ORGANIZATION)
    token = await tenant.begin("E-mail,Valor\n" + "".join(
        f"u{n}@x.com,{n if n % 2 else 'x'}\n" for n in range(300)
    ))
    async with gated(small, 0) as (reached, go), working(small):
        await asyncio.wait_for(reached.wait(), 20)
        await emptied(tenant, (await staging(tenant))[0])
        async with small.db.transaction() as conn:
            await declaring.declare_field(conn, ORGANIZATION, "valor", "number")
        go.set()
        shown = await outcome(small, token, ORGANIZATION)
    assert (shown["status"], five(shown)) == ("finished", (300, 0, 0, 0, 0))
    assert (await tenant.lead("u0@x.com"))["custom"] == {"valor": "x"}


async def cancelled(tenant: Tenant, token: str) -> dict[str, Any]:
    async with tenant.platform.db.transaction() as conn:
        await jobs.cancel(conn, tenant.id, token)
    return await view(tenant.platform, token, tenant.id)


async def test_cancelled_while_merging_keeps_the_merged_slices_and_adds_up(
    small: Platform,
) -> None:
    tenant, token = await begun(small)
    async with gated(small, 5) as (reached, go), working(small):
        await asyncio.wait_for(reached.wait(), 20)
        shown = await cancelled(tenant, token)
        go.set()
    again = await view(small, token, ORGANIZATION)
    assert shown["status"] == "cancelled"
    assert five(again) == five(shown), "nothing was merged after the cancellation"
    assert shown["rejected"] == 30
    assert 0 < shown["created"] < 600
    assert sum(five(shown)) + shown["rows_unprocessed"] == shown["rows_total"] == sum(EXPECTED)
    assert len(await tenant.base()) == 600 + shown["created"]


async def test_cancelled_while_reading_merges_nothing_and_adds_up(small: Platform) -> None:
    tenant, token = await begun(small)
    async with writer(small) as theirs, working(small):
        await theirs.execute("select from leads.import for update")
        await waits_for_lock(small, on="leads.")
        shown = await cancelled(tenant, token)
        await theirs.rollback()
    shown = await view(small, token, ORGANIZATION)
    assert (shown["status"], five(shown)) == ("cancelled", (0, 0, 0, 0, 0))
    assert shown["rows_unprocessed"] == shown["rows_total"] == sum(EXPECTED)
    assert len(await tenant.base()) == 600
    await tasks.sweep(small)
    assert await staging(tenant) == []


@pytest.mark.parametrize("mode", ["upsert", "create", "update"])
async def test_a_cancelled_import_that_is_retried_ends_as_one_would(
    small: Platform, mode: str
) -> None:
    tenant = Tenant(small, ORGANIZATION)
    async with working(small):
        await tenant.five(KNOWN)
    token = await tenant.begin(sheet("new"), mode=mode)
    async with gated(small, 5) as (reached, go), working(small):
        await asyncio.wait_for(reached.wait(), 20)
        first = await cancelled(tenant, token)
        go.set()
        async with small.db.transaction() as conn:
            await jobs.retry(conn, ORGANIZATION, token)
        shown = await outcome(small, token, ORGANIZATION)
    assert shown["status"] == "finished"
    assert sum(five(shown)) == shown["rows_total"] == sum(EXPECTED)
    assert "rows_unprocessed" not in shown
    created, updated, _, duplicates, rejected = EXPECTED
    both = (first["created"] + shown["created"], first["updated"] + shown["updated"])
    assert both == (0 if mode == "update" else created, 0 if mode == "create" else updated)
    assert shown["duplicates"] == duplicates
    assert shown["rejected"] == rejected + (0 if mode == "upsert" else 600)
    errors = (await tenant.errors(shown)).splitlines()
    assert len(errors) == 1 + shown["rejected"], "rejections of the first round are not told twice"


async def test_a_failed_import_is_retried_once_its_cause_is_gone(small: Platform) -> None:
    tenant = Tenant(small, ORGANIZATION)
    body = "E-mail,Nome\na@x.com," + "x" * 300 + "\n"
    strict = make_platform(small.database_url, small.settings.folder, leads_max_cell_bytes=100)
    await strict.open()
    async with working(strict):
        shown = await Tenant(strict, ORGANIZATION).run(body)
    await strict.close()
    assert (shown["status"], shown["error"]["code"]) == ("failed", "sheet_cell_too_large")
    async with working(small):
        async with small.db.transaction() as conn:
            await jobs.retry(conn, ORGANIZATION, shown["id"])
        again = await outcome(small, shown["id"], ORGANIZATION)
    assert (again["status"], again["error"], five(again)) == ("finished", None, (1, 0, 0, 0, 0))
    assert len(await tenant.base()) == 1


async def test_an_import_whose_sheet_was_removed_cannot_start_over(small: Platform) -> None:
    tenant = Tenant(small, ORGANIZATION)
    token = await tenant.begin("E-mail\na@x.com\n")
    await cancelled(tenant, token)
    async with small.db.transaction() as conn:
        await conn.execute("update leads.import set sheet_gone = 'expired'")
    with pytest.raises(jobs.FileGone):
        async with small.db.transaction() as conn:
            await jobs.retry(conn, ORGANIZATION, token)


async def one_staged(tenant: Tenant) -> bool:
    return len(await staging(tenant)) == 1


async def test_staging_left_by_a_killed_reader_goes_with_the_sweep(small: Platform) -> None:
    tenant, token = await begun(small)
    # The first import's, where its worker stopped before that was done.
    await tasks.sweep(small)
    async with writer(small) as theirs:
        await theirs.execute("select from leads.import for update")
        async with process(small) as killed:
            await eventually(lambda: one_staged(tenant))
            await waits_for_lock(small)
            killed.kill()
            await killed.wait()
        assert len(await staging(tenant)) == 1
        await tasks.sweep(small)
        assert len(await staging(tenant)) == 1, "the import is still at work"
        await theirs.rollback()
    await cancelled(tenant, token)
    await tasks.sweep(small)
    assert await staging(tenant) == []


async def test_connections_cut_in_the_middle_are_survived(small: Platform) -> None:
    tenant, token = await begun(small)
    async with writer(small) as theirs, working(small):
        await theirs.execute(MOMENTS["in the middle of a slice"])  # type: ignore[arg-type]
        await waits_for_lock(small, on="leads_staging")
        with psycopg.connect(small.database_url, autocommit=True) as admin:
            cut = admin.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where "
                "datname = current_database() and wait_event_type = 'Lock'"
            ).fetchall()
        assert (True,) in cut
        await theirs.rollback()
        await ends_as_if_undisturbed(tenant, token)
