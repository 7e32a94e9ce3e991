"""Keeps what search shows of each audience in memory, in step with the database.

The public's model is read when a process starts, an organization's at its first search. A sync
announces itself with its commit; then every process reads the blocks that changed, in one snapshot,
and puts all new models in the place of the old ones in one step. While the database is away the
models stay as they are, and answers tell their age.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import aclosing

import psycopg

from vazao.events import service, store
from vazao.events.blocks import Block, Model
from vazao.events.settings import EventSettings
from vazao.events.telling import KIND
from vazao.kit import metrics
from vazao.kit.cancelling import end_all
from vazao.kit.errors import VazaoError
from vazao.kit.logging import get
from vazao.kit.platform import Platform
from vazao.kit.sql import Conn

log = get("events.search")
AGAIN_SECONDS = 1.0
SHARE_ANEW = 4
"""If more than one event in so many changed, all blocks are read anew."""
LEAST_ANEW = 2000
AUDIENCES_AT_MOST = 64
Audience = int | None


class OverMemory(Exception):
    """The events of an audience take more memory than search may hold."""


class Keeper:
    """The models of one process; :meth:`start` begins to keep them."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._most = platform.settings.of(EventSettings).memory_bytes
        self._models: dict[Audience, Model | None] = {None: None}
        self.everyones: Model | None = None
        self._dirty = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._failed_at: float | None = None
        platform.listener.on(KIND, self._heard)

    def start(self) -> None:
        """Read the public's model, and follow what changes."""
        self._dirty.set()
        self._task = asyncio.create_task(self._run(), name="events in memory")

    async def close(self) -> None:
        """Follow no more."""
        if self._task is not None:
            await end_all([self._task])

    def _heard(self, topic: str) -> None:
        self._dirty.set()

    def model(self, audience: Audience = None) -> Model | None:
        """What is held of an audience (``None``: the public); ``None`` where nothing is."""
        return self._models.get(audience)

    def want(self, organization_id: int) -> None:
        """Hold this organization's events, too, from soon on."""
        if organization_id not in self._models and self._most:
            if len(self._models) > AUDIENCES_AT_MOST:
                oldest = next(key for key in self._models if key is not None)
                del self._models[oldest]
            self._models[organization_id] = None
            self._dirty.set()

    @property
    def in_step(self) -> bool:
        """Whether every change is shown as soon as it is announced."""
        return self._platform.listener.lost_at is None and self._failed_at is None

    @property
    def age(self) -> int | None:
        """For how many seconds the models may lack changes; ``None`` while they are in step."""
        lost, failed = self._platform.listener.lost_at, self._failed_at
        if lost is None and failed is None:
            return None
        return round(time.monotonic() - min(at for at in (lost, failed) if at is not None))

    async def _run(self) -> None:
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            try:
                await self._catch_up()
            except (psycopg.Error, VazaoError, OSError) as error:
                log.warning("search is behind", error_type=type(error).__name__)
                await self._again()
            except Exception as error:
                # Whatever it is, answers must tell that they are behind.
                log.error("search is behind", exc_info=error)
                await self._again()

    async def _again(self) -> None:
        self._failed_at = self._failed_at or time.monotonic()
        metrics.EVENTS_BEHIND.set(self.age or 0)
        self._dirty.set()
        await asyncio.sleep(AGAIN_SECONDS)

    async def _catch_up(self) -> None:
        """Bring every model to one new snapshot, and swap all of them at once."""
        made: dict[Audience, Model | None] = {}
        async with self._platform.db.connection() as conn:
            async with conn.transaction():
                await store.events.begin_reading(conn)
                seen = await store.events.snapshot(conn)
                for audience in list(self._models):
                    made[audience] = await self._renewed(conn, audience, seen)
            self._models = {a: m for a, m in made.items() if a in self._models} | {
                a: None for a in self._models if a not in made
            }
            self.everyones = self._models[None]
            held = sum(m.events for m in self._models.values() if m is not None)
            metrics.EVENTS_HELD.set(held)
            # Before others hear that this process shows it.
            self._failed_at = None
            metrics.EVENTS_BEHIND.set(0)
            await self._tell(conn, seen)

    async def _tell(self, conn: Conn, seen: str) -> None:
        pid = self._platform.listener.pid
        if pid is not None:
            await store.readers.forget_gone(conn)
            await store.readers.note(conn, pid, seen)

    async def _renewed(self, conn: Conn, audience: Audience, seen: str) -> Model | None:
        old = self._models[audience]
        used = sum(m.size for a, m in self._models.items() if m is not None and a != audience)
        try:
            return await Renewal(conn, service.audiences(audience), self._most - used).make(
                old, seen
            )
        except OverMemory:
            log.info("events are searched in the database: they take more than search may hold",
                     bytes=self._most)
            return None


def keeper_of(platform: Platform) -> Keeper:
    """The keeper of this process, made at the first call."""
    return platform.keep(Keeper)


class Renewal:
    """Makes a model from the one before, or from nothing."""

    def __init__(self, conn: Conn, audiences: Sequence[int], most_bytes: int) -> None:
        self._conn = conn
        self._audiences = audiences
        self._most = most_bytes

    async def make(self, old: Model | None, seen: str) -> Model:
        """The model at the snapshot *seen*.

        Raises:
            OverMemory: it would take more than it may.
        """
        if old is None:
            return Model(await self._load(None, None, 0), seen)
        most = max(LEAST_ANEW, old.events // SHARE_ANEW)
        starts = await store.events.changed_starts(self._conn, old.snapshot, most=most)
        if starts is None:
            return Model(await self._load(None, None, 0), seen)
        blocks: list[Block] = list(old.blocks)
        # From the last to the first, so that the places of those before stay as they are.
        for first, last in reversed(_spans(sorted({old.place(start) for start in starts}))):
            begin = old.firsts[first] if first else None
            end = old.firsts[last + 1] if last + 1 < len(old.firsts) else None
            blocks[first:last + 1] = await self._load(begin, end, old.size)
        return Model(blocks, seen)

    async def _load(self, begin: int | None, end: int | None, size: int) -> list[Block]:
        found: list[Block] = []
        loading = store.events.load_blocks(self._conn, self._audiences, begin, end)
        async with aclosing(loading):
            async for block in loading:
                size += block.size
                if size > self._most:
                    raise OverMemory
                found.append(block)
        return found


def _spans(places: list[int]) -> list[tuple[int, int]]:
    """Places that follow one another, as the first and last of each stretch."""
    spans: list[tuple[int, int]] = []
    for place in places:
        if spans and spans[-1][1] + 1 == place:
            spans[-1] = (spans[-1][0], place)
        else:
            spans.append((place, place))
    return spans
