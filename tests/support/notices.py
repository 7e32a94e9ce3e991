"""A platform with the outbox, organizations on it, and events that are told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.support.kinds import register_kinds
from tests.support.people import People
from tests.support.waiting import eventually
from vazao import jobs, notices, uploads
from vazao.kit.platform import Platform
from vazao.kit.registry import NoticeType, Registry
from vazao.kit.settings import Settings
from vazao.kit.worker import work
from vazao.notices import service, store
from vazao.notices.models import Webhook

TYPE = "thing.moved"
LOOPBACK = "127.0.0.0/8"


def make_platform(database_url: str, data_dir: Path, **settings: Any) -> Platform:
    """A platform with accounts, jobs and notices, which may call receivers of this machine."""
    registry = Registry()
    uploads.register(registry)
    jobs.register(registry)
    notices.register(registry)
    registry.tells(NoticeType(TYPE, "A thing moved"))
    register_kinds(registry)
    chosen = {
        "worker_beat_seconds": 0.5, "worker_lost_seconds": 15.0, "worker_stop_seconds": 2.0,
        "notices_private_networks": LOOPBACK,
    } | settings
    made = Settings(database_url=database_url, data_dir=data_dir, secret="x" * 32, **chosen)
    return Platform(made, database_url, registry, direct=True)


class Outbox(People):
    """Organizations that are told of things."""

    async def webhook(
        self, organization: int, url: str, *types: str, about: str = ""
    ) -> tuple[Webhook, str]:
        """A new webhook and its secret."""
        new = service.checked(
            self.platform, self.platform.registry.notice_types, url=url, types=types, about=about
        )
        async with self.platform.db.transaction() as conn:
            return await service.create(conn, self.platform, organization, new)

    async def tell(
        self, organization: int, n: int = 0, object: str = "thing:1", type: str = TYPE
    ) -> bool:
        """Tell of one thing."""
        async with self.platform.db.transaction() as conn:
            return await service.tell(conn, organization, type, object, {"n": n})

    async def tell_many(self, organization: int, count: int, objects: int) -> None:
        """Tell of *count* things that happen to *objects* objects in turns, each in a transaction
        of its own.
        """
        for n in range(count):
            await self.tell(organization, n, f"thing:{n % objects}")

    async def found(self, webhook: Webhook) -> Webhook:
        """The webhook as it is now."""
        async with self.platform.db.connection() as conn:
            return await service.get(conn, webhook.organization_id, webhook.token)

    async def states(self, webhook: Webhook) -> list[str]:
        """The states of its deliveries, the oldest first."""
        async with self.platform.db.connection() as conn:
            page = await store.deliveries.page(conn, webhook.id, limit=1000)
        return [each.state for each in reversed(page.items)]

    async def rows(self, table: str) -> int:
        """How many rows a table of notices has."""
        async with self.platform.db.connection() as conn:
            found = await (await conn.execute(
                f"select count(*) from notices.{table}".encode()
            )).fetchone()
        return found[0] if found else 0

    async def all_in(self, webhook: Webhook, state: str, *, within: float = 20.0) -> None:
        """Wait until each of its deliveries is in a state."""
        async def look() -> bool:
            return set(await self.states(webhook)) == {state}

        await eventually(look, within=within)


@asynccontextmanager
async def outbox(database_url: str, folder: Path, **settings: Any) -> AsyncIterator[Outbox]:
    """An open platform; nothing is delivered unless :func:`delivering`."""
    made = Outbox(make_platform(database_url, folder, **settings))
    await made.platform.open()
    yield made
    await made.close()
    await made.platform.close()


@asynccontextmanager
async def delivering(platform: Platform) -> AsyncIterator[None]:
    """A worker inside the test's own process."""
    stop = asyncio.Event()
    task = asyncio.create_task(work(platform, stop))
    try:
        yield
    finally:
        stop.set()
        await task


async def events(platform: Platform, organization: int) -> list[tuple[str, str, dict[str, Any]]]:
    """All that an organization was told: type, object and data, in their order."""
    async with platform.db.connection() as conn:
        rows = await conn.execute(
            "select type, object, data from notices.event where organization_id = %s order by id",
            [organization],
        )
        return await rows.fetchall()


async def listens(platform: Platform, organization: int, *types: str, user: int = 1) -> None:
    """Somebody of an organization wants to be told of *types*."""
    async with platform.db.transaction() as conn:
        for each in types:
            await service.choose(conn, organization, user, each, True)
