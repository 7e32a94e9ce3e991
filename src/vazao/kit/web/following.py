"""Server-sent events: a JSON whenever it changes, loaded once for all who follow it.

Followers of the same thing share a :class:`Channel`. It reads when a topic of the thing was
announced (:mod:`vazao.kit.announcing`), at most five times a second, and hands the same bytes to
everyone: while something changes, all followers together cost one query a change; while nothing
does, one in fifteen seconds, since a killed process announces nothing. An ended stream is told so:
a browser that asks again with the id of the last event gets 204, at which it stops asking.
"""

from __future__ import annotations

import asyncio
import time
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Mapping
from typing import Any

import msgspec
import psycopg
from litestar import Request, Response
from litestar.response import Stream

from vazao.kit import metrics
from vazao.kit.cancelling import end_all
from vazao.kit.errors import NotFound, TooManyRequests, VazaoError
from vazao.kit.logging import get
from vazao.kit.platform import Platform, Principal
from vazao.kit.sql import Conn

log = get("following")
Load = Callable[[Conn], Awaitable[Mapping[str, Any]]]
LOAD_SECONDS = 0.2
AGAIN_SECONDS = 1.0
HEARTBEAT_SECONDS = 15.0
LIFE_SECONDS = 3600.0
"""Then a follower asks again, and says anew who it is."""
AT_ONCE = 4
"""Channels that read at the same time."""
ENDED = ("finished", "failed", "cancelled")
"""The statuses of long work that no other follows."""
COMMENT = b": still here\n\n"
HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


class TooManyStreams(TooManyRequests):
    """You already follow {limit} streams, the most that one token or session may."""

    code = "too_many_streams"


def has_ended(value: Mapping[str, Any]) -> bool:
    """Whether the JSON of long work shows an end."""
    return value.get("status") in ENDED


class Follower:
    """One open stream: who follows, and what wakes it."""

    __slots__ = ("credential", "revoked", "wake")

    def __init__(self, credential: str) -> None:
        self.credential = credential
        self.revoked = False
        self.wake: asyncio.Future[None] | None = None

    def tell(self) -> None:
        """Let it look."""
        if self.wake is not None and not self.wake.done():
            self.wake.set_result(None)

    async def wait(self) -> None:
        """Until it is told to look."""
        self.wake = asyncio.get_running_loop().create_future()
        try:
            await self.wake
        finally:
            self.wake = None


class Channel:
    """What many follow: its newest event, and the task that reads it when it changes.

    Args:
        topics: what is announced when the JSON may have changed.
        load: reads the JSON.
        ended: whether a JSON is the last one.
        only_told: as in :func:`follow`.
    """

    def __init__(
        self, following: Following, topics: tuple[str, ...], load: Load,
        ended: Callable[[Mapping[str, Any]], bool], *, only_told: bool = False,
    ) -> None:
        self._following = following
        self._topics = topics
        self._load = load
        self._ended = ended
        self._only_told = only_told
        self._changed = asyncio.Event()
        self._shape = b""
        self._task: asyncio.Task[None] | None = None
        self.event = b""
        self.version = 0
        self.over = False
        self.last_id = ""
        self.followers: set[Follower] = set()

    def _tell(self, topic: str) -> None:
        self._changed.set()

    async def read(self) -> None:
        """Read the JSON; a new version if it differs.

        Raises:
            VazaoError: what *load* raises.
        """
        self._changed.clear()
        async with self._following.reading, self._following.platform.db.connection() as conn:
            value = await self._load(conn)
        # The estimate moves by itself and is no change.
        shape = msgspec.json.encode({k: v for k, v in value.items() if k != "eta_seconds"})
        if shape == self._shape:
            return
        self._shape, self.over = shape, self._ended(value)
        event = b"data: " + msgspec.json.encode(value) + b"\n"
        if self.over:
            self.last_id = f"end-{zlib.crc32(shape):08x}"
            event += f"id: {self.last_id}\n".encode()
        self.event = event + b"\n"
        self.version += 1

    async def start(self) -> None:
        """Follow the topics, read once, and from then on whenever one is told.

        What changes while it reads is heard, and read after it: of two readings at a time the older
        might come last, and nothing would be told any more.

        Raises:
            VazaoError: what *load* raises.
        """
        for topic in self._topics:
            self._following.platform.listener.follow(topic, self._tell)
        try:
            await self.read()
        except BaseException:
            await self.stop()
            raise
        self._task = asyncio.create_task(self._run(), name="channel")

    async def stop(self) -> None:
        """No longer follow them."""
        for topic in self._topics:
            self._following.platform.listener.unfollow(topic, self._tell)
        if self._task is not None:
            await end_all([self._task])

    def tell_all(self) -> None:
        """Let every follower look."""
        for follower in self.followers:
            follower.tell()

    async def _run(self) -> None:
        while not self.over:
            try:
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    await self._changed.wait()
            except TimeoutError:
                # A comment for each; then a look, since a process that is killed after a commit
                # announces nothing.
                self.tell_all()
                if self._only_told:
                    continue
            pause, before = LOAD_SECONDS, self.version
            try:
                await self.read()
            except NotFound:
                self.over = True
            except (VazaoError, psycopg.Error) as error:
                log.warning("not read; tried again", error_type=type(error).__name__)
                self._changed.set()
                pause = AGAIN_SECONDS
            if self.over or self.version != before:
                self.tell_all()
            await asyncio.sleep(pause)


class Following:
    """All streams of a web process: channels by what they show, and how many each asker has."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.reading = asyncio.Semaphore(AT_ONCE)
        self._channels: dict[Hashable, Channel] = {}
        self._opening: dict[Hashable, asyncio.Lock] = {}
        self._streams: Counter[str] = Counter()
        self._hears = False
        platform.listener.on("credential", self._revoked)

    def _revoked(self, topic: str) -> None:
        """End the streams of a credential; without a name, of all: who asks again says who it is.

        That is after the connection by which we hear was lost, when any may have been revoked.
        """
        gone = topic.partition(":")[2]
        if not gone and not self._hears:
            # It is made for the first time.
            self._hears = True
            return
        for channel in self._channels.values():
            for follower in channel.followers:
                if not gone or follower.credential == gone:
                    follower.revoked = True
                    follower.tell()

    def tell_all(self) -> None:
        """Let every stream look whether it is to end."""
        for channel in self._channels.values():
            channel.tell_all()

    def admit(self, principal: Principal) -> Follower:
        """A follower that counts from now on; to be given back with :meth:`leave`.

        Raises:
            TooManyStreams: the principal's token or session follows too many.
        """
        limit = self.platform.settings.streams_per_principal
        if self._streams[principal.credential] >= limit:
            raise TooManyStreams(
                remedy="Close one of them, or ask for the status at intervals instead.",
                limit=limit, retry_after=10,
            )
        self._streams[principal.credential] += 1
        return Follower(principal.credential)

    async def join(
        self, follower: Follower, key: Hashable, topics: tuple[str, ...], load: Load,
        ended: Callable[[Mapping[str, Any]], bool], *, only_told: bool = False,
    ) -> Channel:
        """The channel of *key*, read at least once, with *follower* among those it tells."""
        lock = self._opening.setdefault(key, asyncio.Lock())
        try:
            async with lock:
                channel = self._channels.get(key)
                if channel is None or channel.over:
                    channel = Channel(self, topics, load, ended, only_told=only_told)
                    await channel.start()
                    self._channels[key] = channel
        finally:
            if not lock.locked():
                self._opening.pop(key, None)
        channel.followers.add(follower)
        return channel

    async def leave(self, follower: Follower, key: Hashable, channel: Channel | None) -> None:
        """The stream has ended; the last to leave closes the channel."""
        self._streams[follower.credential] -= 1
        if not self._streams[follower.credential]:
            del self._streams[follower.credential]
        if channel is None:
            return
        channel.followers.discard(follower)
        if not channel.followers:
            if self._channels.get(key) is channel:
                del self._channels[key]
            await channel.stop()


async def _events(
    following: Following, follower: Follower, key: Hashable, channel: Channel
) -> AsyncIterator[bytes]:
    seen, until = 0, time.monotonic() + LIFE_SECONDS
    try:
        with metrics.STREAMS_OPEN.track_inprogress():
            while True:
                if channel.version != seen:
                    # Another version may come while this one is sent: the last is never left out.
                    seen = channel.version
                    yield channel.event
                    continue
                if channel.over or follower.revoked or following.platform.closing or (
                    time.monotonic() > until
                ):
                    return
                await follower.wait()
                if channel.version == seen:
                    yield COMMENT
    finally:
        await following.leave(follower, key, channel)


async def follow(
    request: Request[Any, Any, Any], principal: Principal, *, key: Hashable,
    topics: tuple[str, ...], load: Load, ended: Callable[[Mapping[str, Any]], bool] = has_ended,
    only_told: bool = False,
) -> Response[Any]:
    """An answer of server-sent events: *load*'s JSON at once, and whenever it changes.

    Args:
        key: the same for those who see the same bytes; it names the organization and language.
        topics: what is announced when the JSON may have changed.
        load: reads the JSON; what it raises the first time is the answer.
        ended: whether a JSON is the last one.
        only_told: never read unless a topic is told, since each reading is a change by itself.

    Raises:
        TooManyStreams: the principal follows too many.
    """
    following: Following = request.app.state.following
    following.platform.listener.start()
    follower = following.admit(principal)
    channel = None
    try:
        channel = await following.join(
            follower, key, topics, load, ended, only_told=only_told
        )
        if channel.over and request.headers.get("last-event-id") == channel.last_id:
            await following.leave(follower, key, channel)
            return Response(None, status_code=204)
    except BaseException:
        await following.leave(follower, key, channel)
        raise
    return Stream(
        _events(following, follower, key, channel), media_type="text/event-stream",
        headers=HEADERS,
    )
