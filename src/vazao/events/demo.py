"""The demonstration: a provider on this machine, a sync of its feed, and a search."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from vazao import jobs
from vazao.events import service, store
from vazao.events.models import Provider
from vazao.events.sample import Sample
from vazao.events.windows import window
from vazao.kit import clock
from vazao.kit.cli import language
from vazao.kit.formats import duration
from vazao.kit.platform import Platform
from vazao.kit.steps import text as _

NAME = "sample"
DAYS = 60


def bounds() -> tuple[str, str]:
    """From today on, as ``/search`` takes them."""
    today = clock.now().date()
    return f"{today}T00:00:00", f"{today + timedelta(days=DAYS)}T00:00:00"


def query(platform: Platform) -> str:
    """What ``curl`` asks of ``/search``."""
    begin, end = bounds()
    return f"?starts_at={begin}&ends_at={end}"


def explained(platform: Platform) -> str:
    """What ``curl`` asks of ``/v1/events/explain``."""
    return f"?provider={NAME}&base_id=12&event_id=12"


@asynccontextmanager
async def _serving() -> AsyncGenerator[str]:
    """The address of a provider that answers while the block lasts."""
    sample = Sample(0, said=False)
    thread = threading.Thread(target=sample.serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{sample.port}/feed.xml"
    finally:
        sample.close()
        thread.join()


async def show(platform: Platform, say: Callable[[str], Any]) -> list[str]:
    """Sync a feed for the organization ``demo``, and search what it brought."""
    async with _serving() as address:
        async with platform.db.transaction() as conn:
            organization_id = await platform.registry.organization_id(conn, "demo")
            provider = await _provider(conn, organization_id, address)
            job = await service.ask_sync(conn, provider, requested_by="demo")
        ended = await jobs.finished(platform, organization_id, job)
    result = ended.result or {}
    lines = [_(
        "{listed} events listed in {time}: {created} new, {changed} changed, {aside} records "
        "skipped", time=duration(jobs.lead_seconds(ended), language()),
        **{name: result.get(name, 0) for name in ("listed", "created", "changed", "aside")},
    )]
    began = time.perf_counter()
    async with platform.db.connection() as conn:
        audiences = service.audiences(organization_id)
        found = [each async for each in store.events.search(conn, audiences, window(*bounds()))]
    lines.append(_("Search by date: {count} found in {time}", count=len(found),
                   time=duration(time.perf_counter() - began, language())))
    lines.append(_("A sample feed that keeps changing: vazao events serve-sample"))
    return lines


async def _provider(conn: Any, organization_id: int, address: str) -> Provider:
    """The provider, which rests between demonstrations: its server is gone then."""
    found = await store.providers.find(conn, organization_id, NAME)
    if found is None:
        new = service.new_provider(
            NAME, address, timezone="America/Sao_Paulo", public=True, private_allowed=True
        )
        found = await service.add_provider(conn, organization_id, new)
    return await service.change_provider(
        conn, found, url=address, paused=True, private_allowed=True
    )
