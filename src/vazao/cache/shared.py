"""One cache for all processes and hosts: Valkey, or what speaks like it.

Whatever happens to it, the value is loaded: a shared cache that is away, slow or full makes things
slower, never wrong. After a failure it is left alone for a moment, lest each request wait for it.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from valkey.asyncio import Valkey
from valkey.exceptions import ValkeyError

from vazao.kit.logging import get

log = get("cache")
SECONDS = 0.25
"""So long an answer may take before the cache counts as away."""
AWAY_SECONDS = 2.0
LOCK_MILLISECONDS = 5_000
"""So long others wait for one who loads; then they load themselves."""
SHARE = 0.5
"""A value is taken from others up to so much of its fresh time, lest it age twice."""
LOOK_SECONDS = 0.02
FAILURES = (ValkeyError, OSError, TimeoutError)
GIVE = """
if redis.call('get', KEYS[2]) == ARGV[3] then redis.call('del', KEYS[2]) end
if ARGV[1] ~= '' then redis.call('set', KEYS[1], ARGV[1], 'px', ARGV[2]) end
"""


class SharedAway(Exception):
    """The shared cache cannot be asked now."""


class _Kept(msgspec.Struct):
    """A value, and when its loading began (seconds since the epoch)."""

    at: float
    value: Any


class Shared:
    """A cache at an address of ``VAZAO_CACHE_URL``."""

    def __init__(self, address: str) -> None:
        self._client: Any = Valkey.from_url(
            address.replace("redis", "valkey", 1) if address.startswith("redis") else address,
            socket_timeout=SECONDS, socket_connect_timeout=SECONDS,
        )
        self._away_until = 0.0
        self.failures = 0

    @property
    def is_away(self) -> bool:
        """Whether it failed just now, and is left alone."""
        return time.monotonic() < self._away_until

    async def through(
        self, key: str, load: Callable[[], Awaitable[Any]], *, fresh: float, stale: float,
        youngest: float = float("inf"),
    ) -> Any:
        """The value that another process loaded just now, or what *load* gives, kept for others.

        Of all processes that ask at once one loads, and the others wait for it. None is taken that
        is older than *youngest* seconds: it changed since.
        """
        token = secrets.token_hex(8)
        if self.is_away:
            return await load()
        try:
            found, mine = await self._found(key, token, min(fresh * SHARE, youngest))
        except FAILURES as error:
            self._failed(error)
            return await load()
        if found is not None:
            return found.value
        if not mine:
            return await load()
        return await self._loaded(key, token, load, fresh + stale)

    async def _found(
        self, key: str, token: str, youngest: float
    ) -> tuple[_Kept | None, bool]:
        """A value that is young enough, or whether it is ours to load one."""
        found = await self._find(key, youngest)
        if found is not None:
            return found, False
        if not await self._lock(key, token):
            return await self._awaited(key, youngest), False
        # Another may have loaded it between our look and the lock.
        found = await self._find(key, youngest)
        if found is not None:
            await self._client.eval(GIVE, 2, key, f"{key}:lock", b"", 0, token)
        return found, found is None

    async def forget(self, key: str) -> None:
        """Let go of a value, if that can be done now."""
        try:
            await self._client.delete(key)
        except FAILURES as error:
            self._failed(error)

    async def run(self, script: str, keys: list[str], *values: object) -> Any:
        """What a script (Lua) returns, run by the server as one step.

        Raises:
            SharedAway: it could not be run; nothing is known of what it did.
        """
        if self.is_away:
            raise SharedAway
        try:
            return await self._client.eval(script, len(keys), *keys, *values)
        except FAILURES as error:
            self._failed(error)
            raise SharedAway from error

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _loaded(
        self, key: str, token: str, load: Callable[[], Awaitable[Any]], seconds: float
    ) -> Any:
        began, kept = time.time(), b""
        try:
            value = await load()
            kept = msgspec.json.encode(_Kept(began, value))
        finally:
            try:
                await self._client.eval(
                    GIVE, 2, key, f"{key}:lock", kept, round(seconds * 1000), token
                )
            except FAILURES as error:
                self._failed(error)
        return value

    async def _find(self, key: str, youngest: float) -> _Kept | None:
        return _read(await self._client.get(key), youngest)

    async def _lock(self, key: str, token: str) -> bool:
        return bool(await self._client.set(f"{key}:lock", token, nx=True, px=LOCK_MILLISECONDS))

    async def _awaited(self, key: str, youngest: float) -> _Kept | None:
        """What the one who loads gives; nothing where they end without."""
        until = time.monotonic() + LOCK_MILLISECONDS / 1000
        while time.monotonic() < until:
            text, held = await self._client.mget(key, f"{key}:lock")
            found = _read(text, youngest)
            if found is not None or held is None:
                return found
            await asyncio.sleep(LOOK_SECONDS)
        return None

    def _failed(self, error: BaseException) -> None:
        self.failures += 1
        if not self.is_away:
            log.warning("shared cache", error_type=type(error).__name__)
        self._away_until = time.monotonic() + AWAY_SECONDS


def _read(text: bytes | None, youngest: float) -> _Kept | None:
    """What is kept in *text*, unless it is none, is older than so many seconds, or unreadable."""
    if text is None:
        return None
    try:
        found = msgspec.json.decode(text, type=_Kept)
    except msgspec.MsgspecError:
        return None
    return found if time.time() - found.at < youngest else None
