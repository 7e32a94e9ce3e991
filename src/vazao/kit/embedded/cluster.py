"""The embedded database's place on disk: its folders, their owners, and how a cluster is made."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from vazao.kit.embedded.process import (
    ACCOUNT,
    ELSEWHERE,
    Account,
    Binaries,
    as_account,
    closed_to,
    failure,
)
from vazao.kit.errors import ConfigurationError
from vazao.kit.files import sync_folder, write_atomically

ROLE = DATABASE = "vazao"
# The superuser. Only its secret lets it in, which no process of the platform is given.
ADMIN = "vazao_admin"
RIGHTS = "login nosuperuser nocreatedb nocreaterole noreplication nobypassrls"
# Below the range from which systems take ports for outgoing connections (32768 on Linux), lest
# one of those holds our port at the next start.
PORTS = range(20_000, 32_000)


@dataclass(frozen=True)
class Layout:
    """Where everything lies in a data folder, and the account (None: us) that runs the server.

    As root, only ``cluster`` and ``log`` belong to that account: what root itself reads and
    writes is out of reach of whoever might break into the server.
    """

    folder: Path
    account: Account | None = None

    @property
    def state(self) -> Path:
        """All that is the database's."""
        return self.folder / "postgres"

    @property
    def cluster(self) -> Path:
        """PostgreSQL's data directory."""
        return self.state / "cluster"

    @property
    def log(self) -> Path:
        """The folder of the server's log, a file a weekday."""
        return self.state / "log"

    @property
    def startup_log(self) -> Path:
        """What the server said before it opened its log."""
        return self.state / "startup.log"

    @property
    def config(self) -> Path:
        """The server's settings."""
        return self.state / "postgresql.conf"

    @property
    def port(self) -> Path:
        """The remembered port."""
        return self.state / "port"

    @property
    def password(self) -> Path:
        """The role's password, mode 0600."""
        return self.state / "password"

    @property
    def admin_password(self) -> Path:
        """The superuser's password, mode 0600."""
        return self.state / "admin-password"

    def lock(self, name: str) -> Path:
        """The file of the lock *name*."""
        return self.state / f"{name}.lock"

    def url(self, port: int) -> str:
        """The address of the database behind *port* of this machine, password included."""
        return _address(ROLE, self.password, port)

    def admin_url(self, port: int) -> str:
        """The same for the superuser."""
        return _address(ADMIN, self.admin_password, port)

    def give(self, path: Path) -> None:
        """Make *path* the account's; without one it is ours already."""
        if self.account:
            os.chown(path, self.account.uid, self.account.gid)


def _address(role: str, password: Path, port: int) -> str:
    return f"postgresql://{role}:{password.read_text().strip()}@127.0.0.1:{port}/{DATABASE}"


def keep_password(file: Path) -> str:
    """The password in *file*, made if missing."""
    if not file.is_file():
        write_atomically(file, secrets.token_urlsafe(32) + "\n")
    return file.read_text().strip()


def make_folders(layout: Layout) -> None:
    """Make what is missing of the folders, reachable for the server's account.

    Raises:
        ConfigurationError: a parent keeps the account out; it is not ours to open.
        OSError: no right to make them, or no room.
    """
    layout.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _open_to_group(layout)
    # Another starter may be at this very moment between making one and opening it.
    layout.state.mkdir(mode=0o700, exist_ok=True)
    wanted = 0o711 if layout.account else 0o700
    if stat.S_IMODE(layout.state.stat().st_mode) != wanted:
        layout.state.chmod(wanted)
    blocked = closed_to(layout.state, layout.account)
    if blocked is not None:
        raise ConfigurationError(
            "The system user {user}, who runs the database, may not enter {blocked}.",
            remedy="Name a folder outside of it in VAZAO_DATA_DIR, such as /var/lib/vazao.",
            user=ACCOUNT,
            blocked=blocked,
        )
    layout.log.mkdir(mode=0o700, exist_ok=True)
    layout.give(layout.log)


def _open_to_group(layout: Layout) -> None:
    """Let the account's group, and nobody else, pass through the data folder itself.

    Its parents are not ours to open; neither is root's home, should it be named.
    """
    folder, account = layout.folder, layout.account
    if account is None or folder in (Path.home(), Path("/")):
        return
    status = folder.stat()
    if status.st_uid == 0 and status.st_gid == 0 and not status.st_mode & 0o001:
        os.chown(folder, -1, account.gid)
        folder.chmod(status.st_mode & 0o7777 | 0o010)


def check_cluster(layout: Layout, major: str) -> None:
    """Refuse a cluster of another owner or PostgreSQL version; one that is missing is fine.

    Raises:
        ConfigurationError: says which of the two, and what to do.
    """
    if not layout.cluster.is_dir():
        return
    owner = layout.cluster.stat().st_uid
    if owner != (layout.account.uid if layout.account else os.geteuid()):
        raise ConfigurationError(
            "The database in {folder} belongs to another user (number {owner}).",
            remedy="Start as that user. " + ELSEWHERE,
            folder=layout.folder,
            owner=owner,
        )
    version = layout.cluster / "PG_VERSION"
    found = version.read_text().strip() if version.is_file() else "?"
    if found != major:
        raise ConfigurationError(
            "The database in {folder} is of PostgreSQL {found}; this is PostgreSQL {major}.",
            remedy="Dump it with the old version and load it here, or use VAZAO_DATA_DIR to "
            "name another folder.",
            folder=layout.folder,
            found=found,
            major=major,
        )


def usable(binaries: Binaries, layout: Layout) -> Binaries:
    """The programs where the server's account can run them: copied to our folder if need be."""
    if layout.account is None or _runs(binaries, layout.account):
        return binaries
    for left in layout.state.glob("copy-*/"):
        shutil.rmtree(left, ignore_errors=True)
    copy = binaries.copy_to(layout.state)
    for old in layout.state.glob("server-*/"):
        if old != copy.site:
            shutil.rmtree(old)
    return copy


def _runs(binaries: Binaries, account: Account) -> bool:
    try:
        subprocess.run(
            [str(binaries.bindir / "postgres"), "--version"],
            capture_output=True,
            check=True,
            **as_account(account),
        )
    except (PermissionError, FileNotFoundError):
        return False
    return True


def initialise(layout: Layout, binaries: Binaries, *, durable: bool) -> None:
    """Make the cluster beside its place and move it there whole, so that it is never half.

    It then has the superuser and the platform's role; the database is the first start's.

    Args:
        layout: where; passwords that are already there are kept.
        binaries: programs that the account can run.
        durable: whether it shall survive a power cut from the first second.

    Raises:
        StorageFull: no room; nothing is left behind.
        DatabaseUnavailable: initdb failed otherwise.
    """
    for left in layout.state.glob("init-*/"):
        shutil.rmtree(left, ignore_errors=True)
    keep_password(layout.password)
    keep_password(layout.admin_password)
    work = Path(tempfile.mkdtemp(prefix="init-", dir=layout.state))
    try:
        handed = work / "password"
        handed.write_text(layout.admin_password.read_text())
        layout.give(handed)
        layout.give(work)
        _run_initdb(layout, binaries, work, durable=durable)
        _make_role(layout, binaries, work, durable=durable)
        (work / "data").rename(layout.cluster)
        sync_folder(layout.state)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _run_initdb(layout: Layout, binaries: Binaries, work: Path, *, durable: bool) -> None:
    options = [f"--pgdata={work / 'data'}", f"--username={ADMIN}", f"--pwfile={work / 'password'}"]
    options += ["--auth=scram-sha-256", "--encoding=UTF8", "--data-checksums"]
    options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    done = subprocess.run(
        [str(binaries.bindir / "initdb"), *options, *([] if durable else ["--no-sync"])],
        capture_output=True,
        text=True,
        **as_account(layout.account),
    )
    if done.returncode:
        raise failure(done.stderr, layout.folder, layout.log)


def _make_role(layout: Layout, binaries: Binaries, work: Path, *, durable: bool) -> None:
    """Make the platform's role, in PostgreSQL's mode of one user: no server listens yet."""
    command = [str(binaries.bindir / "postgres"), "--single", "-D", str(work / "data")]
    command += ["-c", "exit_on_error=on", "-c", f"fsync={'on' if durable else 'off'}"]
    password = keep_password(layout.password).replace("'", "''")
    done = subprocess.run(
        [*command, "postgres"],
        input=f"create role {ROLE} {RIGHTS} password '{password}'\n",
        capture_output=True,
        text=True,
        **as_account(layout.account),
    )
    if done.returncode:
        raise failure(done.stderr, layout.folder, layout.log)


def choose_port(layout: Layout) -> int:
    """The port of last time if it is free, else another, remembered for next time."""
    text = layout.port.read_text().strip() if layout.port.is_file() else ""
    port = int(text) if text.isdigit() else secrets.choice(PORTS)
    while not _is_free(port):
        port = secrets.choice(PORTS)
    write_atomically(layout.port, f"{port}\n")
    return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
