"""An embedded server with the platform's schema, and the processes of a measurement over it."""

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
from urllib.parse import urlsplit

import httpx2
import psutil
import psycopg

from platform_under_test import base_folder, free_port
from rights import widen
from vazao.kit.embedded.server import EmbeddedPostgres
from vazao.kit.supervisor import WEB
from vazao.migrations import migrate

HERE = Path(__file__).resolve().parent
REPORT = """
done = function(summary, latency, requests)
  io.write(string.format("RESULT %d %d %d %d %d\\n", summary.requests, summary.duration,
    latency:percentile(99), summary.errors.status, summary.errors.connect + summary.errors.read
    + summary.errors.timeout))
end
"""
"""What a script of wrk ends with, for :func:`read`."""


@dataclass
class Load:
    """What wrk saw: requests a second, 99th percentile in ms, answers that were no 2xx, cuts."""

    rate: float
    p99: float
    refused: int
    cut: int


@dataclass
class Served:
    """A database and the processes that serve it."""

    url: str
    folder: Path
    server: EmbeddedPostgres
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def web(self, port: int | None = None, **settings: str) -> int:
        """Start a web process of ours; its port."""
        chosen = port or free_port()
        self.start([sys.executable, "-m", "vazao", "web"], self.environment(chosen, **settings))
        return chosen

    def environment(self, port: int, **settings: str) -> dict[str, str]:
        """For a web process on *port*, as ``vazao up`` runs it."""
        return WEB | os.environ | {
            "VAZAO_DATABASE_URL": self.url, "VAZAO_DATA_DIR": str(self.folder),
            "VAZAO_SECRET": "x" * 32, "VAZAO_PORT": str(port), "VAZAO_WEB_PROCESSES": "1",
            "VAZAO_LOG_LEVEL": "warning", "VAZAO_LOG_FORMAT": "json", **settings,
        }

    def beside(self, name: str) -> str:
        """The address of another database of the same server."""
        return urlsplit(self.url)._replace(path=f"/{name}").geturl()

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


def begin(made: Served, **settings: str) -> int:
    """A web process behind a trusted proxy; its port, once it answers."""
    port = made.web(VAZAO_TRUSTED_PROXIES="127.0.0.1", **settings)
    wait_for(port)
    return port


def memory(made: Served) -> float:
    """MB of all web processes now."""
    total = 0
    for process in made.processes:
        each = psutil.Process(process.pid)
        for one in (each, *each.children(recursive=True)):
            total += one.memory_full_info().pss
    return total / 1e6


@contextmanager
def serving(prefix: str) -> Iterator[Served]:
    """An embedded server with an empty schema and an organization, until the block ends."""
    folder = Path(tempfile.mkdtemp(prefix=f"vazao-{prefix}-", dir=base_folder()))
    server = EmbeddedPostgres(folder)
    try:
        url = server.start()
        widen(folder)
        migrate(url)
        with psycopg.connect(url, autocommit=True) as conn:
            conn.execute("insert into accounts.organization (slug, name) values ('bench', 'Bench') "
                         "on conflict do nothing")
        made = Served(url, folder, server)
        try:
            yield made
        finally:
            made.stop()
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
