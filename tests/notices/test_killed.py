"""A worker process that is killed, or told to end, in the middle of a delivery."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support.notices import Outbox, delivering, outbox
from tests.support.receivers import Receiver, in_order
from tests.support.waiting import eventually
from vazao.notices import couriers

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def process(place: Outbox) -> AsyncIterator[asyncio.subprocess.Process]:
    """A worker process; killed at the end if it still lives."""
    platform = place.platform
    made = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.worker_of_notices", platform.database_url,
        str(platform.settings.folder), cwd=Path(__file__).parents[2],
        stderr=asyncio.subprocess.DEVNULL if not os.environ.get("SHOW") else None,
    )
    try:
        yield made
    finally:
        if made.returncode is None:
            made.kill()
        await made.wait()


@pytest.fixture
async def place(database_url: str, data_dir: Path) -> AsyncIterator[Outbox]:
    async with outbox(database_url, data_dir) as made:
        yield made


async def asked(takes: Receiver, count: int) -> None:
    async def look() -> bool:
        return len(takes.asked) >= count

    await eventually(look)


async def test_what_a_killed_worker_had_begun_is_sent_again_under_the_same_id(
    place: Outbox, takes: Receiver
) -> None:
    organization = await place.found_organization()
    hook, _ = await place.webhook(organization, takes.url)
    await place.tell_many(organization, 30, 3)
    takes.answers(seconds=20.0)
    async with process(place) as worker:
        await asked(takes, 3)
        worker.kill()
        await worker.wait()
    begun = {got.id for got in takes.asked}
    takes.answers()
    async with delivering(place.platform):
        # Its lease has to run out first.
        await place.all_in(hook, "delivered", within=couriers.LEASE_SECONDS + 10)
    assert len(set(takes.ids)) == 30
    assert begun <= set(takes.ids)
    assert in_order(takes.taken)


async def test_a_worker_that_is_told_to_end_gives_its_webhooks_back(
    place: Outbox, takes: Receiver
) -> None:
    organization = await place.found_organization()
    hook, _ = await place.webhook(organization, takes.url)
    await place.tell_many(organization, 10, 1)
    takes.answers(seconds=20.0)
    async with process(place) as worker:
        await asked(takes, 1)
        worker.terminate()
        await worker.wait()
    takes.answers()
    async with delivering(place.platform):
        await place.all_in(hook, "delivered", within=5)
    assert in_order(takes.taken)
