"""Files of the agent's state: written whole or not at all, for the agent's user alone."""

import os
from pathlib import Path


def write_private(path: Path, body: bytes) -> None:
    """Write *path* so that it is whole after any crash, and nobody else may read it."""
    beside = path.with_name(path.name + ".new")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
