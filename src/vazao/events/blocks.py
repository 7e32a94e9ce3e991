"""What search holds in memory: events in the order of their starts, their JSON prepared.

A model is a list of blocks that never change. A change makes a new list, which shares all blocks
but those that were read anew, and takes the place of the old one in one step: a request sees one or
the other whole, and a reader who takes an answer slowly keeps what it began with.
"""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import NamedTuple

from vazao.events.windows import Window

SIZE = 1024
"""Events of a block; those that start at the same time stand in one block."""
HASH_BITS = 48
MASK = (1 << HASH_BITS) - 1
OWN_BYTES = 56
"""What an event costs beside its JSON: six numbers of eight bytes and a share of the block."""
Run = tuple["Block", int, int]


class Row(NamedTuple):
    """A block as the database packs it: JSON with commas between, and columns of big-endian
    integers of eight bytes: starts, ends, local starts, local ends, lengths and hashes.
    """

    json: bytes
    starts: bytes
    ends: bytes
    local_starts: bytes
    local_ends: bytes
    lengths: bytes
    hashes: bytes


def _numbers(packed: bytes) -> array[int]:
    made = array("q", packed)
    if sys.byteorder == "little":
        made.byteswap()
    return made


class Block:
    """Events that follow one another, by their places from 0.

    ``offsets`` say where each one's JSON begins; ``sums`` add up the hashes before each place;
    ``latest`` and ``latest_local`` are the greatest ends; ``drifts`` the least and the greatest
    distance of a wall clock from its instant.
    """

    __slots__ = (
        "drifts", "ends", "first", "json", "latest", "latest_local", "local_ends",
        "local_starts", "offsets", "starts", "sums",
    )

    def __init__(self, row: Row) -> None:
        self.json = row.json
        self.starts = _numbers(row.starts)
        self.ends = _numbers(row.ends)
        self.local_starts = _numbers(row.local_starts)
        self.local_ends = _numbers(row.local_ends)
        lengths = _numbers(row.lengths)
        self.offsets = array("q", accumulate((n + 1 for n in lengths), initial=0))
        self.sums = array("q", accumulate((h & MASK for h in _numbers(row.hashes)), initial=0))
        self.first = self.starts[0]
        self.latest = max(self.ends)
        self.latest_local = max(self.local_ends)
        drifts = [a - b for a, b in zip(self.local_starts, self.starts, strict=True)]
        self.drifts = (min(drifts), max(drifts))

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def size(self) -> int:
        """The memory that it takes, about, in bytes."""
        return len(self.json) + OWN_BYTES * len(self)


class Model:
    """All blocks of an audience, at one snapshot of the database."""

    __slots__ = ("blocks", "drifts", "events", "firsts", "size", "snapshot")

    def __init__(self, blocks: Sequence[Block], snapshot: str) -> None:
        self.blocks = blocks
        self.firsts = [block.first for block in blocks]
        self.snapshot = snapshot
        self.events = sum(map(len, blocks))
        self.size = sum(block.size for block in blocks)
        drifts = [block.drifts for block in blocks] or [(0, 0)]
        self.drifts = (min(low for low, _ in drifts), max(high for _, high in drifts))

    def place(self, start: int) -> int:
        """The block that an event with this start stands in, or would stand in."""
        return max(0, bisect_right(self.firsts, start) - 1)

    def find(self, window: Window) -> list[Run]:
        """The runs of events in *window*, in the order of their starts."""
        (begin, begin_local), (end, end_local) = window
        if begin_local or end_local:
            return self.matching(begin, begin_local, end, end_local)
        return self.between(begin, end)

    def matching(
        self, begin: int, begin_local: bool, end: int, end_local: bool
    ) -> list[Run]:
        """The runs between two times, of which one or both are wall clocks.

        Wall clocks differ from instants by no more than the drifts: what starts within those can
        match, and is looked at.
        """
        low, high = self.drifts
        first, last = begin - high * begin_local, end - low * end_local
        runs: list[Run] = []
        for block, i, j in self._candidates(first, last):
            starts = block.local_starts if begin_local else block.starts
            ends = block.local_ends if end_local else block.ends
            runs += _matching(block, i, j, starts, begin, ends, end)
        return runs

    def _candidates(self, begin: int, end: int) -> Iterable[Run]:
        """The runs of events that start from *begin* to *end*."""
        # The block before may reach into it.
        for number in range(max(0, bisect_left(self.firsts, begin) - 1), len(self.blocks)):
            block = self.blocks[number]
            if block.first > end:
                return
            i, j = bisect_left(block.starts, begin), bisect_right(block.starts, end)
            if i < j:
                yield block, i, j

    def between(self, begin: int, end: int) -> list[Run]:
        """The runs of events that start at or after *begin* and end by *end*, both instants."""
        runs: list[Run] = []
        for block, i, j in self._candidates(begin, end):
            if block.latest <= end or max(block.ends[i:j]) <= end:
                runs.append((block, i, j))
            else:
                runs += _ending(block, i, j, block.ends, end)
        return runs


def _ending(block: Block, i: int, j: int, ends: array[int], end: int) -> list[Run]:
    """The runs among places *i* to *j* that end by *end*: mostly all but the last few."""
    while j > i and ends[j - 1] > end:
        j -= 1
    if j == i:
        return []
    if max(ends[i:j]) <= end:
        return [(block, i, j)]
    return _runs(block, [place for place in range(i, j) if ends[place] <= end])


def _matching(
    block: Block, i: int, j: int, starts: array[int], begin: int, ends: array[int], end: int
) -> list[Run]:
    if min(starts[i:j]) >= begin:
        return _ending(block, i, j, ends, end)
    return _runs(block, [
        place for place in range(i, j) if starts[place] >= begin and ends[place] <= end
    ])


def _runs(block: Block, places: list[int]) -> list[Run]:
    """Places that follow one another, as runs."""
    runs: list[Run] = []
    for place in places:
        if runs and runs[-1][2] == place:
            runs[-1] = (block, runs[-1][1], place + 1)
        else:
            runs.append((block, place, place + 1))
    return runs


def count(runs: Sequence[Run]) -> int:
    """How many events they hold."""
    return sum(j - i for _, i, j in runs)


def json_of(run: Run) -> bytes:
    """The JSON of a run's events, with commas between."""
    block, i, j = run
    return block.json[block.offsets[i]:block.offsets[j] - 1]


def hash_of(runs: Sequence[Run]) -> int:
    """The sum of the events' hashes: equal answers have equal sums, on every process."""
    return sum(block.sums[j] - block.sums[i] for block, i, j in runs) & MASK
