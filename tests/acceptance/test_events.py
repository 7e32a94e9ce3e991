"""A feed by the real commands, searched over a real server, seen in a real browser."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.support.events import base, event, feed, partner, zone
from tests.support.running import Running, sign_in
from tests.support.waiting import until

WINDOW = "starts_at=2026-03-01T00:00:00&ends_at=2026-04-01T00:00:00"


def listed(price: str) -> bytes:
    """A feed of one event, and a record that is wrong."""
    return feed(
        base("1", event("1", zones=zone(price=price)), title="Fado de aceitação"),
        base("2", event("2", "2026-02-30T10:00:00")),
    )


def found(running: Running) -> Any:
    return httpx2.get(f"{running.address}/search?{WINDOW}").json()["data"]["events"]


@pytest.fixture(scope="module")
def shown(platform_up: Running) -> Any:
    """A public provider of acme, added and synced by command, and its server."""
    with partner() as server:
        url = server.place(listed("20.00"))
        platform_up.vazao(
            "events", "add-provider", "fado", url, "--organization", "acme", "--public",
            "--timezone", "Europe/Madrid", "--every", "1d",
        )
        # The schedule would fetch some of the feeds that the tests change; those that it asked for
        # have ended when this sync has.
        platform_up.vazao("events", "pause", "fado")
        platform_up.vazao("events", "sync", "fado")
        yield server, url


def test_a_sync_is_searchable_when_the_command_returns(platform_up: Running, shown: Any) -> None:
    server, url = shown
    assert [each["min_price"] for each in found(platform_up)] == [20.0]
    for price in (25.0, 30.0, 35.0):
        server.set(url, listed(f"{price:.2f}"))
        said = platform_up.vazao("events", "sync", "fado")
        assert "2 events listed, 0 new, 1 changed" in said
        assert [each["min_price"] for each in found(platform_up)] == [price]
    platform_up.vazao("events", "resume", "fado")
    assert "unchanged" in platform_up.vazao("events", "sync")
    assert "2026-02-30T10:00:00" in platform_up.vazao("events", "records", "fado")
    assert "acme" in platform_up.vazao("events", "providers")
    assert "paused" in platform_up.vazao("events", "pause", "fado")


def test_providers_are_in_the_metrics(platform_up: Running, shown: Any) -> None:
    def measured() -> bool:
        text = httpx2.get(f"{platform_up.address}/metrics").text
        return "vazao_events_provider_put_aside{" in text and 'route="/search"' in text

    platform_up.vazao("events", "resume", "fado")
    assert until(measured)


@pytest.mark.browser
def test_a_person_finds_an_event(platform_up: Running, shown: Any, browser: Any) -> None:
    context = browser.new_context(locale="pt-BR", viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(f"{platform_up.address}/events?from=2026-03-01&until=2026-03-31")
    page.fill("input[name=q]", "aceitacao")
    page.click("form[role=search] button")
    page.click("text=Fado de aceitação")
    page.wait_for_selector("text=Plateia")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    sign_in(page, platform_up)
    page.goto(f"{platform_up.address}/events/providers/fado")
    page.wait_for_selector("text=2026-02-30T10:00:00")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()
