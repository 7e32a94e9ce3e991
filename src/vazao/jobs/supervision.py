"""One life of a worker: registered, fetching, beating, looking after others, ticking.

Any failure of it ends this life; :mod:`vazao.kit.worker` begins another.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine
from typing import Any

from procrastinate import PsycopgConnector
from procrastinate.worker import Worker as QueueWorker
from psycopg import AsyncConnection

from vazao.jobs import gauges, recovery, store
from vazao.jobs.tasks import Runner
from vazao.kit.cancelling import end_all
from vazao.kit.db import RECONNECT_SECONDS, begin_session, reach_of
from vazao.kit.logging import get
from vazao.kit.platform import Platform
from vazao.kit.registry import Periodic

log = get("jobs.worker")
LOOK_SECONDS = 1.0
SPARE_SECONDS = 5.0
"""What the queue library gets to end in, beyond what its parts do."""


class GivenUp(Exception):
    """Others took this worker for lost: it has to register anew."""


async def live(platform: Platform, stop: asyncio.Event) -> None:
    """Run parts and ticks until *stop* is set, or until something fails.

    Raises:
        Exception: whatever ended this life early.
    """
    pid = os.getpid()
    async with platform.db.connection() as conn:
        worker_id = await store.workers.insert(
            conn, host=recovery.host_name(), pid=pid,
            process_start=recovery.process_start(pid) or "",
        )
    life = Life(platform, Runner(platform, worker_id))
    recovery.living.add(life.id)
    try:
        await life.run(stop)
    finally:
        recovery.living.discard(life.id)
        await asyncio.shield(life.leave())


class Life:
    """The tasks of one life and what they share."""

    def __init__(self, platform: Platform, runner: Runner) -> None:
        self.platform = platform
        self.runner = runner
        self.id = runner.worker_id
        self.ticks: set[asyncio.Task[None]] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until *stop*; a failure of any of the tasks ends all of them."""
        await self._register_ticks()
        await self._look()
        await recovery.take_back_fetched(self.platform)
        connector = PsycopgConnector(
            conninfo=self.platform.database_url, min_size=1, max_size=5, timeout=10.0,
            # A fetch that a crash of the database loses is simply fetched again.
            kwargs={"application_name": "vazao queue", "options": "-c synchronous_commit=off",
                    **reach_of(self.platform.database_url)},
            configure=_configure, reconnect_timeout=RECONNECT_SECONDS,
        )
        await connector.open_async()
        try:
            slots = []
            if self.platform.slots != "spare":
                slots.append(self.runner.queue_worker(connector))
            if self.platform.slots != "main":
                # No part can be interrupted: where every slot has just begun a long one, a quick
                # part would wait for the first to end.
                slots.append(self.runner.queue_worker(connector, spare=True))
            await self._work(slots, stop)
        finally:
            await connector.close_async()

    async def _work(self, slots: list[QueueWorker], stop: asyncio.Event) -> None:
        fetching = {asyncio.create_task(slot.run(), name="fetching") for slot in slots}
        sides = [
            asyncio.create_task(self._every(LOOK_SECONDS, self._look), name="looking"),
            asyncio.create_task(self._beat(), name="beating"),
            asyncio.create_task(self._every(LOOK_SECONDS, self._tick), name="ticking"),
            asyncio.create_task(self._break(), name="breaking"),
        ]
        if self.platform.slots != "main":
            # One process of a host is enough.
            sides.append(asyncio.create_task(
                self._every(gauges.EVERY_SECONDS, self._measure), name="measuring"
            ))
        stopping = asyncio.create_task(stop.wait(), name="stopping")
        try:
            await asyncio.wait({*fetching, stopping, *sides}, return_when="FIRST_COMPLETED")
        finally:
            for slot in slots:
                slot.stop()
            await asyncio.wait(
                fetching, timeout=self.platform.settings.worker_stop_seconds + SPARE_SECONDS
            )
            ended = await end_all([*sides, *self.ticks, stopping, *fetching])
        failures = [e for e in ended if isinstance(e, Exception)]
        if failures:
            raise failures[0]
        if not stop.is_set():
            raise GivenUp("fetching ended by itself")

    async def _every(self, seconds: float, action: Any) -> None:
        while True:
            await asyncio.sleep(seconds)
            await action()

    async def _measure(self) -> None:
        await gauges.measure(self.platform)

    async def _break(self) -> None:
        await self.runner.broken.wait()
        raise GivenUp("something could not be recorded")

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self.platform.settings.worker_beat_seconds)
            async with self.platform.db.connection() as conn:
                if not await store.workers.beat(conn, self.id):
                    raise GivenUp("taken for lost")

    async def _look(self) -> None:
        """Take back from the dead, release what is due, stop what no longer counts."""
        silence = self.platform.settings.worker_lost_seconds
        async with self.platform.db.connection() as conn:
            dead = await recovery.dead_workers(conn, self.id, silence)
        await recovery.take_back(self.platform, dead)
        await recovery.release_held(self.platform)
        await self.runner.ledger.settle(self.platform)
        await self._stop_fenced()

    async def _stop_fenced(self) -> None:
        held = dict(self.runner.running)
        if not held:
            return
        async with self.platform.db.connection() as conn:
            current = await store.workers.run_tokens(conn, self.id)
        for token, (run, task) in held.items():
            if token not in current and not run.ended and token in self.runner.running:
                self.runner.fenced.add(token)
                task.cancel()

    async def _tick(self) -> None:
        busy = {task.get_name() for task in self.ticks}
        known = {p.name: p for p in self.platform.registry.periodic if p.name not in busy}
        async with self.platform.db.connection() as conn:
            for name in await store.periodic.due(conn, list(known)):
                if await store.periodic.claim(
                    conn, name, seconds=known[name].seconds, worker_id=self.id
                ):
                    self._spawn(self._run_periodic(known[name]), name)

    async def _register_ticks(self) -> None:
        async with self.platform.db.connection() as conn:
            for periodic in self.platform.registry.periodic:
                await store.periodic.register(conn, periodic.name)

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self.ticks.add(task)
        task.add_done_callback(self.ticks.discard)

    async def _run_periodic(self, periodic: Periodic) -> None:
        try:
            await periodic.run(self.platform)
        except Exception as error:
            log.error("periodic job failed", name=periodic.name, exc_info=error)
        async with self.platform.db.connection() as conn:
            await store.periodic.release(conn, periodic.name, self.id)

    async def leave(self) -> None:
        """Give back whatever this life still holds, and sign off."""
        try:
            await self.runner.ledger.settle(self.platform)
            await recovery.take_back(self.platform, [self.id])
        except Exception as error:
            log.warning("could not sign off; others will notice", error=repr(error))


async def _configure(conn: AsyncConnection[Any]) -> None:
    await conn.set_autocommit(True)
    await begin_session(conn)
