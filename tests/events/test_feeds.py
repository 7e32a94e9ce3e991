"""Feeds as providers send them: wrong records are put aside, wrong feeds change nothing at all."""

from __future__ import annotations

import gzip

import pytest

from tests.support.events import Feeds, base, event, feed, zone

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
