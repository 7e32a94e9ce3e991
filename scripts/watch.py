"""Run the tests of what was changed, at every save: a package's tests, or the test file itself."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOOK_SECONDS = 0.5


def times() -> dict[Path, float]:
    """When each source and test file was last written."""
    files = (f for name in ("src", "tests") for f in (ROOT / name).rglob("*.*"))
    return {f: f.stat().st_mtime for f in files if f.suffix in (".py", ".sql", ".html")}


def tests_of(file: Path) -> str:
    """Where the tests of *file* are: ``tests/<feature>``, or the test file itself."""
    parts = file.relative_to(ROOT).parts
    if parts[0] == "tests":
        return str(Path(*parts)) if parts[-1].startswith("test_") else str(Path(*parts[:-1]))
    folder = ROOT / "tests" / (parts[2] if len(parts) > 3 else "kit")
    return str(folder.relative_to(ROOT)) if folder.is_dir() else "tests"


def main(arguments: list[str]) -> None:
    """Look twice a second; Ctrl-C ends it."""
    known = times()
    sys.stdout.write("Waiting for a save; Ctrl-C ends it.\n")
    while True:
        time.sleep(LOOK_SECONDS)
        seen = times()
        changed = [file for file, at in seen.items() if known.get(file) != at]
        known = seen
        if changed:
            targets = sorted({tests_of(file) for file in changed})
            subprocess.run([sys.executable, "-m", "pytest", *targets, *arguments], cwd=ROOT,
                           check=False)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        raise SystemExit(0) from None
