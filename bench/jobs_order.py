"""Who gets how much: organizations with equal queues."""

from __future__ import annotations

import asyncio

from engine import Engine
from platform_under_test import say

ORGANIZATIONS = 20
SECONDS = 0.25
WINDOW = 30.0
SPAN = 60.0


async def jain(engine: Engine) -> None:
    """Twenty organizations with equal queues of parts of a quarter second."""
    engine.start()
    engine.start()
    for organization in range(1, ORGANIZATIONS + 1):
        await engine.enqueue("bench.burn", organization, 150, seconds=SECONDS)
    await asyncio.sleep(SPAN + 5)
    async with engine.platform.db.connection() as conn:
        rows = await (await conn.execute(
            "select organization_id, extract(epoch from finished_at)::float8, "
            "execution_seconds from jobs.job where status = 'finished' order by 2"
        )).fetchall()
    last = rows[-1][1]
    worst, windows = 1.0, 0
    begin = rows[0][1] + 3
    while begin + WINDOW <= last - 1:
        work = [0.0] * ORGANIZATIONS
        for organization, at, seconds in rows:
            if begin <= at < begin + WINDOW:
                work[organization - 1] += seconds
        worst = min(worst, sum(work) ** 2 / (ORGANIZATIONS * sum(w * w for w in work)))
        begin, windows = begin + 1, windows + 1
    say("20 organizations with equal queues: Jain's index of the work in any 30 s", "≥ 0.98",
        worst, ok=worst >= 0.98 and windows > 0, windows=windows, jobs=len(rows))
