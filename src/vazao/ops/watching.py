"""The one process that looks for what is wrong, every few seconds, and notes it.

Every web process would; a lease in the database lets one. It keeps a connection of its own, reads
counters, asks all looks, and writes down what began, goes on or is over.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import Sequence

import psycopg

from vazao import notices
from vazao.kit.cancelling import end_all
from vazao.kit.errors import VazaoError
from vazao.kit.findings import Finding
from vazao.kit.logging import get
from vazao.kit.platform import PUBLIC, Platform
from vazao.kit.sql import Conn
from vazao.ops import finding, learning, reading, sampling, spending, store
from vazao.ops.models import RAISED, SOLVED, Usual
from vazao.ops.settings import OpsSettings
from vazao.ops.statements import Texts
from vazao.ops.store.plans import Plan

log = get("ops")
LEASE_TIMES = 3.0
QUIET_TIMES = 2.5
"""What is found no more for so many looks is over."""
WRITE_SECONDS = 60.0


FLEETING = frozenset({"cache_cold", "index_missing", "plan_turned"})
"""Told once they are found twice in a row: one look at what happened may see a moment's burst."""


class Watch:
    """Looks again and again, while it holds the lease."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._task: asyncio.Task[None] | None = None
        self._holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._every = platform.settings.of(OpsSettings).every_seconds
        self._known: dict[int, Usual] = {}
        self._taught: dict[int, Usual] = {}
        self._written = 0.0
        self._seen: set[tuple[str, str]] = set()
        self._spending = spending.Spending()

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._run(), name="ops-watch")

    async def close(self) -> None:
        """End, and let another process look."""
        if self._task is not None:
            await end_all([self._task])
        try:
            async with self._platform.db.connection() as conn:
                await store.alarms.let_go(conn, self._holder)
        except (psycopg.Error, VazaoError):
            # Its lease ends by itself.
            pass

    async def _run(self) -> None:
        while True:
            try:
                if await self._may_look():
                    async with finding.connected(self._platform) as conn:
                        await self._watch(conn)
            except (psycopg.Error, VazaoError, OSError) as error:
                log.warning("looking begins anew", error_type=type(error).__name__)
            await asyncio.sleep(self._every)

    async def _may_look(self) -> bool:
        async with self._platform.db.connection() as conn:
            return await store.alarms.lease(
                conn, self._holder, seconds=LEASE_TIMES * self._every
            )

    async def _watch(self, conn: Conn) -> None:
        """Look until the lease is lost."""
        before: reading.Reading | None = None
        sampler = sampling.Sampler()
        while await self._may_look():
            now = await reading.read(conn)
            change = reading.between(before, now) if before is not None else None
            before = now
            found = await finding.look(self._platform, conn, change)
            if change is not None:
                await self._learn(conn, change)
            await sampler.look(self._platform, conn, change, now.at)
            await self._note(found.findings, sampler, now.at)
            await asyncio.sleep(self._every)

    async def _note(
        self, found: list[Finding], sampler: sampling.Sampler, at: float
    ) -> None:
        before, self._seen = self._seen, {each.identity for each in found}
        distinct = {
            each.identity: each for each in reversed(found)
            if each.code not in FLEETING or each.identity in before
        }
        async with self._platform.db.transaction() as conn:
            turns = await store.alarms.note(
                conn, list(distinct.values()), quiet=QUIET_TIMES * self._every
            )
            await sampler.keep(conn, at)
            await self._tell(conn, turns)
        for alarm, began in turns:
            log.info("alarm began" if began else "alarm is over", alarm=alarm)

    async def _tell(self, conn: Conn, turns: Sequence[tuple[int, bool]]) -> None:
        """Tell the platform's own organization, and write to its admins."""
        registry = self._platform.registry
        if not turns or registry.resolve_organization is None:
            return
        owner = await registry.organization_id(conn, PUBLIC)
        for alarm, began in turns:
            await notices.tell_admins(
                self._platform, conn, owner, RAISED if began else SOLVED, f"alarm:{alarm}",
                {"alarm": alarm, "url": "/v1/ops/findings", "page": "/ops"},
            )

    async def _learn(self, conn: Conn, change: reading.Change) -> None:
        schema = change.schema
        if schema is None:
            return
        texts = self._platform.keep(Texts)

        async def explain(queryid: int) -> Plan | None:
            text = await texts.of(conn, schema, queryid)
            return await store.plans.plan_of(conn, text) if text else None

        self._spending.add(change)
        new = [s.queryid for s in change.statements if s.queryid not in self._known]
        self._known |= await store.usual.of(conn, new) if new else {}
        for statement in change.statements:
            known = learning.taught(self._known.get(statement.queryid), statement)
            if known is not None:
                known = await learning.with_plan(known, explain)
                self._known[known.queryid] = self._taught[known.queryid] = known
        await self._write(conn)

    async def _write(self, looking: Conn) -> None:
        loop = asyncio.get_running_loop()
        if loop.time() - self._written < WRITE_SECONDS:
            return
        self._written = loop.time()
        learnt, self._taught = list(self._taught.values()), {}
        async with self._platform.db.transaction() as conn:
            await store.usual.learn(conn, learnt)
            await self._spending.keep(conn, looking)
