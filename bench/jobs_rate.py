"""How many jobs a second, and how soon a job begins."""

from __future__ import annotations

import asyncio
import statistics
import time

import jobs_kinds
from engine import Engine
from platform_under_test import median, say
from vazao import jobs

JOBS = 3_000
TURNS = 3
WARM = 200
PICKUPS = 200
FLOOD = 100_000


async def throughput(engine: Engine) -> None:
    """No-op jobs with one worker process of four slots, against the bare library's."""
    ours, bare = [], []
    for _ in range(TURNS):
        bare.append(await _bare(engine))
        ours.append(await _ours(engine))
    ratio = median([a / b for a, b in zip(ours, bare, strict=True)])
    say("no-op jobs, one worker process, jobs/s", "≥ 0.8 × bare Procrastinate", ratio,
        ok=ratio >= 0.8, ours=ours, bare=bare)


async def _ours(engine: Engine) -> float:
    left = "select count(*) <= %s from jobs.job where status <> 'finished'"
    await engine.enqueue("bench.nothing", 1, JOBS + WARM)
    engine.start()
    await engine.until(left, JOBS)
    began = time.perf_counter()
    (before,) = await engine.one("select count(*) from jobs.job where status <> 'finished'")
    await engine.until(left, 0)
    seconds = time.perf_counter() - began
    engine.stop()
    return before / seconds


async def _bare(engine: Engine) -> float:
    waiting = "select count(*) from procrastinate_jobs where queue_name = 'bare' " \
        "and status in ('todo', 'doing')"
    app = jobs_kinds.bare_app(engine.url)
    async with app.open_async():
        await app.tasks["bare.nothing"].batch_defer_async(*[{}] * (JOBS + WARM))
    engine.start("bare")
    await engine.until(f"select ({waiting}) <= %s", JOBS)
    began = time.perf_counter()
    (before,) = await engine.one(waiting)
    await engine.until(f"select ({waiting}) <= %s", 0)
    seconds = time.perf_counter() - began
    engine.stop()
    return before / seconds


async def _pickups(engine: Engine, organization: int) -> list[float]:
    """Milliseconds from the request to the start of jobs that come one at a time."""
    for _ in range(PICKUPS):
        async with engine.platform.db.transaction() as conn:
            job = await jobs.enqueue(
                conn, "bench.nothing", organization_id=organization, payload={}
            )
        await engine.until("select status = 'finished' from jobs.job where id = %s", job.id)
        await asyncio.sleep(0.02)
    async with engine.platform.db.connection() as conn:
        rows = await (await conn.execute(
            "select 1000 * extract(epoch from started_at - requested_at)::float8 from jobs.job "
            "where organization_id = %s order by id desc limit %s", [organization, PICKUPS - 20],
        )).fetchall()
    return [row[0] for row in rows]


async def pickup(engine: Engine) -> None:
    """How soon an idle worker begins a job."""
    engine.start()
    times = await _pickups(engine, 1)
    p95 = statistics.quantiles(times, n=20)[-1]
    say("pick-up when idle, p95", "≤ 15 ms", p95, ok=p95 <= 15, median=median(times),
        most=max(times))


async def flood(engine: Engine) -> None:
    """How soon another organization's job begins beside 100,000 queued ones."""
    await engine.enqueue("bench.burn", 1, FLOOD, seconds=0.25)
    engine.start()
    times = await _pickups(engine, 2)
    p95 = statistics.quantiles(times, n=20)[-1]
    (waiting,) = await engine.one(
        "select count(*) from jobs.part where state in ('held', 'queued')"
    )
    say("another's pick-up beside 100,000 queued jobs of one organization, p95", "≤ 20 ms", p95,
        ok=p95 <= 20, median=median(times), most=max(times), waiting=waiting)
