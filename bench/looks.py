"""A query at a steady rate, whatever the answers take: what somebody waits who looks meanwhile.

    with looking(url, "select … where id = %s", most=1_000_000, rate=50) as look:
        …
    look.p99

A process of its own, which runs before the others (nice -10): who looks must not wait for a core
with those who are looked at. The database's own process for it has no such right.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg


@dataclass
class Looks:
    """What was seen; times in seconds, from when a look was due."""

    seen: dict[str, Any] = field(default_factory=dict)

    @property
    def p99(self) -> float:
        """So long at most took 99 of 100."""
        return float(self.seen["p99"])

    def about(self) -> dict[str, Any]:
        """The rest, for the line of a figure."""
        return {"looks": self.seen["looks"], "p50_ms": round(self.seen["p50"] * 1000, 2),
                "longest_ms": round(self.seen["longest"] * 1000, 1)}


@contextmanager
def looking(url: str, statement: str, *, most: int, rate: float) -> Iterator[Looks]:
    """Look while the block runs; the statement's parameter is a number from 1 to *most*."""
    command = [sys.executable, __file__]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        print(json.dumps([url, statement, most, rate]), file=process.stdin, flush=True)
        process.stdout.readline()
        found = Looks()
        try:
            yield found
        finally:
            process.stdin.close()
            found.seen = json.loads(process.stdout.read())


def shares(took: list[float]) -> dict[str, Any]:
    """How long they took."""
    took.sort()
    return {"looks": len(took), "p50": took[len(took) // 2], "p99": took[len(took) * 99 // 100],
            "longest": took[-1]}


def main() -> None:
    """Look until stdin ends."""
    url, statement, most, rate = json.loads(sys.stdin.readline())
    with contextlib.suppress(PermissionError):
        os.nice(-10)
    over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    took: list[float] = []
    with psycopg.connect(url, autocommit=True) as conn:
        for _ in range(20):
            conn.execute(statement, [random.randint(1, most)]).fetchall()
        print("ready", flush=True)
        due = time.perf_counter()
        while not over.is_set():
            conn.execute(statement, [random.randint(1, most)]).fetchall()
            took.append(time.perf_counter() - due)
            due += 1 / rate
            time.sleep(max(0.0, due - time.perf_counter()))
    print(json.dumps(shares(took)))


if __name__ == "__main__":
    main()
