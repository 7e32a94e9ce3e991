"""Files of the agent's state: written whole or not at all, for the agent's user alone."""

import importlib
import os
from pathlib import Path
from typing import IO


def only_one(path: Path) -> "IO[bytes]":
    """A lock that one process holds, as long as the file is open.

    Raises:
        BlockingIOError: another one has it.
        OSError: the file cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = path.open("ab")
    try:
        if os.name == "nt":
            locking = importlib.import_module("msvcrt")
            locking.locking(file.fileno(), locking.LK_NBLCK, 1)
        else:
            locking = importlib.import_module("fcntl")
            locking.flock(file.fileno(), locking.LOCK_EX | locking.LOCK_NB)
    except OSError as error:
        file.close()
        raise BlockingIOError(*error.args) from error
    return file


def write_private(path: Path, body: bytes) -> None:
    """Write *path* so that it is whole after any crash, and nobody else may read it."""
    beside = path.with_name(path.name + ".new")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
