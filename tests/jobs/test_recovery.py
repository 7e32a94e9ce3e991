"""Workers that are killed, silent, stopped: nothing is lost, nothing is done twice."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from psycopg import AsyncConnection

from tests.support.jobs import (
    ask,
    effects,
    end_of,
    fetch,
    load,
    make_effects,
    make_platform,
    working,
)
from tests.support.kinds import effect
from tests.support.waiting import eventually
from vazao.jobs import recovery
from vazao.jobs.errors import Fenced, JobCancelled
from vazao.jobs.models import Job
from vazao.jobs.parts import PartRun
from vazao.kit.platform import Platform
from vazao.kit.registry import Periodic

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def process(platform: Platform, *settings: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A worker process; killed at the end if it still lives."""
    made = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.worker_of_jobs", platform.database_url,
        str(platform.settings.folder), *settings, cwd=Path(__file__).parents[2],
        stderr=asyncio.subprocess.DEVNULL if not os.environ.get("SHOW") else None,
    )
    try:
        yield made
    finally:
        if made.returncode is None:
            made.kill()
        await made.wait()


async def began(platform: Platform, job: Job, count: int = 1) -> None:
    async def look() -> bool:
        return (await effects(platform, job)).count("began") >= count

    await eventually(look)


async def test_what_a_killed_worker_ran_goes_on_at_once(
    database_url: str, data_dir: Path
) -> None:
    """A dead process needs no silence: nothing here is lost by its age."""
    platform = make_platform(database_url, data_dir, worker_lost_seconds=600.0)
    await platform.open()
    await make_effects(platform)
    job = await ask(platform, "test.die", times=1)
    async with working(platform):
        pass
    async with process(platform) as first:
        assert await asyncio.wait_for(first.wait(), 20) == -signal.SIGKILL
    async with working(platform):
        job = await end_of(platform, job)
    assert job.status == "finished"
    assert job.attempts == 2
    assert await effects(platform, job) == ["began", "began", "done"]
    await platform.close()


async def test_the_other_worker_of_the_host_notices_at_once(platform: Platform) -> None:
    await make_effects(platform)
    async with process(platform, "worker_lost_seconds=600") as first:
        job = await ask(platform, "test.linger")
        await began(platform, job)
        async with process(platform, "worker_lost_seconds=600"):
            first.kill()
            await first.wait()
            await began(platform, job, 2)
            await let_go(platform)
            job = await end_of(platform, job)
    assert (job.status, job.attempts) == ("finished", 2)
    assert await effects(platform, job) == ["began", "began", "done"]


async def let_go(platform: Platform) -> None:
    async with platform.db.connection() as conn:
        await conn.execute("insert into test_go default values")


async def test_what_kills_every_worker_is_given_up(platform: Platform) -> None:
    await make_effects(platform)
    job = await ask(platform, "test.die", times=99)
    async with platform.db.connection() as conn:
        await conn.execute("update jobs.part set lost = 8")
    for _ in range(2):
        async with process(platform) as victim:
            assert await asyncio.wait_for(victim.wait(), 20) == -signal.SIGKILL
    async with working(platform):
        job = await end_of(platform, job)
    assert job.status == "failed"
    assert job.error is not None
    assert job.error["code"] == "job_lost"


async def test_a_stopped_worker_finishes_what_it_runs(platform: Platform) -> None:
    await make_effects(platform)
    async with process(platform, "worker_stop_seconds=20") as worker:
        job = await ask(platform, "test.linger")
        await began(platform, job)
        worker.terminate()
        queued = await ask(platform, "test.echo")
        await let_go(platform)
        assert await asyncio.wait_for(worker.wait(), 20) == 0
    assert (await load(platform, job)).status == "finished"
    assert (await load(platform, job)).attempts == 1
    assert await effects(platform, job) == ["began", "done"]
    assert (await load(platform, queued)).status in ("queued", "finished")


async def test_what_a_stopping_worker_cannot_finish_is_handed_back(platform: Platform) -> None:
    await make_effects(platform)
    async with process(platform, "worker_stop_seconds=0.2") as worker:
        job = await ask(platform, "test.linger")
        await began(platform, job)
        worker.terminate()
        assert await asyncio.wait_for(worker.wait(), 20) == 0
    async with platform.db.connection() as conn:
        rows = await (await conn.execute("select state, lost, errors from jobs.part")).fetchall()
        workers = await (await conn.execute("select count(*) from jobs.worker")).fetchone()
    assert rows == [("queued", 0, 0)]
    assert workers == (0,)
    await let_go(platform)
    async with working(platform):
        assert (await end_of(platform, job)).status == "finished"


async def test_a_silent_worker_is_fenced_off_and_registers_anew(platform: Platform) -> None:
    """The first worker is stopped (SIGSTOP) until another has taken its part; it wakes up late."""
    await make_effects(platform)
    async with process(platform) as asleep:
        job = await ask(platform, "test.linger")
        await began(platform, job)
        asleep.send_signal(signal.SIGSTOP)
        async with platform.db.connection() as conn:
            await conn.execute("update jobs.worker set beat_at = beat_at - interval '1 minute'")
        async with process(platform):
            await began(platform, job, 2)
            asleep.send_signal(signal.SIGCONT)
            await let_go(platform)
            job = await end_of(platform, job)

            async def anew() -> bool:
                return len(await pids(platform)) == 2

            await eventually(anew, within=60)
            more = [await ask(platform, "test.echo") for _ in range(20)]
            for one in more:
                assert (await end_of(platform, one)).status == "finished"
    assert (await effects(platform, job)).count("done") == 1


async def pids(platform: Platform) -> list[int]:
    async with platform.db.connection() as conn:
        rows = await conn.execute("select pid from jobs.worker")
        return [row[0] for row in await rows.fetchall()]



async def test_a_late_finisher_is_fenced(platform: Platform) -> None:
    await make_effects(platform)
    job = await ask(platform, "test.echo")
    async with platform.db.connection() as conn:
        begun = await fetch(conn, 1)
        assert begun is not None
        assert await fetch(conn, 2) is None, "one begins it"
        stale = begun[0].queue_id
    late = PartRun(platform, begun[1], begun[0], begun[2])
    await recovery.take_back(platform, [1])
    async with platform.db.connection() as conn:
        again = await fetch(conn, 2)
        assert again is not None
        assert again[0].queue_id != stale
    with pytest.raises(Fenced):
        async with late.finishing():
            pytest.fail("it must not even begin to write")
    with pytest.raises(JobCancelled):
        await late.progress(0.5)
    current = PartRun(platform, again[1], again[0], again[2])
    async with current.finishing():
        current.result = "second"
    job = await load(platform, job)
    assert (job.status, job.result, job.parts_done) == ("finished", "second", 1)


async def test_who_is_fenced_inside_its_transaction_commits_nothing(platform: Platform) -> None:
    await make_effects(platform)
    job = await ask(platform, "test.echo")
    async with platform.db.connection() as conn:
        begun = await fetch(conn, 1)
    assert begun is not None
    run = PartRun(platform, begun[1], begun[0], begun[2])

    async def finish_late() -> None:
        async with run.finishing() as conn:
            await effect(conn, run, "half")
            await recovery.take_back(platform, [1])

    with pytest.raises(Fenced):
        await finish_late()
    assert await effects(platform, job) == []
    assert not (await load(platform, job)).ended


async def test_cut_connections_lose_nothing(platform: Platform) -> None:
    await make_effects(platform)
    made = [await ask(platform, "test.fan", parts=40) for _ in range(3)]
    async with process(platform), psycopg_connection(platform) as admin:
        for _ in range(4):
            before = len(await effects_all(admin))

            async def moved(least: int = before) -> bool:
                return len(await effects_all(admin)) > least + 5

            await eventually(moved)
            await admin.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where "
                "datname = current_database() and pid <> pg_backend_pid() and "
                "application_name like 'vazao%'"
            )
        for job in made:
            async def look(job: Job = job) -> bool:
                row = await (await admin.execute(
                    "select status from jobs.job where id = %s", [job.id])).fetchone()
                return row == ("finished",)

            await eventually(look, within=40)
            rows = await effects_all(admin, job)
            assert sorted(rows) == ["join", "on_end finished"] + ["slice"] * 40


@asynccontextmanager
async def psycopg_connection(platform: Platform) -> AsyncIterator[AsyncConnection[Any]]:
    async with await AsyncConnection.connect(
        platform.database_url, autocommit=True, application_name="test"
    ) as conn:
        yield conn


async def effects_all(conn: AsyncConnection[Any], job: Job | None = None) -> list[str]:
    rows = await conn.execute(
        "select what from test_effect where %(id)s::bigint is null or job_id = %(id)s",
        {"id": job and job.id},
    )
    return [row[0] for row in await rows.fetchall()]


async def test_a_row_that_was_fetched_but_not_begun_goes_on(platform: Platform) -> None:
    job = await ask(platform, "test.echo")
    async with platform.db.connection() as conn:
        gone = await (await conn.execute("select * from procrastinate_register_worker_v1()")
                      ).fetchone()
        assert gone is not None
        await conn.execute(
            "select id from procrastinate_fetch_job_v2('{vazao}', %s)", [gone[0]]
        )
        left = await ask(platform, "test.echo")
        await conn.execute("delete from procrastinate_jobs where status = 'todo'")
    async with working(platform):
        assert (await end_of(platform, job)).status == "finished"
        assert (await end_of(platform, left)).status == "finished"


async def test_each_tick_fires_once_an_interval(platform: Platform) -> None:
    fired: list[float] = []
    slow = asyncio.Event()

    async def tick(platform: Platform) -> None:
        fired.append(time.monotonic())
        await slow.wait()

    async def broken(platform: Platform) -> None:
        raise RuntimeError("tick")

    platform.registry.periodic += [
        Periodic("test.tick", 3600, tick), Periodic("test.broken", 3600, broken),
    ]
    async with working(platform), working(platform):
        async def ran() -> bool:
            async with platform.db.connection() as conn:
                row = await (await conn.execute(
                    "select count(*) from jobs.periodic where finished_at is not null "
                    "and name in ('test.broken', 'jobs.sweep', 'jobs.take_back')"
                )).fetchone()
            return row == (3,) and bool(fired)

        await eventually(ran)
        async with platform.db.connection() as conn:
            await conn.execute("update jobs.periodic set next_at = kit.now()")
            rows = "select next_at > kit.now() from jobs.periodic where name = 'test.broken'"

            async def claimed_again() -> bool:
                return await (await conn.execute(rows)).fetchone() == (True,)

            await eventually(claimed_again)
        assert len(fired) == 1, "a tick that still runs is not begun again"
        slow.set()


def test_a_process_is_known_by_its_start() -> None:
    here = recovery.process_start(os.getpid())
    assert here
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert recovery.process_start(child.pid) not in (None, "", here)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert recovery.process_start(child.pid) is None, "a zombie runs nothing"
    child.communicate()
    assert recovery.process_start(child.pid) is None
