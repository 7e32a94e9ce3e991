"""Figures of the platform over time: looked at with every look, kept as means of a minute."""

from __future__ import annotations

from collections import defaultdict

import msgspec

from vazao.kit.platform import Platform
from vazao.kit.sql import Conn
from vazao.ops import reading, store

MINUTE = 60.0
QUARTER = 900.0
ALARM_DAYS = 400


class Sampler:
    """Gathers figures, and keeps their means once a minute."""

    def __init__(self) -> None:
        self._sums: defaultdict[str, float] = defaultdict(float)
        self._counts: defaultdict[str, int] = defaultdict(int)
        self._since: float | None = None
        self._thinned: float | None = None

    async def look(
        self, platform: Platform, conn: Conn, change: reading.Change | None, now: float
    ) -> None:
        """Add the figures of this moment; *now* is of the monotonic clock."""
        if self._since is None:
            self._since = now
        for name, value in (await figures(platform, conn, change)).items():
            self._sums[name] += value
            self._counts[name] += 1

    async def keep(self, conn: Conn, now: float) -> None:
        """Keep the means, if a minute is over."""
        if self._since is None or now - self._since < MINUTE:
            return
        means = {name: total / self._counts[name] for name, total in self._sums.items()}
        self._sums.clear()
        self._counts.clear()
        self._since = now
        await store.samples.keep(conn, means)
        if self._thinned is None or now - self._thinned >= QUARTER:
            self._thinned = now
            await store.samples.thin(conn)
            await store.spent.forget(conn)
            await store.usual.forget(conn)
            await store.alarms.forget_over(conn, days=ALARM_DAYS)


async def figures(
    platform: Platform, conn: Conn, change: reading.Change | None
) -> dict[str, float]:
    """How the platform is now, by name.

    Sessions at work (``cpu``, ``io``, ``lock``, ``other``) and ``connections``; of the time since
    the last look ``hit_share`` (0 to 1, where blocks were asked for) and ``read_blocks`` a second;
    and what rooms say of themselves (``registry.gauges``).
    """
    found: dict[str, float] = dict(msgspec.structs.asdict(await store.activity.load(conn)))
    found["connections"] = (await store.activity.connections(conn)).taken
    if change is not None:
        found["read_blocks"] = change.read / change.seconds
        if asked := change.hit + change.read:
            found["hit_share"] = change.hit / asked
    for gauge in platform.registry.gauges:
        found |= await gauge(platform, conn)
    return found
