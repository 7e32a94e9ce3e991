"""Build the agent's packages, with which it comes to a site, into ``build/agents``.

    python scripts/agents.py            both
    python scripts/agents.py pyz        agent.pyz alone, as `make install` does

``agent.pyz`` is one file for a machine that has Python 3.11 to 3.14: on Linux with glibc (2.17 or
newer, x86_64 and aarch64) and on 64-bit Windows. These are what municipal servers run; more
platforms (musl, macOS, 32 bit) would make every site fetch more. ``cryptography`` is one wheel a
platform, ``cffi`` one a platform and Python; what is pure Python stands in the zip as sources.
``vazao_agent.packed`` is how it starts.

``agent.tar.gz`` is self-contained: PyInstaller, in an environment of its own, puts Python, OpenSSL
and zstd beside the agent. It needs zlib, and the glibc that its file ``NEEDS`` names: that of
the machine that built it.

What is there is built anew only when its inputs have changed; ``requirements/agents.txt`` pins
them. Each package has a ``.sha256`` beside it. A hub serves what is there, and never builds.
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import apart

from vazao_agent import packed

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "agents"
PINS = ROOT / "requirements" / "agents.txt"
# What goes into agent.pyz; pip refuses if one of them needs another.
PURE = ("asn1crypto", "pg8000", "pycparser", "python-dateutil", "scramp", "six")
COMPILED = ("cffi", "cryptography")
MOST_BYTES = 25_000_000
DOWNLOADS_AT_ONCE = 3
# Zips know no earlier moment; a fixed one makes equal inputs equal bytes.
MOMENT = (1980, 1, 1, 0, 0, 0)

MAIN = '''\
"""The start of agent.pyz: no newer syntax, since any Python may read it."""
import sys

if sys.version_info < (3, 6):
    sys.exit({sentence!r}.format("Python " + sys.version.split()[0]))

from vazao_agent import launching, packed

launching.launch(sys.argv[1:], launching.state_of(sys.argv[1:], packed.STATE))
packed.prepare()

from vazao_agent.cli import main

sys.exit(main())
'''
ENTRY = '''\
"""The start of the self-contained agent."""
import sys

from vazao_agent import launching, packed

launching.launch(sys.argv[1:], launching.state_of(sys.argv[1:], packed.STATE))
packed.settle()

from vazao_agent.cli import main

sys.exit(main())
'''


class Unbuilt(Exception):
    """A package could not be built: a sentence with the remedy."""


@contextmanager
def alone() -> Iterator[None]:
    """Wait until no other process builds."""
    BUILD.mkdir(parents=True, exist_ok=True)
    with (BUILD / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def sources() -> list[Path]:
    """The agent's own modules."""
    return sorted((ROOT / "src" / "vazao_agent").rglob("*.py"))


def inputs(*more: str) -> str:
    """The digest of all that decides what a package holds."""
    digest = hashlib.sha256(" ".join(more).encode())
    for file in [*sources(), PINS, Path(__file__), Path(apart.__file__)]:
        digest.update(f"\n{file.relative_to(ROOT)}\n".encode() + file.read_bytes())
    return digest.hexdigest()


def build(name: str, digest: str, make: Callable[[Path], object]) -> bool:
    """Let *make* write the package where it is not current; whether there was anything to do."""
    package, stamp = BUILD / name, BUILD / f".{name}.stamp"
    checksum = BUILD / f"{name}.sha256"
    whole = package.is_file() and checksum.is_file() and stamp.is_file()
    if whole and stamp.read_text() == digest:
        return False
    with tempfile.TemporaryDirectory(prefix=".new-", dir=BUILD) as folder:
        fresh = Path(folder) / name
        make(fresh)
        said = f"{hashlib.sha256(fresh.read_bytes()).hexdigest()}  {name}\n"
        (Path(folder) / checksum.name).write_text(said)
        # Between the two, a package without a checksum is better than one with another's.
        checksum.unlink(missing_ok=True)
        fresh.replace(package)
        (Path(folder) / checksum.name).replace(checksum)
    stamp.write_text(digest)
    return True


# --- agent.pyz ----------------------------------------------------------------------------------

def pins(*names: str) -> str:
    """The lines of ``requirements/agents.txt`` about *names*."""
    blocks = re.split(r"^(?=\S)", PINS.read_text(), flags=re.MULTILINE)
    return "".join(each for each in blocks if each.split("==")[0] in names)


def download(folder: Path, requirements: str, system: str, minor: int) -> None:
    """Fetch the wheels of *requirements* for a platform and Python 3.*minor*.

    Raises:
        Unbuilt: pip says why.
    """
    folder.mkdir()
    (folder / "pins.txt").write_text(requirements)
    done = subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
         "--retries", "2", "--require-hashes", "--only-binary", ":all:", "--platform", system,
         "--implementation", "cp", "--python-version", f"3.{minor}", "--dest", str(folder),
         *(["--no-deps"] if minor != packed.OLDEST[1] else []),
         "--requirement", str(folder / "pins.txt")],
        capture_output=True, text=True, check=False,
    )
    if done.returncode != 0:
        raise Unbuilt(f"pip cannot fetch the wheels for {system} and Python 3.{minor}:\n"
                      f"{done.stderr.strip()}\nIs the package index reachable? Try again then.")


def wheels() -> list[Path]:
    """All wheels of ``agent.pyz``, fetched anew when the pins have changed.

    Raises:
        Unbuilt: they cannot be fetched.
    """
    everything, kept = pins(*PURE, *COMPILED), BUILD / "wheels"
    wanted = f"{everything}{packed.PLATFORMS}{packed.OLDEST}{packed.NEWEST}".encode()
    if not apart.is_current(kept, wanted):
        minors = range(packed.OLDEST[1], packed.NEWEST[1] + 1)
        # Only cffi differs by Python: the rest is fetched once a platform.
        wants = [(everything if minor == minors[0] else pins("cffi"), system, minor)
                 for system in packed.PLATFORMS for minor in minors]
        with tempfile.TemporaryDirectory(prefix=".wheels-", dir=BUILD) as folder:
            with ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool:
                running = [pool.submit(download, Path(folder, str(number)), *want)
                           for number, want in enumerate(wants)]
                try:
                    for each in running:
                        each.result()
                except Unbuilt:
                    pool.shutdown(cancel_futures=True)
                    raise
            shutil.rmtree(kept, ignore_errors=True)
            kept.mkdir()
            for wheel in Path(folder).rglob("*.whl"):
                wheel.replace(kept / wheel.name)
        apart.stamp(kept, wanted)
    return sorted(kept.glob("*.whl"))


def pyz(target: Path) -> None:
    """Write ``agent.pyz``.

    Raises:
        Unbuilt: wheels are missing, or it became too large.
    """
    with target.open("wb") as file:
        file.write(b"#!/usr/bin/env python3\n")
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            fill(archive)
    target.chmod(0o755)
    if target.stat().st_size > MOST_BYTES:
        raise Unbuilt(f"agent.pyz has {target.stat().st_size:,} bytes, more than {MOST_BYTES:,}. "
                      "Take a platform out of vazao_agent.packed.")


def fill(archive: zipfile.ZipFile) -> None:
    """Put everything into the zip: the agent, what is pure as sources, and the other wheels."""
    sums = {}
    add(archive, "__main__.py", MAIN.format(sentence=packed.UNFIT).encode())
    for file in sources():
        add(archive, file.relative_to(ROOT / "src").as_posix(), file.read_bytes())
    for wheel in wheels():
        if wheel.name.split("-")[0] in COMPILED:
            sums[wheel.name] = hashlib.sha256(wheel.read_bytes()).hexdigest()
            add(archive, f"wheels/{wheel.name}", wheel.read_bytes(), zipfile.ZIP_STORED)
            continue
        with zipfile.ZipFile(wheel) as pure:
            for name in sorted(each for each in pure.namelist() if not each.endswith("/")):
                add(archive, name, pure.read(name))
    add(archive, "wheels.json", json.dumps(sums, indent=1, sort_keys=True).encode())


def add(archive: zipfile.ZipFile, name: str, body: bytes, how: int | None = None) -> None:
    """Add a file that is the same whenever it is added."""
    about = zipfile.ZipInfo(name, MOMENT)
    about.external_attr = 0o644 << 16
    archive.writestr(about, body, zipfile.ZIP_DEFLATED if how is None else how)


# --- agent.tar.gz -------------------------------------------------------------------------------

def frozen(target: Path) -> None:
    """Write ``agent.tar.gz``.

    Raises:
        Unbuilt: PyInstaller is not to be had, or fails.
    """
    try:
        programs = apart.programs("agents")
    except subprocess.CalledProcessError as error:
        raise Unbuilt("PyInstaller cannot be installed: see pip's message above. "
                      "Is the package index reachable? Try again then.") from error
    work = target.parent / "work"
    work.mkdir()
    (work / "entry.py").write_text(ENTRY)
    done = subprocess.run(
        [str(programs / "pyinstaller"), "--noconfirm", "--clean", "--onedir", "--strip",
         "--exclude-module", "zstandard.backend_cffi", "--exclude-module", "zstandard._cffi",
         "--log-level", "WARN", "--name", "vazao-agent", "--paths", str(ROOT / "src"),
         "--distpath", str(work / "dist"), "--workpath", str(work / "build"),
         "--specpath", str(work), str(work / "entry.py")],
        env=os.environ | {"PYTHONHASHSEED": "0", "PYINSTALLER_CONFIG_DIR": str(work / "config")},
        capture_output=True, text=True, check=False,
    )
    if done.returncode != 0:
        raise Unbuilt(f"PyInstaller failed:\n{done.stderr.strip()[-2000:]}\nIt wants a Python with "
                      "a shared library, and binutils. Debian: apt-get install binutils "
                      "libpython3-dev.")
    made = work / "dist" / "vazao-agent"
    needs(made)
    pack(made, target)


def needs(folder: Path) -> None:
    """Write ``NEEDS``: the newest glibc of which a file in *folder* wants a symbol, and zlib.

    PyInstaller's start is linked to the system's zlib; Debian and its like always have it.
    """
    found = {
        (int(major), int(minor))
        for file in folder.rglob("*") if file.is_file() and not file.is_symlink()
        for body in [file.read_bytes()] if body.startswith(b"\x7fELF")
        for major, minor in re.findall(rb"\0GLIBC_(\d+)\.(\d+)", body)
    }
    glibc = ".".join(map(str, max(found)))
    (folder / "NEEDS").write_text(
        f"Linux {platform.machine()} with zlib and glibc {glibc} or newer\n"
    )
    if max(found) > tuple(map(int, packed.GLIBC.split("."))):
        say(f"agent.tar.gz needs glibc {glibc}, though its preflight names {packed.GLIBC}: for "
            "sites, build it on Debian 12.")


def pack(folder: Path, target: Path) -> None:
    """Write *folder* as an archive in which nothing tells of who built it, and when."""
    def plain(about: tarfile.TarInfo) -> tarfile.TarInfo:
        about.uid = about.gid = 0
        about.uname = about.gname = ""
        about.mtime = 0
        return about

    with (
        target.open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packing,
        tarfile.open(fileobj=packing, mode="w") as archive,
    ):
        archive.add(folder, folder.name, filter=plain)


# --- the command --------------------------------------------------------------------------------

PACKAGES: dict[str, tuple[str, tuple[str, ...], Callable[[Path], None]]] = {
    "pyz": ("agent.pyz", (), pyz),
    "tar": ("agent.tar.gz", (sys.version, *platform.libc_ver(), platform.machine()), frozen),
}


def say(sentence: str) -> None:
    """Tell whoever builds."""
    sys.stdout.write(f"{sentence}\n")


def main(arguments: list[str]) -> int:
    """Build what the command line names; 1 where something could not be built."""
    failed = 0
    with alone():
        for each in arguments or list(PACKAGES):
            name, more, make = PACKAGES[each]
            try:
                if build(name, inputs(*more), make):
                    say(f"built {name}: {(BUILD / name).stat().st_size / 1e6:.1f} MB")
            except (Unbuilt, OSError) as error:
                failed = 1
                offered = "its former one" if (BUILD / name).is_file() else "none"
                say(f"{name} was not built: a hub here offers {offered}. {error}")
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
