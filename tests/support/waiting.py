"""What tests share: waiting for a condition, with a deadline."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

Value = TypeVar("Value")


async def eventually(
    look: Callable[[], Awaitable[Value]], *, within: float = 20.0, every: float = 0.02
) -> Value:
    """What *look* returns once it is truthy; fails after *within* seconds with its last answer."""
    deadline = time.monotonic() + within
    while True:
        value = await look()
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {within} s: {look} said {value!r}"
        await asyncio.sleep(every)


async def turn() -> None:
    """Let everything else that is ready run once."""
    done = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(done.set_result, None)
    await done
