"""Write what was tried into docs/security.md: who asked, how often, and what came of it.

    python scripts/tried.py            try it all (about a minute) and write the table

The same test compares the table in each run of the suite.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TEST = "tests/acceptance/test_every_identity.py"


def main() -> int:
    """Run the test in a way that it writes."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", TEST], cwd=ROOT,
        env={**os.environ, "VAZAO_WRITE_TRIED": "1"},
    ).returncode


if __name__ == "__main__":
    raise SystemExit(main())
