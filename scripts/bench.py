"""Run the measurements, keep what they print, and write the tables of the documents from it.

    python scripts/bench.py             all of them
    python scripts/bench.py leads …     the named ones

Each script prints lines of JSON, a claim a line; they are kept in ``bench/results/<name>.jsonl``,
from which ``bench/table.py`` makes the tables.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).resolve().parent.parent / "bench"
RESULTS = BENCH / "results"
NAMES = ("leads", "steps", "jobs", "kernel", "followers", "abuse", "events", "accounts",
         "relay", "notices", "beside", "pages", "clients")


def measure(name: str) -> int:
    """Run one script; what it prints is shown, and kept if it came to its end. Its exit code."""
    RESULTS.mkdir(exist_ok=True)
    half = RESULTS / f"{name}.part"
    command = [sys.executable, str(BENCH / f"{name}.py")]
    with (
        half.open("w", encoding="utf-8") as kept,
        subprocess.Popen(command, cwd=BENCH.parent, stdout=subprocess.PIPE, text=True) as process,
    ):
        for line in process.stdout or ():
            sys.stdout.write(line)
            sys.stdout.flush()
            kept.write(line)
    if process.returncode == 0:
        half.replace(RESULTS / f"{name}.jsonl")
    return process.returncode


def main(names: list[str]) -> int:
    """Run *names*, or all, then write the tables; 1 if one failed."""
    if unknown := [name for name in names if name not in NAMES]:
        sys.stderr.write(f"There is no measurement {unknown[0]}; there are: {', '.join(NAMES)}\n")
        return 1
    codes = [measure(name) for name in names or NAMES]
    tables = subprocess.run([sys.executable, str(BENCH / "table.py")], check=False)
    return int(any([*codes, tables.returncode]))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
