"""``GET /search``: its shape, its bounds, who sees what, the same bytes from memory and disk."""

from __future__ import annotations

from typing import Any

import httpx2
import icalendar
import pytest

from tests.support.events import ALL, Partner, Shop, base, event, feed, zone
from vazao.events import answers
from vazao.events.keeping import keeper_of

pytestmark = pytest.mark.anyio
LISTED = feed(
    base("1", event("1", "2026-03-14T21:00:00", "2026-03-14T22:30:00", zones=zone(
        price="20.00") + zone(price="75.50") + zone(price="65.00")), title="Noite de Fado"),
    base("2", event("2", "2026-03-14T20:00:00", "2026-03-15T02:00:00", zones=""),
         title="Orquestra &amp; Coro — São João"),
    base("3", event("3", "2026-06-24T18:00:00", "2026-06-24T20:00:00", sold_out="true"),
         title="Feira"),
    base("4", event("4", "2026-03-14T21:00:00", "2026-03-14T22:00:00"), mode="offline",
         title="Nunca à venda"),
)


@pytest.fixture(scope="module")
async def filled(place: Shop, provider_server: Partner) -> Shop:
    """The application with a public provider in Madrid, synced."""
    feeds = place.feeds(provider_server, 1)
    await feeds.applied(await feeds.add(LISTED, public=True))
    await place.in_step()
    return place


@pytest.fixture
def client(filled: Shop) -> httpx2.AsyncClient:
    """A client of the public."""
    return filled.client()


async def found(client: httpx2.AsyncClient, starts: str, ends: str, **more: str) -> list[Any]:
    answer = await client.get("/search", params={"starts_at": starts, "ends_at": ends, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]["events"]


async def titles(client: httpx2.AsyncClient, starts: str, ends: str, **more: str) -> list[str]:
    return [each["title"] for each in await found(client, starts, ends, **more)]


async def test_the_shape(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/search", params={"starts_at": ALL[0], "ends_at": ALL[1]})
    assert answer.headers["content-type"] == "application/json"
    assert answer.json().keys() == {"data", "error"}
    first, second, third = answer.json()["data"]["events"]
    assert list(first) == ["id", "title", "start_date", "start_time", "end_date", "end_time",
                           "min_price", "max_price"]
    assert first | {"id": ""} == {
        "id": "", "title": "Orquestra & Coro — São João", "start_date": "2026-03-14",
        "start_time": "20:00:00", "end_date": "2026-03-15", "end_time": "02:00:00",
        "min_price": None, "max_price": None,
    }
    assert (second["min_price"], second["max_price"]) == (20.0, 75.5)
    assert third["title"] == "Feira"


async def test_nothing_found_is_an_answer(client: httpx2.AsyncClient) -> None:
    answer = await client.get(
        "/search?starts_at=2030-01-01T00:00:00Z&ends_at=2030-01-02T00:00:00Z"
    )
    assert answer.status_code == 200
    assert answer.content == answers.PREFIX + answers.SUFFIX


async def test_a_bound_with_an_offset_compares_instants(client: httpx2.AsyncClient) -> None:
    """21:00 in Madrid is 20:00 UTC in March."""
    assert await titles(client, "2026-03-14T20:00:00Z", "2026-03-14T21:30:00Z") == ["Noite de Fado"]
    assert await titles(client, "2026-03-14T20:00:01Z", "2026-03-14T21:30:00Z") == []
    assert await titles(client, "2026-03-14T20:00:00Z", "2026-03-14T21:29:59Z") == []
    assert await titles(
        client, "2026-03-14T17:00:00-03:00", "2026-03-14T18:30:00-03:00"
    ) == ["Noite de Fado"]
    # A plus sign that was not encoded comes as a blank.
    answer = await client.get(
        "/search?starts_at=2026-03-14T21:00:00+01:00&ends_at=2026-03-14T22:30:00+01:00"
    )
    assert [each["title"] for each in answer.json()["data"]["events"]] == ["Noite de Fado"]


async def test_a_bound_without_one_compares_wall_clocks(client: httpx2.AsyncClient) -> None:
    assert await titles(client, "2026-03-14T21:00:00", "2026-03-14T22:30:00") == ["Noite de Fado"]
    assert await titles(client, "2026-03-14T21:00:01", "2026-03-14T22:30:00") == []
    assert await titles(client, "2026-03-14T20:00", "2026-03-15T02:00") == [
        "Orquestra & Coro — São João", "Noite de Fado",
    ]
    assert await titles(client, "2026-03-14T21:00:00", "2026-03-14T21:30:00Z") == ["Noite de Fado"]


FORMS = [
    "2026-03-14T21:00:00", "2026-03-14T21:00", "2026-03-14t21:00:00", "20260314T210000",
    "2026-03-14T20:00:00Z", "2026-03-14T20:00:00z", "2026-03-14T20:00:00.000Z",
    "2026-03-14T20:00:00.123456789Z", "2026-03-14T21:00:00+01", "2026-03-14T21:00:00+0100",
    "2026-03-13T24:00:00", "2026-03-14T20:59:60", "0000-01-01T00:00:00", "0000-02-29T00:00:00Z",
    "0001-01-01T00:00:00+14:00", " 2026-03-14T21:00:00 ",
]


@pytest.mark.parametrize("text", FORMS)
async def test_every_form_of_a_time_is_taken(client: httpx2.AsyncClient, text: str) -> None:
    assert (await client.get(
        "/search", params={"starts_at": text, "ends_at": "9999-12-31T23:59:59-12:00"}
    )).status_code == 200


WRONG = [
    "", "today", "2026-03-14", "2026-02-30T00:00:00", "2026-13-01T00:00:00", "14/03/2026 21:00",
    "2026-03-14T25:00:00", "2026-03-14T21:61:00", "2026-03-14T21:00:61", "1773522000",
    "2026-03-14T21:00:00+99:00", "2026-03-14T21:00:00Z Z", "2026-W11-6T21:00", "-2026-01-01T00:00",
    "12026-01-01T00:00:00", "2026-03-14T21:00:00\0", "２０２６-03-14T21:00:00", "T21:00:00",
    "0000-02-30T00:00:00", "2026-03-14T24:00:01",
]


@pytest.mark.parametrize("text", WRONG)
@pytest.mark.parametrize("name", ["starts_at", "ends_at"])
async def test_what_is_no_time_is_refused_by_name(
    client: httpx2.AsyncClient, text: str, name: str
) -> None:
    given = {"starts_at": "2000-01-01T00:00:00", "ends_at": "2030-01-01T00:00:00"} | {name: text}
    answer = await client.get("/search", params=given)
    assert answer.status_code == 400
    assert answer.json().keys() == {"error", "data"}
    assert answer.json()["data"] is None
    assert answer.json()["error"]["code"] == "400"
    assert name in answer.json()["error"]["message"]


@pytest.mark.parametrize("query", [
    "ends_at=2026-03-14T21:00:00Z", "starts_at=2026-03-14T21:00:00Z", "",
    "starts_at=2026-03-14T21:00:00Z&starts_at=2026-03-14T21:00:00Z&ends_at=2026-03-15T00:00:00Z",
    "starts_at=2026-03-15T00:00:00Z&ends_at=2026-03-14T21:00:00Z",
    "starts_at=2026-03-15T00:00:00&ends_at=2026-03-14T21:00:00",
    "starts_at=2026-03-16T00:00:00&ends_at=2026-03-14T21:00:00Z",
])
async def test_a_window_that_is_none_is_refused(client: httpx2.AsyncClient, query: str) -> None:
    answer = await client.get(f"/search?{query}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "400")


@pytest.mark.parametrize("more", [
    {"limit": "0"}, {"limit": "x"}, {"limit": "1001"}, {"after": "x"}, {"after": "WzEsIngiXQ"},
    {"min_price": "cheap"}, {"max_price": "-1"}, {"min_price": "nan"}, {"available": "perhaps"},
    {"format": "xml"}, {"as_of": "yesterday"},
])
async def test_a_condition_that_is_none_is_refused(
    client: httpx2.AsyncClient, more: dict[str, str]
) -> None:
    window = {"starts_at": ALL[0], "ends_at": ALL[1]}
    answer = await client.get("/search", params=window | more)
    assert (answer.status_code, answer.json()["data"]) == (400, None), answer.text


async def test_what_is_not_ours_is_ignored(client: httpx2.AsyncClient) -> None:
    assert len(await found(client, *ALL, utm_source="x")) == 3


async def test_conditions(client: httpx2.AsyncClient) -> None:
    assert await titles(client, *ALL, q="são joao") == ["Orquestra & Coro — São João"]
    assert await titles(client, *ALL, q="ORQUESTRA fado") == []
    assert await titles(client, *ALL, q="%") == []
    assert await titles(client, *ALL, min_price="70") == ["Noite de Fado"]
    assert await titles(client, *ALL, max_price="19.99") == []
    assert await titles(client, *ALL, max_price="20") == ["Noite de Fado", "Feira"]
    assert await titles(client, *ALL, available="false") == ["Feira"]
    assert await titles(client, *ALL, available="true", q="fado") == ["Noite de Fado"]
    assert await titles(client, *ALL, provider="nobody") == []


async def test_pages_follow_one_another(client: httpx2.AsyncClient) -> None:
    seen: list[str] = []
    after: dict[str, str] = {}
    for _ in range(4):
        answer = await client.get(
            "/search", params={"starts_at": ALL[0], "ends_at": ALL[1], "limit": "1", **after}
        )
        data = answer.json()["data"]
        seen += [each["title"] for each in data["events"]]
        if data["next"] is None:
            break
        after = {"after": data["next"]}
    assert seen == ["Orquestra & Coro — São João", "Noite de Fado", "Feira"]


async def test_memory_and_database_give_the_same_bytes(
    filled: Shop, client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = keeper_of(filled.platform)
    windows = [
        ALL, ("2026-03-14T20:00:00Z", "2026-03-14T21:30:00Z"),
        ("2026-03-14T21:00:00", "2026-03-14T22:30:00"), ("2026-01-01T00:00:00Z", ALL[1]),
    ]

    async def answers_of() -> list[tuple[bytes, str]]:
        asked = [{"starts_at": a, "ends_at": b} for a, b in windows]
        got = [await client.get("/search", params=each) for each in asked]
        return [(each.content, each.headers["etag"]) for each in got]

    quick = await answers_of()
    monkeypatch.setattr(keeper, "everyones", None)
    route = await answers_of()
    monkeypatch.setattr(keeper, "model", lambda audience=None: None)
    assert quick == route == await answers_of()


async def test_quick_answers_have_the_headers_of_others(
    filled: Shop, client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = "/search?starts_at=2026-03-14T20:00:00Z&ends_at=2026-03-14T21:30:00Z"
    quick = await client.get(asked, headers={"x-request-id": "mine"})
    monkeypatch.setattr(keeper_of(filled.platform), "everyones", None)
    slow = await client.get(asked, headers={"x-request-id": "mine"})
    assert quick.headers["x-request-id"] == "mine"
    # A server adds the length to what comes in one piece.
    assert dict(slow.headers) | {"content-length": ""} == dict(quick.headers) | {
        "content-length": ""
    }


async def test_an_answer_that_is_known_is_not_sent_again(client: httpx2.AsyncClient) -> None:
    asked = "/search?starts_at=2026-03-14T20:00:00Z&ends_at=2026-03-14T21:30:00Z"
    first = await client.get(asked)
    again = await client.get(asked, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    other = await client.get(asked.replace("03-14T21:30", "07-14T21:30"))
    assert other.headers["etag"] != first.headers["etag"]


async def test_a_calendar_is_one(client: httpx2.AsyncClient) -> None:
    answer = await client.get(
        "/search", params={"starts_at": ALL[0], "ends_at": ALL[1], "format": "ics"}
    )
    assert answer.headers["content-type"].startswith("text/calendar")
    assert all(len(line) <= 75 for line in answer.content.split(b"\r\n"))
    calendar: Any = icalendar.Calendar.from_ical(answer.content)
    listed = list(calendar.walk("VEVENT"))
    assert [str(e["SUMMARY"]) for e in listed] == [
        "Orquestra & Coro — São João", "Noite de Fado", "Feira",
    ]
    assert listed[1].start.isoformat() == "2026-03-14T20:00:00+00:00"


async def test_lines_of_json(client: httpx2.AsyncClient) -> None:
    answer = await client.get(
        "/search", params={"starts_at": ALL[0], "ends_at": ALL[1], "format": "ndjson"}
    )
    assert len(answer.text.splitlines()) == 3
    assert answer.text.endswith("}\n")


async def test_head_answers_without_a_body(client: httpx2.AsyncClient) -> None:
    answer = await client.head("/search", params={"starts_at": ALL[0], "ends_at": ALL[1]})
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["etag"]


async def test_messages_come_in_the_readers_language(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/search", headers={"accept-language": "pt-BR"})
    assert answer.json()["error"]["message"].startswith("Falta starts_at")


async def test_private_events_are_their_organizations_alone(
    place: Shop, provider_server: Partner
) -> None:
    mine, theirs = await place.found_organization(), await place.found_organization()
    feeds = place.feeds(provider_server, mine)
    await feeds.applied(await feeds.add(feed(base("9", event("9"), title="Segredo"))))
    await place.in_step()
    for _ in range(2):
        # From the database first, then from a model of the organization's own.
        for client, sees in (
            (await place.with_token(mine, "events:read"), True),
            (await place.signed_in(mine), True),
            (await place.with_token(theirs, "events:read"), False), (place.client(), False),
        ):
            answer = await client.get("/search", params={"starts_at": ALL[0], "ends_at": ALL[1]})
            assert ("Segredo" in answer.text) == sees
            assert ("private" in answer.headers["cache-control"]) == (
                "authorization" in client.headers or bool(client.cookies)
            )
        await place.in_step()


async def test_wrong_and_poor_credentials_are_refused_in_its_shape(place: Shop) -> None:
    client = place.client(authorization="Bearer nothing")
    answer = await client.get("/search", params={"starts_at": ALL[0], "ends_at": ALL[1]})
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "401")
    poor = await place.with_token(await place.found_organization(), "jobs:read")
    answer = await poor.get("/search", params={"starts_at": ALL[0], "ends_at": ALL[1]})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "403")
