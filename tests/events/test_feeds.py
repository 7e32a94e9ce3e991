"""Feeds as providers send them: wrong records are put aside, wrong feeds change nothing at all."""

from __future__ import annotations

import asyncio
import gzip
import socket
import threading
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from tests.support.events import Answer, Feeds, base, event, feed, zone
from tests.support.waiting import eventually

pytestmark = pytest.mark.anyio
GOOD = base("1", event("1"), title="Bom")

RECORDS = [
    (base("9", event("9", starts="2026-09-31T10:00:00")), "date_impossible", "event_start_date"),
    (base("9", event("9", ends="2026-02-29T10:00:00")), "date_impossible", "event_end_date"),
    (base("9", event("9", sell_from="2026-00-01T00:00:00")), "date_impossible", "sell_from"),
    (base("9", event("9", sell_to="soon")), "date_impossible", "sell_to"),
    (base("9", event("9", starts="")), "start_missing", "event_start_date"),
    (base("9", event("9", ends="")), "end_missing", "event_end_date"),
    (base("9", event("9", "2026-03-14T21:00:00", "2026-03-14T20:59:59")), "end_before_start",
     "event_end_date"),
    (base("9", event("9", sold_out="maybe")), "sold_out_invalid", "sold_out"),
    (base("9", event("")), "event_id_missing", "event_id"),
    (base("", event("9")), "base_id_missing", "base_event_id"),
    (base("9", event("x" * 201)), "value_too_long", "event_id"),
    (base("9", event("9"), title="x" * 1001), "value_too_long", "title"),
    *((base("9", event("9", zones=zone() + zone("2", price))), "price_invalid", "zone 2 price")
      for price in ("free", "", "nan", "INF", "1e99", "-5.00", "1_000", "20,00", "٣", "20.00 EUR")),
    *((base("9", event("9", zones=zone() + zone("2", capacity=left))), "capacity_invalid",
       "zone 2 capacity") for left in ("many", "", "NaN", "1_0", "1e99")),
    (base("9", event("9", zones=zone("") + zone())), "zone_id_missing", "zone 1 zone_id"),
    (base("9", event("9", zones='<zone zone_id="1" capacity="1" name="x"/>')), "price_invalid",
     "zone 1 price"),
]


@pytest.mark.parametrize(("wrong", "code", "place"), RECORDS)
async def test_a_wrong_record_is_put_aside_and_the_others_go_in(
    feeds: Feeds, wrong: str, code: str, place: str
) -> None:
    provider = await feeds.add(feed(base("0", event("0"), title="Antes"), wrong, GOOD))
    done = await feeds.applied(provider)
    assert (done["created"], done["aside"]) == (2, 1)
    (aside,) = await feeds.aside(provider)
    assert (aside.record, aside.code, aside.attribute) == (2, code, place)
    assert sorted(await feeds.titles()) == ["Antes", "Bom"]


@pytest.mark.parametrize(("price", "shown"), [
    ("19.989999999999998", 19.989999999999998), ("1.0E2", 100.0), (".50", 0.5), ("+20.00", 20.0),
    ("-0.00", 0.0), (" 20.00 ", 20.0), ("20.", 20.0), ("007", 7.0),
])
async def test_every_form_of_a_number_is_one(feeds: Feeds, price: str, shown: float) -> None:
    zones = zone(price=price, capacity=" 10 ") + zone("2", price, "-1") + zone("3", price, "1E1")
    provider = await feeds.add(feed(base("1", event("1", zones=zones))))
    assert (await feeds.applied(provider))["aside"] == 0
    (found,) = await feeds.search()
    assert (found["min_price"], found["max_price"]) == (shown, shown)


@pytest.mark.parametrize(("starts", "ends", "sell_to", "timezone"), [
    ("2026-03-14T21:00:00.0000000", "2026-03-14T24:00:00", "2026-03-14T21:00:00+01", "UTC"),
    ("2026-03-14t21:00:00z", "2026-03-14T23:59:60", "9999-12-31T23:59:59", "America/New_York"),
    ("2026-03-14T21:00", "2026-03-14T22:00", "9999-12-31T23:59:59Z", "Europe/Madrid"),
    ("2026-03-14T21:00", "9999-12-31T23:59:59", "", "America/New_York"),
])
async def test_every_form_of_a_time_is_one(
    feeds: Feeds, starts: str, ends: str, sell_to: str, timezone: str
) -> None:
    provider = await feeds.add(feed(
        base("1", event("1", starts, ends, sell_from="0001-01-01T00:00:00", sell_to=sell_to))
    ), timezone=timezone)
    assert (await feeds.applied(provider))["aside"] == 0
    assert len(await feeds.search()) == 1


async def test_a_bad_record_leaves_the_last_good_version(feeds: Feeds) -> None:
    provider = await feeds.add(feed(GOOD))
    await feeds.applied(provider)
    before = await feeds.search()
    wrong = base("1", event("1", zones=zone(price="grátis")), title="Outro")
    done = await feeds.applied(provider, feed(wrong))
    assert (done["changed"], done["left"], done["aside"]) == (0, 0, 1)
    assert await feeds.search() == before
    await feeds.applied(provider, feed(GOOD))
    assert await feeds.aside(provider) == []


async def test_what_may_be_missing(feeds: Feeds) -> None:
    bare = (
        '<base_event base_event_id="1" sell_mode="online"><event event_id="1" '
        'event_start_date="2026-03-14T21:00:00" event_end_date="2026-03-14T22:00:00"><!-- x -->'
        '<zone zone_id="1" price="5" capacity="7"/><other/></event></base_event>'
    )
    provider = await feeds.add(feed(bare))
    await feeds.applied(provider)
    (found,) = await feeds.search()
    assert (found["title"], found["min_price"], found["max_price"]) == (None, 5.0, 5.0)


async def test_letters_of_every_kind(feeds: Feeds) -> None:
    title = "“Ópera” — \\t &lt;b&gt; 日本 🎭 \\N"
    provider = await feeds.add(feed(base("\\N", event("a\tb"), title=title)))
    await feeds.applied(provider)
    assert await feeds.titles() == ["“Ópera” — \\t <b> 日本 🎭 \\N"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "iso-8859-1", "utf-16"])
async def test_encodings_that_the_declaration_names(feeds: Feeds, encoding: str) -> None:
    text = feed(base("1", event("1"), title="São João")).decode()
    declared = {"utf-8-sig": "UTF-8", "iso-8859-1": "ISO-8859-1", "utf-16": "UTF-16"}[encoding]
    provider = await feeds.add(text.replace('"UTF-8"', f'"{declared}"').encode(encoding))
    await feeds.applied(provider)
    assert await feeds.titles() == ["São João"]


@pytest.mark.parametrize("change", [
    (b"<eventList ", b'<eventList xmlns="urn:p" '), (b"<output>", b'<output xmlns="urn:p">'),
    (b"<zone ", b'<zone xmlns="urn:p" '), (b"eventList", b"e:eventList"),
])
async def test_namespaces_wherever_they_stand(
    feeds: Feeds, change: tuple[bytes, bytes]
) -> None:
    body = feed(GOOD).replace(*change).replace(
        b"<e:eventList ", b'<e:eventList xmlns:e="urn:p" '
    )
    provider = await feeds.add(body)
    assert (await feeds.applied(provider))["zones"] == 1
    assert await feeds.titles() == ["Bom"]


BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE eventList [<!ENTITY a "aaaaaaaaaa">'
    b'<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><eventList title="&b;"><output>&b;</output>'
    b"</eventList>"
)
OUTSIDE = (
    b'<?xml version="1.0"?><!DOCTYPE eventList [<!ENTITY f SYSTEM "file:///etc/passwd">]>'
    b"<eventList><output>&f;</output></eventList>"
)
WHOLE = feed(GOOD)
FEEDS = {
    "empty": (b"", "feed_not_xml"),
    "blank": (b" " * 200_000, "feed_not_xml"),
    "no XML": (b"not xml at all", "feed_not_xml"),
    "JSON": (b'{"events": []}', "feed_not_xml"),
    "a page": (b"<html><body>Maintenance</body></html>", "feed_unknown"),
    "another feed": (b"<rss version='2.0'><channel/></rss>", "feed_unknown"),
    "truncated": (WHOLE[:len(WHOLE) // 2], "feed_not_xml"),
    "half-changed": (WHOLE[:-20] + WHOLE[10:], "feed_not_xml"),
    "two roots": (WHOLE + b"<eventList/>", "feed_not_xml"),
    "wrong encoding": (WHOLE.replace(b"Bom", "São".encode("latin-1")), "feed_not_xml"),
    "unknown encoding": (WHOLE.replace(b"UTF-8", b"KLINGON"), "feed_not_xml"),
    "NUL": (WHOLE.replace(b"Bom", b"B\0m"), "feed_not_xml"),
    "entity bomb": (BOMB, "feed_declares"),
    "outside entity": (OUTSIDE, "feed_declares"),
    "deep": (b"<eventList>" + b"<a>" * 100_000 + b"</a>" * 100_000 + b"</eventList>",
             "feed_not_xml"),
    "a bare ampersand": (WHOLE.replace(b"Bom", b"Bom & caro"), "feed_not_xml"),
    "gzip cut off": (gzip.compress(WHOLE)[:-8], "feed_cut_off"),
    "gzip of nothing": (b"\x1f\x8bnothing", "feed_cut_off"),
}


@pytest.mark.parametrize("name", FEEDS)
async def test_a_feed_that_is_none_changes_nothing(feeds: Feeds, name: str) -> None:
    body, code = FEEDS[name]
    provider = await feeds.add(WHOLE)
    await feeds.applied(provider)
    before = await feeds.search()
    error = await feeds.refused(provider, body)
    assert error["code"] == code
    assert await feeds.search() == before
    now = await feeds.provider(provider)
    assert (now.failures, now.listed, now.error["code"] if now.error else None) == (1, 1, code)
    assert (await feeds.applied(provider, WHOLE))["outcome"] == "unchanged"
    assert (await feeds.provider(provider)).failures == 0


async def test_a_million_attributes(feeds: Feeds) -> None:
    many = b" ".join(b'a%d="1"' % n for n in range(1_000_000))
    provider = await feeds.add(
        b"<eventList " + many + b"><output>" + GOOD.encode() + b"</output></eventList>"
    )
    job = await feeds.sync(provider)
    assert job.status == "finished" or job.error["code"] in (  # type: ignore[index]
        "feed_not_xml", "feed_needs_too_much"
    )


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
