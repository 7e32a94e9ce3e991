"""Run the measurements: one script a claim under ``bench/``; each prints lines of JSON.

    python scripts/bench.py             all of them
    python scripts/bench.py leads …     the named ones
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def scripts() -> dict[str, Path]:
    """The measurements by name: every script under ``bench`` that can be run by itself."""
    files = sorted((ROOT / "bench").glob("*.py"))
    return {f.stem: f for f in files if "__main__" in f.read_text(encoding="utf-8")}


def main(names: list[str]) -> int:
    """Run *names*, or all; 1 if one failed."""
    known = scripts()
    if unknown := [name for name in names if name not in known]:
        sys.stderr.write(f"There is no measurement {unknown[0]}; there are: {', '.join(known)}\n")
        return 1
    codes = [
        subprocess.run([sys.executable, str(known[name])], cwd=ROOT, check=False).returncode
        for name in names or known
    ]
    return int(any(codes))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
