"""Ask the advisories whether anything that is pinned here is known to be unsafe.

    python scripts/audit.py            what running needs
    python scripts/audit.py run dev    these sets of pins

It needs the network. 1 where something is.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import apart

ROOT = Path(__file__).resolve().parent.parent


def main(arguments: list[str]) -> int:
    """Install the auditor, and let it ask."""
    program = apart.programs("audit") / "pip-audit"
    sets = [f"--requirement=requirements/{name}.txt" for name in arguments or ["run"]]
    command = [str(program), "--disable-pip", "--require-hashes", *sets]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
