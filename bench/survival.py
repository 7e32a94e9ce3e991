"""Measurements of starting, and of surviving kill -9."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2

import platform_under_test as put
import sheets
from platform_under_test import ROOT, free_port, say, wait_search

if TYPE_CHECKING:
    from leads import Bench

FIVE = ("created", "updated", "unchanged", "duplicates", "rejected")
DIGEST = """
    select count(*), md5(string_agg(md5(row(email, name, phone, company, job_title, city, state,
        website, tags, custom, opted_out)::text), '' order by email))
    from leads.lead where organization_id = %s
"""


def kills(bench: Bench) -> None:
    """kill -9 of the worker at ten random moments: the base and the outcomes stay the same."""
    running = bench.running
    rows = 120_000
    path = running.folder / "kills.csv"
    sheets.sheet_csv(path, 0, rows, seed=5, duplicates=0.01)
    earlier = running.folder / "earlier.csv"
    sheets.sheet_csv(earlier, 0, 40_000, wrong=0.0, seed=4)
    expected, seconds = _undisturbed(bench, path, earlier)
    chance = random.Random(20261121)
    same = []
    for turn in range(10):
        organization, token = running.organization(f"kills{turn}")
        client = _client(running, token)
        _import(client, earlier)
        wait_search(running, organization)
        started = put.send(client, path)
        time.sleep(chance.uniform(0.02, seconds))
        for pid in running.workers():
            os.kill(pid, signal.SIGKILL)
        shown = put.wait_import(client, started)
        same.append((_digest(running, organization), _five(shown)) == expected)
    say("kill -9 of the worker at ten random moments of an import",
        "base and outcomes equal an undisturbed import's, every time", sum(same),
        ok=all(same), of=len(same))


def _undisturbed(bench: Bench, path: Path, earlier: Path) -> tuple[Any, float]:
    organization, token = bench.running.organization("undisturbed")
    client = _client(bench.running, token)
    _import(client, earlier)
    wait_search(bench.running, organization)
    began = time.perf_counter()
    shown = _import(client, path)
    seconds = time.perf_counter() - began
    return (_digest(bench.running, organization), _five(shown)), seconds


def _client(running: put.Running, token: str) -> httpx2.Client:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx2.Client(base_url=running.address, headers=headers, timeout=600)


def _import(client: httpx2.Client, path: Path) -> dict[str, Any]:
    return put.wait_import(client, put.send(client, path))


def _five(shown: dict[str, Any]) -> tuple[Any, ...]:
    return (shown["status"], shown["rows_total"], *(shown[name] for name in FIVE))


def _digest(running: put.Running, organization: int) -> tuple[Any, ...]:
    with running.connect() as conn:
        row = conn.execute(DIGEST, [organization]).fetchone()
    assert row
    return row


def starts() -> None:
    """A fresh checkout to a ready platform, and its second start."""
    folder = Path(tempfile.mkdtemp(prefix="vazao-start-", dir=put.base_folder()))
    # As root the database has an account of its own, which must get there.
    folder.chmod(0o755)
    checkout, data = folder / "vazao", folder / "data"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(checkout)], check=True)
    port = free_port()
    # Nor what `make bench` was told: a make below it would take it for its own.
    foreign = ("VIRTUAL_ENV", "VAZAO_", "MAKE", "MFLAGS", "ARGS")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(foreign)}
    environment = kept | {"VAZAO_DATA_DIR": str(data), "VAZAO_PORT": str(port)}
    began = time.perf_counter()
    subprocess.run(["make", "install"], cwd=checkout, env=environment, check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    installing = time.perf_counter() - began
    first, second = (_start(checkout, environment, port) for _ in range(2))
    say("fresh checkout to /readyz", "≤ 120 s, of which ≤ 10 s after installing",
        installing + first, ok=installing + first <= 120 and first <= 10, installing=installing,
        after_installing=first)
    say("second start", "≤ 5 s", second, ok=second <= 5)
    shutil.rmtree(folder, ignore_errors=True)


def _start(checkout: Path, environment: dict[str, str], port: int) -> float:
    """Seconds of ``make run`` until ready; then it is stopped."""
    began = time.perf_counter()
    process = subprocess.Popen(
        ["make", "run"], cwd=checkout, env=environment, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    try:
        while True:
            try:
                answer = httpx2.get(f"http://127.0.0.1:{port}/readyz", timeout=2)
                if answer.status_code == 200:
                    return time.perf_counter() - began
            except httpx2.HTTPError:
                pass
            if process.poll() is not None or time.perf_counter() - began > 300:
                sys.exit("make run did not become ready")
            time.sleep(0.05)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)
