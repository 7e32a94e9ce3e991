"""An organization, and an address of the public, at their quotas: scenarios of ``abuse.py``.

Eight threads go on asking for what they may not have any more, while another organization works and
another address of the public has its sums made. The quotas are those that ``abuse.py`` sets: small.
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
PIECE = 16 * MIB
TUS = {"Tus-Resumable": "1.0.0"}


Ask = Callable[[], httpx2.Response]


def create(client: httpx2.Client, size: int) -> httpx2.Response:
    """Begin a resumable upload of *size* bytes."""
    return client.post("/files", headers=TUS | {"Upload-Length": str(size)})


def add_up(client: httpx2.Client, body: bytes) -> httpx2.Response:
    """Ask for the sum of *body*."""
    return client.post("/sum-even", content=body, headers={"Content-Type": "text/plain"})


def fill(client: httpx2.Client, size: int) -> None:
    """Begin uploads of *size* bytes until one is refused."""
    while create(client, size).status_code == 201:
        pass


class Greedy:
    """Asks for what it may not have any more, until told to stop; counts what it is answered.

    Args:
        requests: what it asks for, in turn.
    """

    def __init__(self, requests: list[Ask]) -> None:
        self._requests = requests
        self.answers: Counter[str] = Counter()
        self.unclear: Counter[str] = Counter()
        self._stop = threading.Event()

    def run(self) -> dict[str, dict[str, int]]:
        """Ask for so many seconds, in so many threads; answers, and those that were unclear."""
        with ThreadPoolExecutor(THREADS) as pool:
            asking = [pool.submit(self._ask, n) for n in range(THREADS)]
            time.sleep(SECONDS)
            self._stop.set()
            for each in asking:
                each.result()
        return {"answers": dict(self.answers), "unclear": dict(self.unclear)}

    def _ask(self, n: int) -> None:
        while not self._stop.is_set():
            n += 1
            self._note(self._requests[n % len(self._requests)]())

    def _note(self, answer: httpx2.Response) -> None:
        if answer.status_code == 201:
            self.unclear["201, which is no refusal"] += 1
            return
        error = answer.json()["error"]
        name = f"{answer.status_code} {error['code']}"
        self.answers[name] += 1
        if answer.status_code not in (429, 507) or ". " not in error["message"]:
            self.unclear[name] += 1
        if answer.status_code == 429 and "retry-after" not in answer.headers:
            self.unclear[f"{name} without Retry-After"] += 1


def clear(what: str, said: dict[str, dict[str, int]]) -> None:
    """Say whether each refusal was clear."""
    answers, unclear = said["answers"], said["unclear"]
    say(f"{what}: answers that are no 429 or 507 with the remedy", "0", sum(unclear.values()),
        ok=bool(answers) and not unclear, refused=sum(answers.values()), **said)


def tenant(running: Running) -> None:
    """Organizations at their quotas: of storage, of open uploads, of work that waits."""
    made = [running.organization(name) for name in ("full", "opened", "busy")]
    full, opened, busy = (running.client(token) for _, token in made)
    fill(full, PIECE)
    fill(opened, 1)
    keep_waiting(running, made[2][0])
    what = "tenants at their quotas"
    clear(what, shared(running, what, Greedy([
        lambda: create(full, PIECE), lambda: create(full, 1), lambda: add_up(full, SUM),
        lambda: add_up(full, b"2"), lambda: create(opened, 1), lambda: create(opened, PIECE),
        lambda: add_up(busy, SUM), lambda: add_up(busy, b"2"),
    ]).run))


def keep_waiting(running: Running, organization: int) -> None:
    """Let an organization have as much work waiting as it may, which begins in an hour."""
    with running.connect() as conn:
        conn.execute(
            "insert into jobs.part (job_id, number, organization_id, kind, step, run_at, "
            "requested_at) select j.id, 1000 + n, %s, j.kind, j.step, now() + interval '1 hour', "
            "now() from (select * from jobs.job order by id limit 1) as j, "
            "generate_series(1, %s) as n", [organization, WAITING],
        )


def public(running: Running) -> None:
    """The public at its quota from one address."""
    greedy, other = stranger(running, "127.0.7.1"), stranger(running, "127.0.7.2")
    fill(greedy, PIECE)
    what = "the public at its quota from one address"
    clear(what, shared(running, what, Greedy([
        lambda: create(greedy, PIECE), lambda: create(greedy, 1), lambda: add_up(greedy, SUM),
        lambda: add_up(greedy, b"2"),
    ]).run, more={
        "a sum for another address": lambda: add_up(other, b"2 4").raise_for_status()
    }))


def stranger(running: Running, address: str) -> httpx2.Client:
    """A client without credentials, from *address* of this machine."""
    transport = httpx2.HTTPTransport(
        local_address=address, limits=httpx2.Limits(max_connections=2 * THREADS)
    )
    return httpx2.Client(base_url=running.address, transport=transport, timeout=60)


SCENARIOS: dict[str, Callable[[Running], None]] = {"quotas": tenant, "public": public}
