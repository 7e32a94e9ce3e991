"""Digests of users by ranges of ids: two systems compare their copies without sending them.

A tree with 64 children a node. A user's digest is SHA-256 of their line; a node's is SHA-256 of the
digests of its children that are not empty, one behind the other. Blocks of 4096 ids are kept with
the transaction since which changes are not in them; what changed since is made anew.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator

from vazao.accounts.directory import store
from vazao.accounts.directory.store import Digest
from vazao.kit.platform import Platform

FAN = 64
BLOCK = FAN * FAN
AT_ONCE_BLOCKS, AT_ONCE = 64, 2
"""So many blocks a query, and so many queries at a time: two cores halve the time."""


class Compared:
    """What an answer holds: the range in whole nodes, their digests, and the feed's place."""

    def __init__(self, first: int, width: int, nodes: list[Digest], horizon: str) -> None:
        self.first, self.width, self.nodes, self.horizon = first, width, nodes, horizon

    @property
    def users(self) -> int:
        """How many there are in the whole range."""
        return sum(each.users for each in self.nodes)

    @property
    def digest(self) -> bytes:
        """What stands for all of them."""
        return combined(self.nodes)


def combined(nodes: list[Digest]) -> bytes:
    """The digest of a node with these children."""
    whole = hashlib.sha256()
    for each in nodes:
        if each.users:
            whole.update(each.digest)
    return whole.digest()


def width_for(first: int, last: int) -> int:
    """The width of nodes of which at most 64 cover the ids from *first* to before *last*."""
    width = 1
    while -(-last // width) - first // width > FAN:
        width *= FAN
    return width


async def compare(platform: Platform, organization_id: int, first: int, last: int) -> Compared:
    """Digests of the users with ids from *first* to before *last*, widened to whole nodes."""
    width = width_for(first, last)
    begin, end = first // width, -(-last // width)
    async with platform.db.connection() as conn:
        horizon = await store.horizon(conn)
        if width < BLOCK:
            found = await store.digests(
                conn, organization_id, begin * width, end * width, width=width
            )
            return Compared(begin * width, width, found, horizon)
    scale = width // BLOCK
    blocks = await _blocks(platform, organization_id, begin * scale, end * scale)
    nodes = [each for each in blocks if each.users]
    while scale > 1:
        nodes = _lifted(nodes)
        scale //= FAN
    return Compared(begin * width, width, nodes, horizon)


def _lifted(nodes: list[Digest]) -> list[Digest]:
    """The parents of *nodes*, which are in order."""
    families: dict[int, list[Digest]] = {}
    for each in nodes:
        families.setdefault(each.place // FAN, []).append(each)
    return [
        Digest(place, sum(each.users for each in family), combined(family))
        for place, family in families.items()
    ]


async def _blocks(
    platform: Platform, organization_id: int, first: int, last: int
) -> list[Digest]:
    """The digests of the blocks of a range that may hold users, made where they are not known."""
    async with platform.db.connection() as conn:
        lowest, highest = await store.bounds(conn, organization_id)
        first, last = max(first, lowest // BLOCK), min(last, highest // BLOCK + 1)
        known = await store.known_blocks(conn, organization_id, first, last)
        since = min((xid for _, xid in known.values()), default=0)
        changed = await store.changed_blocks(conn, organization_id, since) if known else {}
    good = {
        place: found for place, (found, xid) in known.items() if changed.get(place, -1) < xid
    }
    missing = [place for place in range(first, last) if place not in good]
    turns = asyncio.Semaphore(AT_ONCE)

    async def make(begin: int, end: int) -> list[Digest]:
        async with turns:
            return await _make(platform, organization_id, begin, end)

    for made in await asyncio.gather(*(make(*run) for run in _runs(missing))):
        good |= {each.place: each for each in made}
    return [good[place] for place in sorted(good)]


def _runs(places: list[int]) -> Iterator[tuple[int, int]]:
    """*places* as ranges of neighbours, none too long."""
    begin = 0
    for n in range(1, len(places) + 1):
        if n == len(places) or places[n] != places[n - 1] + 1 or n - begin == AT_ONCE_BLOCKS:
            yield places[begin], places[n - 1] + 1
            begin = n


async def _make(platform: Platform, organization_id: int, begin: int, end: int) -> list[Digest]:
    async with platform.db.transaction() as conn:
        # Before the users are read: what commits meanwhile must count as later.
        known_since = await store.horizon(conn)
        found = await store.digests(
            conn, organization_id, begin * BLOCK, end * BLOCK, width=BLOCK
        )
        by_place = {each.place: each for each in found}
        made = [by_place.get(place, Digest(place, 0, b"")) for place in range(begin, end)]
        await store.keep_blocks(conn, organization_id, made, known_since)
    return made
