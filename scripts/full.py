"""What takes too long for each change: one after the other, and what failed at the end.

    python scripts/full.py           all of it
    python scripts/full.py fuzzing   one, by its name
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTEST = ("-m", "pytest", "-n", "2", "--dist", "worksteal")


@dataclass(frozen=True)
class Run:
    """A run: its name, what Python is to run, and variables for it."""

    name: str
    arguments: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)


RUNS = [
    Run("fuzzing", (*PYTEST, "tests"), {"VAZAO_FULL": "1"}),
    Run("mutants", ("scripts/mutants.py",)),
]
"""Add a line here for what belongs to `make full`: a storm, a fuzzer's long run."""


def main(names: list[str]) -> int:
    """Run those of *names*, or all; 1 where one failed."""
    unknown = set(names) - {run.name for run in RUNS}
    if unknown:
        sys.stderr.write(f"There is no {', '.join(sorted(unknown))}; "
                         f"there are {', '.join(run.name for run in RUNS)}.\n")
        return 2
    said = []
    for run in RUNS:
        if names and run.name not in names:
            continue
        began = time.monotonic()
        done = subprocess.run([sys.executable, *run.arguments], cwd=ROOT, check=False,
                              env=os.environ | run.environment)
        took = int(time.monotonic() - began)
        said.append((done.returncode, f"{run.name}: {took // 60}:{took % 60:02}, "
                                      f"{'passed' if done.returncode == 0 else 'FAILED'}"))
    sys.stdout.write("\n".join(text for _, text in said) + "\n")
    return int(any(code for code, _ in said))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
