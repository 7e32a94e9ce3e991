"""The PostgreSQL of a test run: embedded, started once, shared by all its processes."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import psycopg
import pytest
from psycopg import sql

from tests.support.databases import address, role_of
from vazao.kit.embedded.process import as_account, server_account
from vazao.kit.embedded.server import EmbeddedPostgres
from vazao.migrations import migrate

OLDEST = Path("/usr/lib/postgresql/15/bin")
FOLDER = "VAZAO_TEST_SERVER_FOLDER"
MEMORY, ROOM_BYTES = Path("/dev/shm"), 4 << 30
# Nothing of a test run has to survive a power cut.
EXTRA = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "max_connections": "400",
    # Databases live for seconds here; a drop would wait for a worker that is looking at one.
    "autovacuum": "off",
}
# Kept alive: a server that outlives its starter's memory of it would be warned about.
_kept: list[EmbeddedPostgres] = []
# Held until the run's first process ends, however it ends.
_held: list[IO[str]] = []




def make_folder() -> str:
    """Make the run's folder and name it to the processes that this one starts.

    Not one of pytest's: those are closed to the account that runs the server when we are root.
    In memory where there is room: then databases come and go in hundredths of a second.
    """
    sweep()
    folder = Path(tempfile.mkdtemp(prefix="vazao-tests-", dir=memory_folder()))
    held = (folder / "run.lock").open("w")
    fcntl.flock(held, fcntl.LOCK_EX)
    _held.append(held)
    os.environ[FOLDER] = str(folder)
    return os.environ[FOLDER]


def sweep() -> None:
    """Remove what runs left that were killed: in memory it would stay until the next start."""
    for left in Path(memory_folder() or tempfile.gettempdir()).glob("vazao-tests-*"):
        with suppress(OSError), (left / "run.lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove_folder(str(left))


def memory_folder() -> Path | None:
    """A folder in memory for what does not outlive a test, where there is room."""
    roomy = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM_BYTES
    return MEMORY if roomy else None


def remove_folder(name: str) -> None:
    """Stop the server that is left there, and remove it all."""
    for server in [*_kept, EmbeddedPostgres(Path(name))]:
        server.stop()
    shutil.rmtree(name)


@contextmanager
def shared_server() -> Iterator[EmbeddedPostgres]:
    """The run's server, which the run's first process stops."""
    folder = Path(os.environ.get(FOLDER) or make_folder())
    server = EmbeddedPostgres(folder, extra=EXTRA)
    with locked(folder):
        server.start()
    _kept.append(server)
    yield server


@contextmanager
def template(role_url: str, admin: psycopg.Connection[Any]) -> Iterator[str]:
    """The name of a migrated database; on the run's own server the first who asks makes it.

    The role of *role_url* migrates it, and owns all that is in it.
    """
    if FOLDER in os.environ:
        folder = Path(os.environ[FOLDER])
        with locked(folder):
            if not (folder / "template").exists():
                (folder / "template").write_text(_migrated(role_url, admin))
        yield (folder / "template").read_text()
        return
    name = _migrated(role_url, admin)
    yield name
    admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def _migrated(role_url: str, admin: psycopg.Connection[Any]) -> str:
    name = f"template_{secrets.token_hex(4)}"
    admin.execute(sql.SQL("create database {} owner {}").format(
        sql.Identifier(name), sql.Identifier(role_of(role_url))
    ))
    migrate(address(role_url, name))
    return name


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One process of the run at a time."""
    with (folder / "tests.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def oldest_server() -> Iterator[str]:
    """The address of an empty database on PostgreSQL 15, on a port of its own."""
    if not (OLDEST / "postgres").is_file():
        pytest.skip("no PostgreSQL 15 on this machine: it was not tried")
    folder = Path(tempfile.mkdtemp(prefix="vazao-test-", dir=memory_folder()))
    account = server_account()
    if account:
        os.chown(folder, account.uid, account.gid)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data = folder / "data"
    run = {"check": True, "stdout": subprocess.DEVNULL, **as_account(account)}
    subprocess.run(
        [OLDEST / "initdb", "-D", data, "-U", "vazao", "-A", "trust", "-E", "UTF8", "--locale=C",
         "--no-sync"], **run
    )
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
    control = [OLDEST / "pg_ctl", "-D", data, "-w", "-l", folder / "log"]
    subprocess.run([*control, "-o", options, "start"], **run)
    try:
        yield f"postgresql://vazao@127.0.0.1:{port}/postgres"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], **run)
        shutil.rmtree(folder)
