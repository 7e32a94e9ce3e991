"""Measurements of a worker's memory, and of what reading a workbook costs by itself."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

import sheets
from platform_under_test import say, timed_import, wait_search

if TYPE_CHECKING:
    from leads import Bench

ALONE = """
import sys, time, fastexcel
began = time.perf_counter()
fastexcel.read_excel(sys.argv[1]).load_sheet(0, header_row=None, dtypes="string").to_polars()
print(time.perf_counter() - began)
"""


def calamine_seconds(path: Path) -> float:
    """What calamine (through fastexcel) alone takes to read the sheet, all cells as text."""
    done = subprocess.run(
        [sys.executable, "-c", ALONE, str(path)], capture_output=True, text=True, check=True
    )
    return float(done.stdout)


class Peak:
    """The highest memory of processes and their children, sampled every 20 ms."""

    def __init__(self, pids: list[int]) -> None:
        self.pids = pids
        self.highest = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Peak:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.02):
            self.highest = max(self.highest, *(tree_bytes(pid) for pid in self.pids))


def tree_bytes(pid: int) -> int:
    """Memory of a process and its children; pages that several share are shared out (PSS)."""
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
        return sum(_bytes(each) for each in family)
    except psutil.NoSuchProcess:
        return 0


def _bytes(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0


def peaks(bench: Bench) -> None:
    """The worker's peak with a million rows of CSV and 300,000 rows of XLSX."""
    for name, must, rows in (("csv", 350, 1_000_000), ("xlsx", 700, 300_000)):
        path = bench.running.folder / f"memory.{name}"
        write = sheets.sheet_csv if name == "csv" else sheets.sheet_xlsx
        start, existing = bench.places()
        write(path, start, rows, existing=existing, seed=77)
        wait_search(bench.running, bench.organization)
        with Peak(bench.running.workers()) as peak:
            timed_import(bench.client, path)
            time.sleep(0.1)
        megabytes = peak.highest / 1e6
        say(f"worker's peak memory: {rows:,} rows of {name.upper()}", f"≤ {must} MB", megabytes,
            ok=megabytes <= must, file_megabytes=path.stat().st_size / 1e6)
        wait_search(bench.running, bench.organization)
