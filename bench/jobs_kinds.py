"""Workers for measuring the engine: ours over kinds made for it, and the bare queue library.

    python bench/jobs_kinds.py ours CONCURRENCY     a worker of the platform (VAZAO_… settings)
    python bench/jobs_kinds.py bare CONCURRENCY     the library alone, VAZAO_DATABASE_URL
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from typing import Any

import uvloop
from procrastinate import App, PsycopgConnector

from vazao.jobs import Kind, PartRun
from vazao.kit.registry import Registry


async def nothing(run: Any) -> None:
    """A job that does nothing."""


async def burn(run: Any) -> Any:
    """Hold a slot for as long as the payload says, without the processor."""
    seconds = float(run.payload["seconds"])
    await asyncio.sleep(seconds)
    return {"seconds": seconds, "at": time.time()}


async def once(run: Any) -> None:
    """Add to an account, in the part's own transaction: what is done twice or lost shows."""
    await asyncio.sleep(float(run.payload.get("seconds", 0)))
    async with run.finishing() as conn:
        await conn.execute(
            "insert into bench_effect (job_id, number) values (%s, %s)",
            [run.job.id, run.part.number],
        )
        if inside := float(run.payload.get("inside", 0)):
            # What dies now leaves a transaction with the job's lock to the database.
            await conn.execute("select from jobs.job where id = %s for update", [run.job.id])
            await asyncio.sleep(inside)


async def fan(run: Any) -> None:
    """Split into as many parts as the payload says."""
    async with run.finishing() as conn:
        count = int(run.payload["parts"])
        await run.split(conn, "once", [run.payload] * count, join="join")


async def join(run: Any) -> Any:
    """Count what the parts wrote."""
    async with run.finishing() as conn:
        row = await (await conn.execute(
            "select count(*), count(distinct number) from bench_effect where job_id = %s",
            [run.job.id],
        )).fetchone()
        run.result = {"rows": row[0], "parts": row[1]}


async def moving(run: PartRun) -> None:
    """Reports four times a second for so many seconds; the phase is when it was said."""
    seconds = run.payload["seconds"]
    until = time.time() + seconds
    while (now := time.time()) < until:
        await run.progress(1 - (until - now) / seconds, phase=f"{now:.4f}")
        await asyncio.sleep(0.25)


def register(registry: Registry) -> None:
    """The kinds of measurements."""
    for kind in (
        Kind("bench.nothing", "Nothing", "only", {"only": nothing},
             unit_seconds={"only": 0.002}),
        Kind("bench.burn", "Burn", "only", {"only": burn}, unit_seconds={"only": 1.0}),
        Kind("bench.moving", "Moving", "only", {"only": moving}),
        Kind("bench.once", "Once", "once", {"once": once}),
        Kind("bench.fan", "Fan", "fan", {"fan": fan, "once": once, "join": join}),
    ):
        registry.job_kinds[kind.name] = kind


async def bare(concurrency: int) -> None:
    """The library's own worker over a task that does nothing."""
    app = bare_app(os.environ["VAZAO_DATABASE_URL"])
    async with app.open_async():
        await app.run_worker_async(concurrency=concurrency, queues=["bare"])


def bare_app(url: str) -> App:
    """The library alone, with one task that does nothing."""
    app = App(connector=PsycopgConnector(conninfo=url))

    @app.task(name="bare.nothing", queue="bare")
    async def task() -> None:
        pass

    return app


def main() -> None:
    """Be a worker until told to stop."""
    which, concurrency = sys.argv[1], int(sys.argv[2])
    if which == "bare":
        uvloop.run(bare(concurrency))
        return
    from vazao import main as composition
    from vazao.kit import logging
    from vazao.kit.platform import Platform
    from vazao.kit.settings import get_settings
    from vazao.kit.worker import run_process

    settings = get_settings()
    logging.configure("json", settings.log_level)
    registry = composition.registry()
    register(registry)
    assert settings.database_url
    uvloop.run(run_process(Platform(settings, settings.database_url, registry, direct=True)))


if __name__ == "__main__":
    main()
