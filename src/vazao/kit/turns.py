"""Heavy work of requests, shared: so much of it at once, and owners wait by what they have had.

Workers share by the fair order of jobs; a request that takes a workbook apart or writes a file of
errors works in the web process itself. Here its owner (an organization) waits for a turn. Of those
who wait, the one that has used least goes first: each turn is charged by the seconds that it took,
and who comes back after a pause begins where the others stand (start-time fair queueing, charged
afterwards). An owner never holds the last free turn, so that another one finds one; and long work
gives its turn back between two pieces (:meth:`Turn.pause`).
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from vazao.kit.errors import TooManyRequests, Unavailable

AT_ONCE = 2
WAITING = 32
PATIENCE_SECONDS = 30.0
AGAIN_SECONDS = 5


class TooManyWaiting(TooManyRequests):
    """{limit} such requests of your organization are already waiting, the most at a time."""

    code = "too_many_waiting"


class TurnNotReached(Unavailable):
    """The server is busy: your request waited for {seconds} s, the longest allowed."""

    code = "turn_not_reached"


@dataclass
class _Owner:
    """One that has turns or waits for some; ``used`` in seconds, on the clock of all owners."""

    used: float
    held: int = 0
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)

    @property
    def first(self) -> asyncio.Future[None] | None:
        """The first that waits and has not been cancelled in this very moment."""
        return next((each for each in self.waiting if not each.done()), None)


class Turns:
    """So many turns, shared by their owners.

    Args:
        at_once: how many there are.
        waiting: how many requests of an owner wait, at most.
        clock: by which turns are charged, in seconds.
    """

    def __init__(
        self, at_once: int = AT_ONCE, *, waiting: int = WAITING,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.clock = clock
        self._free = at_once
        self._each = max(1, at_once - 1)
        self._waiting = waiting
        self._owners: dict[Hashable, _Owner] = {}
        self._reached = 0.0

    @asynccontextmanager
    async def turn(
        self, owner: Hashable, *, patience: float = PATIENCE_SECONDS
    ) -> AsyncGenerator[Turn]:
        """A turn of *owner*'s, until the block ends.

        Args:
            patience: how long to wait for it, in seconds.

        Raises:
            TooManyWaiting: so many of the owner's wait already.
            TurnNotReached: none became free in time.
        """
        turn = Turn(self, owner, patience)
        await turn.take()
        try:
            yield turn
        finally:
            turn.give()

    async def take(self, owner: Hashable, patience: float) -> None:
        """Wait for a turn; errors as :meth:`turn`."""
        own = self._owners.get(owner)
        if own is None:
            own = self._owners[owner] = _Owner(self._reached)
        own.used = max(own.used, self._reached)
        if len(own.waiting) >= self._waiting:
            raise TooManyWaiting(
                remedy="Wait until some of them have been answered.", limit=self._waiting,
                retry_after=AGAIN_SECONDS,
            )
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        own.waiting.append(mine)
        self._hand_out()
        try:
            async with asyncio.timeout(patience):
                await mine
        except BaseException as error:
            self._withdraw(owner, own, mine)
            if not isinstance(error, TimeoutError):
                raise
            raise TurnNotReached(
                remedy="Try again in a moment.", seconds=round(patience),
                retry_after=AGAIN_SECONDS,
            ) from error

    def _withdraw(self, owner: Hashable, own: _Owner, mine: asyncio.Future[None]) -> None:
        """Wait no longer; a turn that was handed over in this very moment goes back."""
        if mine.done() and not mine.cancelled():
            self.give(owner, 0.0)
            return
        own.waiting.remove(mine)
        self._forget(owner, own)

    def give(self, owner: Hashable, seconds: float) -> None:
        """Take back a turn that was used for so long."""
        own = self._owners[owner]
        own.held -= 1
        own.used += seconds
        self._free += 1
        self._hand_out()
        self._forget(owner, own)

    def others_wait(self, owner: Hashable) -> bool:
        """Whether another could use a turn of *owner*'s now."""
        return self._free == 0 and any(
            own.first and own.held < self._each
            for other, own in self._owners.items() if other != owner
        )

    def _hand_out(self) -> None:
        while self._free:
            ready = [
                own for own in self._owners.values() if own.first and own.held < self._each
            ]
            if not ready:
                return
            own = min(ready, key=lambda each: each.used)
            mine = own.first
            assert mine is not None
            own.waiting.remove(mine)
            own.held += 1
            self._free -= 1
            self._reached = max(self._reached, own.used)
            mine.set_result(None)

    def _forget(self, owner: Hashable, own: _Owner) -> None:
        """Keep nobody who is not ahead of the others."""
        if not own.held and not own.waiting and own.used <= self._reached:
            self._owners.pop(owner, None)
        if not any(each.held or each.waiting for each in self._owners.values()):
            self._owners.clear()


class Turn:
    """A turn that is held."""

    def __init__(self, turns: Turns, owner: Hashable, patience: float) -> None:
        self._turns = turns
        self._owner = owner
        self._patience = patience
        self._since = 0.0
        self._held = False

    async def take(self) -> None:
        """Wait for it; errors as :meth:`Turns.turn`."""
        await self._turns.take(self._owner, self._patience)
        self._held = True
        self._since = self._turns.clock()

    def give(self) -> None:
        """Give it back; again is no error."""
        if self._held:
            self._held = False
            self._turns.give(self._owner, self._turns.clock() - self._since)

    async def pause(self) -> None:
        """Between two pieces of long work: let another owner go first, if one waits.

        Raises:
            TurnNotReached: none became free again in time.
        """
        if self._turns.others_wait(self._owner):
            self.give()
            await self.take()
