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
from operator import sub
from typing import NamedTuple

from vazao.events.windows import Window

SIZE = 1024
"""Events of a block; those that start at the same time stand in one block."""
HASH_BITS = 48
MASK = (1 << HASH_BITS) - 1
OWN_BYTES = 96
"""What an event costs beside its JSON: its numbers, and its share of the block."""
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
    ``lasting`` are the shortest and the longest time that an event takes, ``drifts`` the least and
    the greatest distance of a wall clock from its instant.
    """

    __slots__ = (
        "drifts", "ends", "first", "json", "lasting", "local_ends", "local_starts", "offsets",
        "starts", "sums",
    )

    def __init__(self, row: Row) -> None:
        self.json = row.json
        # A list: bisection looks at ten of them for each search, and an array would make ten ints.
        self.starts = _numbers(row.starts).tolist()
        self.ends = _numbers(row.ends)
        self.local_starts = _numbers(row.local_starts)
        self.local_ends = _numbers(row.local_ends)
        lengths = _numbers(row.lengths)
        self.offsets = array("q", accumulate((n + 1 for n in lengths), initial=0))
        self.sums = array("q", accumulate(_numbers(row.hashes), _add, initial=0))
        self.first = self.starts[0]
        self.lasting = _range(map(sub, self.ends, self.starts))
        before = _range(map(sub, self.local_starts, self.starts))
        after = _range(map(sub, self.local_ends, self.ends))
        self.drifts = (min(before[0], after[0]), max(before[1], after[1]))

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def size(self) -> int:
        """The memory that it takes, about, in bytes."""
        return len(self.json) + OWN_BYTES * len(self)

    def within(self, begin: int, end: int) -> list[Run]:
        """The runs of events that start at or after *begin* and end by *end*, both instants.

        What starts so early that even the longest would have ended is in, what starts so late that
        not even the shortest would have is out; only what lies between is looked at.
        """
        starts = self.starts
        shortest, longest = self.lasting
        i = bisect_left(starts, begin)
        sure = bisect_right(starts, end - longest, i)
        if shortest == longest or sure == len(starts):
            return [(self, i, sure)] if i < sure else []
        last = bisect_right(starts, end - shortest, sure)
        ends = self.ends
        while last > sure and ends[last - 1] > end:
            last -= 1
        if last == sure or max(ends[sure:last]) <= end:
            return [(self, i, last)] if i < last else []
        return self._runs([
            *range(i, sure), *(place for place in range(sure, last) if ends[place] <= end)
        ])

    def matching(
        self, begin: int, begin_local: bool, end: int, end_local: bool
    ) -> list[Run]:
        """The runs between two times, of which one or both are wall clocks."""
        low, high = self.drifts
        if low == high:
            return self.within(begin - low * begin_local, end - low * end_local)
        starts = self.local_starts if begin_local else self.starts
        ends = self.local_ends if end_local else self.ends
        i = bisect_left(self.starts, begin - high * begin_local)
        j = bisect_right(self.starts, end - low * end_local - self.lasting[0], i)
        return self._runs([
            place for place, start, stop in zip(
                range(i, j), starts[i:j], ends[i:j], strict=True
            ) if start >= begin and stop <= end
        ])

    def _runs(self, places: list[int]) -> list[Run]:
        """Places that follow one another, as runs."""
        runs: list[Run] = []
        first = last = -1
        for place in places:
            if place != last:
                if last > first:
                    runs.append((self, first, last))
                first = place
            last = place + 1
        if last > first:
            runs.append((self, first, last))
        return runs


def _add(total: int, number: int) -> int:
    return (total + number) & MASK


def _range(numbers: Iterable[int]) -> tuple[int, int]:
    found = list(numbers)
    return min(found), max(found)


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

    def between(self, begin: int, end: int) -> list[Run]:
        """The runs of events that start at or after *begin* and end by *end*, both instants."""
        firsts = self.firsts
        # The block before may reach into it.
        number = max(0, bisect_left(firsts, begin) - 1)
        last = bisect_right(firsts, end)
        if last - number == 1:
            return self.blocks[number].within(begin, end)
        runs: list[Run] = []
        for block in self.blocks[number:last]:
            runs += block.within(begin, end)
        return runs

    def matching(
        self, begin: int, begin_local: bool, end: int, end_local: bool
    ) -> list[Run]:
        """The runs between two times, of which one or both are wall clocks.

        Wall clocks differ from instants by no more than the drifts: only blocks within those are
        looked at.
        """
        low, high = self.drifts
        number = max(0, bisect_left(self.firsts, begin - high * begin_local) - 1)
        last = bisect_right(self.firsts, end - low * end_local)
        runs: list[Run] = []
        for block in self.blocks[number:last]:
            runs += block.matching(begin, begin_local, end, end_local)
        return runs


def count(runs: Sequence[Run]) -> int:
    """How many events they hold."""
    return sum([j - i for _, i, j in runs])


def json_of(run: Run) -> bytes:
    """The JSON of a run's events, with commas between."""
    block, i, j = run
    return block.json[block.offsets[i]:block.offsets[j] - 1]


def hash_of(runs: Sequence[Run]) -> int:
    """The sum of the events' hashes: equal answers have equal sums, on every process."""
    return sum([block.sums[j] - block.sums[i] for block, i, j in runs]) & MASK
