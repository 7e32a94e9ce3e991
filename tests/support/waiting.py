"""What tests share: waiting for a condition, with a deadline."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

Value = TypeVar("Value")


async def eventually(
    look: Callable[[], Awaitable[Value]], *, within: float = 20.0, every: float | None = None
) -> Value:
    """What *look* returns once it is truthy; fails after *within* seconds with its last answer.

    Looks *every* so many seconds; unless told, ever more seldom, so that waiting takes an eighth
    longer at most and many who wait at once leave the processor to what they wait for.
    """
    began = time.monotonic()
    while True:
        value = await look()
        if value:
            return value
        waited = time.monotonic() - began
        assert waited < within, f"not within {within} s: {look} said {value!r}"
        await asyncio.sleep(_pause(waited) if every is None else every)


def until(look: Callable[[], Value], within: float = 60.0) -> Value:
    """As :func:`eventually`, for tests that watch processes from outside and have no event loop.

    A loop without a pause would take a processor from those that it waits for.
    """
    began = time.monotonic()
    while True:
        value = look()
        if value:
            return value
        waited = time.monotonic() - began
        assert waited < within, f"not within {within} s: {look} said {value!r}"
        time.sleep(_pause(waited))


def _pause(waited: float) -> float:
    return min(0.25, max(0.005, waited / 8))


async def turn() -> None:
    """Let everything else that is ready run once."""
    done = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(done.set_result, None)
    await done
