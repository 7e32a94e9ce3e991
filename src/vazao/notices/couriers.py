"""Makes the deliveries: each worker process takes webhooks that have something due, and sends.

A webhook is leased to one process at a time, which sends what is due: of each object one after
another, of several objects at a time. A process that is killed loses its leases by itself, and what
it had begun is sent again, under the same id. While a request is under way no connection to the
database is held.
"""

from __future__ import annotations

import asyncio
from uuid import uuid4

from vazao.kit.cancelling import end_all
from vazao.kit.logging import get
from vazao.kit.platform import Platform
from vazao.notices import store
from vazao.notices.models import Webhook
from vazao.notices.posting import Poster
from vazao.notices.settings import NoticeSettings
from vazao.notices.turns import Turn

log = get("notices")
LOOK_SECONDS = 1.0
LEASE_SECONDS, RENEW_SECONDS = 10.0, 3.0
SLOTS = 64
"""Webhooks that one process works on at a time."""
EACH = 6
"""Webhooks of one organization that all processes together work on at a time."""
STOP_SECONDS = 2.0


class Couriers:
    """The deliveries of one worker process; a service beside its parts."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._settings = platform.settings.of(NoticeSettings)
        self.lease = uuid4()
        self._turns: dict[int, asyncio.Task[None]] = {}
        self._stopping = asyncio.Event()
        self._more = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look for what is due."""
        self._task = asyncio.create_task(self._run(), name="couriers")

    async def close(self) -> None:
        """Look no more, let what is under way end if it ends soon, and give the leases back."""
        self._stopping.set()
        if self._task is not None:
            await end_all([self._task])
        held = dict(self._turns)
        if held:
            await asyncio.wait(held.values(), timeout=STOP_SECONDS)
            await end_all(list(held.values()))
            await self._release(*held)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        renewed = loop.time()
        while True:
            try:
                await self._take()
                if loop.time() - renewed >= RENEW_SECONDS:
                    renewed = loop.time()
                    await self._renew()
            except Exception as error:
                # The database comes back, or this process is ended by its own looks at it.
                log.warning("looking for deliveries failed", error_type=type(error).__name__)
            await self._pause()

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await self._more.wait()
        except TimeoutError:
            return
        self._more.clear()

    async def _take(self) -> None:
        free = SLOTS - len(self._turns)
        if free <= 0:
            return
        async with self._platform.db.connection(patient=True) as conn:
            taken = await store.webhooks.claim(
                conn, self.lease, seconds=LEASE_SECONDS, each=EACH, limit=free
            )
        for webhook in taken:
            if webhook.id in self._turns:
                # Its lease had run out while this process was held up: it goes on as it was.
                continue
            task = asyncio.create_task(self._work(webhook), name=f"webhook {webhook.id}")
            self._turns[webhook.id] = task

    async def _renew(self) -> None:
        if not self._turns:
            return
        async with self._platform.db.connection(patient=True) as conn:
            held = await store.webhooks.renew(
                conn, self.lease, list(self._turns), seconds=LEASE_SECONDS
            )
        for id, task in self._turns.items():
            if id not in held:
                task.cancel()

    async def _work(self, webhook: Webhook) -> None:
        poster = Poster(webhook, self._platform.secrets, self._settings)
        try:
            turn = Turn(self._platform, self._settings, webhook, self.lease, poster)
            if await turn.run(self._stopping):
                self._more.set()
            await self._release(webhook.id)
        except Exception as error:
            log.warning(
                "a turn of deliveries failed", webhook=webhook.token,
                error_type=type(error).__name__,
            )
        finally:
            self._turns.pop(webhook.id, None)
            await poster.close()

    async def _release(self, *ids: int) -> None:
        async with self._platform.db.connection(patient=True) as conn:
            for id in ids:
                await store.webhooks.release(conn, self.lease, id)
