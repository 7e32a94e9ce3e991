"""What happens when one of two worker hosts is cut off in the middle of five hundred jobs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from engine import Engine
from jobs_survival import EFFECTS, answer, ended, faults, times
from platform_under_test import say
from two_hosts import Host, listening, network, seen_from
from vazao.kit.embedded.server import EmbeddedPostgres

ORGANIZATIONS = 8
ONCE, FANS, PARTS = 420, 80, 10
MORE = 100
CUT_SECONDS = 90.0
WITHIN_SECONDS = 60.0

DONE_BY = "select count(*) from bench_effect where host = %s::inet and at > %s::timestamptz"
RUNNING = """
    select count(*) from jobs.part as p join jobs.worker as w on w.id = p.worker_id
    where p.state = 'running' and w.host like %s || '|%%'
"""
HELD_BY = """
    select array_agg(array[p.job_id, p.number]) from jobs.part as p
    join jobs.worker as w on w.id = p.worker_id
    where p.state = 'running' and w.host like %s || '|%%'
"""
# A transaction that its client can no longer end, with its locks.
OPEN = """
    select count(*) from pg_stat_activity
    where client_addr = %s::inet and state like 'idle in transaction%%'
"""
SHUT = "select count(*) = 0 from pg_stat_activity where client_addr = %s::inet"
OPEN_OF_THOSE = """
    select count(*) from jobs.part where state <> 'done'
    and array[job_id, number] in (select array[a, b] from unnest(%s::bigint[], %s::bigint[])
        as t (a, b))
"""


async def hosts(engine: Engine) -> None:
    """Two hosts, one of them cut off for ninety seconds in the middle."""
    await answer(engine, EFFECTS)
    for place in range(ONCE + FANS):
        organization = 1 + place % ORGANIZATIONS
        if place % 6 == 5:
            await engine.enqueue("bench.fan", organization, 1, parts=PARTS, seconds=0.5)
        else:
            await engine.enqueue("bench.once", organization, 1, seconds=0.2, inside=0.4)
    async with _two(engine) as (stays, leaves):
        await _until(engine, DONE_BY + " having count(*) >= 40", stays.address, "-infinity")
        await _until(engine, DONE_BY + " having count(*) >= 40", leaves.address, "-infinity")
        both = {h.name[-1]: await answer(engine, DONE_BY, h.address, "-infinity")
                for h in (stays, leaves)}
        cut = await _cut(engine, leaves)
        back = await _back(engine, leaves)
        await ended(engine, time.monotonic() + 300)
    wrong = await faults(engine)
    over = max(cut["taken_over_seconds"], cut["done_elsewhere_seconds"])
    right = not any(wrong.values()) and back["jobs_after"] > 0
    say("two worker hosts, one cut off for 90 s in the middle of 500 jobs",
        "both work; taken over within 60 s; nothing lost or twice; it works again", over,
        ok=right and over <= WITHIN_SECONDS, before=both, cut=cut, back=back, wrong=wrong,
        **await times(engine))


@asynccontextmanager
async def _two(engine: Engine) -> AsyncIterator[list[Host]]:
    """Two hosts at work on *engine*'s database, which then also listens to them."""
    with network() as (address, made):
        engine.server.stop()
        server = EmbeddedPostgres(engine.folder, extra=listening(engine.folder, address))
        url = await asyncio.to_thread(server.start)
        try:
            for host in made:
                host.work(seen_from(url, address), engine.folder / host.name)
            yield made
        finally:
            for host in made:
                host.end()
            # The engine's own object stops it at the end.
            engine.server.start()
            server.stop()


async def _until(engine: Engine, query: str, *values: Any, within: float = 300.0) -> float:
    """Seconds until the query's first value is true."""
    began = time.monotonic()
    while not await answer(engine, query, *values):
        if time.monotonic() > began + within:
            raise SystemExit(f"not reached in {within} s: {query}")
        await asyncio.sleep(0.1)
    return round(time.monotonic() - began, 1)


async def _cut(engine: Engine, host: Host) -> dict[str, Any]:
    """Cut *host* off for its time, in the middle of a transaction; what became of its parts."""
    await _until(engine, OPEN, host.address)
    host.cut()
    began = time.monotonic()
    held = await answer(engine, HELD_BY, host.name) or []
    inside = await answer(engine, OPEN, host.address)
    jobs, parts = [h[0] for h in held], [h[1] for h in held]
    taken, done, shut = await asyncio.gather(
        _until(engine, f"select ({RUNNING}) = 0", host.name),
        _until(engine, f"select ({OPEN_OF_THOSE}) = 0", jobs, parts),
        _until(engine, SHUT, host.address),
    )
    await asyncio.sleep(max(0.0, began + CUT_SECONDS - time.monotonic()))
    return {"parts_held": len(held), "transactions_open": inside, "taken_over_seconds": taken,
            "done_elsewhere_seconds": done, "connections_gone_seconds": shut}


async def _back(engine: Engine, host: Host) -> dict[str, Any]:
    """Let *host* return, with more to do; when it began to work, and how much it did."""
    for organization in range(1, ORGANIZATIONS + 1):
        await engine.enqueue("bench.once", organization, MORE // ORGANIZATIONS, seconds=0.5)
    now = await answer(engine, "select clock_timestamp()::text")
    host.mend()
    first = await _until(engine, f"select ({DONE_BY}) > 0", host.address, now)
    await ended(engine, time.monotonic() + 300)
    return {"first_job_seconds": first,
            "jobs_after": await answer(engine, DONE_BY, host.address, now)}
