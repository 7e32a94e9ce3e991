"""Every process shows a change soon and whole; what does not fit is searched in the database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.events import ALL, Partner, Shop, base, event, feed, partner, shop
from tests.support.waiting import eventually
from vazao.events import keeping, store
from vazao.events.keeping import Keeper, keeper_of
from vazao.kit.platform import Platform

pytestmark = pytest.mark.anyio


async def shown(place: Shop) -> list[str]:
    answer = await place.client().get(f"/search?starts_at={ALL[0]}&ends_at={ALL[1]}")
    return [each["title"] for each in answer.json()["data"]["events"]]


def days(first: int, count: int, title: str) -> list[str]:
    """Bases whose events begin a day apart."""
    return [
        base(f"{title}{n}", event("1", f"2026-03-{n:02}T21:00:00", f"2026-03-{n:02}T22:00:00"),
             title=f"{title} {n}")
        for n in range(first, first + count)
    ]


async def test_only_blocks_that_changed_are_read_anew(
    place: Shop, provider_server: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store.events, "SIZE", 4)
    keeper = keeper_of(place.platform)
    feeds = place.feeds(provider_server, 1)
    listed = days(1, 20, "Antes")
    provider = await feeds.add(feed(*listed), public=True)
    await feeds.applied(provider)
    keeper._models[None] = None
    await place.in_step()
    first = keeper.everyones
    assert first is not None
    assert len(first.blocks) >= 5
    listed[9] = listed[9].replace("2026-03-10", "2026-03-18")
    await feeds.applied(provider, feed(*listed))
    await place.in_step()
    second = keeper.everyones
    assert second is not None
    kept = [block for block in second.blocks if any(block is other for other in first.blocks)]
    assert 0 < len(kept) < len(first.blocks)
    assert (await shown(place)).index("Antes 10") in (16, 17)
    assert second.events == first.events


async def test_a_process_that_failed_catches_up(
    place: Shop, provider_server: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = keeper_of(place.platform)
    monkeypatch.setattr(keeping, "AGAIN_SECONDS", 0.05)
    real = store.events.begin_reading

    async def broken(conn: Any) -> None:
        raise OSError("away")

    monkeypatch.setattr(store.events, "begin_reading", broken)
    feeds = place.feeds(provider_server, 1)
    await feeds.applied(await feeds.add(feed(*days(1, 1, "Depois")), public=True))

    async def behind() -> bool:
        return keeper.age is not None

    await eventually(behind)
    answer = await place.client().get(f"/search?starts_at={ALL[0]}&ends_at={ALL[1]}")
    assert answer.status_code == 200
    assert int(answer.headers["age"]) >= 0
    assert "Depois 1" not in answer.text
    monkeypatch.setattr(store.events, "begin_reading", real)
    await place.in_step()
    assert "Depois 1" in await shown(place)
    assert keeper.age is None


async def test_a_base_larger_than_the_setting_is_searched_in_the_database(
    database_url: str, data_dir: Path
) -> None:
    with partner() as server:
        async with shop(database_url, data_dir, events_memory_bytes=500) as place:
            feeds = place.feeds(server, 1)
            await feeds.applied(await feeds.add(feed(*days(1, 9, "Muito")), public=True))
            await place.in_step()
            assert keeper_of(place.platform).everyones is None
            assert await shown(place) == [f"Muito {n}" for n in range(1, 10)]


async def test_a_database_of_another_history_is_read_anew(place: Shop) -> None:
    """After a restore the numbers of transactions begin lower than what was seen."""
    keeper = keeper_of(place.platform)
    model = keeper.everyones
    assert model is not None
    model.snapshot = "900000000:900000000:"
    keeper._heard("events:all")

    async def anew() -> bool:
        return keeper.everyones is not model

    await eventually(anew)
    assert keeper.everyones is not None
    assert keeper.everyones.events == model.events


async def test_an_installation_may_cap_answers(database_url: str, data_dir: Path) -> None:
    with partner() as server:
        async with shop(database_url, data_dir, events_most_found=3) as place:
            feeds = place.feeds(server, 1)
            await feeds.applied(await feeds.add(feed(*days(1, 5, "Dia")), public=True))
            await place.in_step()
            client = place.client()
            window = {"starts_at": "2026-03-01T00:00:00Z", "ends_at": "2026-04-01T00:00:00Z"}
            for more in ({}, {"q": "dia"}, {"format": "ics"}):
                answer = await client.get("/search", params=window | more)
                assert answer.status_code == 400
                assert "limit" in answer.json()["error"]["message"]
            answer = await client.get("/search", params=window | {"limit": "4"})
            assert len(answer.json()["data"]["events"]) == 4


async def test_organizations_beyond_the_most_give_way(platform_at_rest: Platform) -> None:
    keeper = Keeper(platform_at_rest)
    for number in range(1, keeping.AUDIENCES_AT_MOST + 5):
        keeper.want(number)
    assert len(keeper._models) <= keeping.AUDIENCES_AT_MOST + 1
    assert None in keeper._models


async def test_processes_that_are_gone_are_forgotten(
    place: Shop, provider_server: Partner
) -> None:
    feeds = place.feeds(provider_server, 1)
    await feeds.rows(
        "insert into events.reader (pid, shown) values (1, '3:3:') returning 1"
    )
    await place.in_step()
    assert await feeds.rows("select 1 from events.reader where pid = 1") == []
