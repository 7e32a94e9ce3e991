"""Slots: who may transmit now, from what the database can take; who waits gets a time to return.

Runs that have been let in are a queue of work, measured in seconds of loading at the pace of late.
A run is let in while that queue is short. The others are promised times one behind the other, so
that they come back in their order, spread, and find room.
"""

from __future__ import annotations

import random
import time
from datetime import datetime, timedelta

from vazao.kit import clock
from vazao.kit.platform import Platform
from vazao.kit.sql import Conn
from vazao.relay import store
from vazao.relay.intervals import is_open, opens_next
from vazao.relay.models import Pace, Run, Site, Version

QUEUE_SECONDS = 10.0
"""So much loading may be on its way."""
FIRST_BYTES_PER_SECOND = 20e6
"""The pace until the first run has been loaded."""
MEMORY = 0.9
SILENT = timedelta(seconds=60)
EARLY = 0.8
"""Those who wait come a little before their turn: the queue must never run dry."""
SHORTEST_WAIT, LONGEST_WAIT = 1.0, 3600.0
SLOW_COMMIT, MANY_WAITS = 0.05, 8.0
LEAST_EASE = 0.1
ASKED = timedelta(days=1)
"""A run of a site whose lists somebody asked for so lately does not wait for its window."""


def pace_of(known: Pace) -> float:
    """Bytes a second."""
    return max(1.0, known.bytes / known.seconds) if known.seconds else FIRST_BYTES_PER_SECOND


def room_for(known: Pace, run: Run, now: datetime) -> bool:
    """Whether a run may be sent now: those that were promised a time go first."""
    in_turn = run.return_at is not None and run.return_at <= now
    queue = known.at_work / pace_of(known)
    ahead = (_promised(known, now) - now).total_seconds()
    return queue < QUEUE_SECONDS * known.ease and (in_turn or ahead <= queue)


def _promised(known: Pace, now: datetime) -> datetime:
    """When those that wait are to have been loaded."""
    return max(now, known.promised_until or now)


async def ask(conn: Conn, run: Run, version: Version, site: Site) -> float:
    """Ask for a slot: 0 where the run may be sent, else the seconds after which to come back."""
    if run.state != "waiting":
        return 0.0
    now = clock.now()
    window = (version.opens, version.closes)
    is_asked = site.asked_at is not None and site.asked_at > run.offered_at - ASKED
    if not is_asked and not is_open(window, now, site.timezone):
        # A list that waited may have missed its window.
        opening = opens_next(window, now, site.timezone)
        return await _later(conn, run, now, opening)
    known = await store.pace.lock(conn, silent=SILENT)
    if room_for(known, run, now):
        await store.pace.grant(conn, run)
        return 0.0
    rate = pace_of(known)
    excess = max(0.0, known.at_work / rate - QUEUE_SECONDS * known.ease)
    begin = max(now + timedelta(seconds=excess), _promised(known, now))
    await store.pace.promise(conn, begin + timedelta(seconds=EARLY * run.raw / rate))
    return await _later(conn, run, now, begin)


async def _later(conn: Conn, run: Run, now: datetime, begin: datetime) -> float:
    """Have a run come back at about *begin*; the seconds until then."""
    wait = (begin - now).total_seconds() + random.uniform(0, 0.5)  # noqa: S311 - no secret
    wait = min(max(wait, SHORTEST_WAIT), LONGEST_WAIT)
    await store.pace.refuse(conn, run, now + timedelta(seconds=wait))
    return wait


async def measure(platform: Platform) -> None:
    """Look how the database is: the latency of a commit, and sessions that wait for the disk."""
    async with platform.db.connection() as conn:
        waits = await store.pace.io_waits(conn)
    async with platform.db.transaction() as conn:
        await store.pace.touch(conn)
        began = time.perf_counter()
    seconds = time.perf_counter() - began
    async with platform.db.transaction() as conn:
        await store.pace.note_measured(
            conn, ease=ease_of(seconds, waits), commit_seconds=seconds, io_waits=waits
        )


def ease_of(commit_seconds: float, io_waits: float) -> float:
    """Which share of the usual queue is let in: less as commits take longer and more sessions wait
    for the disk.
    """
    strain = max(commit_seconds / SLOW_COMMIT, io_waits / MANY_WAITS, 1.0)
    return max(LEAST_EASE, 1.0 / strain)
