"""Measurements of ops: how soon planted faults are named, and what looking costs.

    python bench/ops.py faults [NAME …]   plant each, until /ops and doctor name it, then mend it
    python bench/ops.py healthy [MINUTES] load without a fault: nothing is found
    python bench/ops.py cost              processor time of who looks and of its session
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx2

import faults
import platform_under_test as put
import sheets
from platform_under_test import Running, say, up

WITHIN = 30.0
TICKS = os.sysconf("SC_CLK_TCK")


def operator(running: Running) -> httpx2.Client:
    """A client that may read what is wrong with the platform."""
    made = running.vazao(
        "accounts", "create-token", "--organization", "public", "--application", "bench",
        "--scope", "ops:read",
    )
    return running.client(made.strip().splitlines()[-1])


def wrong(client: httpx2.Client) -> dict[str, dict[str, Any]]:
    """What is wrong now, by code."""
    answer = client.get("/v1/ops/findings")
    answer.raise_for_status()
    return {each["code"]: each for each in answer.json()["items"]}


def until(client: httpx2.Client, code: str, *, there: bool, within: float) -> float | None:
    """Seconds until *code* is found (or no more); ``None`` where that did not come."""
    began = time.monotonic()
    while (passed := time.monotonic() - began) < within:
        if (code in wrong(client)) == there:
            return passed
        time.sleep(0.5)
    return None


class Doctor(threading.Thread):
    """Runs ``vazao doctor`` again and again until it names *code*."""

    def __init__(self, running: Running, code: str) -> None:
        super().__init__()
        self.running, self.code, self.seconds = running, code, None
        self.ended = threading.Event()
        self.exit: int | None = None

    def run(self) -> None:
        """Until it is named."""
        began = time.monotonic()
        while not self.ended.is_set():
            done = subprocess.run(
                [sys.executable, "-m", "vazao", "doctor"], env=self.running.environment,
                capture_output=True, text=True, check=False,
            )
            if self.code in done.stdout:
                self.seconds, self.exit = time.monotonic() - began, done.returncode
                return


def plant(running: Running, client: httpx2.Client, name: str) -> None:
    """One fault: named by both, and gone once its remedy was followed."""
    code, fault = faults.FAULTS[name]
    with fault(running) as mend:
        doctor = Doctor(running, code)
        doctor.start()
        named = until(client, code, there=True, within=90)
        finding = wrong(client).get(code, {})
        doctor.join(60)
        doctor.ended.set()
        doctor.join()
        gone = None
        if finding:
            mend(finding)
            gone = until(client, code, there=False, within=60)
    good = named is not None and doctor.seconds is not None and max(named, doctor.seconds) <= WITHIN
    say(
        f"planted: {name}", f"≤ {WITHIN:.0f} s, and mended by its remedy",
        max(named or 999.0, doctor.seconds or 999.0), ok=good and gone is not None, ops=named,
        doctor=doctor.seconds, doctor_exit=doctor.exit, gone=gone, code=code,
        told=finding.get("message"), remedy=finding.get("remedy"),
    )


def plant_all(*names: str) -> None:
    """All faults, one after another, on one platform."""
    with faults.small_disk() as disk, up(
        VAZAO_BLOB_URL=disk.as_uri(), VAZAO_DISK_FLOOR_BYTES="1000000"
    ) as running, operator(running) as client:
        before = wrong(client)
        say("found before anything is planted", "nothing", ", ".join(before) or "nothing",
            ok=not before)
        for name in names or faults.FAULTS:
            plant(running, client, name)


def healthy(minutes: str = "10") -> None:
    """Imports, searches and sums of two organizations: nothing is found."""
    found: dict[str, str] = {}
    with up() as running, operator(running) as client:
        tokens = [running.organization(name)[1] for name in ("acme", "outra")]
        ended = threading.Event()
        threads = [
            threading.Thread(target=work, args=(running, token, number, ended))
            for number, token in enumerate(tokens)
        ]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + 60 * float(minutes)
        looked = 0
        while time.monotonic() < deadline:
            found |= {code: each["message"] for code, each in wrong(client).items()}
            looked += 1
            time.sleep(2)
        ended.set()
        for thread in threads:
            thread.join()
    say(f"{minutes} minutes of load without a fault", "no finding", len(found), ok=not found,
        looked=looked, told=found)


def work(running: Running, token: str, number: int, ended: threading.Event) -> None:
    """What an organization does all day, without a pause."""
    turn = 0
    with running.client(token) as client:
        while not ended.is_set():
            path = running.folder / f"day{number}.csv"
            sheets.sheet_csv(path, number * 100_000, 60_000, seed=turn % 3 + number)
            put.timed_import(client, path)
            for n in range(100):
                client.get("/v1/leads", params={"q": f"ana {n}"}).raise_for_status()
                client.get("/v1/jobs").raise_for_status()
            turn += 1


def spent(pid: int) -> float:
    """Seconds of processor time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def web_spent(running: Running) -> float:
    """Seconds of processor time of the one web process and its threads."""
    found = subprocess.run(
        ["pgrep", "-f", f"vazao web --parent {running.process.pid}"], capture_output=True,
        text=True, check=False,
    ).stdout.split()
    return sum(spent(int(pid)) for pid in found)


def cost(minutes: str = "5") -> None:
    """Processor time of the process that looks and of its session, beside the same without."""
    seconds = 60 * float(minutes)
    shares = {}
    for name, every in (("looking", "5"), ("not looking", "100000")):
        with up(VAZAO_OPS_EVERY_SECONDS=every, VAZAO_WEB_PROCESSES="1") as running:
            time.sleep(20)
            with running.connect() as conn:
                row = conn.execute(
                    "select pid from pg_stat_activity where application_name = 'vazao-ops'"
                ).fetchone()
            assert row
            before = web_spent(running), spent(row[0])
            time.sleep(seconds)
            after = web_spent(running), spent(row[0])
        shares[name] = [(b - a) / seconds for a, b in zip(before, after, strict=True)]
    process = shares["looking"][0] - shares["not looking"][0]
    session = shares["looking"][1]
    say("cost of looking: the process and its session", "≤ 1 % of a core",
        100 * (process + session), ok=process + session <= 0.01, process=process,
        session=session, idle=shares["not looking"][0])


if __name__ == "__main__":
    {"faults": plant_all, "healthy": healthy, "cost": cost}[sys.argv[1]](*sys.argv[2:])
