"""The PostgreSQL of a test run: embedded, started once, shared by all its processes."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from vazao.kit.embedded.process import as_account, server_account
from vazao.kit.embedded.server import EmbeddedPostgres

OLDEST = Path("/usr/lib/postgresql/15/bin")
FOLDER = "VAZAO_TEST_SERVER_FOLDER"
# Nothing of a test run has to survive a power cut.
EXTRA = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "max_connections": "400",
    "autovacuum_naptime": "60s",
}


def make_folder() -> str:
    """Make the run's folder and name it to the processes that this one starts.

    Not one of pytest's: those are closed to the account that runs the server when we are root.
    """
    os.environ[FOLDER] = tempfile.mkdtemp(prefix="vazao-tests-")
    return os.environ[FOLDER]


def remove_folder(name: str) -> None:
    """Stop whatever server is left there, and remove it all."""
    EmbeddedPostgres(Path(name)).stop()
    shutil.rmtree(name)


@contextmanager
def shared_server() -> Iterator[str]:
    """The administrative address of the run's server; the last process to leave stops it.

    The server itself counts who uses it, and so does the lock here, which keeps a process that
    comes while the last one leaves from meeting a server that is stopping.
    """
    folder = Path(os.environ.get(FOLDER) or make_folder())
    server = EmbeddedPostgres(folder, extra=EXTRA)
    with (folder / "tests.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        url = server.start()
        fcntl.flock(lock, fcntl.LOCK_UN)
        yield url
        fcntl.flock(lock, fcntl.LOCK_EX)
        server.stop()


@contextmanager
def oldest_server() -> Iterator[str]:
    """The address of an empty database on PostgreSQL 15, on a port of its own."""
    if not (OLDEST / "postgres").is_file():
        pytest.skip("no PostgreSQL 15 on this machine: it was not tried")
    folder = Path(tempfile.mkdtemp(prefix="vazao-test-"))
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
