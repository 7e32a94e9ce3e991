"""Hashes of other systems in use: failures answer no sooner than the costliest of them would.

A hash of ours takes 18 ms, a costly bcrypt a second: whoever saw the difference would know which
names exist. So a failed sign-in waits, holding no thread, until the costliest kind in use would
have been checked, too. How much longer each takes than ours is measured once a process.
"""

from __future__ import annotations

import asyncio
import random
import time

from vazao.accounts import schemes, store
from vazao.accounts.hashing import Hasher
from vazao.accounts.passwords import NOBODY, Verified, hasher_of
from vazao.cache import cache_of
from vazao.kit.platform import Platform

FRESH_SECONDS, STALE_SECONDS = 30.0, 300.0
JITTER = 0.1
_dice = random.SystemRandom()


class Foreign:
    """The kinds in use, and what they cost."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._costs: dict[str, tuple[float, float]] = {}
        self._kinds = cache_of(platform).shelf(
            "accounts:schemes", self._find, fresh=FRESH_SECONDS, stale=STALE_SECONDS, shared=False
        )

    async def _find(self, _: str) -> list[str]:
        """The kinds in use, each measured."""
        async with self._platform.db.connection() as conn:
            found = await store.schemes_in_use(conn)
        hasher = hasher_of(self._platform)
        for kind, sample in found:
            if kind not in self._costs:
                self._costs[kind] = await measured(hasher, sample)
        return [kind for kind, _ in found]

    async def settle(self, checked: Verified, stored: str | None) -> None:
        """Wait until a failure with the costliest kind in use would have been answered.

        Args:
            stored: the hash that the password was compared with; ``None``: one of ours.
        """
        kinds = await self._kinds.get("")
        if not kinds:
            return
        own = 1.0
        if stored is not None and not schemes.is_current(stored):
            own = self._costs.get(schemes.kind_of(stored), (1.0, 0.0))[0]
        ratio, seconds = max(self._costs[kind] for kind in kinds)
        # What it took under today's load, scaled; at least what the costliest took by itself.
        wait = max((checked.ended - checked.began) * ratio / own, seconds)
        wait *= 1 + JITTER * _dice.random()
        await asyncio.sleep(max(0.0, checked.began + wait - time.perf_counter()))


async def measured(hasher: Hasher, sample: str) -> tuple[float, float]:
    """How many times longer than ours a hash of this kind takes, and its seconds."""

    def work() -> tuple[float, float]:
        began = time.perf_counter()
        schemes.matches(NOBODY, b"x")
        between = time.perf_counter()
        schemes.matches(sample, b"x")
        seconds = time.perf_counter() - between
        return seconds / (between - began), seconds

    # Before all who wait: they wait for it.
    return await hasher.run(work, hasher.welcome(at=0.0))


def foreign_of(platform: Platform) -> Foreign:
    """The process's, made at first use."""
    return platform.keep(Foreign)
