"""What strangers can do to the web server, and what an untouched client feels meanwhile.

    python bench/abuse.py                  all scenarios
    python bench/abuse.py silent bodies    the named ones

One client that does nothing wrong asks for ``/healthz`` (a new connection each time, as balancers
do) and searches leads, beside each scenario. A scenario is a function in ``SCENARIOS`` that is
given the platform and runs crowds of sockets, each crowd a process of its own; ``beside`` says
the lines that all of them must keep.
"""

from __future__ import annotations

import argparse
import http.client
import json
import multiprocessing
import resource
import select
import socket
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import NamedTuple

import httpx2
import psutil

from memory import tree_bytes
from platform_under_test import Running, say, timed_import, up, wait_search
from sheets import sheet_csv

MIB = 1 << 20
GONE_SECONDS, P99_MS, MEMORY_MIB, BACK_MIB = 60.0, 250.0, 150.0, 50.0
SILENT, STALLED, SOCKETS = 20_000, 2_000, 10_000
PAUSE_SECONDS, QUIET_SECONDS = 0.02, 5.0


class Crowd(NamedTuple):
    """What became of one process's sockets: seconds until the last was gone, and how many stay."""

    opened: int
    refused: int
    last_seconds: float
    left: int
    answers: Counter[str]


def crowd(port: int, sources: Sequence[str], count: int, opening: bytes) -> Crowd:
    """Open *count* connections from *sources* in turn, say *opening*, and then nothing until the
    server ends them.
    """
    lines: dict[int, tuple[socket.socket, float]] = {}
    watch, refused = select.epoll(), 0
    for turn in range(count):
        line = socket.socket()
        line.settimeout(10)
        try:
            # The port is chosen when the other side is known: an address has enough for all.
            line.setsockopt(socket.SOL_IP, 24, 1)
            line.bind((sources[turn % len(sources)], 0))
            line.connect(("127.0.0.1", port))
            line.sendall(opening)
        except OSError:
            line.close()
            refused += 1
            continue
        line.setblocking(False)
        lines[line.fileno()] = (line, time.monotonic())
        watch.register(line.fileno(), select.EPOLLIN)
    opened, last, answers = len(lines), 0.0, Counter[str]()
    deadline = time.monotonic() + GONE_SECONDS + 30
    while lines and time.monotonic() < deadline:
        for number, _ in watch.poll(1):
            line, since = lines[number]
            try:
                said = line.recv(65_536)
            except OSError:
                said = b""
            if said:
                answers[said[9:12].decode() if said.startswith(b"HTTP/1.1 ") else "other"] += 1
            else:
                last = max(last, time.monotonic() - since)
                watch.unregister(number)
                lines.pop(number)[0].close()
    return Crowd(opened, refused, last, len(lines), answers)


def crowds(running: Running, sources: Sequence[str], count: int, opening: bytes) -> Crowd:
    """*count* sockets from *sources*, shared among processes as far as one may open files."""
    shares = -(-count // SOCKETS)
    task = (running.port, sources, count // shares, opening)
    with multiprocessing.get_context("spawn").Pool(shares) as pool:
        found = pool.starmap(crowd, [task] * shares, chunksize=1)
    answers = sum((each.answers for each in found), Counter[str]())
    return Crowd(
        sum(c.opened for c in found), sum(c.refused for c in found),
        max(c.last_seconds for c in found), sum(c.left for c in found), answers,
    )


class Beside:
    """An untouched client, and the web server's memory, while the block runs."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.seconds: dict[str, list[float]] = {"/healthz": [], "a search": []}
        self.failed = Counter[str]()
        self.highest = 0
        self._stop = threading.Event()
        self._client = running.client()
        calls = {"/healthz": self._healthz, "a search": self._search}
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
        while not self._stop.wait(PAUSE_SECONDS):
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


def beside(running: Running, what: str, act: Callable[[], Crowd]) -> None:
    """Run *act* beside an untouched client, and say how that went."""
    pids = web_pids(running)
    with Beside(running) as quiet:
        time.sleep(QUIET_SECONDS)
    idle = sum(map(tree_bytes, pids))
    with Beside(running) as client:
        crowd = act()
    after = sum(map(tree_bytes, pids)) - idle
    for name, seconds in client.seconds.items():
        p99, before = (_p99(each) for each in (seconds, quiet.seconds[name]))
        say(f"{what}: {name} beside, p99, ms", f"≤ {P99_MS:.0f} ms", p99,
            ok=p99 <= P99_MS and not client.failed[name], asked=len(seconds),
            failed=client.failed[name],
            highest_ms=round(max(seconds) * 1000), before_ms=round(before))
    more = (client.highest - idle) / MIB
    say(f"{what}: memory of web above idle, MiB", f"≤ {MEMORY_MIB:.0f} MiB", more,
        ok=more <= MEMORY_MIB)
    say(f"{what}: memory not given back, MiB", f"≤ {BACK_MIB:.0f} MiB", after / MIB,
        ok=after / MIB <= BACK_MIB)
    say(f"{what}: the last of them gone, s", f"≤ {GONE_SECONDS:.0f} s", crowd.last_seconds,
        ok=crowd.last_seconds <= GONE_SECONDS and not crowd.left, opened=crowd.opened,
        refused=crowd.refused, left=crowd.left, answers=dict(crowd.answers))


def _p99(seconds: list[float]) -> float:
    """The 99th percentile, in milliseconds."""
    return statistics.quantiles(seconds, n=100)[98] * 1000


def headers(running: Running) -> None:
    """HTTP/2: 60 streams on one connection, each with one header of 4 KB named 3,900 times."""
    beside(running, "repeated HTTP/2 headers", lambda: crowds(
        running, ["127.0.1.1"], 1, repeated_headers(60, 3_900)
    ))


def repeated_headers(streams: int, times: int) -> bytes:
    """A connection's bytes: a long header goes into the table once, then stands there by number."""
    fields = b"".join((
        b"\x82\x86\x84\x41\x01x",  # GET, http, /, :authority x
        b"\x40\x01a\x7f" + _number(4000 - 127) + b"v" * 4000,
    ))
    sent = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _frame(4, 0, 0, b"")
    for stream in range(streams):
        block = (fields if stream == 0 else fields[:3]) + b"\xbe" * times
        sent += _frame(1, 4, 2 * stream + 1, block)
    return sent


def _number(rest: int) -> bytes:
    made = bytearray()
    while rest >= 128:
        made.append(rest % 128 + 128)
        rest //= 128
    return bytes([*made, rest])


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") \
        + payload


def silent(running: Running) -> None:
    """Sockets that say nothing: all of one address, then few of each of many."""
    beside(running, "20,000 silent sockets of one address", lambda: crowds(
        running, ["127.0.1.2"], SILENT, b""
    ))
    many = [f"127.0.2.{n}" for n in range(1, 41)]
    beside(running, "20,000 silent sockets of 40 addresses", lambda: crowds(
        running, many, SILENT, b""
    ))


def bodies(running: Running) -> None:
    """Requests whose body stops, on each kind of route, from so many addresses as it takes."""
    sources = [f"127.0.3.{n}" for n in range(1, 5)]
    for path, kind in (
        ("/login", "application/x-www-form-urlencoded"), ("/v1/sessions", "application/json"),
        ("/v1/leads/imports", "text/csv"), ("/sum-even", "text/plain"),
        ("/randomize", "image/png"), ("/files", "application/offset+octet-stream"),
    ):
        opening = "\r\n".join((
            f"POST {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {running.token}",
            "application: bench", f"Content-Type: {kind}", "Tus-Resumable: 1.0.0",
            "Upload-Length: 5000", "Content-Length: 5000", "", "2 4",
        )).encode()
        beside(running, f"2,000 stalled bodies of {path}", lambda sent=opening: crowds(
            running, sources, STALLED, sent
        ))


SCENARIOS: dict[str, Callable[[Running], None]] = {
    "headers": headers, "silent": silent, "bodies": bodies,
}


def prepare(running: Running) -> None:
    """An organization with leads to search, and a server that has answered everything once."""
    organization, running.token = running.organization("bench")
    sheet = running.folder / "leads.csv"
    sheet_csv(sheet, 0, 20_000)
    with running.client() as client:
        timed_import(client, sheet)
        wait_search(running, organization)
        for _ in range(50):
            client.get("/v1/leads", params={"q": "maria"}).raise_for_status()


def main() -> int:
    """Run the chosen scenarios."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("scenarios", nargs="*", help=", ".join(SCENARIOS))
    chosen = parser.parse_args().scenarios or [*SCENARIOS]
    # One crowd has thousands of sockets.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with up() as running:
        prepare(running)
        for name in chosen:
            SCENARIOS[name](running)
        said = (running.folder / "up.log").read_text(encoding="utf-8")
        errors = [line for line in said.splitlines() if '"level": "error"' in line]
        say("errors in the log of all that", "0", len(errors), ok=not errors,
            first=json.loads(errors[0]).get("event") if errors else None)
    return 0


if __name__ == "__main__":
    sys.exit(main())
