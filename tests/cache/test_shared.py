"""A cache for all processes: one load among them, and whatever happens to it, the right value."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from tests.support.loading import Source
from tests.support.valkey import valkey_server
from tests.support.waiting import turn
from vazao.cache import shared as module
from vazao.cache.shared import Shared

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with valkey_server() as made:
        yield made


@pytest.fixture
async def two(
    server: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Shared, Shared]]:
    """As two processes have it; a slow machine is no failure."""
    monkeypatch.setattr("vazao.cache.shared.SECONDS", 20.0)
    first, second = Shared(server), Shared(server)
    await first._client.flushall()
    yield first, second
    await first.close()
    await second.close()


async def ask(shared: Shared, source: Source, key: str = "vazao:test:a") -> Any:
    return await shared.through(key, source.load, fresh=10.0, stale=10.0)


async def test_processes_that_ask_at_once_cause_one_load(two: tuple[Shared, Shared]) -> None:
    source = Source()
    source.gate.clear()
    asked = asyncio.gather(*(ask(each, source) for each in two * 20))
    while not source.loads:
        await turn()
    source.gate.set()
    assert await asked == [["", 1]] * 40
    assert source.loads == 1
    assert await two[0]._client.keys("*") == [b"vazao:test:a"], "no lock is left"


async def test_what_another_loaded_long_ago_is_loaded_anew(
    two: tuple[Shared, Shared], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Source()
    assert await ask(two[0], source) == ["", 1]
    assert await ask(two[1], source) == ["", 1]
    now = module.time.time()
    monkeypatch.setattr("vazao.cache.shared.time.time", lambda: now + 5.1)
    assert await ask(two[1], source) == ["", 2]


async def test_what_changed_since_is_not_taken_from_others(two: tuple[Shared, Shared]) -> None:
    source = Source()
    assert await ask(two[0], source) == ["", 1]
    found = await two[1].through(
        "vazao:test:a", lambda: source.load(""), fresh=10.0, stale=1.0, youngest=0.0
    )
    assert found == ["", 2]


async def test_a_load_that_fails_leaves_no_lock(two: tuple[Shared, Shared]) -> None:
    source = Source()
    source.error = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        await ask(two[0], source)
    source.error = None
    assert await ask(two[1], source) == ["", 2]


async def test_what_others_put_there_is_no_value_of_ours(two: tuple[Shared, Shared]) -> None:
    source = Source()
    await two[0]._client.set("vazao:test:a", b"\xff{")
    assert await ask(two[0], source) == ["", 1]
    await two[0].forget("vazao:test:a")
    assert await ask(two[1], source) == ["", 2]


async def test_a_full_cache_stores_nothing_and_harms_nothing(
    two: tuple[Shared, Shared]
) -> None:
    client, source = two[0]._client, Source()
    await client.config_set("maxmemory", "1")
    try:
        assert await ask(two[0], source) == ["", 1]
        assert two[0].is_away
        assert await ask(two[0], source) == ["", 2]
    finally:
        await client.config_set("maxmemory", "0")


async def test_it_may_go_away_and_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    source = Source()
    with valkey_server() as server:
        shared = Shared(server)
        assert await ask(shared, source) == ["", 1]
    assert await ask(shared, source) == ["", 2]
    assert shared.is_away
    assert shared.failures == 1
    assert await ask(shared, source) == ["", 3]
    assert shared.failures == 1, "it is left alone"
    await shared.forget("vazao:test:a")
    monkeypatch.setattr("vazao.cache.shared.AWAY_SECONDS", 0.0)
    shared._away_until = 0.0
    assert await ask(shared, source) == ["", 4]
    await shared.close()


async def test_a_silent_one_costs_a_moment_once() -> None:
    source = Source()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        shared = Shared(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        assert await ask(shared, source) == ["", 1]
        assert shared.is_away
        assert await ask(shared, source) == ["", 2]
        assert shared.failures == 1
        await shared.close()
