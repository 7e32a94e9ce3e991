"""Measures what the leads feature promises; prints a JSON line a claim.

    python bench/leads.py                 every claim but the 40-million base
    python bench/leads.py floor again q   only these
    python bench/leads.py --base 500000   with a smaller base, to try the script
    python bench/leads.py forty           the base of 40 million (40 GB of disk, half an hour)

Ours and what it is held against are measured in turn in the same run, on the same server;
medians of three. The goals are those of the project, never those of a run.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import bases
import memory
import platform_under_test as put
import previews
import queries
import rivals
import sheets
import survival
import trials
from platform_under_test import median, say, timed_import, up, wait_search
from vazao.kit.embedded.server import EmbeddedPostgres

ROWS, KNOWN, NEW = 300_000, 100_000, 200_000
TURNS = 3


class Bench:
    """A platform with one base, and a place in the generator that no sheet has used yet."""

    def __init__(self, running: put.Running, base: int) -> None:
        self.running = running
        self.base = base
        self.organization, running.token = running.organization("bench")
        self.client = running.client()
        self.psql = str(EmbeddedPostgres(running.folder).bindir / "psql")
        self.used = 0
        self.floors: list[float] = []
        self.ours: list[float] = []
        with running.connect() as conn:
            bases.load_base(conn, self.organization, base)
        # One import nobody counts: caches, compiled code, first connections.
        timed_import(self.client, self.sheet("warm"))
        wait_search(running, self.organization)

    def places(self) -> tuple[int, sheets.Known]:
        """Where the next sheet's new leads and known leads begin."""
        turn, self.used = self.used, self.used + 1
        step = max(1, self.base // KNOWN)
        return self.base + turn * NEW, (turn % step, KNOWN, step)

    def sheet(self, name: str, suffix: str = ".csv") -> Path:
        """A sheet of 300,000 rows, 100,000 of them known and changed, some 2 % wrong."""
        start, existing = self.places()
        path = self.running.folder / f"{name}{self.used}{suffix}"
        make = sheets.sheet_csv if suffix == ".csv" else sheets.sheet_xlsx
        make(path, start, ROWS, existing=existing, seed=self.used + 1)
        return path

    def checkpoint(self) -> None:
        """Let every measured run begin alike: nothing dirty, nothing to index."""
        wait_search(self.running, self.organization)
        with self.running.connect() as conn:
            conn.execute("checkpoint")


def floor(bench: Bench) -> None:
    """An import by HTTP against \\copy and one hand-written merge, in turn."""
    running = bench.running
    with running.connect() as conn:
        bases.make_floor(conn)
        bases.copy_base(conn, bench.organization)
    lags: list[float] = []
    for turn in range(TURNS):
        start, existing = bench.places()
        ours = running.folder / f"ours{turn}.csv"
        clean = running.folder / f"clean{turn}.csv"
        sheets.sheet_csv(ours, start, ROWS, existing=existing, seed=turn + 50)
        bases.clean_csv(clean, start, NEW, existing, turn + 50)
        columns = sheets.clean_frame(0, 1).columns
        bench.checkpoint()
        script = bases.floor_script(clean, bench.organization, columns)
        bench.floors.append(bases.run_floor(running.database_url, bench.psql, script))
        bench.checkpoint()
        seconds, shown = timed_import(bench.client, ours)
        assert sum(shown[k] for k in put_outcomes()) == shown["rows_total"] == ROWS
        bench.ours.append(seconds)
        lags.append(wait_search(running, bench.organization))
    ratio = median([a / b for a, b in zip(bench.ours, bench.floors, strict=True)])
    say("300,000 rows by HTTP into the base, against the floor", "≤ 1.0 × floor", ratio,
        ok=ratio <= 1.0, base=bench.base, ours=bench.ours, floor=bench.floors)
    say("search knows all leads after the import", "≤ 15 s", median(lags),
        ok=median(lags) <= 15, lags=lags)


def put_outcomes() -> tuple[str, ...]:
    """The names of the five outcomes."""
    return ("created", "updated", "unchanged", "duplicates", "rejected")


def ensure_ours(bench: Bench) -> float:
    """The median time of an import, measured now if it wasn't yet."""
    while len(bench.ours) < TURNS:
        bench.checkpoint()
        bench.ours.append(timed_import(bench.client, bench.sheet("plain"))[0])
    return median(bench.ours)


RIVALS = {
    "commits": ("row by row, a commit each", 20, rivals.commit_each),
    "rows": ("row by row in one transaction, prepared", 20, rivals.row_by_row),
    "upserts": ("SQLAlchemy upserts of 1,000", 4, rivals.sqlalchemy),
    "dlt": ("dlt merge of dicts", 4, rivals.dlt_merge),
    "arrow": ("dlt upsert of Arrow in memory", 4, rivals.dlt_arrow),
}


def rival(bench: Bench, chosen: str) -> None:
    """The same rows the way people do it, and an import, in turn."""
    name, must, run = RIVALS[chosen]
    ours, theirs = [], []
    for turn in range(TURNS):
        seconds, detail = run(bench.running, bench.organization, *bench.places())
        theirs.append(seconds)
        bench.checkpoint()
        ours.append(timed_import(bench.client, bench.sheet(f"{chosen}{turn}"))[0])
        bench.checkpoint()
    ratio = median([b / a for a, b in zip(ours, theirs, strict=True)])
    say(f"faster than {name}", f"≥ {must} ×", ratio, ok=ratio >= must, rival=theirs, ours=ours,
        **detail)


def xlsx(bench: Bench) -> None:
    """A workbook against the CSV and what calamine alone takes to read it."""
    plain = ensure_ours(bench)
    times, reads = [], []
    for _ in range(TURNS):
        path = bench.sheet("book", ".xlsx")
        reads.append(memory.calamine_seconds(path))
        bench.checkpoint()
        times.append(timed_import(bench.client, path)[0])
    limit = plain + 1.2 * median(reads)
    say("XLSX of the same rows", "≤ CSV + 1.2 × calamine", median(times),
        ok=median(times) <= limit, limit=limit, csv=plain, calamine=reads, xlsx=times)


def again(bench: Bench) -> None:
    """The same file twice; and the same rows in a file of another digest, so all are compared."""
    firsts, seconds, tuples = [], [], []
    ratios: dict[str, list[float]] = {"again": [], "compared": [], "again_server": []}
    for _ in range(TURNS):
        path = bench.sheet("again")
        other = path.with_name("other.csv")
        other.write_bytes(path.read_bytes() + b"\n")
        (first, took), (second, took_again), (third, _) = (
            queries.measured(bench, each) for each in (path, path, other)
        )
        firsts.append(took)
        seconds.append(took_again)
        ratios["again"].append(second.wal / first.wal)
        ratios["compared"].append(third.wal / first.wal)
        ratios["again_server"].append(second.server_wal / first.server_wal)
        tuples.append(max(second.tuples, third.tuples))
    say("same file again: tuples written in the base", "0", float(max(tuples)),
        ok=max(tuples) == 0)
    wal = median(ratios["again"])
    say("same file again: WAL of the whole import", "≤ 5 % of the first's", wal, ok=wal <= 0.05,
        **ratios)
    ratio = median([b / a for a, b in zip(firsts, seconds, strict=True)])
    say("same file again: time", "≤ 0.5 × the first's", ratio, ok=ratio <= 0.5, first=firsts,
        again=seconds)


def four(bench: Bench) -> None:
    """Four imports at once with overlapping e-mails, against one."""
    alone, together = [], []
    for turn in range(TURNS):
        bench.checkpoint()
        seconds, _ = timed_import(bench.client, bench.sheet("alone"))
        alone.append(ROWS / seconds)
        bench.checkpoint()
        rate, clean = queries.four_at_once(bench, turn)
        together.append(rate)
        say("four imports at once: no deadlock, no error, sums right", "true", clean, ok=clean)
    ratio = median(together) / median(alone)
    say("four imports at once: rows/s together", "≥ 0.95 × one", ratio, ok=ratio >= 0.95,
        alone=alone, together=together)


CLAIMS: dict[str, Callable[[Bench], Any]] = {
    "floor": floor, "again": again, "xlsx": xlsx, "four": four, "q": queries.search,
    "pages": queries.keyset, "memory": memory.peaks, "kills": survival.kills,
    "trials": trials.trials, "messy": trials.messy, "compared": trials.compared,
    "previews": previews.previews,
    **{name: partial(rival, chosen=name) for name in RIVALS},
}


def main() -> int:
    """Run the chosen claims."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("claims", nargs="*", help=", ".join([*CLAIMS, "start", "forty"]))
    parser.add_argument("--base", type=int, default=5_000_000)
    parser.add_argument("--forty", type=int, default=40_000_000, help="size of the large base")
    parser.add_argument("--folder", type=Path, help="keep the large base there, and use it again")
    arguments = parser.parse_args()
    chosen = arguments.claims or ["start", *CLAIMS]
    if "start" in chosen:
        survival.starts()
    if "forty" in chosen:
        with up(arguments.folder) as running:
            queries.forty(running, arguments.base, arguments.forty)
    names = [name for name in chosen if name in CLAIMS]
    if names:
        with up() as running:
            bench = Bench(running, arguments.base)
            for name in names:
                CLAIMS[name](bench)
    return 0


if __name__ == "__main__":
    sys.exit(main())
