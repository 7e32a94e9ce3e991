"""Password hashes: argon2id in a few threads, bounded, so that nothing else ever waits for one.

Parameters are OWASP's for argon2id (19 MiB, two passes, one lane; Password Storage Cheat Sheet),
about 18 ms on one core. The library releases the interpreter's lock while it works.
"""

from __future__ import annotations

import asyncio
import base64
import math
import os
import secrets
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from vazao.accounts.errors import PasswordInvalid, PasswordIsUsername, SignInBusy
from vazao.accounts.names import fold

T = TypeVar("T")
SHORTEST, LONGEST = 8, 1024
DEADLINE_SECONDS = 10.0
_argon2 = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def _unmatchable() -> str:
    salt, digest = (
        base64.b64encode(secrets.token_bytes(n)).decode().rstrip("=") for n in (16, 32)
    )
    return f"$argon2id$v=19$m=19456,t=2,p=1${salt}${digest}"


# What a password is compared with where there is no user: costs the same, and never matches.
NOBODY = _unmatchable()


def check_new(password: str, username: str) -> None:
    """Hold a new password to the few rules that help (NIST SP 800-63B, 3.1.1).

    Raises:
        PasswordInvalid: too short or too long.
        PasswordIsUsername: it is the username.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise PasswordInvalid
    if fold(password) == fold(username):
        raise PasswordIsUsername


def _hash(password: str) -> str:
    return _argon2.hash(password.encode("utf-8", "surrogatepass"))


def _verify(stored: str, password: str) -> bool:
    try:
        return _argon2.verify(stored, password.encode("utf-8", "surrogatepass"))
    except (VerificationError, InvalidHashError):
        return False


def _step_back() -> None:
    # On Linux niceness is a thread's own: hashing then yields the core to the event loop.
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)


class Hasher:
    """A small pool of threads that hash, with a deadline for whoever waits.

    Args:
        threads: how many hashes at once; the cores by default.
        deadline: seconds that one call may wait for its answer.
    """

    def __init__(self, threads: int | None = None, deadline: float = DEADLINE_SECONDS) -> None:
        self.threads = threads or os.cpu_count() or 1
        self.deadline = deadline
        self._pool = ThreadPoolExecutor(
            self.threads, thread_name_prefix="password", initializer=_step_back
        )
        self._lock = threading.Lock()
        self._waiting = 0
        self._seconds = 0.02

    async def hash(self, password: str) -> str:
        """The hash of *password*, to be stored.

        Raises:
            SignInBusy: the deadline cannot be met.
        """
        return await self._run(lambda: _hash(password))

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether *password* is the one behind *stored*; ``None`` costs the same and is false.

        Raises:
            SignInBusy: the deadline cannot be met.
        """
        possible = stored if len(password) <= LONGEST else None
        # Cut before it waits: many may wait, each with all that it was sent.
        tried = password[:LONGEST]
        matches = await self._run(lambda: _verify(possible or NOBODY, tried))
        return matches and possible is not None

    async def _run(self, work: Callable[[], T]) -> T:
        if self.expected_wait() >= self.deadline:
            raise SignInBusy(self._retry_after())
        with self._lock:
            self._waiting += 1
        future: Future[T] = self._pool.submit(lambda: self._timed(work))
        future.add_done_callback(self._left)
        try:
            # Cancelled by the deadline or by a client that hung up, it leaves the queue unhashed.
            return await asyncio.wait_for(asyncio.wrap_future(future), self.deadline)
        except TimeoutError as error:
            raise SignInBusy(self._retry_after()) from error

    def expected_wait(self) -> float:
        """Seconds until a hash asked for now would begin, by the recent ones' duration."""
        return max(0, self._waiting - self.threads + 1) * self._seconds / self.threads

    def _timed(self, work: Callable[[], T]) -> T:
        began = time.perf_counter()
        try:
            return work()
        finally:
            self._seconds += 0.1 * (time.perf_counter() - began - self._seconds)

    def _left(self, _: Future[T]) -> None:
        with self._lock:
            self._waiting -= 1

    def _retry_after(self) -> int:
        return min(60, max(2, math.ceil(self.expected_wait())) + secrets.randbelow(3))

    def close(self) -> None:
        """Drop what waits and end the threads."""
        self._pool.shutdown(wait=True, cancel_futures=True)


@cache
def hasher() -> Hasher:
    """The process's pool, made at first use."""
    return Hasher()
