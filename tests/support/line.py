"""A line between a browser and the platform that can be cut: TCP, passed on by a thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any

CHUNK = 1 << 16


class Line:
    """Passes connections to 127.0.0.1:*port* on, until it is cut.

    Attributes:
        address: where the browser goes instead.
    """

    def __init__(self, port: int) -> None:
        self._to = port
        self._at = 0
        self._server: asyncio.Server | None = None
        self._ends: set[asyncio.StreamWriter] = set()
        self._passing: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.heal()
        self.address = f"http://127.0.0.1:{self._at}"

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    def heal(self) -> None:
        """Take connections, at the same address each time."""
        self._run(self._open())

    def cut(self) -> None:
        """End every connection, and take no other."""
        self._run(self._close())

    def end(self) -> None:
        """Cut it for good."""
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(20)
        self._loop.close()

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self._at)
        self._at = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        assert self._server is not None
        self._server.close()
        for end in self._ends:
            end.transport.abort()
        await asyncio.gather(*self._passing, return_exceptions=True)

    async def _accept(
        self, near_in: asyncio.StreamReader, near_out: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._passing.add(task)
        task.add_done_callback(self._passing.discard)
        far_in, far_out = await asyncio.open_connection("127.0.0.1", self._to)
        ends = {near_out, far_out}
        self._ends |= ends
        try:
            await asyncio.wait(
                [asyncio.ensure_future(_pass(near_in, far_out)),
                 asyncio.ensure_future(_pass(far_in, near_out))],
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            self._ends -= ends
            for end in ends:
                end.transport.abort()


async def _pass(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await source.read(CHUNK):
            target.write(chunk)
            await target.drain()


@contextmanager
def line_to(port: int) -> Iterator[Line]:
    """A line that is cut at the end of the block."""
    line = Line(port)
    try:
        yield line
    finally:
        line.end()
