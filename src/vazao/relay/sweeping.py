"""What is left behind, removed in slices: chunks of ended runs, rows that nobody can see any more,
sites that were purged.
"""

from __future__ import annotations

import time
from datetime import timedelta

from psycopg.errors import LockNotAvailable

from vazao.kit.platform import Platform
from vazao.kit.sql import Conn
from vazao.relay import store
from vazao.relay.models import Current, Site
from vazao.relay.settings import RelaySettings

AT_ONCE = 50
SLICE_PAGES = 1_000
TICK_SECONDS = 5.0


async def sweep(platform: Platform) -> None:
    """One round, of some seconds at most."""
    until = time.monotonic() + TICK_SECONDS
    await _chunks(platform)
    grace = timedelta(seconds=platform.settings.of(RelaySettings).rows_kept_seconds)
    async with platform.db.connection() as conn:
        replaced = await store.runs.sweepable(conn, grace=grace, limit=AT_ONCE)
        purged = await store.sites.purged(conn)
    for site in purged:
        if time.monotonic() < until:
            await _site(platform, site)
    for current in replaced:
        if time.monotonic() < until:
            await _rows(platform, current)
    await _doubles(platform, until)
    await _journal(platform)


async def _doubles(platform: Platform, until: float) -> None:
    """Look through new lists for rows that share their key: a finding, never a failure."""
    async with platform.db.connection() as conn:
        found = await store.runs.uncounted(conn, limit=AT_ONCE)
    for current in found:
        if time.monotonic() > until:
            return
        async with platform.db.transaction() as conn:
            key = await _key(conn, current)
            count = await store.rows.doubles(conn, current, key) if key else None
            await store.runs.note_doubles(conn, current, count)


async def _key(conn: Conn, current: Current) -> tuple[str, ...]:
    """The key of the version that brought the rows; empty where it has none."""
    run = await store.runs.get(conn, current.run_id)
    version = None if run is None else await store.lists.get_version(
        conn, run.list_id, run.version
    )
    return () if version is None else version.publication().key


async def _journal(platform: Platform) -> None:
    """Entries of journals that are older than they are kept."""
    kept = timedelta(days=platform.settings.of(RelaySettings).journal_kept_days)
    async with platform.db.transaction() as conn:
        await store.sites.forget_entries(conn, kept)


async def _chunks(platform: Platform) -> None:
    """Chunks of ended runs."""
    async with platform.db.connection() as conn:
        left = await store.runs.unswept(conn, limit=AT_ONCE)
    for each in left:
        await platform.blobs.delete_below(f"relay/{each.id}")
        async with platform.db.transaction() as conn:
            await store.runs.mark_swept(conn, each.id)


async def _rows(platform: Platform, current: Current) -> None:
    """Rows that only runs before *current* showed."""
    async with platform.db.transaction() as conn:
        # First: whoever reads an older run looks at this after each part.
        await store.runs.mark_rows_sweeping(conn, current)
        pages = await store.rows.pages(conn, current.list_id, current.site_id)
    for low in range(0, pages, SLICE_PAGES):
        async with platform.db.transaction() as conn:
            await store.rows.remove_old(conn, current, low=low, high=low + SLICE_PAGES)
    async with platform.db.transaction() as conn:
        await store.rows.forget_gone(conn, current)
        await store.runs.mark_rows_swept(conn, current)


async def _site(platform: Platform, site: Site) -> None:
    """A site that was purged: rows first, then all that is known of it."""
    async with platform.db.connection() as conn:
        lists = await store.runs.shown(conn, site.id)
    for list_id in lists:
        try:
            async with platform.db.transaction() as conn:
                await store.rows.remove_site(conn, list_id, site.id)
        except LockNotAvailable:
            # Somebody reads the list: the next round comes in some seconds.
            return
    async with platform.db.transaction() as conn:
        # One may have begun at the very moment of the purge.
        await store.runs.end_all(conn, site.id)
        if not await store.runs.any_unswept(conn, site.id):
            await store.sites.forget(conn, site.id)
