"""An organization, and an address of the public, at their quotas: scenarios of ``abuse.py``.

Eight threads go on asking for more than they may have, while another organization works and another
address of the public has its sums made. The quotas are those that ``abuse.py`` sets: small ones.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx2

from heavy import shared
from platform_under_test import Running, say

MIB = 1 << 20
QUOTA_BYTES, OPEN, WAITING, SHARE = 256 * MIB, 40, 200, 25
LIMITS = {
    "VAZAO_UPLOAD_QUOTA_BYTES": str(QUOTA_BYTES), "VAZAO_UPLOAD_MAX_OPEN": str(OPEN),
    "VAZAO_MAX_WAITING_PARTS": str(WAITING), "VAZAO_PUBLIC_ADDRESS_PERCENT": str(SHARE),
}
THREADS, SECONDS = 8, 20.0
SUM = b"2\n" * (MIB // 2)
TUS = {"Tus-Resumable": "1.0.0"}


class Greedy:
    """Asks for more than it may have, until told to stop; counts what it is answered.

    Args:
        client: as whom.
    """

    def __init__(self, client: httpx2.Client) -> None:
        self._client = client
        self.answers: Counter[str] = Counter()
        self.unclear: Counter[str] = Counter()
        self._stop = threading.Event()

    def run(self) -> dict[str, int]:
        """Ask for so many seconds, in so many threads."""
        with ThreadPoolExecutor(THREADS) as pool:
            asking = [pool.submit(self._ask, n) for n in range(THREADS)]
            time.sleep(SECONDS)
            self._stop.set()
            for each in asking:
                each.result()
        return dict(self.answers)

    def _ask(self, n: int) -> None:
        requests: list[Callable[[], httpx2.Response]] = [
            lambda: self._create(16 * MIB), lambda: self._create(1),
            lambda: self._client.post("/sum-even", content=SUM,
                                      headers={"Content-Type": "text/plain"}),
            lambda: self._client.post("/sum-even", content=b"2",
                                      headers={"Content-Type": "text/plain"}),
        ]
        while not self._stop.is_set():
            n += 1
            self._note(requests[n % len(requests)]())

    def _create(self, size: int) -> httpx2.Response:
        return self._client.post("/files", headers=TUS | {"Upload-Length": str(size)})

    def _note(self, answer: httpx2.Response) -> None:
        if answer.status_code == 201:
            self.answers["201"] += 1
            return
        error = answer.json()["error"]
        name = f"{answer.status_code} {error['code']}"
        self.answers[name] += 1
        told = ". " in error["message"]
        if answer.status_code not in (429, 507) or not told:
            self.unclear[name] += 1
        if answer.status_code == 429 and "retry-after" not in answer.headers:
            self.unclear[f"{name} without Retry-After"] += 1


def clear(what: str, greedy: Greedy) -> None:
    """Say whether each refusal was clear."""
    refused = sum(greedy.answers.values()) - greedy.answers["201"]
    say(f"{what}: refusals that are no 429 or 507 with the remedy", "0",
        sum(greedy.unclear.values()), ok=refused > 0 and not greedy.unclear, refused=refused,
        answers=dict(greedy.answers), unclear=dict(greedy.unclear))


def tenant(running: Running) -> None:
    """An organization at its quotas."""
    _, token = running.organization("full")
    greedy, what = Greedy(running.client(token)), "a tenant at its quotas"
    shared(running, what, greedy.run)
    clear(what, greedy)


def public(running: Running) -> None:
    """The public at its quotas from one address."""
    greedy = Greedy(stranger(running, "127.0.7.1"))
    what = "the public at its quotas from one address"
    other = stranger(running, "127.0.7.2")

    def sums() -> None:
        answer = other.post("/sum-even", content=b"2 4", headers={"Content-Type": "text/plain"})
        answer.raise_for_status()

    shared(running, what, greedy.run, more={"a sum for another address": sums})
    clear(what, greedy)


def stranger(running: Running, address: str) -> httpx2.Client:
    """A client without credentials, from *address* of this machine."""
    transport = httpx2.HTTPTransport(
        local_address=address, limits=httpx2.Limits(max_connections=2 * THREADS)
    )
    return httpx2.Client(base_url=running.address, transport=transport, timeout=60)


SCENARIOS: dict[str, Callable[[Running], None]] = {"quotas": tenant, "public": public}
