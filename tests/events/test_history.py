"""One event, its history, the past as it was answered, the feed of changes, and explanations."""

from __future__ import annotations

from itertools import pairwise
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest

from tests.support.events import ALL, Feeds, Partner, Shop, base, event, feed, zone
from tests.support.waiting import eventually
from vazao.events.models import Provider
from vazao.kit import clock

pytestmark = pytest.mark.anyio


class Told:
    """An organization with a provider, and a client that asks about its events."""

    def __init__(self, feeds: Feeds, provider: Provider, client: httpx2.AsyncClient) -> None:
        self.feeds = feeds
        self.provider = provider
        self.client = client

    async def get(self, path: str, status: int = 200, **given: Any) -> Any:
        """The answer of a route as JSON."""
        answer = await self.client.get(f"{path}?{urlencode(given)}" if given else path)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def changes(self, count: int, **given: Any) -> tuple[list[Any], str]:
        """At least so many changes behind a cursor, and where the feed goes on: it waits while an
        older transaction runs anywhere on the server.
        """
        seen: list[Any] = []

        async def enough() -> bool:
            page = await self.get("/v1/events/changes", **given)
            seen.extend(page["items"])
            given["after"] = page["next"]
            return len(seen) >= count

        await eventually(enough)
        return seen, given["after"]

    async def found(self, **given: Any) -> list[Any]:
        """What search finds."""
        window = {"starts_at": ALL[0], "ends_at": ALL[1]}
        return (await self.get("/search", **window, **given))["data"]["events"]


@pytest.fixture
async def told(place: Shop, provider_server: Partner) -> Told:
    """An organization that has a provider of its own."""
    organization = await place.found_organization()
    feeds = place.feeds(provider_server, organization)
    client = await place.with_token(organization, "events:read", "events:write", "jobs:read")
    return Told(feeds, await feeds.add(), client)


def priced(price: str, **more: str) -> str:
    return base("1", event("1", zones=zone(price=price)), **more)


async def test_an_event_whole(told: Told) -> None:
    await told.feeds.applied(told.provider, feed(base(
        "810", event("811", zones=zone("2", "75.50", "0") + zone("2", "65.00", "16")))))
    (found,) = await told.found()
    whole = await told.get(f"/v1/events/{found['id']}")
    assert {name: whole[name] for name in found} == found
    assert (whole["provider"], whole["timezone"]) == (told.provider.name, "Europe/Madrid")
    assert whole["starts_at"] == "2026-03-14T20:00:00.000000Z"
    assert (whole["base_id"], whole["event_id"], whole["version"]) == ("810", "811", 1)
    assert (whole["available"], whole["listed"], whole["online"]) == (True, True, True)
    assert whole["zones"] == [
        {"id": "2", "name": "Plateia", "price": 75.5, "capacity": 0, "numbered": True},
        {"id": "2", "name": "Plateia", "price": 65.0, "capacity": 16, "numbered": True},
    ]


async def test_every_version_is_kept_with_its_time(told: Told) -> None:
    listed = feed(priced("30.00"))
    for body in (feed(priced("20.00")), listed, feed(priced("30.00", mode="offline")), feed(),
                 listed):
        await told.feeds.applied(told.provider, body)
    (found,) = await told.found()
    history = await told.get(f"/v1/events/{found['id']}/history")
    assert [(v["version"], v["min_price"], v["online"], v["listed"]) for v in history["items"]] == [
        (5, 30.0, True, True), (4, 30.0, False, False), (3, 30.0, False, True),
        (2, 30.0, True, True), (1, 20.0, True, True),
    ]
    times = [(v["held_from"], v["held_until"]) for v in reversed(history["items"])]
    assert all(first[1] == second[0] for first, second in pairwise(times))
    assert times[-1][1] is None
    page = await told.get(f"/v1/events/{found['id']}/history", limit=2)
    rest = await told.get(f"/v1/events/{found['id']}/history", after=page["next"], limit=9)
    assert [v["version"] for v in page["items"] + rest["items"]] == [5, 4, 3, 2, 1]
    assert rest["next"] is None


async def test_the_past_is_answered_as_it_was(told: Told) -> None:
    before = clock.stamp(clock.now())
    await told.feeds.applied(told.provider, feed(priced("20.00", mode="offline")))
    offline = clock.stamp(clock.now())
    await told.feeds.applied(told.provider, feed(priced("20.00")))
    cheap = clock.stamp(clock.now())
    await told.feeds.applied(told.provider, feed(priced("30.00")))
    assert [e["min_price"] for e in await told.found(as_of=cheap)] == [20.0]
    assert await told.found(as_of=offline) == []
    assert await told.found(as_of=before) == []
    (now,) = await told.found()
    assert now["min_price"] == 30.0
    assert (await told.get(f"/v1/events/{now['id']}", as_of=cheap))["min_price"] == 20.0
    assert (await told.get(f"/v1/events/{now['id']}", as_of=cheap))["version"] == 2
    await told.get(f"/v1/events/{now['id']}", 404, as_of=offline)
    await told.get(f"/v1/events/{now['id']}", 404, as_of=before)


async def test_the_feed_of_changes_goes_on(told: Told) -> None:
    await told.feeds.applied(told.provider, feed(priced("20.00"), base("2", event("2"))))
    first, place = await told.changes(1, limit=1)
    second, place = await told.changes(1, after=place)
    assert {e["event_id"] for e in first + second} >= {"1", "2"}
    assert (await told.get("/v1/events/changes", after=place))["items"] == []
    await told.feeds.applied(told.provider, feed(priced("25.00"), base("2", event("2"))))
    third, _ = await told.changes(1, after=place)
    assert [(e["event_id"], e["min_price"]) for e in third] == [("1", 25.0)]


async def test_a_change_that_commits_late_is_not_skipped(told: Told) -> None:
    """While an older transaction runs, the feed waits with what is newer."""
    await told.feeds.applied(told.provider, feed(priced("20.00")))
    _, place = await told.changes(1)
    async with told.feeds.platform.db.transaction() as conn:
        await conn.execute("select pg_current_xact_id()")
        await told.feeds.applied(told.provider, feed(priced("25.00")))
        assert (await told.get("/v1/events/changes", after=place))["items"] == []
    later, _ = await told.changes(1, after=place)
    assert [e["min_price"] for e in later] == [25.0]


async def why(told: Told, base_id: str, event_id: str, **more: str) -> tuple[bool, list[str]]:
    said = await told.get(
        "/v1/events/explain", provider=told.provider.name, base_id=base_id, event_id=event_id,
        **more,
    )
    assert all(reason["message"] for reason in said["reasons"])
    return said["shown"], [reason["code"] for reason in said["reasons"]]


async def test_events_are_explained(told: Told) -> None:
    await told.feeds.applied(told.provider, feed(
        priced("20.00"), base("2", event("2"), mode="offline"),
        base("3", event("3", "2026-09-31T10:00:00")),
    ))
    assert await why(told, "1", "1") == (True, ["shown", "not_public"])
    assert await why(told, "2", "2") == (False, ["never_online", "not_public"])
    assert await why(told, "3", "3") == (False, ["put_aside", "never_listed", "not_public"])
    assert await why(told, "4", "4") == (False, ["never_listed", "not_public"])
    outside = {"starts_at": "2026-03-14T21:00:00", "ends_at": "2026-03-14T22:00:00"}
    assert await why(told, "1", "1", **outside) == (False, ["outside_window", "not_public"])
    await told.feeds.applied(told.provider, feed(priced("20.00", mode="offline")))
    assert (await why(told, "1", "1"))[1] == ["shown", "not_public", "offline"]
    await told.feeds.applied(told.provider, feed())
    assert (await why(told, "1", "1"))[1] == ["shown", "not_public", "not_listed"]
    await told.get("/v1/events/explain", 400, provider="x")
    await told.get("/v1/events/explain", 404, provider="x", base_id="1", event_id="1")


async def test_nobody_sees_the_events_of_another_organization(told: Told, place: Shop) -> None:
    await told.feeds.applied(told.provider, feed(priced("20.00")))
    (found,) = await told.found()
    stranger = await place.with_token(
        await place.found_organization(), "events:read", "events:write"
    )
    name = told.provider.name
    for client, missing in ((stranger, 404), (place.client(), 401)):
        for path in (f"/v1/events/{found['id']}", f"/v1/events/{found['id']}/history",
                     f"/events/{found['id']}", f"/events/{found['id']}/calendar.ics"):
            assert (await client.get(path)).status_code == 404, path
        for path in (f"/v1/events/providers/{name}", f"/v1/events/providers/{name}/records",
                     f"/v1/events/providers/{name}/syncs"):
            assert (await client.get(path)).status_code == missing, path
        assert (await client.post(f"/v1/events/providers/{name}/sync")).status_code == missing
        changed = await client.patch(f"/v1/events/providers/{name}", json={"paused": True})
        assert changed.status_code == missing
        asked = f"/v1/events/explain?provider={name}&base_id=1&event_id=1"
        assert (await client.get(asked)).status_code == missing
        assert found["id"] not in (await client.get("/v1/events/changes")).text
    assert name not in (await stranger.get("/v1/events/providers")).text


@pytest.mark.parametrize("id", ["x", "0" * 36, "3fa85f64-5717-4562-b3fc-2c963f66afa6"])
async def test_an_event_that_is_none(told: Told, id: str) -> None:
    answer = await told.client.get(f"/v1/events/{id}")
    assert answer.status_code == 404


async def test_providers_by_api(told: Told) -> None:
    path = "/v1/events/providers"
    url = "https://user:senha@partner.example/feed.xml?key=segredo"
    made = await told.client.post(path, json={
        "name": "novo", "url": url, "every": "5m", "timezone": "Europe/Lisbon", "public": True,
    })
    assert made.status_code == 201
    assert made.headers["location"] == f"{path}/novo"
    shown = (await told.client.get(made.headers["location"])).json()
    assert shown == made.json() | {"next_at": shown["next_at"]}
    assert (shown["address"], shown["every_seconds"], shown["health"]) == (
        "https://partner.example/feed.xml?…", 300, "new",
    )
    assert "senha" not in made.text
    again = await told.client.post(path, json={"name": "novo", "url": url})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "provider_exists")
    paused = await told.client.patch(f"{path}/novo", json={"paused": True, "every": "1h"})
    assert (paused.json()["health"], paused.json()["every_seconds"]) == ("paused", 3600)
    assert "novo" in [each["name"] for each in (await told.get(path))["items"]]


@pytest.mark.parametrize(("body", "code"), [
    ({"name": "a/b", "url": "http://x.example/"}, "provider_name_invalid"),
    ({"name": "a", "url": "ftp://x.example/"}, "feed_address_invalid"),
    ({"name": "a", "url": "http:///feed"}, "feed_address_invalid"),
    ({"name": "a", "url": "http://x.example:99999/"}, "feed_address_invalid"),
    ({"name": "a", "url": "http://x.example/\r\nHost: y"}, "feed_address_invalid"),
    ({"name": "a", "url": "http://x.example/", "every": "0s"}, "interval_invalid"),
    ({"name": "a", "url": "http://x.example/", "every": "8d"}, "interval_invalid"),
    ({"name": "a", "url": "http://x.example/", "timezone": "Mars/Olympus"}, "timezone_invalid"),
    ({"name": "a", "url": "http://x.example/", "timezone": "../../etc"}, "timezone_invalid"),
    ({"name": "a", "url": "http://127.0.0.1:9/"}, "address_private"),
    ({"name": "a", "url": "http://localhost/feed"}, "address_private"),
    ({"name": "a"}, "field_invalid"), ({"name": "a", "url": 5}, "field_invalid"),
    ({"name": "a", "url": "http://x.example/", "evry": "5m"}, "unknown_parameter"),
])
async def test_a_provider_that_is_none_is_refused(
    told: Told, body: dict[str, Any], code: str
) -> None:
    answer = await told.client.post("/v1/events/providers", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code), answer.text


async def test_an_address_that_was_given_by_command_is_not_lost_by_api(told: Told) -> None:
    path = f"/v1/events/providers/{told.provider.name}"
    await told.feeds.applied(told.provider, feed(priced("20.00")))
    for url, status in ((told.provider.url, 200), ("http://10.0.0.1/", 400)):
        assert (await told.client.patch(path, json={"url": url})).status_code == status
    assert (await told.feeds.applied(told.provider))["outcome"] == "unchanged"


async def test_a_key_leads_to_one_sync(told: Told) -> None:
    path = f"/v1/events/providers/{told.provider.name}/sync"
    keyed = {"Idempotency-Key": "same"}
    first = await told.client.post(path, headers=keyed)
    again = await told.client.post(path, headers=keyed)
    assert (first.status_code, again.json()["id"]) == (202, first.json()["id"])
    other = await told.feeds.add()
    clash = await told.client.post(f"/v1/events/providers/{other.name}/sync", headers=keyed)
    assert clash.status_code == 409


async def test_a_cursor_of_another_list_is_refused(told: Told) -> None:
    await told.feeds.applied(told.provider, feed(priced("20.00")))
    changes = await told.get("/v1/events/changes")
    window = {"starts_at": ALL[0], "ends_at": ALL[1]}
    refused = await told.get("/search", 400, **window, after=changes["next"])
    assert "cursor" in refused["error"]["message"]
    for cursor in ("WyJzZWFyY2giLDEsIngiXQ", "WyJjaGFuZ2VzIiw1LCJ4Il0"):
        refused = await told.get("/v1/events/changes", 400, after=cursor)
        assert refused["error"]["code"] == "cursor_invalid"


async def test_records_and_syncs_by_api(told: Told) -> None:
    wrong = [base(str(n), event("1", "2026-02-30T10:00:00")) for n in range(3)]
    await told.feeds.applied(told.provider, feed(priced("20.00"), *wrong))
    await told.feeds.refused(told.provider, b"nothing")
    path = f"/v1/events/providers/{told.provider.name}"
    first = await told.get(f"{path}/records", limit=2)
    rest = await told.get(f"{path}/records", after=first["next"])
    assert [each["record"] for each in first["items"] + rest["items"]] == [2, 3, 4]
    assert first["items"][0]["code"] == "date_impossible"
    assert first["items"][0]["remedy"]
    failed, applied = (await told.get(f"{path}/syncs"))["items"]
    assert (failed["outcome"], failed["error"]["code"]) == ("failed", "feed_not_xml")
    assert (applied["created"], applied["aside"], applied["error"]) == (1, 3, None)
    whole = await told.get(path)
    assert (whole["health"], whole["failures"], whole["put_aside"]) == ("failing", 1, 3)
    synced = await told.client.post(f"{path}/sync")
    assert synced.status_code == 202
    assert (await told.client.get(synced.headers["location"])).json()["kind"] == "events.sync"
