"""Those who wait in their browsers with a ticket, as one process knows them.

A ticket may come back to another process. Since people spread over the processes alike, each line
counts whom it sent away itself, and takes one of them off its list for each who comes back to it.
"""

from __future__ import annotations

import time
from bisect import bisect_left, bisect_right

LATE_SECONDS = 15.0
"""Who is so late is taken to have given up."""
MOST = 200_000
Seen = tuple[float, float]


class Away:
    """Arrivals of those who are away, in order, each with the time until it counts."""

    def __init__(self) -> None:
        self._out: list[Seen] = []
        self._of: dict[str, Seen] = {}
        self._looked_at = 0.0

    def __len__(self) -> int:
        return len(self._out)

    def add(self, arrived: float, seconds: float, holder: str | None = None) -> None:
        """One who arrived then goes away for so many seconds.

        Args:
            holder: who they are: who does not wait, and asks again and again, counts once.
        """
        entry = (arrived, time.monotonic() + seconds + LATE_SECONDS)
        if holder is not None:
            self._drop(self._of.pop(holder, None))
        if len(self._out) < MOST:
            self._out.insert(self._place(arrived), entry)
            if holder is not None:
                self._of[holder] = entry

    def _drop(self, entry: Seen | None) -> None:
        place = 0 if entry is None else bisect_left(self._out, entry)
        if place < len(self._out) and self._out[place] == entry:
            del self._out[place]

    def back(self, arrived: float) -> None:
        """One who arrived then is back: they, or the next before them, are no longer away."""
        place = self._place(arrived)
        if place:
            del self._out[place - 1]

    def before(self, arrived: float) -> int:
        """How many who arrived before then are still to come back."""
        now = time.monotonic()
        if self._out and now - self._looked_at > 1.0:
            self._looked_at = now
            self._out = [each for each in self._out if each[1] > now]
            self._of = {holder: each for holder, each in self._of.items() if each[1] > now}
        return self._place(arrived)

    def _place(self, arrived: float) -> int:
        return bisect_right(self._out, (arrived, float("inf")))
