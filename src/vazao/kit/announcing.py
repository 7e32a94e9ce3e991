"""What changed, told to every process: announced after a commit, heard by one LISTEN a process.

A *topic* is ``kind:id`` (``job:17``, ``jobs:3`` for the jobs of organization 3). Statements that
change something note its topics on their connection (:func:`changed`); the edge that commits hands
them to the process's :class:`Announcer`, which sends what came together ten times a second at
most. Nothing is notified inside a part's or a request's transaction: NOTIFY would make commits
wait for one another. ``kind:`` alone says that any of them may have changed. A topic never says
what changed: who follows it reads anew.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg.conninfo import make_conninfo

from vazao.kit import store
from vazao.kit.cancelling import end_all
from vazao.kit.db import Connection, Database, reach_of
from vazao.kit.errors import VazaoError
from vazao.kit.logging import get

log = get("announcing")
CHANNEL = "vazao_changes"
LISTENER = "vazao-listener"
"""How the connection that listens is named in ``pg_stat_activity``."""
EVERY_SECONDS = 0.1
AGAIN_SECONDS = 1.0
LOOK_SECONDS = 0.4
SILENT_SECONDS = 1.0
"""A listener that heard nothing for so long, not even from its server, may have missed things."""
# PostgreSQL takes 8,000 bytes a message.
PAYLOAD_BYTES = 7_900
Tell = Callable[[str], None]


def payloads_of(topics: Iterable[str]) -> list[str]:
    """*topics* joined by blanks, in as few messages as PostgreSQL takes."""
    found: list[str] = []
    for topic in topics:
        if found and len(found[-1]) + len(topic) < PAYLOAD_BYTES:
            found[-1] += f" {topic}"
        else:
            found.append(topic)
    return found


class Announcer:
    """Sends what changed in this process; from one connection, ten times a second at most."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._pending: dict[str, None] = {}
        self._task: asyncio.Task[None] | None = None

    def announce(self, topics: Iterable[str]) -> None:
        """Have *topics* announced soon; to be called after the commit, on the event loop."""
        self._pending.update(dict.fromkeys(topics))
        if self._pending and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._run(), name="announcer")

    async def _run(self) -> None:
        while self._pending:
            sent = await self._send()
            await asyncio.sleep(EVERY_SECONDS if sent else AGAIN_SECONDS)

    async def _send(self) -> bool:
        topics, self._pending = self._pending, {}
        try:
            async with self._db.connection() as conn:
                await store.notify(conn, CHANNEL, payloads_of(topics))
        except (psycopg.Error, VazaoError) as error:
            # They come before what changed meanwhile.
            self._pending = topics | self._pending
            log.warning("changes not announced yet", error_type=type(error).__name__)
            return False
        return True

    async def close(self) -> None:
        """Send what is left, if it can be sent at once."""
        if self._task is not None:
            await end_all([self._task])
        if self._pending:
            await self._send()


class Listener:
    """This process's one LISTEN; hands each topic on to those who follow it.

    Args:
        url: an address past any transaction pooler.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._following: defaultdict[str, set[Tell]] = defaultdict(set)
        self._kinds: defaultdict[str, list[Tell]] = defaultdict(list)
        self._task: asyncio.Task[None] | None = None
        self.hears = asyncio.Event()
        # The process of the server that serves the connection; none while nothing is heard.
        self.pid: int | None = None
        # Since when (the loop's clock) nothing is heard; none while it hears.
        self.lost_at: float | None = None
        self._heard_at = -SILENT_SECONDS

    @property
    def is_heard(self) -> bool:
        """Whether what others announced was heard up to a second ago."""
        return time.monotonic() - self._heard_at < SILENT_SECONDS

    def on(self, kind: str, tell: Tell) -> None:
        """Call *tell* with every topic of *kind*; ``kind:`` alone where any may have changed."""
        self._kinds[kind].append(tell)

    def follow(self, topic: str, tell: Tell) -> None:
        """Call *tell* whenever *topic* may have changed."""
        self._following[topic].add(tell)

    def unfollow(self, topic: str, tell: Tell) -> None:
        """No longer call *tell* for *topic*."""
        self._following[topic].discard(tell)
        if not self._following[topic]:
            del self._following[topic]

    def start(self) -> None:
        """Begin to listen, unless it has begun, and go on through any loss of the connection."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="listener")

    async def close(self) -> None:
        """Listen no more."""
        if self._task is not None:
            await end_all([self._task])

    async def _run(self) -> None:
        while True:
            try:
                await self._listen()
            except (psycopg.Error, OSError) as error:
                log.warning("listening begins anew", error_type=type(error).__name__)
            finally:
                self.pid = None
                self.lost_at = self.lost_at or time.monotonic()
                self.hears.clear()
            await asyncio.sleep(AGAIN_SECONDS)

    async def _listen(self) -> None:
        reached = make_conninfo(
            self._url, application_name=LISTENER, **reach_of(self._url)
        )
        async with await Connection.connect(reached, autocommit=True) as conn:
            await conn.execute(f"listen {CHANNEL}".encode())
            self.pid = conn.info.backend_pid
            self.lost_at = None
            self.hears.set()
            self._heard_at = time.monotonic()
            # Whatever changed while nobody listened.
            self._tell_all()
            while True:
                async for message in conn.notifies(timeout=LOOK_SECONDS):
                    for topic in message.payload.split():
                        self._tell(topic)
                # An end that nobody told us of shows here.
                await conn.execute(b"select 1")
                self._heard_at = time.monotonic()

    def _tell(self, topic: str) -> None:
        kind, _, one = topic.partition(":")
        for tell in self._kinds.get(kind, ()):
            tell(topic)
        told = [topic] if one else [t for t in self._following if t.startswith(topic)]
        for each in told:
            for tell in list(self._following.get(each, ())):
                tell(each)

    def _tell_all(self) -> None:
        kinds = self._kinds.keys() | {topic.partition(":")[0] for topic in self._following}
        for kind in kinds:
            self._tell(f"{kind}:")


async def changes_with(conn: AsyncConnection[Any], *topics: str) -> None:
    """Announce *topics* with the commit of what *conn* is doing, not after it.

    For changes that come seldom and must be heard: a process that ends between its commit and its
    announcement would leave them unheard. Commits that notify wait for one another, so that what
    commits often must not.
    """
    await store.notify(conn, CHANNEL, payloads_of(topics))


def changed(conn: AsyncConnection[Any], *topics: str) -> None:
    """Note that *topics* change with what *conn* is doing; announced once that has committed.

    A connection that is not of the process's pool (a test's own, say) announces nothing.
    """
    if isinstance(conn, Connection):
        conn.changes.update(dict.fromkeys(topics))
