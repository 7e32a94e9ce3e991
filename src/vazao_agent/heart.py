"""The heart: while an agent reads a list, sends it, or waits for its turn, the hub hears of it."""

from __future__ import annotations

import threading
from typing import Any

from vazao_agent import __version__
from vazao_agent.errors import AgentError
from vazao_agent.hub import Hub


class Heart:
    """Checks in from a thread of its own until the block ends; what fails is left to the work.

    Args:
        seconds: between two beats.
    """

    def __init__(self, hub: Hub, seconds: float) -> None:
        self._hub, self._seconds = hub, seconds
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> Heart:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _beat(self) -> None:
        said: dict[str, Any] = {"version": __version__, "busy": True}
        while not self._over.wait(self._seconds):
            try:
                self._hub.post("/check-in", said)
            except AgentError:
                continue
