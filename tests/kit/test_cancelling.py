"""Tasks end, even those that lose a cancellation."""

from __future__ import annotations

import asyncio

import pytest

from vazao.kit import cancelling

pytestmark = pytest.mark.anyio


async def deaf(times: int, begun: asyncio.Event) -> None:
    """Loses *times* cancellations, then is cancelled."""
    begun.set()
    while times:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            times -= 1
    await asyncio.Event().wait()


async def fails() -> None:
    raise ValueError("why")


async def ends() -> str:
    return "value"


async def test_every_task_is_cancelled_until_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cancelling, "AGAIN_SECONDS", 0.01)
    begun = [asyncio.Event() for _ in range(3)]
    made = [
        asyncio.create_task(deaf(*each)) for each in zip((0, 1, 3), begun, strict=True)
    ]
    for one in begun:
        await one.wait()
    assert await cancelling.end_all(made) == [None, None, None]
    assert all(task.cancelled() for task in made)


async def test_what_tasks_failed_with_is_told() -> None:
    failing = asyncio.create_task(fails())
    await asyncio.wait([failing])
    well = asyncio.create_task(ends())
    await well
    error, nothing = await cancelling.end_all([failing, well])
    assert str(error) == "why"
    assert nothing is None
    assert await cancelling.end_all([]) == []
