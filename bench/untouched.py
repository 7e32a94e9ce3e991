"""A client that does nothing wrong, beside others that do: what it waits, and what the web server
holds meanwhile.
"""

from __future__ import annotations

import http.client
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing

import httpx2
import psutil

from memory import tree_bytes
from platform_under_test import Running

PAUSE_SECONDS = 0.02


class Beside:
    """An untouched client, and the web server's memory, while the block runs.

    Args:
        more: what else it asks for, by name; each in a thread of its own.
        pauses: seconds between two calls, by name.
    """

    def __init__(
        self, running: Running, more: Mapping[str, Callable[[], None]] | None = None,
        pauses: Mapping[str, float] | None = None,
    ) -> None:
        self.running = running
        self._pauses = pauses or {}
        self.failed = Counter[str]()
        self.highest = 0
        self._stop = threading.Event()
        self._client = running.client()
        calls = {"/healthz": self._healthz, "a search": self._search, **(more or {})}
        self.seconds: dict[str, list[float]] = {name: [] for name in calls}
        self._threads = [
            threading.Thread(target=self._watch),
            *(threading.Thread(target=self._ask, args=call) for call in calls.items()),
        ]

    def __enter__(self) -> Beside:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._client.close()

    def _ask(self, name: str, call: Callable[[], None]) -> None:
        while not self._stop.wait(self._pauses.get(name, PAUSE_SECONDS)):
            began = time.perf_counter()
            try:
                call()
            except (OSError, http.client.HTTPException, httpx2.HTTPError):
                self.failed[name] += 1
            self.seconds[name].append(time.perf_counter() - began)

    def _healthz(self) -> None:
        with closing(http.client.HTTPConnection("127.0.0.1", self.running.port, timeout=5)) as line:
            line.request("GET", "/healthz", headers={"Connection": "close"})
            if line.getresponse().status != 200:
                raise OSError

    def _search(self) -> None:
        asked = {"q": "maria", "limit": 20}
        self._client.get("/v1/leads", params=asked, timeout=5).raise_for_status()

    def _watch(self) -> None:
        pids = web_pids(self.running)
        while not self._stop.wait(0.25):
            self.highest = max(self.highest, sum(map(tree_bytes, pids)))


def web_pids(running: Running) -> list[int]:
    """The process of ``vazao web``, whose children serve."""
    return [
        child.pid for child in psutil.Process(running.process.pid).children()
        if "web" in child.cmdline()
    ]


def p99(seconds: list[float]) -> float:
    """The 99th percentile, in milliseconds."""
    return statistics.quantiles(seconds, n=100)[98] * 1000
