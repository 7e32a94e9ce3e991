"""The line before the hashing threads: in order of arrival, bounded, with a deadline."""

from __future__ import annotations

import asyncio
import secrets
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from tests.support.waiting import eventually, turn
from vazao.accounts import errors
from vazao.accounts.away import Away
from vazao.accounts.hashing import Hasher
from vazao.accounts.tickets import Ticket

pytestmark = pytest.mark.anyio


def shown(arrived: float) -> Ticket:
    """A ticket of one who arrived then."""
    return Ticket(arrived, time.time() + 60, secrets.token_bytes(8))


class Gate:
    """Work that is held until the gate opens, and the order in which it was done."""

    def __init__(self, hasher: Hasher) -> None:
        self.hasher = hasher
        self.open = threading.Event()
        self.done: list[object] = []

    def work(self, name: object) -> Callable[[], object]:
        def do() -> object:
            self.open.wait(20)
            self.done.append(name)
            return name

        return do

    async def run(self, name: object, arrived: float) -> object:
        """Do the work for one who shows a ticket of that time."""
        return await self.hasher.run(self.work(name), self.hasher.welcome(shown(arrived)))

    async def join(self, name: object, arrived: float) -> asyncio.Task[object]:
        """One more in the line."""
        before = self.hasher.waiting
        task = asyncio.create_task(self.run(name, arrived))
        await turn()

        async def there() -> bool:
            return task.done() or self.hasher.waiting > before

        if self.hasher.waiting or self.done or before:
            await eventually(there)
        return task


@pytest.fixture
def one() -> Iterator[Gate]:
    """One thread, which is held by a first work."""
    gate = Gate(Hasher(threads=1, deadline=60.0))
    yield gate
    gate.open.set()


async def held(gate: Gate) -> asyncio.Task[object]:
    """The first work, once the thread is at it."""
    first = asyncio.create_task(gate.run("first", 0.0))

    async def begun() -> bool:
        return gate.hasher._busy == 1

    await eventually(begun)
    return first


async def test_who_arrived_first_goes_first_whenever_they_came_back(one: Gate) -> None:
    first = await held(one)
    tasks = [await one.join(arrived, arrived) for arrived in (5.0, 3.0, 9.0, 1.0)]
    one.open.set()
    assert await asyncio.gather(first, *tasks) == ["first", 5.0, 3.0, 9.0, 1.0]
    assert one.done == ["first", 1.0, 3.0, 5.0, 9.0]


async def test_who_hangs_up_leaves_the_line_unhashed(one: Gate) -> None:
    first = await held(one)
    gone = await one.join("gone", 1.0)
    stays = await one.join("stays", 2.0)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    assert one.hasher.waiting == 1
    one.open.set()
    await asyncio.gather(first, stays)
    assert one.done == ["first", "stays"]


async def test_who_hangs_up_while_hashed_holds_the_thread_to_the_end(one: Gate) -> None:
    first = await held(one)
    stays = await one.join("stays", 2.0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    assert one.hasher._busy == 1
    assert one.hasher.waiting == 1
    one.open.set()
    assert await stays == "stays"
    assert one.done == ["first", "stays"]


async def test_whoever_is_not_served_in_time_is_told_when_to_come_back(one: Gate) -> None:
    one.hasher.deadline = 0.05
    with pytest.raises(errors.SignInBusy) as caught:
        await held_and_another(one)
    assert caught.value.retry_after == 1
    assert caught.value.arrived == 7.0
    assert len(one.hasher.away) == 1
    one.open.set()
    one.hasher.deadline = 10.0
    assert await one.run("served again", 7.0) == "served again"
    assert one.hasher.waiting == 0


async def held_and_another(gate: Gate) -> None:
    first = await held(gate)
    try:
        await gate.run("late", 7.0)
    finally:
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)


async def test_who_is_being_hashed_is_waited_for_whatever_it_costs(one: Gate) -> None:
    one.hasher.deadline = 0.02
    first = await held(one)
    await asyncio.wait((first,), timeout=0.1)
    assert not first.done()
    one.open.set()
    assert await first == "first"


async def test_who_asks_again_and_again_is_away_once(one: Gate) -> None:
    one.hasher.deadline = 0.0
    for n in range(20):
        with pytest.raises(errors.SignInBusy):
            one.hasher.welcome(at=float(n), holder="ana")
    with pytest.raises(errors.SignInBusy) as caught:
        one.hasher.welcome(at=30.0, holder="beto")
    assert caught.value.more["place"] == 2
    assert len(one.hasher.away) == 2


async def test_a_line_longer_than_the_deadline_is_refused_at_once(one: Gate) -> None:
    first = await held(one)
    one.hasher._seconds = one.hasher._core_seconds = 1.0
    tasks = [await one.join(n, float(n)) for n in range(1, 8)]
    one.hasher.deadline = 10.0
    with pytest.raises(errors.SignInBusy) as caught:
        await one.run("too many", 100.0)
    assert not any(task.done() for task in tasks), "it did not wait for anybody's end"
    assert caught.value.more["place"] == 9
    assert caught.value.more["expected_seconds"] == 8
    early = await one.join("early", 0.5)
    one.open.set()
    await asyncio.gather(first, early, *tasks)
    assert one.done[:3] == ["first", "early", 1]


async def test_those_who_are_away_go_before_newcomers(one: Gate) -> None:
    first = await held(one)
    one.hasher._seconds = one.hasher._core_seconds = 1.0
    one.hasher.deadline = 10.0
    second = await one.join(2, 2.0)
    third = await one.join(3, 3.0)
    for n in range(20):
        one.hasher.away.add(10.0 + n, 60)
    with pytest.raises(errors.SignInBusy) as caught:
        one.hasher.welcome()
    assert caught.value.more["place"] == 24
    back = one.hasher.welcome(shown(10.0))
    assert back.arrived == 10.0
    assert len(one.hasher.away) == 20, "one came back, and the newcomer is away"
    one.open.set()
    await asyncio.gather(first, second, third)
    one.hasher.leave(back)
    newcomer = one.hasher.welcome().arrived
    assert newcomer == pytest.approx(time.time(), abs=5), "the threads would run dry"


async def test_work_that_fails_says_so(one: Gate) -> None:
    one.open.set()
    with pytest.raises(ZeroDivisionError):
        await one.hasher.run(lambda: 1 // 0)
    assert await one.hasher.run(lambda: 1) == 1


async def test_the_event_loop_goes_on_and_all_threads_work() -> None:
    hasher = Hasher(threads=2)
    both = threading.Barrier(2, timeout=20)
    work = asyncio.gather(hasher.run(both.wait), hasher.run(both.wait))
    assert sorted(await work) == [0, 1]
    assert hasher._alive == 2


async def test_threads_end_when_nothing_is_to_be_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vazao.accounts.hashing.IDLE_SECONDS", 0.01)
    hasher = Hasher(threads=1)
    assert await hasher.run(lambda: 1) == 1

    async def ended() -> bool:
        return hasher._alive == 0

    await eventually(ended)
    assert await hasher.run(lambda: 2) == 2


def test_those_away_are_counted_by_arrival_until_they_are_late(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr("vazao.accounts.away.time.monotonic", lambda: now)
    away = Away()
    for arrived in (3.0, 1.0, 2.0):
        away.add(arrived, arrived)
    assert [away.before(at) for at in (0.5, 1.5, 2.5, 9.0)] == [0, 1, 2, 3]
    away.back(0.5)
    assert len(away) == 3, "nobody came before"
    away.back(2.7)
    assert away.before(9.0) == 2
    assert away.before(2.5) == 1, "the next before them is taken for them"
    now += 17.0
    assert away.before(9.0) == 1
    now += 100.0
    assert away.before(9.0) == 0


async def test_a_ticket_is_one_place_however_often_it_is_shown(one: Gate) -> None:
    first, ticket = await held(one), shown(5.0)
    turn_of_it = one.hasher.welcome(ticket)
    copy = one.hasher.welcome(ticket)
    assert (turn_of_it.arrived, copy.arrived > 1e9) == (5.0, True)
    one.hasher.leave(turn_of_it)
    again = one.hasher.welcome(ticket)
    assert again.arrived == 5.0, "its holder was not served: it is good as before"
    served = asyncio.create_task(one.hasher.run(one.work("served"), again))
    one.open.set()
    await asyncio.gather(first, served)
    assert one.hasher.welcome(ticket).arrived > 1e9, "it was served"
