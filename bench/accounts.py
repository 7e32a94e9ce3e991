"""Signing in at a storm, the home page, and users for other systems, with many users.

    python bench/accounts.py [storm …]      all of them unless named

The hasher's parameters are argon2id, 19 MiB, two passes, one lane, unless a line says otherwise.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import psutil

import people
from platform_under_test import say
from served import HERE, Served, serving, wait_for

HASHER = "argon2id 19 MiB t=2 p=1"
CROWD, PAGES = 5_000, 200
BARE_SECONDS = 5.0


def bare_rate(threads: int) -> float:
    """argon2 hashes a second on so many threads, with nothing beside them."""
    hasher, counts = people.argon2(), [0] * threads
    until = time.perf_counter() + BARE_SECONDS
    stored = hasher.hash(people.PASSWORD)

    def work(n: int) -> None:
        while time.perf_counter() < until:
            hasher.verify(stored, people.PASSWORD)
            counts[n] += 1

    workers = [threading.Thread(target=work, args=(n,)) for n in range(threads)]
    began = time.perf_counter()
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    return sum(counts) / (time.perf_counter() - began)


def client(*arguments: str) -> subprocess.Popen[str]:
    """A process that is one side of the storm."""
    return subprocess.Popen(
        [sys.executable, str(HERE / "storm.py"), *arguments], text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )


def spearman(pairs: list[list[float]]) -> float:
    """Rank correlation of arrival and getting in."""
    def ranks(values: list[float]) -> list[int]:
        order = sorted(range(len(values)), key=values.__getitem__)
        found = [0] * len(values)
        for rank, place in enumerate(order):
            found[place] = rank
        return found

    first, second = (ranks([pair[i] for pair in pairs]) for i in (0, 1))
    n = len(pairs)
    apart = sum((a - b) ** 2 for a, b in zip(first, second, strict=True))
    return 1 - 6 * apart / (n * (n * n - 1))


def memory(made: Served) -> float:
    """MB of all web processes now."""
    total = 0
    for process in made.processes:
        each = psutil.Process(process.pid)
        for one in (each, *each.children(recursive=True)):
            total += one.memory_full_info().pss
    return total / 1e6


def begin(made: Served, **settings: str) -> int:
    """A web process behind a trusted proxy; its port, once it answers."""
    port = made.web(VAZAO_TRUSTED_PROXIES="127.0.0.1", **settings)
    wait_for(port)
    return port


def crowd(port: int, count: int, *, patient: bool, beside: Callable[[], None] | None = None) -> (
    dict[str, Any]
):
    """So many people sign in at once."""
    with client("people", str(port), "0", str(count), "patient" if patient else "once") as running:
        assert running.stdin
        assert running.stdout
        running.stdout.readline()
        if beside:
            beside()
        running.stdin.write("go\n")
        running.stdin.flush()
        return json.loads(running.stdout.read())


def storm(made: Served) -> None:
    """5,000 people at once, each returning with their ticket; 200 home pages a second beside."""
    threads = os.cpu_count() or 1
    port = begin(made)
    cookies = people.sessions(made, 2_000)
    bare = bare_rate(threads)
    ideal = CROWD / bare
    with client("pages", str(port), str(PAGES), str(round(1.2 * ideal))) as beside:
        cookies_in, seen_out = beside.stdin, beside.stdout
        assert cookies_in
        assert seen_out

        def go() -> None:
            cookies_in.write("\n".join(cookies))
            cookies_in.close()

        found = crowd(port, CROWD, patient=True, beside=go)
        seen = json.loads(seen_out.read())
    about = {"hasher": HASHER, "threads": threads, "share": 1.0, "bare_per_second": round(bare, 1)}
    share = found["seconds"] / ideal
    say("5,000 people sign in at once: all in, within the time of the bare hashes", "≤ 1.3 ×",
        share, ok=share <= 1.3 and found["inside"] == CROWD, seconds=round(found["seconds"], 1),
        inside=found["inside"], wrong=found["wrong"], visits=found["visits"], **about)
    say("longest open request of theirs", "≤ 12 s", found["longest"], ok=found["longest"] <= 12)
    order = spearman(found["order"])
    say("they get in in order of arrival (Spearman)", "≥ 0.95", order, ok=order >= 0.95)
    say("home pages of those signed in meanwhile: p99, 200 a second", "≤ 100 ms",
        seen["p99"] * 1000, ok=seen["p99"] <= 0.1 and not seen["bad_count"],
        p50=round(seen["p50"] * 1000, 1), pages=seen["pages"], bad=seen["bad"])
    made.stop()


PARTS: dict[str, Callable[[Served], None]] = {"storm": storm}


def main(names: list[str]) -> None:
    """Measure the named parts, or all."""
    with serving("accounts") as made:
        users = int(os.environ.get("VAZAO_BENCH_USERS", "10000000"))
        seconds = people.fill(made, users)
        say("users made by COPY", "≤ 600 s", seconds, ok=seconds <= 600, users=users)
        for name in names or PARTS:
            PARTS[name](made)


if __name__ == "__main__":
    main(sys.argv[1:])
