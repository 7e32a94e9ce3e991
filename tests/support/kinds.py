"""Kinds of work made for tests; what they do shows in the table ``test_effect``."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any

import psycopg

from tests.support.waiting import eventually
from vazao.jobs import Kind
from vazao.jobs.models import Job
from vazao.jobs.parts import PartRun
from vazao.kit.errors import Unavailable, Unprocessable
from vazao.kit.registry import Registry

EFFECTS = """
create table if not exists test_effect (
    id bigint generated always as identity, job_id bigint, number int, what text);
create table if not exists test_go (at timestamptz default now())
"""
gates: dict[str, asyncio.Event] = {}


def gate(name: str) -> asyncio.Event:
    """An event by which a test holds a handler of its own process back."""
    return gates.setdefault(name, asyncio.Event())


async def effect(conn: Any, run: PartRun, what: str) -> None:
    await conn.execute(
        "insert into test_effect (job_id, number, what) values (%s, %s, %s)",
        [run.job.id, run.part.number, what],
    )


async def echo(run: PartRun) -> Any:
    return {"echo": run.payload}


async def fan(run: PartRun) -> None:
    async with run.finishing() as conn:
        payloads = [{"n": n} for n in range(run.payload["parts"])]
        await run.split(conn, "slice", payloads, join="join")


async def slice_(run: PartRun) -> None:
    async with run.finishing() as conn:
        await effect(conn, run, "slice")
        run.count(rows=10)
        run.result = run.payload["n"]


async def join(run: PartRun) -> Any:
    from vazao.jobs import results_of

    async with run.finishing() as conn:
        await effect(conn, run, "join")
        run.result = {"sum": sum(await results_of(conn, run.job.id, "slice"))}


async def slice_or_refuse(run: PartRun) -> None:
    if run.payload["n"] == run.job.payload["bad"]:
        raise Unprocessable("The slice is bad.")
    await slice_(run)


async def refuse(run: PartRun) -> None:
    raise Unprocessable("The value {value} is bad.", remedy="Correct it.", value=7)


async def nul(run: PartRun) -> None:
    raise Unprocessable("The value {value} is bad.", value="a\0b")


async def cut(run: PartRun) -> None:
    raise psycopg.OperationalError("the connection is gone")


async def broken_end(conn: Any, job: Job) -> None:
    raise RuntimeError("on_end is broken")


async def stumble(run: PartRun) -> Any:
    if run.part.attempts <= run.payload["times"]:
        if run.payload.get("store"):
            raise Unavailable("The file storage cannot be read.")
        raise RuntimeError("stumbled")
    return run.part.attempts


async def keep(run: PartRun) -> str:
    """Stores something."""
    await run.platform.blobs.put(f"test/{run.job.token}", bytes(1 << 20))
    return "kept"


async def wait_gate(run: PartRun) -> Any:
    """Tells that it began, then waits for its gate."""
    gate(f"{run.payload['gate']}-begun").set()
    await gate(run.payload["gate"]).wait()
    async with run.finishing() as conn:
        await effect(conn, run, "gate")
    return None


async def spin(run: PartRun) -> None:
    """Works until the job is cancelled, saying how far it is."""
    gate("spin-begun").set()
    try:
        await eventually(lambda: run.progress(0.5, phase="spinning"), within=60)
    finally:
        gate("spin-ended").set()


async def die(run: PartRun) -> Any:
    """Kills its own process the first *times* times."""
    async with run.platform.db.connection() as conn:
        await effect(conn, run, "began")
    if run.part.lost < run.payload["times"]:
        os.kill(os.getpid(), signal.SIGKILL)
    async with run.finishing() as conn:
        await effect(conn, run, "done")
    return None


async def linger(run: PartRun) -> Any:
    """Says that it began, then waits for its row in ``test_go`` (made by the test)."""
    async with run.platform.db.connection() as conn:
        await effect(conn, run, "began")

        async def let_go() -> object:
            return await (await conn.execute("select 1 from test_go")).fetchone()

        await eventually(let_go, within=60)
    async with run.finishing() as conn:
        await effect(conn, run, "done")


async def steps(run: PartRun) -> Any:
    """Reports the progress that its payload names, then waits for a gate between."""
    for fraction in run.payload["fractions"]:
        await run.progress(fraction, phase=f"at {fraction}")
    return None


async def ended(conn: Any, job: Job) -> None:
    await conn.execute(
        "insert into test_effect (job_id, number, what) values (%s, 0, %s)",
        [job.id, f"on_end {job.status}"],
    )


def register_kinds(registry: Registry) -> None:
    """Register all of them."""
    single = {
        "echo": echo, "refuse": refuse, "stumble": stumble, "gate": wait_gate, "spin": spin,
        "die": die, "steps": steps, "linger": linger, "nul": nul,
        "cut": cut,
    }
    for name, handler in single.items():
        registry.job_kinds[f"test.{name}"] = Kind(
            f"test.{name}", name, "only", {"only": handler}, backoff_seconds=(0.0, 0.0),
            outage_seconds=(),
        )
    registry.job_kinds["test.keep"] = Kind(
        "test.keep", "keep", "only", {"only": keep}, backoff_seconds=(0.0,),
        outage_seconds=(0.3,) * 100,
    )
    registry.job_kinds["test.fan"] = Kind(
        "test.fan", "fan", "fan", {"fan": fan, "slice": slice_, "join": join}, on_end=ended,
        weights={"fan": 1, "slice": 8, "join": 1},
    )
    registry.job_kinds["test.behind"] = Kind(
        "test.behind", "behind", "fan", {"fan": fan, "slice": slice_, "join": join},
        background=True,
    )
    registry.job_kinds["test.mixed"] = Kind(
        "test.mixed", "mixed", "fan", {"fan": fan, "slice": slice_or_refuse, "join": join},
        on_end=ended,
    )
    for name, handler in (("refuse", refuse), ("echo", echo)):
        registry.job_kinds[f"test.{name}-broken"] = Kind(
            f"test.{name}-broken", name, "only", {"only": handler}, on_end=broken_end,
            backoff_seconds=(0.0,),
        )
