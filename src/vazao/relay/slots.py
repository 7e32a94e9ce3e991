"""Slots: who may transmit now, from what the database can take; who waits gets a time to return.

Work at hand (chunks of runs that were let in, not yet loaded) is measured in seconds of loading at
the pace of late. While there is little of it, any run is let in, so that loading never idles; while
there is more, those that came first. The others come back after a part of the time that the work
ahead of them takes, so that each return guesses again, better. After some refusals a run is let in.
"""

from __future__ import annotations

import random
import time
from datetime import timedelta

from vazao.kit import clock
from vazao.kit.platform import Platform
from vazao.kit.sql import Conn
from vazao.relay import store
from vazao.relay.intervals import is_open, opens_next
from vazao.relay.models import Pace, Run, Site, Version

QUEUE_SECONDS = 8.0
"""So much loading may be at hand."""
LITTLE = 0.5
"""Below this share of it nobody's turn is looked at."""
FIRST_BYTES_PER_SECOND = 20e6
"""The pace until it was measured."""
SILENT = timedelta(seconds=60)
EARLY = 0.6
"""Who waits comes back after this share of the time that the work ahead of it takes."""
MOST_REFUSALS = 5
SHORTEST_WAIT, LONGEST_WAIT = 1.0, 3600.0
SLOW_COMMIT, MANY_WAITS = 0.05, 8.0
LEAST_EASE = 0.1
MEMORY_SECONDS = 20.0
"""What the pace remembers fades in about this time."""
ASKED = timedelta(days=1)
"""A run of a site whose lists somebody asked for so lately does not wait for its window."""


def pace_of(known: Pace) -> float:
    """Bytes a second."""
    return max(1.0, known.bytes / known.seconds) if known.seconds else FIRST_BYTES_PER_SECOND


def has_room(known: Pace, refused: int) -> bool:
    """Whether a run may be sent now that was refused so often, with so much before it."""
    room = QUEUE_SECONDS * known.ease * pace_of(known)
    if known.at_work < room * LITTLE or refused >= MOST_REFUSALS:
        return True
    return known.at_work + known.before < room


def wait_of(known: Pace) -> float:
    """Seconds after which a run is to come back that finds no room."""
    excess = known.at_work + known.before - QUEUE_SECONDS * LITTLE * known.ease * pace_of(known)
    wait = EARLY * excess / pace_of(known)
    # Spread, so that those that came together do not come back together.
    return min(max(wait, SHORTEST_WAIT), LONGEST_WAIT) * random.uniform(0.9, 1.1)  # noqa: S311


async def ask(platform: Platform, run: Run, version: Version, site: Site) -> float:
    """Ask for a slot: 0 where the run may be sent, else the seconds after which to come back."""
    if run.state != "waiting":
        return 0.0
    now, window = clock.now(), (version.opens, version.closes)
    is_asked = site.asked_at is not None and site.asked_at > run.offered_at - ASKED
    if not is_asked and not is_open(window, now, site.timezone):
        # A list that waited may have missed its window.
        opening = (opens_next(window, now, site.timezone) - now).total_seconds()
        return min(opening, LONGEST_WAIT) * random.uniform(0.9, 1.1)  # noqa: S311
    # Most are refused in a crowd: only who may find room queues for the pace.
    async with platform.db.transaction(patient=True) as conn:
        known = await store.pace.look(conn, run, silent=SILENT)
        if has_room(known, run.refused):
            await store.pace.lock(conn)
            known = await store.pace.look(conn, run, silent=SILENT)
            if has_room(known, run.refused):
                await store.pace.grant(conn, run)
                return 0.0
        wait = wait_of(known)
        await store.pace.refuse(conn, run, now + timedelta(seconds=wait))
    return wait


async def measure(platform: Platform) -> None:
    """Look how the database is: what it loaded lately, how long a commit takes, and how many
    sessions wait for the disk.
    """
    async with platform.db.transaction() as conn:
        waits = await store.pace.io_waits(conn)
        await store.pace.note_loaded(conn, memory=MEMORY_SECONDS)
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


async def loaded(conn: Conn, run: Run, number: int) -> None:
    """Note that a chunk is loaded, once the transaction commits."""
    await store.pace.chunk_loaded(conn, run, number)
