"""The supervision of a worker's runner."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from vazao.kit import worker
from vazao.kit.platform import Platform
from vazao.kit.registry import Registry
from vazao.kit.settings import Settings

pytestmark = pytest.mark.anyio


def platform_of(data_dir: Path, runner: Any) -> Platform:
    registry = Registry(runner=runner)
    settings = Settings(data_dir=data_dir, database_url="postgresql://x", secret="x" * 32)
    return Platform(settings, "postgresql://x", registry)


async def test_a_failing_runner_begins_anew_until_told_to_stop(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "FIRST_WAIT_SECONDS", 0.001)
    stop, lives = asyncio.Event(), 0

    async def runner(platform: Platform, stop: asyncio.Event) -> None:
        nonlocal lives
        lives += 1
        if lives == 4:
            stop.set()
            return
        raise ConnectionError(f"life {lives}")

    await asyncio.wait_for(worker.work(platform_of(data_dir, runner), stop), 10)
    assert lives == 4


async def test_a_stop_ends_the_wait_between_two_lives(data_dir: Path) -> None:
    stop, lives = asyncio.Event(), 0

    async def runner(platform: Platform, stop: asyncio.Event) -> None:
        nonlocal lives
        lives += 1
        asyncio.get_running_loop().call_soon(stop.set)
        raise ConnectionError

    worker_task = worker.work(platform_of(data_dir, runner), stop)
    await asyncio.wait_for(worker_task, 5)
    assert lives == 1, "there was no second life after the stop"


async def test_without_a_runner_nothing_can_work(data_dir: Path) -> None:
    with pytest.raises(RuntimeError, match="runner"):
        await worker.work(platform_of(data_dir, None), asyncio.Event())
