"""Measurements of dry runs and what follows them, and of sheets as people really have them."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import polars as pl

import bases
import sheets
from memory import Peak
from platform_under_test import median, say, timed_import, wait_import
from vazao.leads.samples import HEADERS

if TYPE_CHECKING:
    from leads import Bench

ROWS, TURNS = 300_000, 3
OUTCOMES = ("created", "updated", "unchanged", "duplicates", "rejected")


def trials(bench: Bench) -> None:
    """A dry run of a sheet, its application, and an import of another such sheet, in turn."""
    plain: list[float] = []
    dry: list[float] = []
    applied: list[float] = []
    for _ in range(TURNS):
        bench.checkpoint()
        plain.append(timed_import(bench.client, bench.sheet("plain"))[0])
        path = bench.sheet("dry")
        bench.checkpoint()
        seconds, shown = timed_import(bench.client, path, dry_run="true")
        dry.append(seconds)
        _pages(bench, shown)
        bench.checkpoint()
        began = perf_counter()
        answer = bench.client.post(f"/v1/leads/imports/{shown['id']}/apply").raise_for_status()
        done = wait_import(bench.client, answer.json()["id"])
        applied.append(perf_counter() - began)
        assert done["drift"] == {}, done
        assert [done[k] for k in OUTCOMES] == [shown[k] for k in OUTCOMES]
    for name, times in (("dry run with every before and after", dry), ("apply after it", applied)):
        ratio = median([b / a for a, b in zip(plain, times, strict=True)])
        say(f"{name}, 300,000 rows", "≤ 0.8 × the import", ratio, ok=ratio <= 0.8,
            plain=plain, times=times)
    # Apart: looking at the memory takes some of the time.
    with Peak(bench.running.workers()) as peak:
        timed_import(bench.client, bench.sheet("peak"), dry_run="true")
    say("worker's peak memory: dry run of 300,000 rows of CSV", "≤ 350 MB", peak.highest / 1e6,
        ok=peak.highest / 1e6 <= 350)


def _pages(bench: Bench, shown: dict[str, Any]) -> None:
    """The changes are there, as many as were counted: the first page and the sum of kinds."""
    at = f"/v1/leads/imports/{shown['id']}/changes"
    page = bench.client.get(at, params={"limit": 1000}).raise_for_status().json()
    assert len(page["items"]) == min(1000, shown["created"] + shown["updated"])
    assert all(each["after"] for each in page["items"])


def messy(bench: Bench) -> None:
    """A sheet with 30 % duplicate lines, and one with a warning in every row, against none."""
    times: dict[str, list[float]] = {"plain": [], "duplicates": [], "warnings": []}
    for _ in range(TURNS):
        for name, found in times.items():
            path = _sheet(bench, name)
            bench.checkpoint()
            seconds, shown = timed_import(bench.client, path)
            found.append(seconds)
            assert shown["rows_total"] == ROWS
            assert (shown["duplicates"] > ROWS // 5) == (name == "duplicates"), shown
            assert (shown["warnings"] == ROWS - shown["rejected"]) == (name == "warnings"), shown
    for name, most in (("duplicates", 1.3), ("warnings", 1.5)):
        ratio = median([b / a for a, b in zip(times["plain"], times[name], strict=True)])
        say({"duplicates": "30 % duplicate lines", "warnings": "a warning in every row"}[name],
            f"≤ {most} × the time without", ratio, ok=ratio <= most, **times)


def _sheet(bench: Bench, name: str) -> Path:
    start, existing = bench.places()
    path = bench.running.folder / f"{name}{bench.used}.csv"
    sheets.sheet_csv(
        path, start, ROWS, existing=existing, seed=bench.used + 1,
        duplicates=0.3 if name == "duplicates" else 0.0,
    )
    if name == "warnings":
        read = pl.read_csv(path, infer_schema=False)
        read.with_columns(pl.lit("sem telefone").alias(HEADERS["phone"])).write_csv(path)
    return path


def compared(bench: Bench) -> None:
    """The rows of a sheet that is in already, as another file, against the floor."""
    running = bench.running
    with running.connect() as conn:
        bases.make_floor(conn)
        bases.copy_base(conn, bench.organization)
    floors, times = [], []
    for turn in range(TURNS):
        start, existing = bench.places()
        path, clean = running.folder / f"known{turn}.csv", running.folder / f"clean{turn}.csv"
        sheets.sheet_csv(path, start, ROWS, existing=existing, seed=turn + 70)
        bases.clean_csv(clean, start, 200_000, existing, turn + 70)
        script = bases.floor_script(clean, bench.organization, sheets.clean_frame(0, 1).columns)
        bench.checkpoint()
        floors.append(bases.run_floor(running.database_url, bench.psql, script))
        timed_import(bench.client, path)
        other = path.with_name("other.csv")
        other.write_bytes(path.read_bytes() + b"\n")
        bench.checkpoint()
        seconds, shown = timed_import(bench.client, other)
        assert (shown["created"], shown["updated"]) == (0, 0), shown
        times.append(seconds)
    ratio = median([b / a for a, b in zip(floors, times, strict=True)])
    say("the same rows as another file, all compared", "≤ 0.5 × floor", ratio, ok=ratio <= 0.5,
        floor=floors, times=times)
