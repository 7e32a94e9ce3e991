"""What search shows, and for how long: once online, then for ever."""

from __future__ import annotations

import pytest

from tests.support.events import Feeds, base, event, feed, plans, zone

pytestmark = pytest.mark.anyio

FIRST = feed(
    base("291", event("291", "2026-06-30T21:00:00", "2026-06-30T21:30:00", zones=zone(
        "40", "20.00", "243") + zone("38", "15.00", "100") + zone("30", "30.00", "90")),
        title="Cantora em concerto"),
    base("1591", event("1642", "2026-07-31T20:00:00", "2026-07-31T20:20:00", zones=zone(
        "186", "75.00", "2") + zone("186", "65.00", "16")), title="Os Morangos"),
    base("444", event("1642", "2026-09-30T20:00:00", "2026-09-30T20:00:00", zones=zone(
        "7", "22.50", "0")), mode="offline", title="Tributo a Joaquim"),
)
SECOND = feed(
    base("291", event("291", "2026-06-30T21:00:00", "2026-06-30T22:00:00", zones=zone(
        "40", "20.00", "200") + zone("38", "15.00", "0") + zone("30", "30.00", "80")),
        title="Cantora em concerto"),
    base("322", event("1642", "2026-02-10T20:00:00", "2026-02-10T21:30:00", zones=zone(
        "311", "55.00", "2")), title="Pantomima para bebés"),
    base("1591", event("1642", "2026-07-31T20:00:00", "2026-07-31T20:20:00", zones=zone(
        "186", "75.00", "0") + zone("186", "65.00", "0")), title="Os Morangos"),
    base("444", event("1642", "2026-09-31T20:00:00", "2026-09-31T20:00:00", zones=zone(
        "7", "22.50", "0")), mode="offline", title="Tributo a Joaquim"),
)
THIRD = feed(
    base("291", event("291", "2026-06-30T21:00:00", "2026-06-30T22:30:00", zones=zone(
        "40", "20.00", "190") + zone("38", "15.00", "0") + zone("30", "30.00", "70")),
        title="Cantora em concerto"),
    base("444", event("1642", "2026-09-31T20:00:00", "2026-09-31T20:00:00", zones=zone(
        "7", "22.50", "0")), mode="offline", title="Tributo a Joaquim"),
)


async def test_three_moments_of_a_provider(feeds: Feeds) -> None:
    provider = await feeds.add()
    await feeds.applied(provider, FIRST)
    first = {found["title"]: found for found in await feeds.search()}
    assert first.keys() == {"Cantora em concerto", "Os Morangos"}
    assert first["Cantora em concerto"] | {"id": ""} == {
        "id": "", "title": "Cantora em concerto", "start_date": "2026-06-30",
        "start_time": "21:00:00", "end_date": "2026-06-30", "end_time": "21:30:00",
        "min_price": 15.0, "max_price": 30.0,
    }
    assert (first["Os Morangos"]["min_price"], first["Os Morangos"]["max_price"]) == (65.0, 75.0)

    second = await feeds.applied(provider, SECOND)
    assert (second["created"], second["aside"]) == (1, 1)
    assert await feeds.titles() == [
        "Pantomima para bebés", "Cantora em concerto", "Os Morangos",
    ]

    third = await feeds.applied(provider, THIRD)
    assert (third["listed"], third["left"]) == (2, 2)
    last = {found["title"]: found for found in await feeds.search()}
    assert last.keys() == {"Pantomima para bebés", "Cantora em concerto", "Os Morangos"}
    assert last["Cantora em concerto"]["end_time"] == "22:30:00"
    assert last["Cantora em concerto"]["id"] == first["Cantora em concerto"]["id"]
    (aside,) = await feeds.aside(provider)
    assert (aside.record, aside.code, aside.value) == (2, "date_impossible", "2026-09-31T20:00:00")


async def test_online_offline_online(feeds: Feeds) -> None:
    provider = await feeds.add(feed(base("1", event("1"), mode="offline")))
    await feeds.applied(provider)
    assert await feeds.titles() == []
    for mode in ("online", "offline", "online"):
        await feeds.applied(provider, feed(base("1", event("1"), mode=mode)))
        assert await feeds.titles() == ["Fado"]
    assert await feeds.rows(
        "select version, online from events.event where provider_id = %s", provider.id
    ) == [(4, True)]


async def test_values_follow_an_offline_record(feeds: Feeds) -> None:
    provider = await feeds.add(feed(base("1", event("1"))))
    await feeds.applied(provider)
    cheaper = event("1", zones=zone(price="12.50"))
    await feeds.applied(provider, feed(base("1", cheaper, mode="offline", title="Outro")))
    (found,) = await feeds.search()
    assert (found["title"], found["min_price"]) == ("Outro", 12.5)


async def test_a_base_that_was_online_shows_what_it_lists_later(feeds: Feeds) -> None:
    """An event is shown from the first time that its base is listed as online."""
    provider = await feeds.add(feed(base("1", event("1"))))
    await feeds.applied(provider)
    later = event("2", "2026-04-01T21:00:00", "2026-04-01T22:00:00")
    await feeds.applied(provider, feed(base("1", event("1"), later, mode="offline")))
    assert len(await feeds.search()) == 2


async def test_a_base_shows_what_it_listed_before_it_was_online(feeds: Feeds) -> None:
    provider = await feeds.add(feed(base("1", event("1"), mode="offline")))
    await feeds.applied(provider)
    await feeds.applied(provider, feed(base("1", event("1", ends="2026-02-31T00:00:00"))))
    (found,) = await feeds.search()
    assert found["end_date"] == "2026-03-14"


async def test_an_event_id_under_three_bases_is_three_events(feeds: Feeds) -> None:
    listed = feed(*(base(str(n), event("7"), title=f"Base {n}") for n in range(3)))
    provider = await feeds.add(listed)
    assert (await feeds.applied(provider))["created"] == 3
    assert len({found["id"] for found in await feeds.search()}) == 3


async def test_two_providers_with_the_same_ids_have_two_events(feeds: Feeds) -> None:
    for name in ("Um", "Dois"):
        provider = await feeds.add(feed(base("1", event("1"), title=name)))
        await feeds.applied(provider)
    assert sorted(await feeds.titles()) == ["Dois", "Um"]


async def test_a_provider_may_change_its_dialect(feeds: Feeds) -> None:
    provider = await feeds.add()
    await feeds.applied(provider, FIRST)
    before = await feeds.search()
    done = await feeds.applied(provider, plans(FIRST))
    assert (done["dialect"], done["created"], done["changed"]) == ("planList", 0, 0)
    assert await feeds.search() == before


async def test_the_last_good_record_of_an_event_counts(feeds: Feeds) -> None:
    provider = await feeds.add(feed(
        base("1", event("1"), title="Primeiro"), base("1", event("1"), title="Segundo"),
        base("1", event("1", starts="2026-02-30T00:00:00"), title="Terceiro"),
    ))
    done = await feeds.applied(provider)
    assert (done["listed"], done["created"], done["aside"]) == (1, 1, 1)
    assert await feeds.titles() == ["Segundo"]
