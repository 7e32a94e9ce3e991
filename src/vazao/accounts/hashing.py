"""Threads that hash passwords, and the line before them: in order of arrival, with a deadline.

Few threads at low priority hash, so that pages win. Those whose turn would not come in time are
sent away with a ticket (:mod:`vazao.accounts.tickets`), and go before whoever came later when they
come back. Each process has a line of its own; the order holds across processes because a ticket
names the time of its arrival, and each line puts it where it belongs.
"""

from __future__ import annotations

import asyncio
import math
import os
import queue
import threading
import time
from bisect import bisect_left, insort
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from typing import Any, TypeVar

from vazao.accounts.away import Away
from vazao.accounts.errors import SignInBusy
from vazao.accounts.tickets import Ticket
from vazao.kit.threads import step_back

T = TypeVar("T")
IDLE_SECONDS = 10.0
FULL_SHARE = 0.7
"""So much of the deadline may stand before one who joins the line; some will come before them."""
SHORT_SECONDS = 1.0
"""A line as short as this takes all comers, lest the threads run dry while people are away."""
EARLY_SHARE, EARLY_SECONDS = 0.9, 2.0
"""People are told to come back before their turn: early costs a look, late costs hashes."""
LONGEST_AWAY_SECONDS = 60
SMOOTH = 0.05
MOST_OF_CORE = 1.3
"""So much longer by the clock than by the core a hash takes in a storm that lasts."""


class Turn:
    """A place in the line; ``arrived`` is in seconds since the epoch.

    It is taken at once, so that all who come together are counted, and is given back by
    :meth:`Hasher.leave` whatever happens before the hash.
    """

    def __init__(
        self, arrived: float, ticket: Ticket | None = None, holder: str | None = None
    ) -> None:
        self.arrived, self.ticket, self.holder = arrived, ticket, holder
        self.begun = self.left = False
        self.work: Callable[[], Any] = lambda: None
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = self.loop.create_future()

    def settle(self, result: Any, error: BaseException | None) -> None:
        """Give what came out to whoever still waits for it; from any thread."""
        # The loop may have ended meanwhile.
        with suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self._settle, result, error)

    def _settle(self, result: Any, error: BaseException | None) -> None:
        if self.future.done():
            return
        if error is None:
            self.future.set_result(result)
        else:
            self.future.set_exception(error)


class Hasher:
    """A few threads that hash, and who waits for them.

    Args:
        threads: how many hashes at once; the cores by default.
        deadline: seconds that one may wait and be hashed.
    """

    def __init__(self, threads: int | None = None, deadline: float = 10.0) -> None:
        self.threads = threads or os.cpu_count() or 1
        self.deadline = deadline
        self.away = Away()
        self._line: queue.PriorityQueue[tuple[float, int, Turn]] = queue.PriorityQueue()
        self._numbers = count()
        self._lock = threading.Lock()
        self._arrivals: list[float] = []
        # Tickets in the line and served ones, with the time until which each could be shown.
        self._shown: dict[bytes, float] = {}
        # Threads, hashes being made, and work that was given to the threads and is not done.
        self._alive = self._busy = self._given = 0
        # What a hash takes of late: by the clock, and of a core.
        self._seconds = self._core_seconds = 0.02

    def welcome(
        self, ticket: Ticket | None = None, *, at: float | None = None, holder: str | None = None
    ) -> Turn:
        """A place in the line for one who is here.

        Args:
            ticket: of one who came before. It is one place: who shows another copy of it while it
                stands in the line, or after it was served, comes like anybody else.
            at: when they came, if they have none; now by default.
            holder: who they are; sent away twice, they wait once.

        Raises:
            SignInBusy: their turn would not come in time.
        """
        if ticket is not None and ticket.id not in self._shown:
            arrived = ticket.arrived
            self.away.back(arrived)
        else:
            ticket, arrived = None, time.time() if at is None else at
        self.look(arrived, holder)
        turn = Turn(arrived, ticket, holder)
        with self._lock:
            insort(self._arrivals, arrived)
            if ticket is not None:
                self._note(ticket)
        return turn

    def _note(self, ticket: Ticket) -> None:
        now = time.time()
        while self._shown and next(iter(self._shown.values())) < now:
            del self._shown[next(iter(self._shown))]
        self._shown[ticket.id] = ticket.until

    async def run(self, work: Callable[[], T], turn: Turn | None = None) -> T:
        """What *work* gives, done by one of the threads, in its turn.

        Args:
            turn: the place in the line; one is taken by default. It is given back.

        Raises:
            SignInBusy: the turn would not come before the deadline, or did not.
        """
        turn = turn or self.welcome()
        try:
            turn.work = work
            self._join(turn)
            await asyncio.wait((turn.future,), timeout=self.deadline)
            self.leave(turn)
            if turn.left:
                raise self.send_away(turn.arrived, turn.holder)
            # What has begun is waited for: who is hashed must get in, whatever their hash costs.
            return await turn.future
        finally:
            self.leave(turn)

    def look(self, arrived: float, holder: str | None = None) -> None:
        """See that one who arrived then would have their turn in time.

        Raises:
            SignInBusy: they would not; it says when to come back.
        """
        before = self.before(arrived)
        full = self.deadline * FULL_SHARE
        if self._wait(before) < min(SHORT_SECONDS, full):
            return
        if self._wait(before + self.away.before(arrived)) >= full:
            raise self.send_away(arrived, holder)

    def send_away(self, arrived: float, holder: str | None = None) -> SignInBusy:
        """Note that one who arrived then goes away with a ticket; the refusal to raise."""
        ahead = self.before(arrived) + self.away.before(arrived)
        # In the first moments of a storm threads hardly get a core. Who was told to stay away for
        # as long as that would last would leave them idle later.
        usual = min(self._seconds, MOST_OF_CORE * self._core_seconds)
        wait = ahead * usual / self.threads
        seconds = math.ceil(min(LONGEST_AWAY_SECONDS, max(1.0, wait * EARLY_SHARE - EARLY_SECONDS)))
        self.away.add(arrived, seconds, holder)
        return SignInBusy(seconds, arrived=arrived, place=ahead + 1, expected=math.ceil(wait))

    def before(self, arrived: float) -> int:
        """How many in the line go before one who arrived then, those being hashed included."""
        with self._lock:
            return bisect_left(self._arrivals, arrived) + max(0, self._busy - self.threads + 1)

    @property
    def waiting(self) -> int:
        """How many stand in the line."""
        return len(self._arrivals)

    def _wait(self, before: int) -> float:
        return before * self._seconds / self.threads

    def _join(self, turn: Turn) -> None:
        with self._lock:
            self._line.put((turn.arrived, next(self._numbers), turn))
            self._given += 1
            wanted = self._alive < min(self.threads, self._given)
            self._alive += wanted
        if wanted:
            threading.Thread(target=self._work, name="password", daemon=True).start()

    def leave(self, turn: Turn) -> None:
        """Give a place in the line back; one whose hash has begun holds its thread to the end."""
        with self._lock:
            if not (turn.begun or turn.left):
                turn.left = True
                if turn.ticket is not None:
                    # Its holder was not served: it is good as before.
                    self._shown.pop(turn.ticket.id, None)
                del self._arrivals[bisect_left(self._arrivals, turn.arrived)]

    def _work(self) -> None:
        step_back()
        while True:
            try:
                turn = self._line.get(timeout=IDLE_SECONDS)[2]
            except queue.Empty:
                turn = None
            with self._lock:
                if turn is None:
                    if not self._line.empty():
                        continue
                    self._alive -= 1
                    return
                if turn.left:
                    self._given -= 1
                    continue
                turn.begun = True
                del self._arrivals[bisect_left(self._arrivals, turn.arrived)]
                self._busy += 1
            self._do(turn)

    def _do(self, turn: Turn) -> None:
        began, worked, result, error = time.perf_counter(), time.thread_time(), None, None
        try:
            result = turn.work()
        except BaseException as caught:
            error = caught
        with self._lock:
            self._busy -= 1
            self._given -= 1
            self._seconds += SMOOTH * (time.perf_counter() - began - self._seconds)
            self._core_seconds += SMOOTH * (time.thread_time() - worked - self._core_seconds)
        turn.settle(result, error)
