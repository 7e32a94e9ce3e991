"""Syncs of feeds: against the time to parse one, their memory, beside searches, and unchanged."""

from __future__ import annotations

import functools
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import psutil
import psycopg

from platform_under_test import median, say
from served import read, wait_for
from shop import Shop

BASE = '<base_event base_event_id="{n}" sell_mode="online" title="Evento {n} v{version}">'
EVENT = (
    '<event event_start_date="{start}" event_end_date="{end}" event_id="{n}" '
    'sell_from="2025-12-01T00:00:00" sell_to="2027-12-31T00:00:00" sold_out="false">'
)
ZONE = (
    '<zone zone_id="{z}" capacity="{capacity}" price="{price}.{cents:02}" name="Setor {z}" '
    'numbered="true"/>'
)
RUNS = 3


def write_feed(path: Path, events: int, zones: int, version: int = 1) -> None:
    """A feed of so many events, whose titles name its version."""
    with path.open("w", encoding="utf-8") as file:
        file.write('<?xml version="1.0" encoding="UTF-8"?>\n<eventList version="1.0"><output>\n')
        for n in range(events):
            day = f"2026-{n % 12 + 1:02}-{n % 28 + 1:02}"
            file.write(BASE.format(n=n, version=version) + "\n")
            file.write(EVENT.format(
                n=n, start=f"{day}T{n % 22:02}:00:00", end=f"{day}T{n % 22 + 1:02}:30:00"
            ))
            file.writelines(ZONE.format(
                z=z, capacity=(n * z + version) % 300, price=10 + (z * 7 + n) % 90, cents=z
            ) for z in range(zones))
            file.write("</event></base_event>\n")
        file.write("</output></eventList>\n")


@contextmanager
def provider(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """A provider that serves the files of a folder; its address, and the requests that came."""
    asked: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            asked.append(self.path)

    server = ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Handler, directory=str(folder))
    )
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()


def floor(path: Path) -> float:
    """Seconds that lxml takes to hand Python every attribute of every zone, in one process."""
    from lxml import etree  # ty: ignore[missing-module-member]

    began = time.perf_counter()
    for _, element in etree.iterparse(
        str(path), events=("end",), tag=("zone", "base_event"), resolve_entities=False
    ):
        if element.tag == "zone":
            element.items()
            continue
        element.clear()
        while element.getprevious() is not None:
            del element.getparent()[0]
    return time.perf_counter() - began


def environment(made: Shop) -> dict[str, str]:
    """For commands and workers."""
    return dict(os.environ) | {
        "VAZAO_DATABASE_URL": made.url, "VAZAO_DATA_DIR": str(made.folder),
        "VAZAO_SECRET": "x" * 32, "VAZAO_LOG_LEVEL": "warning", "VAZAO_LOG_FORMAT": "json",
    }


def vazao(made: Shop, *arguments: str) -> None:
    """Run a command to its end."""
    process = made.start([sys.executable, "-m", "vazao", *arguments], environment(made))
    if process.wait():
        raise SystemExit(f"vazao {' '.join(arguments)} failed: see {made.folder}/processes.log")
    made.processes.remove(process)


def ask_sync(made: Shop, name: str) -> tuple[float, dict[str, Any]]:
    """Sync a provider; the seconds of its job from request to end, and its result."""
    vazao(made, "events", "sync", name)
    with psycopg.connect(made.url) as conn:
        found = conn.execute(
            "select extract(epoch from finished_at - requested_at)::float8, result, status "
            "from jobs.job where kind = 'events.sync' order by id desc limit 1"
        ).fetchone()
    assert found is not None
    if found[2] != "finished":
        raise SystemExit(f"the sync of {name} {found[2]}")
    return found[0], found[1]


class Watch:
    """The greatest memory of the worker's processes beyond what they held at first."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._first = self._now()
        self._most = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def _now(self) -> int:
        total = 0
        for each in [self._process, *self._process.children(recursive=True)]:
            try:
                total += each.memory_full_info().pss
            except psutil.Error:
                continue
        return total

    def _watch(self) -> None:
        while not self._stop.wait(0.1):
            self._most = max(self._most, self._now())

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def more(self) -> float:
        """In MB."""
        return (self._most - self._first) / 1e6


def run(made: Shop) -> None:
    """Everything about syncs."""
    made.fill(0)
    folder = made.folder / "provider"
    folder.mkdir(exist_ok=True)
    worker = made.start([sys.executable, "-m", "vazao", "worker"], environment(made))
    with provider(folder) as (address, asked):
        time.sleep(3)
        speed(made, folder, address, worker.pid)
        unchanged(made, asked)
        beside(made, folder, address)
        hanging(made)
    made.stop()


def speed(made: Shop, folder: Path, address: str, worker: int) -> None:
    """A million zones, new at first, then all of them changed."""
    times, floors, most = [], [], 0.0
    for n in range(RUNS):
        write_feed(folder / f"large{n}.xml", 10_000, 100, n)
        floors.append(floor(folder / f"large{n}.xml"))
        vazao(made, "events", "add-provider", f"large{n}", f"{address}/large{n}.xml",
              "--every", "1d")
        with Watch(worker) as watch:
            seconds = first_sync(made, f"large{n}")
        times.append(seconds)
        most = max(most, watch.more)
    share = median(times) / median(floors)
    say("sync of 1,000,000 new zones against lxml handing Python each attribute", "≤ 2 ×", share,
        ok=share <= 2, seconds=round(median(times), 2), floor=round(median(floors), 2))
    say("memory of that sync", "≤ 250 MB", most, ok=most <= 250)


def first_sync(made: Shop, name: str) -> float:
    """Seconds of the sync that the schedule asks for by itself."""
    asked = (
        "select extract(epoch from j.finished_at - j.requested_at)::float8, j.status "
        "from jobs.job as j join events.turn as t on t.job_id = j.id "
        "join events.provider as p on p.id = t.provider_id where p.name = %s"
    )
    with psycopg.connect(made.url, autocommit=True) as conn:
        while True:
            found = conn.execute(asked, [name]).fetchone()
            if found and found[1] in ("finished", "failed"):
                assert found[1] == "finished", found
                return found[0]
            time.sleep(0.02)


def unchanged(made: Shop, asked: list[str]) -> None:
    """A feed that is as it was: one request, and no row but the provider's own."""
    written = (
        "select sum(n_tup_ins + n_tup_upd + n_tup_del) from pg_stat_user_tables "
        "where schemaname = 'events' and relname in ('event', 'past', 'aside', 'base', 'sync')"
    )
    with psycopg.connect(made.url, autocommit=True) as conn:
        time.sleep(2)
        (before,) = conn.execute(written).fetchone() or (0,)
        asked.clear()
        seconds, result = ask_sync(made, "large0")
        requests = len(asked)
        time.sleep(2)
        (after,) = conn.execute(written).fetchone() or (0,)
    assert result["outcome"] == "unchanged", result
    say("unchanged feed of 88 MB: requests", "1", requests, ok=requests == 1,
        seconds=round(seconds, 3))
    say("unchanged feed: rows of events, versions and records written", "0", int(after - before),
        ok=after == before)


def beside(made: Shop, folder: Path, address: str) -> None:
    """Searches while 100,000 events are synced anew, and whether an answer mixes two versions."""
    write_feed(folder / "all.xml", 100_000, 5, 1)
    vazao(made, "events", "add-provider", "all", f"{address}/all.xml", "--every", "1d")
    first_sync(made, "all")
    made.events = 100_000
    port = made.web()
    wait_for(port)
    time.sleep(3)
    before = made.load(port, 5)
    write_feed(folder / "all.xml", 100_000, 5, 2)
    mixed, stop = [0, 0], threading.Event()
    checking = threading.Thread(target=check, args=(port, stop, mixed))
    checking.start()
    with made.loading(port, 12) as running:
        time.sleep(0.5)
        began = time.perf_counter()
        vazao(made, "events", "sync", "all")
        took = time.perf_counter() - began
        said, _ = running.communicate()
    stop.set()
    checking.join()
    during = read(said.decode())
    share = during.rate / before.rate
    say("the rate during a sync of 100,000 events against before", "≥ 0.5 ×", share,
        ok=share >= 0.5, seconds=round(took, 1))
    say("p99 during that sync", "≤ 50 ms", during.p99, ok=during.p99 <= 50)
    say("answers that mix two syncs", "0", mixed[0], ok=mixed[0] == 0, answers=mixed[1])


def check(port: int, stop: threading.Event, mixed: list[int]) -> None:
    """Ask again and again for a few hundred events of that provider, and look at their versions."""
    given = {"starts_at": "2026-03-01T00:00:00Z", "ends_at": "2026-03-09T00:00:00Z"}
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}") as client:
        while not stop.wait(0.02):
            found = client.get("/search", params=given).json()["data"]["events"]
            versions = {each["title"].rpartition(" v")[2] for each in found
                        if int(each["title"].split()[1]) >= 10_000}
            mixed[0] += len(versions) > 1
            mixed[1] += 1


def hanging(made: Shop) -> None:
    """A provider that takes the connection and says nothing."""
    import socket

    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        vazao(made, "events", "add-provider", "silent",
              f"http://127.0.0.1:{silent.getsockname()[1]}/", "--every", "1s")
        port = made.web()
        wait_for(port)
        time.sleep(2)
        lived = made.load(port, 10)
    failed = lived.refused + lived.cut
    say("failed searches while a provider hangs", "0", failed, ok=failed == 0)
