"""Ending tasks of the event loop for certain."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

AGAIN_SECONDS = 1.0


async def end_all(tasks: Collection[asyncio.Task[Any]]) -> list[BaseException | None]:
    """Cancel *tasks* until every one has ended.

    Asking once is not enough: before Python 3.12 ``asyncio.wait_for``, which every statement
    waits in, loses a cancellation that arrives together with what it waited for.

    Returns:
        What each of them failed with; ``None`` for those that were cancelled or ended well.
    """
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=AGAIN_SECONDS)
    return [None if task.cancelled() else task.exception() for task in tasks]
