"""Background work: a sync of a provider, and the schedule that asks for syncs."""

from __future__ import annotations

import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from vazao import jobs
from vazao.events import service, store
from vazao.events.errors import ProviderNotFound
from vazao.events.feeds import apart
from vazao.events.feeds.fetching import Fetched, Fetcher
from vazao.events.models import Counts, Provider, Summary
from vazao.events.settings import EventSettings
from vazao.events.telling import TOPIC
from vazao.jobs import PartRun
from vazao.kit import clock
from vazao.kit.announcing import changes_with
from vazao.kit.errors import StorageFull, VazaoError, no_room
from vazao.kit.platform import Platform

DUE_AT_ONCE = 200
SYNCS_KEPT = 200
LONGEST_ASKED_SECONDS = 3600
"""A provider that asks us to wait (Retry-After) is heard up to so long."""
FINISHED_KEPT_SECONDS, OTHERS_KEPT_SECONDS = 3600.0, 7 * 86_400.0
"""A sync a minute is a job a minute: what changed something stays with the provider."""


async def sync(run: PartRun) -> Any:
    """Fetch a provider's feed, read it, and apply it: all of it or nothing.

    Raises:
        FeedError: the feed cannot be had, or is none; what was applied before stays.
    """
    began, moment = time.monotonic(), clock.now()
    async with run.platform.db.connection() as conn:
        provider = await store.providers.get(conn, run.payload["provider"])
    if provider is None:
        raise ProviderNotFound
    try:
        with tempfile.TemporaryDirectory(dir=_folder(run.platform)) as folder:
            return await _sync(run, provider, Path(folder), moment, began)
    except VazaoError as error:
        await _note_failure(run, provider, error, moment, time.monotonic() - began)
        raise
    except OSError as error:
        if not no_room(error):
            raise
        full = StorageFull(remedy="Free some disk space; the next sync then continues.")
        await _note_failure(run, provider, full, moment, time.monotonic() - began)
        raise full from error


def _folder(platform: Platform) -> Path:
    folder = platform.settings.folder / "feeds"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


async def _sync(
    run: PartRun, provider: Provider, folder: Path, moment: datetime, began: float
) -> dict[str, Any]:
    settings = run.platform.settings.of(EventSettings)
    await run.progress(phase="fetching")
    fetched = await Fetcher(provider, settings, folder / "feed").fetch()
    if fetched.unchanged:
        async with run.finishing() as conn:
            await store.providers.note_unchanged(
                conn, provider.id, fetched_at=moment, etag=fetched.etag,
                last_modified=fetched.last_modified,
            )
            run.result = {"outcome": "unchanged", "aside": provider.aside}
        return run.result
    await run.progress(phase="reading")
    summary = await apart.read(
        folder / "feed", folder / "rows", provider.timezone, settings.read_memory_bytes,
        charset=fetched.charset,
    )
    await run.progress(phase="applying")
    return await _apply(run, provider, folder / "rows", moment, began, fetched, summary)


async def _apply(
    run: PartRun, provider: Provider, rows: Path, moment: datetime, began: float,
    fetched: Fetched, summary: Summary,
) -> dict[str, Any]:
    async with run.finishing() as conn:
        await store.merging.stage(conn, rows)
        held = await store.providers.lock(conn, provider.id)
        if held is None:
            raise ProviderNotFound
        if held.fetched_at is not None and held.fetched_at > moment:
            run.result = {"outcome": "superseded"}
            return run.result
        counts = await store.merging.merge(conn, held, now=clock.now(), aside=summary.aside)
        await store.providers.note_applied(
            conn, provider.id, fetched_at=moment, fetched=fetched, counts=counts
        )
        await store.providers.note_sync(
            conn, provider.id, job=run.job.token, began_at=moment,
            seconds=time.monotonic() - began, outcome="applied", bytes=fetched.size, counts=counts,
        )
        await changes_with(conn, TOPIC)
        run.count(rows=summary.records, bytes=fetched.size)
        run.result = _result(counts, summary, await store.merging.transaction(conn))
    return run.result


def _result(counts: Counts, summary: Summary, xid: str) -> dict[str, Any]:
    return {
        "outcome": "applied", **msgspec.to_builtins(counts), "zones": summary.zones,
        "dialect": summary.dialect, "xid": xid,
    }


async def _note_failure(
    run: PartRun, provider: Provider, error: VazaoError, moment: datetime, seconds: float
) -> None:
    kept = jobs.error_json(error)
    longest = run.platform.settings.of(EventSettings).longest_wait_seconds
    async with run.platform.db.transaction() as conn:
        if not await run.is_current(conn):
            return
        await store.providers.note_failure(
            conn, provider.id, error=kept, longest_seconds=longest,
            wait_seconds=min(error.retry_after or 0, LONGEST_ASKED_SECONDS),
        )
        await store.providers.note_sync(
            conn, provider.id, job=run.job.token, began_at=moment, seconds=seconds,
            outcome="failed", error=kept,
        )


async def schedule(platform: Platform) -> None:
    """Ask for the syncs whose time has come, each once whichever host ticks first."""
    async with platform.db.transaction() as conn:
        due = await store.providers.take_due(conn, limit=DUE_AT_ONCE)
        turns = {p.id: await store.providers.lock_turn(conn, p.id) for p in _in_order(due)}
        busy = await jobs.at_work(conn, list(turns.values()))
        for provider in _in_order(due):
            if turns[provider.id] not in busy:
                await service.ask_sync(conn, provider)


def _in_order(providers: list[Provider]) -> list[Provider]:
    """As turns and shares are locked by all who lock several."""
    return sorted(providers, key=lambda each: (each.organization_id, each.id))


async def thin(platform: Platform) -> None:
    """Forget old syncs: of each provider the latest are kept, and jobs for as long as is said."""
    async with platform.db.transaction() as conn:
        await store.providers.thin(conn, kept=SYNCS_KEPT)
        owners = {each.organization_id for each in await store.providers.every(conn)}
    for owner in sorted(owners):
        async with platform.db.transaction() as conn:
            await jobs.forget(
                conn, owner, service.KIND, finished_seconds=FINISHED_KEPT_SECONDS,
                others_seconds=OTHERS_KEPT_SECONDS,
            )
