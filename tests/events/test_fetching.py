"""Fetching: conditions, packed and cut-off answers, redirects, private addresses, patience."""

from __future__ import annotations

import asyncio
import gzip
import socket
import threading
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from tests.support.events import Answer, Feeds, base, event, feed
from tests.support.waiting import eventually

pytestmark = pytest.mark.anyio
GOOD = base("1", event("1"), title="Bom")
WHOLE = feed(GOOD)


async def test_an_empty_feed_is_applied_and_deletes_nothing(feeds: Feeds) -> None:
    listed = [base(str(n), event(str(n)), title=f"T{n}") for n in range(4)]
    provider = await feeds.add(feed(*listed))
    await feeds.applied(provider)
    done = await feeds.applied(provider, feed())
    assert (done["listed"], done["left"]) == (0, 4)
    assert len(await feeds.search()) == 4
    flagged = await feeds.provider(provider)
    assert (flagged.lost_at is not None, flagged.lost_from, flagged.listed) == (True, 4, 0)
    await feeds.applied(provider, feed(*listed[:1]))
    assert (await feeds.provider(provider)).lost_at is not None
    done = await feeds.applied(provider, feed(*listed[:3]))
    assert (done["returned"], (await feeds.provider(provider)).lost_at) == (2, None)


async def test_a_packed_feed_is_unpacked(feeds: Feeds) -> None:
    provider = await feeds.add(gzip.compress(WHOLE))
    await feeds.applied(provider)
    coded = Answer(gzip.compress(feed(GOOD, base("2", event("2")))),
                   headers={"Content-Encoding": "gzip"})
    assert (await feeds.applied(provider, coded))["listed"] == 2
    both = gzip.compress(WHOLE[:50]) + gzip.compress(WHOLE[50:]) + b"\0" * 8
    assert (await feeds.applied(provider, both))["listed"] == 1
    short = Answer(gzip.compress(WHOLE)[:-4], headers={"Content-Encoding": "gzip"})
    assert (await feeds.refused(provider, short))["code"] == "feed_cut_off"


async def test_a_line_left_empty_before_the_declaration(feeds: Feeds) -> None:
    provider = await feeds.add(b"\r\n \n" + WHOLE)
    assert (await feeds.applied(provider))["created"] == 1


async def test_the_encoding_that_http_names(feeds: Feeds) -> None:
    """For a document that names none; what it says of itself counts more."""
    text = feed(base("1", event("1"), title="São João")).decode()
    bare = text.partition("?>")[2].encode("latin-1")
    said = {"Content-Type": "text/xml; charset=iso-8859-1"}
    provider = await feeds.add(Answer(bare, headers=said))
    await feeds.applied(provider)
    await feeds.applied(provider, Answer(text.encode(), headers=said))
    assert await feeds.titles() == ["São João"]


async def test_new_tags_of_the_same_feed_are_kept(feeds: Feeds) -> None:
    provider = await feeds.add(Answer(WHOLE, headers={"ETag": '"a"'}))
    for tag in ("b", "c"):
        await feeds.applied(provider, Answer(WHOLE, headers={"ETag": f'"{tag}"'}))
    assert [asked.get("if-none-match") for asked in feeds.partner.asked(provider.url)] == [
        None, '"b"',
    ]


async def test_a_provider_that_asks_to_wait_is_heard(feeds: Feeds) -> None:
    provider = await feeds.add(Answer(status=503, headers={"Retry-After": "1200"}))
    await feeds.refused(provider)
    (row,) = await feeds.rows(
        "select extract(epoch from next_at - attempted_at)::float8 from events.provider "
        "where id = %s", provider.id
    )
    assert 1190 <= row[0] <= 1210


async def test_many_events_that_start_together(feeds: Feeds) -> None:
    """Their hashes add up to more than 64 bits."""
    from vazao.events.blocks import MASK, _add

    assert _add(MASK, 1) == 0
    assert _add(MASK, -1) == MASK - 1


async def test_a_type_that_is_wrong_does_not_matter(feeds: Feeds) -> None:
    provider = await feeds.add(Answer(WHOLE, headers={"Content-Type": "text/html; charset=x"}))
    assert (await feeds.applied(provider))["created"] == 1


@pytest.mark.parametrize("status", [204, 400, 401, 403, 404, 429, 500, 502, 503])
async def test_a_status_that_is_no_success(feeds: Feeds, status: int) -> None:
    provider = await feeds.add(Answer(WHOLE, status=status))
    error = await feeds.refused(provider)
    assert (error["code"], error["params"]) == ("feed_refused", {"status": status})


async def test_unchanged_feeds_cost_one_request_and_no_row(feeds: Feeds) -> None:
    changed = "Sat, 14 Mar 2026 10:00:00 GMT"
    provider = await feeds.add(Answer(WHOLE, headers={"ETag": '"7"', "Last-Modified": changed}))
    await feeds.applied(provider)
    await feeds.applied(provider, Answer(status=304))
    first, second = feeds.partner.asked(provider.url)
    assert "if-none-match" not in first
    assert second["if-none-match"] == '"7"'
    assert second["if-modified-since"] == changed
    rows = "select xmin::text, ctid::text from events.event where provider_id = %s"
    before = await feeds.rows(rows, provider.id)
    assert (await feeds.applied(provider, WHOLE))["outcome"] == "unchanged"
    assert await feeds.rows(rows, provider.id) == before
    kept = "select 1 from events.sync where provider_id = %s"
    assert len(await feeds.rows(kept, provider.id)) == 1


async def test_not_modified_without_having_asked_is_no_answer(feeds: Feeds) -> None:
    provider = await feeds.add(Answer(status=304))
    assert (await feeds.refused(provider))["code"] == "feed_refused"


async def test_redirects_to_private_addresses_are_refused(feeds: Feeds) -> None:
    target = feeds.partner.place(WHOLE)
    provider = await feeds.add(Answer(status=302, headers={"Location": target}))
    error = await feeds.refused(provider)
    assert error["code"] == "feed_address_forbidden"
    assert feeds.partner.asked(target) == []


PRIVATE = [
    "http://127.0.0.1:9/", "http://localhost:9/", "http://10.0.0.1/", "http://192.168.1.1/",
    "http://169.254.169.254/latest/meta-data/", "http://[::1]:9/", "http://0.0.0.0:9/",
    "http://[::ffff:127.0.0.1]:9/", "http://100.64.0.1/", "http://2130706433:9/",
    "http://0x7f000001:9/", "http://[fd00::1]/", "http://224.0.0.1/",
]


@pytest.mark.parametrize("url", PRIVATE)
async def test_addresses_given_by_api_are_public(feeds: Feeds, url: str) -> None:
    provider = await feeds.add(url=url, private_allowed=False)
    assert (await feeds.refused(provider))["code"] == "feed_address_forbidden"


def _write(
    write: Any, *, length: int | None = None
) -> Answer:
    """An answer whose head is sent at once, and whose body *write* writes."""
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        if length is not None:
            request.send_header("Content-Length", str(length))
        request.end_headers()
        request.close_connection = True
        write(request.wfile)

    return Answer(write=answer)


async def test_an_answer_that_is_cut_off(feeds: Feeds) -> None:
    provider = await feeds.add(_write(lambda file: file.write(WHOLE), length=len(WHOLE) + 100))
    assert (await feeds.refused(provider))["code"] == "feed_cut_off"


async def test_redirects_without_an_end(feeds: Feeds, monkeypatch: pytest.MonkeyPatch) -> None:
    from vazao.events.feeds import addresses

    async def anywhere(place: Any, **_: Any) -> str:
        return place.host

    monkeypatch.setattr(addresses, "resolve", anywhere)
    provider = await feeds.add(Answer(status=302, headers={"Location": "?again"}))
    feeds.partner.set(f"{provider.url}?again", Answer(status=302, headers={"Location": "?again"}))
    assert (await feeds.refused(provider))["code"] == "feed_redirects"
    assert len(feeds.partner.requests) > 5


async def test_nothing_answers(feeds: Feeds) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        provider = await feeds.add(url=f"http://127.0.0.1:{closed.getsockname()[1]}/")
        assert (await feeds.refused(provider))["code"] == "feed_unreachable"


async def test_a_certificate_that_does_not_verify(feeds: Feeds) -> None:
    address = feeds.partner.address.replace("http:", "https:")
    provider = await feeds.add(url=f"{address}/tls")
    assert (await feeds.refused(provider))["code"] == "feed_unreachable"


async def test_failures_wait_longer_each_time(feeds: Feeds) -> None:
    provider = await feeds.add(Answer(status=500))
    waits = []
    for _ in range(3):
        await feeds.refused(provider)
        (row,) = await feeds.rows(
            "select extract(epoch from next_at - attempted_at)::float8 from events.provider "
            "where id = %s", provider.id
        )
        waits.append(row[0])
    assert 54 <= waits[0] <= 66
    assert 108 <= waits[1] <= 132
    assert 216 <= waits[2] <= 264


async def test_an_older_answer_never_follows_a_newer_one(feeds: Feeds) -> None:
    """A sync that waits long for its feed while another one is applied changes nothing."""
    old, new = feed(base("1", event("1"), title="Velho")), feed(base("1", event("1"), title="Novo"))
    go = threading.Event()

    def late(file: Any) -> None:
        go.wait(20)
        file.write(old)

    provider = await feeds.add(_write(late, length=len(old)))
    first = asyncio.create_task(feeds.sync(provider))

    async def asked() -> bool:
        return len(feeds.partner.asked(provider.url)) == 1

    await eventually(asked)
    assert (await feeds.applied(provider, new))["outcome"] == "applied"
    go.set()
    assert (await first).result["outcome"] == "superseded"
    assert await feeds.titles() == ["Novo"]


async def test_another_time_zone_has_the_feed_read_anew(feeds: Feeds) -> None:
    from vazao.events import service

    provider = await feeds.add(WHOLE)
    await feeds.applied(provider)
    async with feeds.platform.db.transaction() as conn:
        await service.change_provider(conn, provider, timezone="America/Sao_Paulo")
    assert (await feeds.applied(provider))["changed"] == 1
    assert await feeds.titles("2026-03-15T00:00:00Z", "2026-03-15T01:30:00Z") == ["Bom"]


async def test_gaps_and_folds_of_daylight_saving(feeds: Feeds) -> None:
    """2026-03-29 02:30 does not exist in Madrid; 2026-10-25 02:30 is there twice."""
    provider = await feeds.add(feed(
        base("1", event("1", "2026-03-29T02:30:00", "2026-03-29T04:00:00"), title="Lacuna"),
        base("2", event("2", "2026-10-25T02:30:00", "2026-10-25T05:00:00"), title="Dobra"),
    ))
    await feeds.applied(provider)
    assert await feeds.titles("2026-03-29T01:30:00Z", "2026-03-29T02:00:00Z") == ["Lacuna"]
    assert await feeds.titles("2026-10-25T00:30:00Z", "2026-10-25T04:00:00Z") == ["Dobra"]
    assert await feeds.titles("2026-03-29T03:30:00", "2026-03-29T04:00:00") == ["Lacuna"]
    (found, _) = await feeds.search()
    assert found["start_time"] == "03:30:00"


async def test_an_event_across_the_fold(feeds: Feeds) -> None:
    provider = await feeds.add(feed(
        base("1", event("1", "2026-10-25T02:30:00", "2026-10-25T02:10:00"))
    ))
    assert (await feeds.applied(provider))["aside"] == 0
    assert len(await feeds.search("2026-10-25T00:30:00Z", "2026-10-25T01:10:00Z")) == 1


async def test_a_provider_that_drips_is_given_up(
    feeds: Feeds, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vazao.events.feeds import fetching

    monkeypatch.setattr(fetching, "PACE_AFTER_SECONDS", 0.2)

    def drip(file: Any) -> None:
        for n in range(200):
            file.write(WHOLE[n:n + 1])
            file.flush()
            if gone.wait(0.05):
                return

    gone = threading.Event()
    provider = await feeds.add(_write(drip, length=len(WHOLE)))
    assert (await feeds.refused(provider))["code"] == "feed_too_slow"
    gone.set()
