"""The number kernel, one core: against DuckDB, polars and awk, and its cost from size to size.

    python bench/kernel.py [--mebibytes 200] [--sizes 100,1000,10000]

Each rival reads the same file from a warm page cache, in a process of its own that is bound to one
core; what a runtime takes to start is not counted (awk, which only its process can time, has an
empty run subtracted). Sizes are in MB; linear means: no size costs more than 1.15 × the smallest's
time per byte. Figures are the best of five runs (awk: one): a disturbance only ever adds.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import platform_under_test as put

REPEATS = 5
SEED = 5


def write_numbers(path: Path, size: int) -> None:
    """About *size* bytes of numbers of 1 to 10 digits, each length as frequent, one a line."""
    chance = np.random.default_rng(SEED)
    digits = chance.integers(1, 11, 500_000)
    lowest = np.where(digits == 1, 0, 10.0 ** (digits - 1))
    values = (lowest + chance.random(len(digits)) * (10.0**digits - lowest)).astype(np.int64)
    block = "\n".join(map(str, values.tolist())).encode() + b"\n"
    with path.open("wb") as file:
        for _ in range(max(1, round(size / len(block)))):
            file.write(block)


def ours(path: Path) -> tuple[int, float]:
    """The sum and the seconds of the part's own code, reading included."""
    from vazao.numbers.join import Joiner
    from vazao.numbers.load import load
    from vazao.numbers.scan import Scanner
    from vazao.numbers.tasks import scan_file

    kernel = load(path.parent)
    began = time.perf_counter()
    joiner = Joiner(kernel)
    joiner.add(scan_file(Scanner(kernel), path, 0, path.stat().st_size))
    return int(joiner.finish()), time.perf_counter() - began


def with_polars(path: Path) -> tuple[int, float]:
    """Its CSV scan, streaming, one thread."""
    import polars as pl

    began = time.perf_counter()
    column = pl.col("n")
    frame = pl.scan_csv(path, has_header=False, new_columns=["n"], schema={"n": pl.Int64})
    found = frame.filter(column % 2 == 0).select(column.sum()).collect(engine="streaming")
    return int(found.item()), time.perf_counter() - began


def with_duckdb(path: Path) -> tuple[int, float]:
    """Its CSV reader, one thread."""
    import duckdb

    conn = duckdb.connect(config={"threads": 1})
    began = time.perf_counter()
    query = (f"select sum(n) from read_csv('{path}', header=false, columns={{'n': 'BIGINT'}}) "
             "where n % 2 = 0")
    row = conn.execute(query).fetchone()
    assert row is not None
    return int(row[0]), time.perf_counter() - began


def with_awk(path: Path) -> tuple[int, float]:
    """The line that people write."""
    def run(file: str) -> tuple[str, float]:
        began = time.perf_counter()
        program = '$1 % 2 == 0 { s += $1 } END { printf "%.0f", s }'
        done = subprocess.run(["awk", program, file], capture_output=True, text=True, check=True)
        return done.stdout, time.perf_counter() - began

    _, empty = run("/dev/null")
    shown, seconds = run(str(path))
    return int(shown), seconds - empty


WAYS: dict[str, Callable[[Path], tuple[int, float]]] = {
    "ours": ours, "polars": with_polars, "duckdb": with_duckdb, "awk": with_awk,
}


def alone(way: str, path: Path, repeats: int = REPEATS) -> tuple[int, float]:
    """The sum and the least seconds of *way*, each time in a process bound to one core."""
    core = str(min(os.sched_getaffinity(0)))
    seconds, total = [], 0
    for _ in range(repeats):
        done = subprocess.run(
            ["taskset", "-c", core, sys.executable, __file__, "--only", way, str(path)],
            env=os.environ | {"POLARS_MAX_THREADS": "1"}, capture_output=True, text=True,
            check=True,
        )
        total, took = json.loads(done.stdout)
        seconds.append(took)
    return total, min(seconds)


def against(path: Path) -> None:
    """Our line, and one for each rival."""
    size = path.stat().st_size
    total, own = alone("ours", path)
    speed = size / own / 1e9
    put.say("kernel, one core", "≥ 1.2 GB/s", speed, ok=speed >= 1.2, bytes=size, seconds=own)
    for way, least in (("polars", 3), ("duckdb", 6), ("awk", 20)):
        other, seconds = alone(way, path, 1 if way == "awk" else REPEATS)
        put.say(f"kernel against {way}", f"≥ {least} ×", seconds / own, ok=seconds / own >= least,
                seconds=seconds, same_sum=other == total)


def linear(folder: Path, sizes: list[int]) -> None:
    """Time per byte from size to size."""
    first = 0.0
    for size in sizes:
        path = folder / f"{size}.txt"
        write_numbers(path, size * 1_000_000)
        _, seconds = alone("ours", path)
        each = seconds / path.stat().st_size * 1e9
        path.unlink()
        first = first or each
        put.say(f"kernel, {size} MB: time per byte against the smallest", "≤ 1.15 ×",
                each / first, ok=each <= 1.15 * first, seconds=seconds)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mebibytes", type=int, default=200)
    parser.add_argument("--sizes", default="100,1000,10000", help="MB, comma-separated")
    parser.add_argument("--only", nargs=2, metavar=("WAY", "FILE"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.only:
        print(json.dumps(WAYS[given.only[0]](Path(given.only[1]))))
        return
    with tempfile.TemporaryDirectory(dir=put.base_folder()) as folder:
        path = Path(folder) / "numbers.txt"
        write_numbers(path, given.mebibytes << 20)
        against(path)
        path.unlink()
        linear(Path(folder), [int(size) for size in given.sizes.split(",")])


if __name__ == "__main__":
    main()
