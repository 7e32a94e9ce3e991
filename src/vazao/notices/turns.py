"""A webhook's turn: what is due is sent, and what became of it is kept."""

from __future__ import annotations

import asyncio
from collections import deque
from datetime import timedelta
from uuid import UUID

import msgspec

from vazao.kit import clock, metrics
from vazao.kit.logging import get
from vazao.kit.platform import Platform
from vazao.kit.sql import Conn
from vazao.notices import outcomes, service, store
from vazao.notices.models import OFF, Due, Outcome, Webhook
from vazao.notices.posting import Poster
from vazao.notices.settings import NoticeSettings

log = get("notices")
TURN_SECONDS = 20.0
"""After so long others that wait for a slot come first."""
OBJECTS, BEHIND = 64, 16
GIVEN_UP_AT_ONCE = 5_000


class Turn:
    """One process's turn with one webhook, which it has leased."""

    def __init__(
        self, platform: Platform, settings: NoticeSettings, webhook: Webhook, lease: UUID,
        poster: Poster,
    ) -> None:
        self._platform = platform
        self._settings = settings
        self._webhook = webhook
        self._lease = lease
        self._poster = poster
        # Whether its receiver answered in this turn, and whether the turn is over.
        self._there = False
        self._over = False

    async def run(self, stopping: asyncio.Event) -> bool:
        """Send until nothing is due, the receiver is down, or others are to come first: then true.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + TURN_SECONDS
        while not self._over and not stopping.is_set():
            if loop.time() > end:
                return True
            async with self._platform.db.connection(patient=True) as conn:
                chains = await store.deliveries.due(
                    conn, self._webhook.id, objects=OBJECTS, behind=BEHIND
                )
            if not chains:
                return False
            if self._webhook.failures and not self._there:
                # One request shows whether it is back.
                chains = [chains[0][:1]]
            await self._round(deque(chains), stopping)
        return False

    async def _round(self, chains: deque[list[Due]], stopping: asyncio.Event) -> None:
        async def sender() -> None:
            while chains and not self._over and not stopping.is_set():
                await self._chain(chains.popleft(), stopping)

        count = min(self._settings.requests_per_webhook, len(chains))
        async with asyncio.TaskGroup() as senders:
            for _ in range(count):
                senders.create_task(sender())

    async def _chain(self, chain: list[Due], stopping: asyncio.Event) -> None:
        """Deliveries of one object, each once the one before it has ended."""
        for due in chain:
            if self._over or stopping.is_set():
                return
            outcome = await self._poster.post(due)
            metrics.NOTICES_SENT.labels("webhook", outcome.name).inc()
            async with self._platform.db.transaction(patient=True) as conn:
                goes_on = await self._keep(conn, due, outcome)
            if not goes_on:
                return

    async def _keep(self, conn: Conn, due: Due, outcome: Outcome) -> bool:
        """Keep what an attempt came to; whether the next one of its object may go."""
        if outcome.name == "taken":
            await self._note_there(conn, outcome)
            return await store.deliveries.end(conn, due.id, "delivered", outcome)
        if outcome.name in outcomes.OWN_FAULT:
            await self._note_there(conn, outcome)
            if due.refusals + 1 >= outcomes.REFUSALS:
                return await store.deliveries.end(conn, due.id, "failed", outcome)
            await store.deliveries.again(
                conn, due.id, outcome, wait=self._wait(due), refused=True
            )
            return False
        if outcome.name == "gone":
            await store.deliveries.end(conn, due.id, "failed", outcome)
            await self._turn_off(conn, "gone")
            return False
        await self._keep_down(conn, due, outcome)
        return False

    async def _note_there(self, conn: Conn, outcome: Outcome) -> None:
        """Its receiver answered: said once a turn, or where it did not before."""
        if self._there:
            return
        self._there = True
        note = (
            store.webhooks.note_taken if outcome.name == "taken" else store.webhooks.note_refused
        )
        await note(conn, self._webhook.id, outcome)
        self._webhook = msgspec.structs.replace(self._webhook, failures=0, failing_since=None)

    async def _keep_down(self, conn: Conn, due: Due, outcome: Outcome) -> None:
        """Its receiver is down: all of it rests. Several requests that fail together count once."""
        now = clock.now()
        longest = timedelta(days=self._settings.give_up_days)
        if due.first_at is not None and now - due.first_at >= longest:
            await store.deliveries.end(conn, due.id, "failed", outcome)
        else:
            own = outcome.name in outcomes.ITS_OWN_WAIT
            await store.deliveries.again(
                conn, due.id, outcome, wait=self._wait(due) if own else 0.0
            )
        if self._over:
            return
        self._over = True
        wait = outcomes.wait_seconds(
            self._webhook.failures + 1, self._webhook.failing_since, now
        )
        after = await store.webhooks.note_down(
            conn, self._lease, self._webhook.id, outcome, wait=max(wait, outcome.retry_after or 0),
        )
        if after is not None and after.failing_since is not None and (
            now - after.failing_since >= longest
        ):
            await self._turn_off(conn, "failing")

    def _wait(self, due: Due) -> float:
        return outcomes.wait_seconds(due.attempts + 1, due.first_at, clock.now())

    async def _turn_off(self, conn: Conn, reason: str) -> None:
        self._over = True
        off = await store.webhooks.turn_off(conn, self._webhook.id, reason)
        if off is None:
            return
        await store.deliveries.give_up(conn, off.id, limit=GIVEN_UP_AT_ONCE)
        await service.tell_admins(
            self._platform, conn, off.organization_id, OFF, f"webhook:{off.token}",
            {"webhook": off.token, "reason": reason, "url": f"/v1/webhooks/{off.token}",
             "page": f"/webhooks/{off.token}"},
        )
        log.warning("a webhook was turned off", webhook=off.token, reason=reason)
