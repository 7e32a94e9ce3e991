"""A platform over the test's own database, with kinds of work made for tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.jobs.kinds import register_kinds
from vazao import jobs
from vazao.kit.platform import Platform
from vazao.kit.registry import Registry
from vazao.kit.settings import Settings
from vazao.kit.worker import work


def make_platform(database_url: str, data_dir: Path, **settings: Any) -> Platform:
    """A platform with the test kinds, quick beats and no other feature."""
    registry = Registry()
    jobs.register(registry)
    register_kinds(registry)
    chosen = {
        "worker_beat_seconds": 0.5, "worker_lost_seconds": 3.0, "worker_stop_seconds": 2.0,
    } | settings
    made = Settings(database_url=database_url, data_dir=data_dir, secret="x" * 32, **chosen)
    return Platform(made, database_url, registry, direct=True)


@pytest.fixture
async def platform(database_url: str, data_dir: Path) -> AsyncIterator[Platform]:
    made = make_platform(database_url, data_dir)
    await made.open()
    yield made
    await made.close()


@asynccontextmanager
async def working(platform: Platform) -> AsyncIterator[asyncio.Event]:
    """A worker inside the test's own process."""
    stop = asyncio.Event()
    task = asyncio.create_task(work(platform, stop))
    try:
        yield stop
    finally:
        stop.set()
        await task
