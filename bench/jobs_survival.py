"""What is lost or done twice while workers and the database die under five hundred mixed jobs."""

from __future__ import annotations

import asyncio
import io
import os
import random
import signal
import statistics
import time
from collections.abc import AsyncIterator
from typing import Any

import psycopg
from PIL import Image

from engine import Engine
from platform_under_test import say
from vazao import jobs, uploads
from vazao.images import tasks as images
from vazao.images.demo import draw
from vazao.images.png import Check
from vazao.kit.embedded.process import running_postmaster
from vazao.kit.errors import DatabaseUnavailable
from vazao.numbers.arriving import Arriving
from vazao.numbers.ranges import after_separator
from vazao.uploads import intake
from vazao.uploads.quotas import Owner

ORGANIZATIONS = 8
ONCE, FANS, SUMS, PICTURES = 320, 80, 60, 40
PARTS = 7
WORKERS = 3
KILL_SECONDS = 5.0
KILLS = 8
RESTARTS = {3: "crash", 6: "fast"}
"""Before which kill the database is restarted, and how."""
WITHIN_SECONDS = 600.0

# No constraint: what is done twice has to show.
EFFECTS = """
    create table bench_effect (job_id bigint not null, number int not null,
        host inet default inet_client_addr(), at timestamptz default clock_timestamp())
"""
SILENCE = """
    select round(max(gap)::numeric, 2)::float8 from (
        select extract(epoch from at - lag(at) over (order by at)) as gap from bench_effect) as g
"""
WRONG = {
    "not_finished": "select count(*) from jobs.job where status <> 'finished'",
    "parts_open": "select count(*) from jobs.part where state <> 'done'",
    "counts_wrong": "select count(*) from jobs.job where pending <> 0 or parts_done <> parts_total",
    "queue_rows_left": "select count(*) from procrastinate_jobs",
    "twice": "select coalesce(sum(n - 1), 0)::int from (select count(*) as n from bench_effect "
        "group by job_id, number) as e where n > 1",
    "lost": "select count(*) from jobs.part as p where p.step = 'once' and not exists ("
        "select 1 from bench_effect as e where (e.job_id, e.number) = (p.job_id, p.number))",
    "joins_wrong": "select count(*) from jobs.job where kind = 'bench.fan' and result is distinct "
        "from jsonb_build_object('rows', (payload ->> 'parts')::int, "
        "'parts', (payload ->> 'parts')::int)",
}


async def storm(engine: Engine) -> None:
    """Workers killed every five seconds, the database restarted twice, five hundred jobs."""
    await answer(engine, EFFECTS)
    chance = random.Random(20261122)
    expected = await _ask(engine, chance)
    for _ in range(WORKERS):
        engine.start()
    began = time.monotonic()
    kills, down = await _strike(engine, chance)
    await ended(engine, began + WITHIN_SECONDS)
    seconds = time.monotonic() - began
    wrong = await faults(engine) | {
        "missing": ONCE + FANS + SUMS + PICTURES - await answer(
            engine, "select count(*) from jobs.job"),
        "results": await _wrong_results(engine, expected),
    }
    right = not any(wrong.values())
    say("workers killed with -9 every 5 s, PostgreSQL restarted twice, during 500 mixed jobs",
        "all end right, none counted twice, none lost", right, ok=right and kills >= KILLS,
        kills=kills, database_down_seconds=down, seconds=round(seconds, 1), wrong=wrong,
        **await times(engine))


async def _ask(engine: Engine, chance: random.Random) -> dict[str, Any]:
    """Enqueue all of it, mixed; what the sums and pictures must be, by the job's token."""
    picture = draw(240)
    plan = ["once"] * ONCE + ["fan"] * FANS + ["sum"] * SUMS + ["picture"] * PICTURES
    chance.shuffle(plan)
    expected: dict[str, Any] = {}
    for place, what in enumerate(plan):
        organization = 1 + place % ORGANIZATIONS
        seconds = round(chance.uniform(0.4, 1.0), 3)
        if what == "once":
            await engine.enqueue("bench.once", organization, 1, seconds=seconds)
        elif what == "fan":
            await engine.enqueue("bench.fan", organization, 1, parts=PARTS, seconds=seconds)
        elif what == "sum":
            token, total = await _sum(engine, organization, chance)
            expected[token] = total
        else:
            expected[await _picture(engine, organization, picture)] = picture
    return expected


async def _sum(engine: Engine, organization: int, chance: random.Random) -> tuple[str, int]:
    values = [chance.randrange(10**9) for _ in range(50_000)]

    async def body() -> AsyncIterator[bytes]:
        yield "\n".join(map(str, values)).encode()

    follower = Arriving(organization)
    await intake.receive(
        engine.platform, Owner(organization), body(), filename=None,
        content_type="text/plain", limit_bytes=1 << 30, boundary=after_separator, follower=follower,
    )
    assert follower.job is not None
    return follower.job.token, sum(v for v in values if v % 2 == 0)


async def _picture(engine: Engine, organization: int, picture: bytes) -> str:
    async def body() -> AsyncIterator[bytes]:
        yield picture

    check = Check(1 << 20)
    check.feed(picture)
    upload = await intake.receive(
        engine.platform, Owner(organization), body(), filename=None,
        content_type=images.CONTENT_TYPE, limit_bytes=1 << 30,
    )
    async with engine.platform.db.transaction() as conn:
        return (await images.enqueue(conn, upload, check.finish())).token


async def _strike(engine: Engine, chance: random.Random) -> tuple[int, dict[str, float]]:
    """Kill a worker every five seconds while any job is open, and the database in between."""
    kills, down = 0, {}
    while await answer(engine, WRONG["not_finished"]):
        await asyncio.sleep(KILL_SECONDS)
        # Those that met a database that was just starting have ended; `vazao worker` would have
        # started them anew.
        engine.workers[:] = [worker for worker in engine.workers if worker.poll() is None]
        victim = engine.workers.pop(chance.randrange(len(engine.workers)))
        victim.kill()
        victim.wait()
        kills += 1
        while len(engine.workers) < WORKERS:
            engine.start()
        if kills in RESTARTS:
            began = time.monotonic()
            await asyncio.to_thread(_restart, engine, RESTARTS[kills])
            down[RESTARTS[kills]] = round(time.monotonic() - began, 2)
    return kills, down


def _restart(engine: Engine, how: str) -> None:
    if how == "crash":
        server = running_postmaster(engine.folder / "postgres" / "cluster")
        assert server is not None
        os.kill(server.pid, signal.SIGKILL)
    else:
        engine.server.stop()
    engine.server.start()


async def answer(engine: Engine, query: str, *values: Any) -> Any:
    """The first value of a query, asked again while the database is away."""
    while True:
        try:
            async with engine.platform.db.connection() as conn:
                found = await conn.execute(query.encode(), values)
                return (await found.fetchone() or (None,))[0] if found.description else None
        except (psycopg.OperationalError, DatabaseUnavailable):
            await asyncio.sleep(0.2)


async def ended(engine: Engine, deadline: float) -> None:
    """Wait until no job is open, or until it is too late: the faults then tell."""
    while await answer(engine, WRONG["not_finished"]) and time.monotonic() < deadline:
        await asyncio.sleep(0.2)


async def faults(engine: Engine) -> dict[str, int]:
    """How many of each thing that must not be."""
    return {name: await answer(engine, query) for name, query in WRONG.items()}


async def _wrong_results(engine: Engine, expected: dict[str, Any]) -> int:
    """How many sums and pictures are not what they must be."""
    wrong = 0
    for token, value in expected.items():
        async with engine.platform.db.connection() as conn:
            organization = await answer(
                engine, "select organization_id from jobs.job where token = %s", token)
            job = await jobs.get_job(conn, organization, token)
            if isinstance(value, int):
                wrong += job.result is None or int(job.result["sum"]) != value
                continue
            made = await images.result_of(conn, job)
        content = b"".join([chunk async for chunk in uploads.read(engine.platform, made)])
        wrong += _colours(content) != _colours(value)
    return wrong


def _colours(picture: bytes) -> tuple[Any, Any]:
    """A picture's size and how often each colour is in it: what shuffling keeps."""
    with Image.open(io.BytesIO(picture)) as image:
        return image.size, sorted(image.getcolors(1 << 20) or [])


async def times(engine: Engine) -> dict[str, Any]:
    """Lead and execution times of all jobs in seconds, and how many attempts were cut off."""
    async with engine.platform.db.connection() as conn:
        rows = await (await conn.execute(
            "select extract(epoch from finished_at - requested_at)::float8, execution_seconds "
            "from jobs.job where status = 'finished'"
        )).fetchall()
    lost = await answer(engine, "select sum(lost)::int from jobs.part")
    shown: dict[str, Any] = {
        "jobs": len(rows), "attempts_lost": lost, "longest_silence": await answer(engine, SILENCE)}
    for name, column in zip(("lead", "execution"), zip(*rows, strict=True), strict=True):
        cuts = statistics.quantiles(column, n=20)
        shown[f"{name}_seconds"] = {
            "p50": round(cuts[9], 2), "p95": round(cuts[18], 2), "most": round(max(column), 2)}
    return shown
