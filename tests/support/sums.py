"""Sums asked for by HTTP: a served platform, a task to its end, and numbers to sum."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from typing import Any

import httpx2

from tests.support.jobs import working
from tests.support.waiting import eventually
from tests.support.web import serving
from vazao.kit.platform import Platform

TEXT = {"content-type": "text/plain"}


@asynccontextmanager
async def served(platform: Platform, *, work: bool = True) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of a server that answers, with a worker beside it."""
    async with serving(platform) as client, working(platform) if work else nullcontext():
        yield client


async def ended(client: httpx2.AsyncClient, token: str) -> dict[str, Any]:
    async def look() -> dict[str, Any] | None:
        said = (await client.get(f"/sum-even/{token}/status")).json()
        return said if said["status"] in ("finished", "errored") else None

    return await eventually(look, within=60)


def some_numbers(count: int) -> bytes:
    chance = random.Random(7)
    return b"".join(b"%d\n" % chance.randrange(-(10**9), 10**9) for _ in range(count))
