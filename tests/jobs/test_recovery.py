"""Workers that are killed, silent, stopped: nothing is lost, nothing is done twice."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.jobs.conftest import working
from tests.jobs.test_service import ask, effects, end_of, make_effects
from tests.support import eventually
from vazao.kit.platform import Platform

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def process(platform: Platform, *settings: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A worker process; killed at the end if it still lives."""
    made = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.jobs.worker_process", platform.database_url,
        str(platform.settings.folder), *settings, cwd=Path(__file__).parents[2],
        stderr=asyncio.subprocess.DEVNULL if not os.environ.get("SHOW") else None,
    )
    try:
        yield made
    finally:
        if made.returncode is None:
            made.kill()
        await made.wait()


async def began(platform: Platform, job: object, count: int = 1) -> None:
    async def look() -> bool:
        return (await effects(platform, job)).count("began") >= count  # type: ignore[arg-type]

    await eventually(look)


async def test_what_a_killed_worker_ran_goes_on_at_once(platform: Platform) -> None:
    await make_effects(platform)
    job = await ask(platform, "test.die", times=1)
    async with working(platform):
        pass
    async with process(platform) as first:
        assert await asyncio.wait_for(first.wait(), 20) == -signal.SIGKILL
    killed = time.monotonic()
    async with working(platform):
        job = await end_of(platform, job)
    took = time.monotonic() - killed
    assert job.status == "finished"
    assert job.attempts == 2
    assert await effects(platform, job) == ["began", "began", "done"]
    assert took < platform.settings.worker_lost_seconds, "a dead process needs no silence"
