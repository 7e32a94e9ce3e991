"""The PostgreSQL of a test run: embedded, started once, shared by all its processes."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vazao.kit.embedded import EmbeddedPostgres

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
