"""Turns: shared by owners, whatever one of them asks for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from vazao.kit.turns import TooManyWaiting, Turn, TurnNotReached, Turns

pytestmark = pytest.mark.anyio


class Work:
    """Requests that hold a turn until they are told to end, in the order in which they got it."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.begun: list[str] = []
        self.ends: dict[str, asyncio.Event] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def ask(self, name: str, owner: str, patience: float = 30.0) -> None:
        """Ask for a turn; *name* is this request's."""
        self.ends[name] = asyncio.Event()
        self.tasks[name] = asyncio.create_task(self._hold(name, owner, patience))
        await settled()

    async def _hold(self, name: str, owner: str, patience: float) -> None:
        async with self.turns.turn(owner, patience=patience):
            self.begun.append(name)
            await self.ends[name].wait()

    async def end(self, *names: str) -> None:
        """Let requests end that hold a turn."""
        for name in names:
            self.ends[name].set()
            await self.tasks[name]
            await settled()


async def settled() -> None:
    """Let all that can go on go on."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_an_owner_never_holds_the_last_turn() -> None:
    work = Work(Turns(2))
    for number in range(8):
        await work.ask(f"a{number}", "a")
    assert work.begun == ["a0"]
    await work.ask("b0", "b")
    assert work.begun == ["a0", "b0"]
    await work.end("b0")
    assert work.begun == ["a0", "b0"], "the turn that is free stays free for others"
    await work.end(*(f"a{number}" for number in range(8)))
    assert work.begun[2:] == [f"a{number}" for number in range(1, 8)]


async def test_with_one_turn_the_owner_that_used_least_goes_first() -> None:
    now = [0.0]
    work = Work(Turns(1, clock=lambda: now[0]))
    await work.ask("a0", "a")
    for name in ("a1", "a2", "a3"):
        await work.ask(name, "a")
    await work.ask("b0", "b")
    await work.ask("b1", "b")
    now[0] += 10
    await work.end("a0")
    now[0] += 1
    await work.end("b0")
    assert work.begun == ["a0", "b0", "b1"], "b has used one second, a ten"
    now[0] += 20
    await work.end("b1")
    assert work.begun[-1] == "a1"
    await work.end("a1", "a2", "a3")


async def test_who_comes_late_is_not_owed_the_past() -> None:
    now = [0.0]
    work = Work(Turns(1, clock=lambda: now[0]))
    for number in range(6):
        await work.ask(f"a{number}", "a")
    for number in range(3):
        now[0] += 10
        await work.end(f"a{number}")
    for number in range(6):
        await work.ask(f"b{number}", "b")
    for _ in range(6):
        now[0] += 10
        await work.end(work.begun[-1])
    late = work.begun[4:]
    assert {name[0] for name in late[:2]} == {"a", "b"}
    for name in work.tasks:
        await work.end(name)


async def test_who_waits_too_long_is_told_and_costs_nobody_a_turn() -> None:
    work = Work(Turns(1))
    await work.ask("a0", "a")
    await work.ask("b0", "b", patience=0.01)
    with pytest.raises(TurnNotReached) as told:
        await work.tasks["b0"]
    assert (told.value.status, told.value.retry_after) == (503, 5)
    await work.ask("c0", "c")
    await work.end("a0", "c0")
    assert work.begun == ["a0", "c0"]


async def test_an_owner_with_many_that_wait_is_refused_alone() -> None:
    work = Work(Turns(1, waiting=2))
    for name in ("a0", "a1", "a2"):
        await work.ask(name, "a")
    with pytest.raises(TooManyWaiting) as told:
        async with work.turns.turn("a"):
            pass
    assert told.value.status == 429
    await work.ask("b0", "b")
    await work.end("a0", "b0", "a1", "a2")
    assert work.begun == ["a0", "b0", "a1", "a2"]


@pytest.mark.parametrize("moment", ["waiting", "handed over"])
async def test_a_client_that_leaves_gives_its_turn_back(moment: str) -> None:
    turns = Turns(1)
    work, held = Work(turns), Turn(turns, "a", 30.0)
    await held.take()
    await work.ask("b0", "b")
    if moment == "handed over":
        # In the same step: b0 has the turn, and has not gone on yet.
        held.give()
    work.tasks["b0"].cancel()
    await settled()
    assert work.tasks["b0"].cancelled()
    held.give()
    await work.ask("c0", "c")
    assert work.begun == ["c0"]
    await work.end("c0")


async def test_long_work_lets_another_go_first_between_two_pieces() -> None:
    turns = Turns(1)
    order: list[str] = []

    async def pieces(name: str, pause: Callable[[Turn], Awaitable[None]]) -> None:
        async with turns.turn(name) as turn:
            for number in range(3):
                order.append(f"{name}{number}")
                await settled()
                await pause(turn)

    await asyncio.gather(pieces("a", Turn.pause), pieces("b", Turn.pause))
    assert order[0] == "a0"
    assert order.index("b0") < order.index("a2")
    assert len(order) == 6
