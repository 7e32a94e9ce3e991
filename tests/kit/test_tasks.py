"""Tasks end, even those that lose a cancellation."""

from __future__ import annotations

import asyncio

import pytest

from vazao.kit import tasks

pytestmark = pytest.mark.anyio


async def deaf(times: int) -> int:
    """Loses *times* cancellations, then is cancelled."""
    while times:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            times -= 1
    await asyncio.Event().wait()
    return 0


async def fails() -> None:
    raise ValueError("why")


async def test_every_task_is_cancelled_until_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "AGAIN_SECONDS", 0.01)
    made = [asyncio.create_task(deaf(times)) for times in (0, 1, 3)]
    await asyncio.sleep(0)
    assert await tasks.end_all(made) == [None, None, None]
    assert all(task.cancelled() for task in made)


async def test_what_tasks_failed_with_is_told() -> None:
    failing = asyncio.create_task(fails())
    await asyncio.wait([failing])
    well = asyncio.create_task(asyncio.sleep(0, "value"))
    await well
    error, nothing = await tasks.end_all([failing, well])
    assert str(error) == "why"
    assert nothing is None
    assert await tasks.end_all([]) == []
