"""Where failed sign-ins, and refusals that tell of names elsewhere, are counted.

In the shared cache where there is one, else in PostgreSQL.

While the shared cache is away they are counted in PostgreSQL; what it had counted is then not seen,
for as long as it is away at most.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from vazao.accounts import store
from vazao.accounts.errors import PasswordWrong, SignInRefused, SignInTooOften
from vazao.accounts.models import Credentials
from vazao.accounts.throttling import (
    FREE_PAIR,
    LONGEST_SECONDS,
    WINDOW_SECONDS,
    Keys,
    Seen,
    counting_those,
    wait_of,
)
from vazao.cache import SharedAway, cache_of
from vazao.kit.platform import Platform

PREFIX = "vazao:accounts:throttle:"
NOW = "local t = redis.call('time') local now = t[1] * 1000 + math.floor(t[2] / 1000) "
LOOK = NOW + """
local found = {}
for n, key in ipairs(KEYS) do
  local kept = redis.call('hmget', key, 'failures', 'at')
  found[n * 2 - 1] = tonumber(kept[1]) or 0
  found[n * 2] = kept[2] and now - tonumber(kept[2]) or -1
end
return found
"""
COUNT = NOW + """
for _, key in ipairs(KEYS) do
  redis.call('hincrby', key, 'failures', ARGV[1])
  redis.call('hset', key, 'at', now)
  redis.call('pexpire', key, ARGV[2])
end
"""
CLAIM = NOW + """
local kept = redis.call('hmget', KEYS[1], 'failures', 'at')
local failures, at = tonumber(kept[1]) or 0, tonumber(kept[2]) or 0
local wait = math.min(ARGV[3], 2 ^ math.min(failures - ARGV[2], 6)) * 1000
if failures >= tonumber(ARGV[2]) and now - at < wait then return -1 end
redis.call('hset', KEYS[1], 'failures', failures + ARGV[4], 'at', now)
redis.call('pexpire', KEYS[1], ARGV[1])
return failures
"""
GIVE_BACK = """
if (tonumber(redis.call('hget', KEYS[1], 'failures')) or 0) > 0 then
  redis.call('hincrby', KEYS[1], 'failures', -1)
end
"""
FORGET = "redis.call('del', unpack(KEYS))"


class _Line:
    """Tries of one pair that wait for each other."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.length = 0


class Counting:
    """The counts of failed sign-ins, as one process reaches them."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._shared = cache_of(platform).shared
        self._trying: Counter[bytes] = Counter()
        self._lines: dict[bytes, _Line] = {}

    @contextmanager
    def trying(self, keys: Keys) -> Generator[None]:
        """A password is being checked: it may fail yet, and others of its name know of it.

        The pair's own are claimed where all processes see them; the address is left out: a whole
        office may sign in at once.
        """
        held = [] if keys.name is None else [keys.name]
        self._trying.update(held)
        try:
            yield
        finally:
            for key in held:
                self._trying[key] -= 1
                if not self._trying[key]:
                    del self._trying[key]

    def with_those_trying(self, keys: Keys, seen: list[Seen]) -> list[Seen]:
        """What was seen, with the tries of this process that are not decided yet."""
        now = [self._trying[key] if key == keys.name else 0 for key in keys.all]
        return counting_those(seen, now)

    async def find(self, username_key: str | None, keys: Keys) -> tuple[Credentials, list[Seen]]:
        """What a sign-in is checked against, and what failed before."""
        seen = await self._look(keys)
        async with self._platform.db.connection(patient=True) as conn:
            found = await store.find_credentials(
                conn, username_key, keys.all if seen is None else []
            )
        if seen is None:
            # Another process counted after this one looked at the clock: that was now.
            counted = zip(found.failures, found.ages, strict=True)
            seen = [Seen(failures, max(0.0, age)) for failures, age in counted]
        return found, seen

    async def _look(self, keys: Keys) -> list[Seen] | None:
        if self._shared is None:
            return None
        try:
            found: list[Any] = await self._shared.run(LOOK, _named(keys.all))
        except SharedAway:
            return None
        return [
            Seen(int(failures), int(age) / 1000) if int(age) >= 0 else Seen()
            for failures, age in zip(found[::2], found[1::2], strict=True)
        ]

    @asynccontextmanager
    async def one_by_one(
        self, keys: Keys, seconds: float, late: Callable[[], Exception]
    ) -> AsyncGenerator[None]:
        """The pair's tries of this process, one decided before the next is looked at.

        A try counts as failed until it is decided. Right passwords that come together, as of a
        program that begins with many connections, would else be told that they had failed.

        Args:
            seconds: how long one may wait for those before it.
            late: makes the refusal of one that would wait longer.
        """
        line = self._lines.setdefault(keys.pair, _Line())
        line.length += 1
        try:
            try:
                async with asyncio.timeout(seconds):
                    await line.lock.acquire()
            except TimeoutError:
                raise late() from None
            try:
                yield
            finally:
                line.lock.release()
        finally:
            line.length -= 1
            if not line.length:
                del self._lines[keys.pair]

    @asynccontextmanager
    async def claimed(self, keys: Keys) -> AsyncGenerator[None]:
        """A try of the pair, which counts as failed from the beginning: what refuses it leaves it
        so, and :meth:`forget` takes it back. Where the block is left in another way, such as by one
        who cannot wait for the hash, it never was.

        Raises:
            SignInTooOften: it is too early for one; no password is looked at.
        """
        if await self.claim(keys.pair, FREE_PAIR) is None:
            _, seen = await self.find(None, keys)
            raise SignInTooOften(max(1, math.ceil(wait_of(seen))))
        with self.trying(keys):
            try:
                yield
            except (SignInRefused, PasswordWrong):
                raise
            except BaseException:
                await asyncio.shield(self._give_back(keys.pair))
                raise

    async def claim(self, key: bytes, free: int, tries: int = 1) -> int | None:
        """Count so many tries under *key*, all processes' one after another.

        Args:
            free: how many wait for nothing.

        Returns:
            How many were counted before; ``None`` where it is too early for one.
        """
        if self._shared is not None:
            try:
                found = int(await self._shared.run(
                    CLAIM, _named([key]), WINDOW_SECONDS * 1000, free, LONGEST_SECONDS, tries
                ))
                return None if found < 0 else found
            except SharedAway:
                pass
        async with self._platform.db.connection(patient=True) as conn:
            return await store.claim_tries(
                conn, key, free=free, longest=LONGEST_SECONDS, tries=tries
            )

    async def seen(self, key: bytes) -> Seen:
        """What was counted under one key."""
        _, seen = await self.find(None, Keys(key))
        return seen[0]

    async def _give_back(self, pair: bytes) -> None:
        if self._shared is not None:
            try:
                await self._shared.run(GIVE_BACK, _named([pair]))
                return
            except SharedAway:
                pass
        async with self._platform.db.connection() as conn:
            await store.give_back_try(conn, pair)

    async def fail(self, keys: Keys) -> None:
        """Count a failure under all but the pair's key, whose try was claimed."""
        await self._count([key for key in keys.all if key != keys.pair], 1)

    async def note(self, keys: Keys) -> None:
        """Note the pair's first try, before which it has to wait."""
        await self._count([keys.pair], 0)

    async def _count(self, keys: list[bytes], failures: int) -> None:
        if not keys:
            return
        if self._shared is not None:
            try:
                await self._shared.run(COUNT, _named(keys), failures, WINDOW_SECONDS * 1000)
                return
            except SharedAway:
                pass
        async with self._platform.db.transaction() as conn:
            await store.count_failures(conn, keys, failures)

    async def forget(self, keys: Keys) -> None:
        """Forget the failures of the pair: they were its own."""
        if self._shared is not None:
            try:
                await self._shared.run(FORGET, _named([keys.pair]))
                return
            except SharedAway:
                pass
        async with self._platform.db.transaction() as conn:
            await store.forget_failures(conn, keys.pair)


def _named(keys: list[bytes]) -> list[str]:
    return [PREFIX + key.hex() for key in keys]


def counting_of(platform: Platform) -> Counting:
    """The process's, made at first use."""
    return platform.keep(Counting)
