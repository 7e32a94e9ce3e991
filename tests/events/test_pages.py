"""The pages of events: the calendar, an event, providers; for people, in their language."""

from __future__ import annotations

import re

import httpx2
import icalendar
import pytest

from tests.support.events import Feeds, Partner, Shop, base, event, feed, zone
from tests.support.people import csrf_in

pytestmark = pytest.mark.anyio


class Signed:
    """A signed-in admin of an organization with a provider."""

    def __init__(self, feeds: Feeds, client: httpx2.AsyncClient) -> None:
        self.feeds = feeds
        self.client = client

    async def page(self, path: str, status: int = 200) -> str:
        """A page's text."""
        answer = await self.client.get(path)
        assert answer.status_code == status, answer.text
        return answer.text

    async def send(self, path: str, form: str, **fields: str) -> httpx2.Response:
        """Send a form of the page *form*."""
        csrf = csrf_in(await self.page(form))
        return await self.client.post(path, data={"csrf": csrf, **fields})


@pytest.fixture
async def signed(place: Shop, provider_server: Partner) -> Signed:
    """Somebody who may see and change the providers of a new organization."""
    organization = await place.found_organization()
    return Signed(
        place.feeds(provider_server, organization), await place.signed_in(organization, "admin")
    )


async def test_the_calendar(signed: Signed) -> None:
    provider = await signed.feeds.add(feed(
        base("1", event("1", zones=zone(price="20.00") + zone(price="75.50")), title="Fado &lt;1>"),
        base("2", event("2", "2026-03-15T23:00:00", "2026-03-16T01:00:00", sold_out="true"),
             title="Esgotadíssimo"),
    ))
    await signed.feeds.applied(provider)
    text = await signed.page("/events?from=2026-03-14&until=2026-03-15")
    assert "Fado &lt;1&gt;" in text
    assert "20.00 – 75.50" in text
    assert "Saturday, March 14, 2026" in text
    assert "until 2026-03-16 01:00" in text
    assert "Europe/Madrid" in text
    only = await signed.page("/events?from=2026-03-14&until=2026-03-15&available=true")
    assert "Esgotadíssimo" not in only
    assert "Fado" not in await signed.page("/events?from=2026-03-15&until=2026-03-15")
    wrong = await signed.page("/events?from=2026-03-14&until=2026-99-99")
    assert "2026-99-99 is not a date" in wrong
    assert "min_price" in await signed.page("/events?min_price=y")
    await signed.page("/events?from=9999-12-31&until=9999-12-31&after=nothing")


async def test_many_days_have_pages(signed: Signed) -> None:
    provider = await signed.feeds.add(feed(*(
        base(str(n), event("1", f"2027-01-{n % 28 + 1:02}T20:00:00", f"2027-01-{n % 28 + 1:02}"
             "T21:00:00"), title=f"Noite{n:03}") for n in range(70)
    )))
    await signed.feeds.applied(provider)
    first = await signed.page("/events?from=2027-01-01&until=2027-01-31&q=noite")
    assert first.count('class="clock') == 50
    following = first.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    rest = await signed.page(f"/events{following}")
    assert rest.count('class="clock') == 20


async def test_an_event_with_its_prices_until_now(signed: Signed) -> None:
    provider = await signed.feeds.add()
    for price in ("20.00", "30.00", "25.00"):
        await signed.feeds.applied(provider, feed(base("1", event("1", zones=zone(price=price)))))
    (found,) = await signed.feeds.search()
    text = await signed.page(f"/events/{found['id']}")
    assert text.count("<rect ") == 3
    assert "Plateia" in text
    assert "2026-03-14 21:00" in text
    calendar = await signed.client.get(f"/events/{found['id']}/calendar.ics")
    (entry,) = icalendar.Calendar.from_ical(calendar.content).walk("VEVENT")
    assert str(entry["SUMMARY"]) == "Fado"
    await signed.feeds.applied(provider, feed())
    assert "no longer lists this event" in await signed.page(f"/events/{found['id']}")


async def test_a_provider_and_what_was_put_aside(signed: Signed) -> None:
    listed = [base(str(n), event("1"), title=f"T{n}") for n in range(5)]
    wrong = base("9", event("9", "2026-09-31T10:00:00"))
    provider = await signed.feeds.add(feed(*listed, wrong))
    await signed.feeds.applied(provider)
    page = f"/events/providers/{provider.name}"
    text = await signed.page(page)
    assert "2026-09-31T10:00:00" in text
    assert "This date and time does not exist." in text
    await signed.feeds.applied(provider, feed(listed[0]))
    assert "lost more than half of its events: it had 6 and now lists 1" in await signed.page(page)
    await signed.feeds.refused(provider, b"nothing")
    text = await signed.page(page)
    assert "not the XML of a feed" in text
    assert "Search keeps the last good state." in text
    assert provider.name in await signed.page("/events/providers")


async def test_providers_are_added_synced_and_paused_from_pages(signed: Signed) -> None:
    await signed.page("/events/providers")
    sent = await signed.send(
        "/events/providers", "/events/providers", name="novo",
        url="https://partner.example/feed.xml", timezone="Europe/Madrid",
    )
    assert (sent.status_code, sent.headers["location"]) == (303, "/events/providers/novo")
    once = re.search(r'name="once" value="([^"]+)"', await signed.page("/events/providers"))
    assert once
    for _ in range(2):
        sent = await signed.send(
            "/events/providers", "/events/providers", name="segundo", once=once[1],
            url="https://partner.example/feed.xml",
        )
        assert (sent.status_code, sent.headers["location"]) == (303, "/events/providers/segundo")
    assert "This was sent already." in await signed.page("/events/providers/segundo")
    refused = await signed.send(
        "/events/providers", "/events/providers", name="novo", url="https://partner.example/",
    )
    assert refused.status_code == 409
    assert "already has a provider of this name" in refused.text
    path = "/events/providers/novo"
    paused = await signed.send(f"{path}/pause", path, paused="true")
    assert paused.status_code == 303
    assert "Paused" in await signed.page(path)
    synced = await signed.send(f"{path}/sync", path)
    assert synced.headers["location"].startswith("/jobs/")


async def test_strangers_see_the_calendar_and_no_providers(place: Shop) -> None:
    client = place.client(accept="text/html")
    assert (await client.get("/events")).status_code == 200
    assert (await client.get("/events/providers")).status_code == 303


async def test_in_portuguese(place: Shop) -> None:
    client = place.client(**{"accept": "text/html", "accept-language": "pt-BR"})
    text = (await client.get("/events?from=2030-01-01&until=2030-01-02")).text
    assert "Nenhum evento nesses dias" in text
