"""A real platform for measuring: ``vazao up`` in its own data folder, used over HTTP."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import psycopg

from rights import widen

ROOT = Path(__file__).resolve().parent.parent
ENDED = ("finished", "failed", "cancelled")


def say(claim: str, must: str, measured: float | str | bool, *, ok: bool, **detail: Any) -> None:
    """One JSON line: what was promised, what was measured."""
    shown = round(measured, 4) if isinstance(measured, float) else measured
    line = {"claim": claim, "must": must, "measured": shown, "ok": ok, **detail}
    print(json.dumps(line, ensure_ascii=False), flush=True)


def median(values: list[float]) -> float:
    """The median."""
    return statistics.median(values)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Running:
    """The platform while it is up."""

    process: subprocess.Popen[bytes]
    folder: Path
    port: int
    environment: dict[str, str]
    database_url: str = ""
    token: str = ""
    ready_seconds: float = 0.0

    @property
    def address(self) -> str:
        """Where its web listens."""
        return f"http://127.0.0.1:{self.port}"

    def vazao(self, *arguments: str, text: str | None = None) -> str:
        """Run a command of the platform; its standard output."""
        done = subprocess.run(
            [sys.executable, "-m", "vazao", *arguments], env=self.environment, input=text,
            capture_output=True, text=True, check=True,
        )
        return done.stdout

    def client(self, token: str | None = None) -> httpx2.Client:
        """A client that carries *token*, or the platform's own."""
        headers = {"Authorization": f"Bearer {token or self.token}"}
        return httpx2.Client(base_url=self.address, headers=headers, timeout=600)

    def organization(self, slug: str) -> tuple[int, str]:
        """A new organization's id and a token of its own."""
        self.vazao("accounts", "create-organization", slug)
        with self.connect() as conn:
            row = conn.execute(
                "select id from accounts.organization where slug = %s", [slug]
            ).fetchone()
        assert row
        return row[0], self.new_token(slug, "bench")

    def new_token(self, slug: str, application: str) -> str:
        """A token of the organization for *application*."""
        scopes = [f"{n}:{v}" for n in ("leads", "jobs") for v in ("read", "write")]
        flags = [part for scope in scopes for part in ("--scope", scope)]
        made = self.vazao(
            "accounts", "create-token", "--organization", slug, "--application", application,
            *flags,
        )
        return made.strip().splitlines()[-1]

    def connect(self) -> psycopg.Connection[Any]:
        """An autocommit connection to its database."""
        return psycopg.connect(self.database_url, autocommit=True)

    def workers(self) -> list[int]:
        """Process ids of its worker processes."""
        with self.connect() as conn:
            rows = conn.execute("select pid from jobs.worker").fetchall()
        return [pid for (pid,) in rows if Path(f"/proc/{pid}").exists()]


@contextmanager
def up(folder: Path | None = None, **settings: str) -> Iterator[Running]:
    """``vazao up`` on a free port until the block ends; a folder made for it goes then."""
    made = folder or Path(tempfile.mkdtemp(prefix="vazao-bench-", dir=base_folder()))
    made.mkdir(parents=True, exist_ok=True)
    port = free_port()
    environment = os.environ | {
        "VAZAO_DATA_DIR": str(made), "VAZAO_PORT": str(port), "VAZAO_LOG_LEVEL": "warning",
        **settings,
    }
    environment.pop("VAZAO_DATABASE_URL", None)
    began = time.perf_counter()
    log = (made / "up.log").open("ab")
    process = subprocess.Popen(
        [sys.executable, "-m", "vazao", "up"], env=environment, stdout=log, stderr=log
    )
    running = Running(process, made, port, environment)
    try:
        wait_ready(running, process)
        running.ready_seconds = time.perf_counter() - began
        running.database_url = running.vazao("database-url").strip()
        widen(made)
        yield running
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        log.close()
        # What could not be started left its log there.
        if folder is None and running.database_url:
            shutil.rmtree(made, ignore_errors=True)


def base_folder() -> str | None:
    """Where data of a measurement goes: ``VAZAO_BENCH_DIR`` or the system's place."""
    return os.environ.get("VAZAO_BENCH_DIR")


def wait_ready(running: Running, process: subprocess.Popen[bytes], within: float = 60) -> None:
    """Until ``/readyz`` says 200."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise SystemExit(f"vazao up ended: see {running.folder / 'up.log'}")
        try:
            if httpx2.get(f"{running.address}/readyz", timeout=2).status_code == 200:
                return
        except httpx2.HTTPError:
            pass
        time.sleep(0.02)
    raise SystemExit("the platform did not become ready")


def send(client: httpx2.Client, sheet: Path, **options: str) -> str:
    """Upload a sheet; the import's id."""
    kind = "text/csv" if sheet.suffix == ".csv" else (
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    )
    with sheet.open("rb") as body:
        answer = client.post(
            "/v1/leads/imports", content=body, headers={"Content-Type": kind},
            params={"filename": sheet.name, **options},
        )
    answer.raise_for_status()
    return str(answer.json()["id"])


def wait_import(client: httpx2.Client, token: str, every: float = 0.1) -> dict[str, Any]:
    """The import once it has ended, looked at as seldom as a patient user would.

    At fifty looks a second, looking took a tenth of the processor from what is measured.
    """
    while True:
        shown = client.get(f"/v1/leads/imports/{token}").json()
        if shown["status"] in ENDED:
            return shown
        time.sleep(every)


def timed_import(
    client: httpx2.Client, sheet: Path, **options: str
) -> tuple[float, dict[str, Any]]:
    """Seconds from the request's first byte to the import's end, and the import."""
    began = time.perf_counter()
    shown = wait_import(client, send(client, sheet, **options))
    seconds = time.perf_counter() - began
    assert shown["status"] == "finished", shown["error"]
    return seconds, shown


def wait_search(running: Running, organization: int) -> float:
    """Seconds until search knows every lead."""
    began = time.perf_counter()
    with running.connect() as conn:
        while conn.execute(
            "select exists (select from leads.slice where organization_id = %s "
            "and indexed_at is null)", [organization],
        ).fetchone() == (True,):
            time.sleep(0.05)
    return time.perf_counter() - began
