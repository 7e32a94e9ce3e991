"""Values in this process: one load for all who ask, stale ones served, failures that pass."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.loading import Source
from tests.support.waiting import eventually, turn
from vazao.cache import Shelf

pytestmark = pytest.mark.anyio


class Clock:
    """The loop's clock as a shelf sees it."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("vazao.cache.shelves.time", made)
    return made


@pytest.fixture
async def source() -> Source:
    return Source()


@pytest.fixture
async def shelf(source: Source, clock: Clock) -> Shelf[list[object]]:
    return Shelf("test", source.load, fresh=10.0, stale=30.0, most=3)


async def loaded(source: Source, times: int) -> None:
    """Until so many loads have begun, and ended."""

    async def there() -> bool:
        return source.loads >= times

    await eventually(there)
    await turn()


async def test_a_thousand_who_ask_for_what_is_not_there_cause_one_load(
    shelf: Shelf[list[object]], source: Source
) -> None:
    source.gate.clear()
    asked = asyncio.gather(*(shelf.get("a") for _ in range(1000)))
    await turn()
    source.gate.set()
    assert await asked == [["a", 1]] * 1000
    assert shelf.loads == 1
    assert (shelf.misses, shelf.hits) == (1000, 0)


async def test_who_gives_up_does_not_end_the_load_of_others(
    shelf: Shelf[list[object]], source: Source
) -> None:
    source.gate.clear()
    first, second = (asyncio.create_task(shelf.get("a")) for _ in range(2))
    await turn()
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    source.gate.set()
    assert await second == ["a", 1]


async def test_a_fresh_value_is_served_as_it_is(
    shelf: Shelf[list[object]], source: Source, clock: Clock
) -> None:
    assert shelf.peek("a") is None
    await shelf.get("a")
    clock.now += 7.9
    assert shelf.peek("a") == ["a", 1]
    await turn()
    assert source.loads == 1


async def test_what_is_about_to_grow_old_is_loaded_before_anybody_waits(
    shelf: Shelf[list[object]], source: Source, clock: Clock
) -> None:
    await shelf.get("a")
    clock.now += 8.1
    source.gate.clear()
    assert [await shelf.get("a") for _ in range(5)] == [["a", 1]] * 5
    await loaded(source, 2)
    assert shelf.peek("a") == ["a", 1], "the old one is served while the new one is on its way"
    source.gate.set()

    async def renewed() -> bool:
        return shelf.peek("a") == ["a", 2]

    await eventually(renewed)
    assert source.loads == 2


async def test_what_is_too_old_is_not_served(
    shelf: Shelf[list[object]], source: Source, clock: Clock
) -> None:
    await shelf.get("a")
    clock.now += 40.1
    assert shelf.peek("a") is None
    assert await shelf.get("a") == ["a", 2]


async def test_a_failure_leaves_the_old_value_until_it_is_too_old(
    shelf: Shelf[list[object]], source: Source, clock: Clock
) -> None:
    await shelf.get("a")
    clock.now += 9.0
    source.error = ZeroDivisionError()
    assert await shelf.get("a") == ["a", 1]
    await loaded(source, 2)
    assert shelf.failures == 1
    assert await shelf.get("a") == ["a", 1]
    await turn()
    assert source.loads == 2, "it is not tried again at once"
    clock.now += 32.0
    with pytest.raises(ZeroDivisionError):
        await shelf.get("a")
    source.error = None
    assert await shelf.get("a") == ["a", 4]


async def test_news_have_a_value_loaded_before_it_is_served_again_once_a_second(
    shelf: Shelf[list[object]], source: Source, clock: Clock
) -> None:
    await shelf.get("a")
    shelf.is_due("a")
    shelf.is_due("unknown")
    assert shelf.peek("a") == ["a", 1], "it was loaded within this second"
    await turn()
    assert source.loads == 1
    clock.now += 1.1
    assert shelf.peek("a") is None
    assert await shelf.get("a") == ["a", 2]
    clock.now += 1.1
    assert shelf.peek("a") == ["a", 2], "nothing else was heard"


async def test_topics_tell_of_one_value_or_of_all(
    shelf: Shelf[list[object]], source: Source, clock: Clock
) -> None:
    for key in "ab":
        await shelf.get(key)
    clock.now += 1.1
    shelf.heard("kind:a")
    assert [shelf.peek(key) is not None for key in "ab"] == [False, True]
    shelf.heard("kind:")
    assert shelf.peek("b") is None


async def test_news_while_a_value_is_loaded_are_not_lost(
    shelf: Shelf[list[object]], source: Source, clock: Clock
) -> None:
    source.gate.clear()
    asked = asyncio.create_task(shelf.get("a"))
    await turn()
    clock.now += 0.1
    shelf.heard("kind:a")
    source.gate.set()
    assert await asked == ["a", 1]
    clock.now += 1.0
    assert await shelf.get("a") == ["a", 2]


async def test_the_least_asked_for_goes_first_and_all_can_be_forgotten(
    shelf: Shelf[list[object]], source: Source
) -> None:
    for key in "abc":
        await shelf.get(key)
    shelf.peek("a")
    await shelf.get("d")
    assert [shelf.peek(key) is not None for key in "abcd"] == [True, False, True, True]
    shelf.forget("a")
    assert shelf.peek("a") is None
    assert len(shelf) == 2
    assert shelf.ages() == [0.0, 0.0]
    shelf.clear()
    assert len(shelf) == 0


async def test_closing_ends_what_is_being_loaded(
    shelf: Shelf[list[object]], source: Source
) -> None:
    source.gate.clear()
    asked = asyncio.create_task(shelf.get("a"))
    await turn()
    await shelf.close()
    with pytest.raises(asyncio.CancelledError):
        await asked
