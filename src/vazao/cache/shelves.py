"""Values of one kind in this process: fresh for a while, then still served while loaded anew."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from vazao.cache.shared import Shared
from vazao.kit.cancelling import end_all
from vazao.kit.logging import get
from vazao.kit.platform import Platform

Value = TypeVar("Value")
log = get("cache")
EARLY_SHARE = 0.8
"""At so much of its time a value is loaded anew, so that asking for it never waits."""
AGAIN_SECONDS = 1.0
"""What fails, or is told to be due again and again, is loaded so often at most."""


@dataclass(slots=True)
class Entry(Generic[Value]):
    """A value and its times (the loop's clock)."""

    value: Value
    loaded: float
    due: float
    until: float


class Shelf(Generic[Value]):
    """Values of one kind.

    Args:
        name: ``<feature>``, or ``<feature>:<kind>``; keys are ``vazao:<name>:<key>``.
        load: gives the value of a key.
        fresh: seconds for which a value is served as it is.
        stale: seconds for which it is served while it is loaded anew.
        most: values at most; the one not asked for longest goes first.
    """

    def __init__(
        self, name: str, load: Callable[[str], Awaitable[Value]], *, fresh: float, stale: float,
        most: int = 10_000, shared: Shared | None = None,
    ) -> None:
        self.name = name
        self.fresh, self.stale = fresh, stale
        self.hits = self.misses = self.loads = self.failures = 0
        self._load = load
        self._most = most
        self._shared = shared
        self._entries: OrderedDict[str, Entry[Value]] = OrderedDict()
        self._loading: dict[str, asyncio.Task[Value]] = {}
        # When a change of a value was heard that is not loaded since.
        self._told: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def peek(self, key: str) -> Value | None:
        """The value if it is there and may be served; it is loaded anew where that is due."""
        entry = self._entries.get(key)
        now = time.monotonic()
        if entry is None or entry.until <= now:
            return None
        self.hits += 1
        self._entries.move_to_end(key)
        if entry.due < now:
            entry.due = now + AGAIN_SECONDS
            self._begin(key)
        return entry.value

    async def get(self, key: str) -> Value:
        """The value, loaded if it must be; all who ask meanwhile wait for the one load."""
        found = self.peek(key)
        if found is not None:
            return found
        self.misses += 1
        # Who gives up waiting must not end the load of the others.
        return await asyncio.shield(self._begin(key))

    def is_due(self, key: str) -> None:
        """Have the value loaded before it is served again; once a second at most."""
        entry, now = self._entries.get(key), time.monotonic()
        if entry is None and key not in self._loading:
            return
        self._told[key] = now
        if entry is not None:
            entry.due = entry.until = min(entry.until, max(entry.loaded + AGAIN_SECONDS, now))

    def heard(self, topic: str) -> None:
        """The same for what a topic (``kind:key``, ``kind:`` for all) says has changed."""
        one = topic.partition(":")[2]
        for key in (one,) if one else [*self._entries, *self._loading]:
            self.is_due(key)

    def forget(self, key: str) -> None:
        """Let go of a value."""
        self._entries.pop(key, None)
        self._told.pop(key, None)

    def clear(self) -> None:
        """Let go of all."""
        self._entries.clear()
        self._told.clear()

    def ages(self) -> list[float]:
        """Seconds since each value was loaded."""
        now = time.monotonic()
        return [now - entry.loaded for entry in self._entries.values()]

    async def close(self) -> None:
        """Load nothing any more."""
        await end_all(list(self._loading.values()))

    def _begin(self, key: str) -> asyncio.Task[Value]:
        task = self._loading.get(key)
        if task is None:
            task = self._loading[key] = asyncio.create_task(self._renew(key), name="cache")
            task.add_done_callback(lambda done: self._ended(key, done))
        return task

    def _ended(self, key: str, task: asyncio.Task[Value]) -> None:
        del self._loading[key]
        if key not in self._entries:
            self._told.pop(key, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.failures += 1
            log.warning("not loaded", shelf=self.name, error_type=type(error).__name__)

    async def _renew(self, key: str) -> Value:
        began = time.monotonic()
        self.loads += 1
        if self._shared is None:
            value = await self._load(key)
        else:
            value = await self._shared.through(
                f"vazao:{self.name}:{key}", lambda: self._load(key), fresh=self.fresh,
                stale=self.stale, youngest=began - self._told.get(key, 0.0),
            )
        self._keep(key, value, began)
        return value

    def _keep(self, key: str, value: Value, began: float) -> None:
        self._entries.pop(key, None)
        while len(self._entries) >= self._most:
            oldest, _ = self._entries.popitem(last=False)
            self._told.pop(oldest, None)
        self._entries[key] = Entry(
            value, began, began + self.fresh * EARLY_SHARE, began + self.fresh + self.stale
        )
        if self._told.pop(key, 0.0) > began:
            # It changed while it was loaded.
            self.is_due(key)


class Cache:
    """A process's shelves."""

    def __init__(self, platform: Platform) -> None:
        address = platform.settings.cache_url
        self.shared = Shared(address) if address else None
        self.shelves: dict[str, Shelf[Any]] = {}
        self._listener = platform.listener
        platform.on_close.append(self.close)

    def shelf(
        self, name: str, load: Callable[[str], Awaitable[Value]], *, fresh: float, stale: float,
        most: int = 10_000, shared: bool = True, topic: str = "",
    ) -> Shelf[Value]:
        """A shelf of this process; see :class:`Shelf`.

        Args:
            topic: the kind of topics (:mod:`vazao.kit.announcing`) that tell a key's change.
            shared: whether other processes may have its values: those of one person, and what is no
                JSON, stay here.
        """
        made = self.shelves[name] = Shelf(
            name, load, fresh=fresh, stale=stale, most=most,
            shared=self.shared if shared else None,
        )
        if topic:
            self._listener.on(topic, made.heard)
        return made

    async def close(self) -> None:
        """Load nothing any more, and leave what is shared."""
        for shelf in self.shelves.values():
            await shelf.close()
        if self.shared is not None:
            await self.shared.close()


def kept_by(platform: Platform) -> Cache:
    """The process's cache, made at first use."""
    return platform.keep(Cache)
