"""A base of events to search: an embedded server, rows like those of syncs, web processes, load."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import psutil
import psycopg

from platform_under_test import base_folder, free_port
from vazao.kit.embedded.server import EmbeddedPostgres
from vazao.migrations import migrate

FOUND, LASTING_SECONDS, DAYS = 20, 5400, 365
FIRST = 1_790_000_000
INSTANTS, CLOCKS = "!%Y-%m-%dT%H:%M:%SZ", "!%Y-%m-%dT%H:%M:%S"
HERE = Path(__file__).resolve().parent
WHERE = ("Europe/Madrid", "America/Sao_Paulo")
FILL = """
with placed as (
    select n, 1 + n %% 2 as provider, to_timestamp(%(first)s + floor(n * %(step)s)) as starts,
        5 + n %% 80 + 0.5 as low
    from generate_series(0, %(events)s - 1) as n
), local as (
    select *, starts + %(lasting)s * interval '1 second' as ends,
        starts at time zone zone as s, (starts + %(lasting)s * interval '1 second')
            at time zone zone as e
    from placed join unnest(array[1, 2], %(zones)s::text[]) as z (id, zone) on z.id = provider
)
insert into events.event (id, provider_id, base_id, event_id, audience, title, shown, starts_at,
    ends_at, starts_local, ends_local, min_price, max_price, sold_out, online, listed, zones,
    digest, first_online_at, last_seen_at)
select md5(n::text)::uuid, provider, 'b', n::text, 0, 'x', format(
    '"title":"Noite de Fado número %%s","start_date":"%%s","start_time":"%%s","end_date":"%%s",'
    '"end_time":"%%s","min_price":%%s,"max_price":%%s}', n, s::date, s::time, e::date, e::time, low,
    low + 10), starts, ends, s, e, low, low + 10, false, true, true, '\\x', '\\x', now(), now()
from local
"""
PROVIDERS = """
insert into events.provider (organization_id, name, url, every_seconds, timezone, public,
    private_allowed, paused)
select 1, 'p' || n, 'http://127.0.0.1:9/', 60, zone, true, true, true
from unnest(%(zones)s::text[]) with ordinality as z (zone, n)
"""
# Windows of a whole number of seconds that hold about so many events; no two requests alike.
WINDOWS = """
local first, span, width, form = {first}, {span}, {width}, "{form}"
math.randomseed(os.time() + {seed})
request = function()
  local t = first + math.random(0, span)
  local a, b = os.date(form, t), os.date(form, t + width)
  return wrk.format("GET", "/search?starts_at=" .. a .. "&ends_at=" .. b)
end
done = function(summary, latency, requests)
  io.write(string.format("RESULT %d %d %d %d %d\\n", summary.requests, summary.duration,
    latency:percentile(99), summary.errors.status, summary.errors.connect + summary.errors.read
    + summary.errors.timeout))
end
"""


@dataclass
class Load:
    """What wrk saw: requests a second, 99th percentile in ms, answers that were no 2xx, cuts."""

    rate: float
    p99: float
    refused: int
    cut: int


@dataclass
class Shop:
    """A database with events, and the processes that search it."""

    url: str
    folder: Path
    server: EmbeddedPostgres
    events: int = 0
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def step(self) -> float:
        """Seconds between two starts."""
        return DAYS * 86400 / max(1, self.events)

    @property
    def width(self) -> int:
        """Seconds of a window that holds about :data:`FOUND` events."""
        return round(LASTING_SECONDS + FOUND * self.step)

    def fill(self, events: int) -> None:
        """Put so many events into an empty base."""
        self.events = events
        with psycopg.connect(self.url, autocommit=True) as conn:
            conn.execute("truncate events.event, events.past, events.base, events.provider cascade")
            conn.execute("alter sequence events.provider_id_seq restart")
            conn.execute(PROVIDERS, {"zones": list(WHERE)})
            conn.execute(
                "insert into events.base values (1, 'b', 'x', true, now()), "
                "(2, 'b', 'x', true, now())"
            )
            conn.execute(FILL, {
                "events": events, "first": FIRST, "step": self.step,
                "lasting": LASTING_SECONDS, "zones": list(WHERE),
            })
            conn.execute("vacuum analyze events.event")

    def web(self, port: int | None = None, **settings: str) -> int:
        """Start a web process of ours; its port, once it answers from memory."""
        chosen = port or free_port()
        environment = os.environ | {
            "VAZAO_DATABASE_URL": self.url, "VAZAO_DATA_DIR": str(self.folder),
            "VAZAO_SECRET": "x" * 32, "VAZAO_PORT": str(chosen), "VAZAO_WEB_PROCESSES": "1",
            "VAZAO_LOG_LEVEL": "warning", "VAZAO_LOG_FORMAT": "json", **settings,
        }
        self.start([sys.executable, "-m", "vazao", "web"], environment)
        return chosen

    def start(self, command: list[str], environment: dict[str, str] | None = None) -> (
        subprocess.Popen[bytes]
    ):
        """Start a process that ends with this."""
        log = (self.folder / "processes.log").open("ab")
        process = subprocess.Popen(
            command, env=environment or dict(os.environ), stdout=log, stderr=log, cwd=HERE
        )
        self.processes.append(process)
        return process

    def stop(self) -> None:
        """End the processes."""
        for process in list(self.processes):
            self.end(process)

    def end(self, process: subprocess.Popen[bytes]) -> None:
        """End one, and those that it started: servers of rivals leave theirs behind."""
        self.processes.remove(process)
        family = [process, *psutil.Process(process.pid).children(recursive=True)]
        process.terminate()
        _, left = psutil.wait_procs([psutil.Process(each.pid) for each in family if
                                     psutil.pid_exists(each.pid)], timeout=8)
        for each in left:
            each.kill()
        process.wait()

    def load(
        self, port: int, seconds: float = 5, *, connections: int = 32, form: str = INSTANTS,
        seed: int = 0,
    ) -> Load:
        """Let wrk ask for random windows."""
        with self.loading(port, seconds, connections=connections, form=form, seed=seed) as running:
            said, _ = running.communicate()
        return read(said.decode())

    @contextmanager
    def loading(
        self, port: int, seconds: float, *, connections: int = 32, form: str = INSTANTS,
        seed: int = 0,
    ) -> Iterator[subprocess.Popen[bytes]]:
        """The same while something else is done."""
        script = self.folder / f"windows{seed}.lua"
        script.write_text(WINDOWS.format(
            first=FIRST, span=DAYS * 86400 - self.width, width=self.width, form=form, seed=seed,
        ))
        with subprocess.Popen(
            ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(script),
             f"http://127.0.0.1:{port}/"], stdout=subprocess.PIPE,
        ) as running:
            yield running


def read(said: str) -> Load:
    """What wrk said at its end."""
    found = re.search(r"RESULT (\d+) (\d+) (\d+) (\d+) (\d+)", said)
    if not found:
        raise SystemExit(f"wrk said nothing of use: {said}")
    requests, micros, p99, status, cut = map(int, found.groups())
    return Load(requests / micros * 1e6, p99 / 1000, status, cut)


def wait_for(port: int, path: str = "/healthz", within: float = 60) -> None:
    """Until a server answers."""
    deadline = time.monotonic() + within
    while True:
        try:
            httpx2.get(f"http://127.0.0.1:{port}{path}", timeout=5)
            return
        except httpx2.HTTPError:
            if time.monotonic() > deadline:
                raise SystemExit(f"nothing answers on {port}") from None
            time.sleep(0.02)


def window(shop: Shop, place: float) -> dict[str, str]:
    """The bounds of the window that begins at a share of the whole time."""
    at = FIRST + int((DAYS * 86400 - shop.width) * place)
    return {
        name: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(t))
        for name, t in (("starts_at", at), ("ends_at", at + shop.width))
    }


def ask(port: int, given: dict[str, str]) -> Any:
    """An answer as JSON."""
    return httpx2.get(f"http://127.0.0.1:{port}/search", params=given, timeout=30).json()


@contextmanager
def opened() -> Iterator[Shop]:
    """An embedded server with an empty base."""
    folder = Path(tempfile.mkdtemp(prefix="vazao-events-", dir=base_folder()))
    server = EmbeddedPostgres(folder)
    try:
        url = server.start()
        migrate(url)
        with psycopg.connect(url, autocommit=True) as conn:
            conn.execute("insert into accounts.organization (slug, name) values ('bench', 'Bench') "
                         "on conflict do nothing")
        shop = Shop(url, folder, server)
        try:
            yield shop
        finally:
            shop.stop()
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
