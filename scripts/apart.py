"""Programs that agree with none of our requirements, each set in an environment of its own.

    python scripts/apart.py rivals      installs what requirements/rivals.txt pins

A set lives in ``build/<name>/venv``, and is installed anew when its pins change.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def programs(name: str) -> Path:
    """The folder of the programs of ``requirements/<name>.txt``, installed where it is missing."""
    venv, pins = ROOT / "build" / name / "venv", ROOT / "requirements" / f"{name}.txt"
    if not is_current(venv, pins.read_bytes()):
        shutil.rmtree(venv, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        subprocess.run(
            [str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet",
             "--disable-pip-version-check", "--require-hashes", "--requirement", str(pins)],
            check=True,
        )
        stamp(venv, pins.read_bytes())
    return venv / "bin"


def is_current(folder: Path, source: bytes) -> bool:
    """Whether *folder* was made from *source*."""
    made = folder / ".stamp"
    return made.is_file() and made.read_text() == hashlib.sha256(source).hexdigest()


def stamp(folder: Path, source: bytes) -> None:
    """Remember what *folder* was made from."""
    (folder / ".stamp").write_text(hashlib.sha256(source).hexdigest())


if __name__ == "__main__":
    for each in sys.argv[1:]:
        programs(each)
