"""What this machine takes of a storm of sign-ins, measured and said in words."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from vazao.accounts import schemes
from vazao.accounts.home import home_of
from vazao.accounts.passwords import NOBODY
from vazao.kit import clock
from vazao.kit.platform import Platform, Principal
from vazao.kit.registry import Figure
from vazao.kit.threads import step_back

WARM = 20


@dataclass(frozen=True)
class Capacity:
    """Passwords checked a second on so many threads, and home pages written a second on one core,
    at rest and while all threads hash.
    """

    threads: int
    hashes: float
    pages: float
    pages_meanwhile: float

    def seconds(self, people: int, threads: int | None = None) -> float:
        """How long so many sign-ins take, on these threads or on others of their kind."""
        return people / (self.hashes / self.threads * (threads or self.threads))


def measure(platform: Platform, threads: int, seconds: float) -> Capacity:
    """Hash for so many seconds with all threads, and write pages for as long, alone and beside."""
    alone = _pages(platform, seconds)
    with _hashing(threads, seconds) as done:
        began = time.perf_counter()
    hashes = sum(done) / (time.perf_counter() - began)
    with _hashing(threads, seconds):
        meanwhile = _pages(platform, seconds)
    return Capacity(threads, hashes, alone, meanwhile)


@contextmanager
def _hashing(threads: int, seconds: float) -> Generator[list[int]]:
    """All threads hash for so many seconds; how many each has done, once the block has ended."""
    done, until = [0] * threads, time.perf_counter() + seconds

    def hash_on(n: int) -> None:
        step_back()
        while time.perf_counter() < until:
            schemes.matches(NOBODY, b"x")
            done[n] += 1

    running = [threading.Thread(target=hash_on, args=(n,)) for n in range(threads)]
    for each in running:
        each.start()
    yield done
    for each in running:
        each.join()


def _pages(platform: Platform, seconds: float) -> float:
    home = home_of(platform)
    person = Principal(
        organization_id=1, organization="acme", kind="user", name="Ana", user_id=1,
        roles=frozenset({"admin"}),
    )
    known = (clock.now(), False), tuple(
        1_234 if isinstance(each, Figure) else "[]" for each, _ in home.shown()
    )
    for _ in range(WARM):
        home.write(person, "x" * 64, "en", known)
    began, written = time.perf_counter(), 0
    while time.perf_counter() < began + seconds:
        home.write(person, "x" * 64, "en", known)
        written += 1
    return written / (time.perf_counter() - began)
