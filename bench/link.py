"""A link as a site has it: bandwidth by tbf between two network namespaces, delay by a proxy.

    with Link(mbit=100, round_trip=0.03) as link:
        port = link.to(8000)        # 127.0.0.1:8000 through the link is at link.host:port

Needs root, ``ip`` and ``tc``. Links of several processes stand side by side. Run as a program it is
one of the link's own processes.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from platform_under_test import free_port

NUMBER = os.getpid() % (1 << 14)
NAME, NEAR, FAR = f"vazaolink{NUMBER}", f"vazao{NUMBER}a", f"vazao{NUMBER}b"
HERE, THERE = (f"10.77.{NUMBER >> 6}.{(NUMBER & 63) << 2 | n}" for n in (1, 2))
BLOCK, MOST = 1 << 16, 8 << 20


def _run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)


@dataclass
class Link:
    """Two namespaces, joined by a link of so many Mbit/s each way, with a round trip in seconds."""

    mbit: float
    round_trip: float
    host: str = THERE
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __enter__(self) -> Self:
        subprocess.run(["ip", "netns", "del", NAME], capture_output=True, check=False)
        _run("ip", "netns", "add", NAME)
        _run("ip", "link", "add", NEAR, "type", "veth", "peer", "name", FAR)
        _run("ip", "link", "set", FAR, "netns", NAME)
        _run("ip", "addr", "add", f"{HERE}/30", "dev", NEAR)
        _run("ip", "link", "set", NEAR, "up")
        inside = ("ip", "netns", "exec", NAME)
        _run(*inside, "ip", "addr", "add", f"{THERE}/30", "dev", FAR)
        _run(*inside, "ip", "link", "set", FAR, "up")
        shape = ("root", "tbf", "rate", f"{self.mbit}mbit", "burst", "64kb", "latency", "100ms")
        _run("tc", "qdisc", "add", "dev", NEAR, *shape)
        _run(*inside, "tc", "qdisc", "add", "dev", FAR, *shape)
        return self

    def to(self, port: int) -> int:
        """The port of :attr:`host` that leads through the link to *port* of this machine."""
        mine = free_port()
        program = [sys.executable, str(Path(__file__).resolve())]
        self._start([*program, HERE, str(mine), "127.0.0.1", str(port), "0"])
        self._start(["ip", "netns", "exec", NAME, *program, THERE, str(mine), HERE, str(mine),
                     str(self.round_trip / 2)])
        return mine

    def _start(self, command: list[str]) -> None:
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        self.processes.append(process)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in self.processes:
            process.kill()
            process.wait()
        subprocess.run(["ip", "netns", "del", NAME], capture_output=True, check=False)


async def _pass_on(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float
) -> None:
    """Bytes from one side to the other, each *delay* seconds later."""
    waiting: deque[tuple[float, bytes]] = deque()
    size, more, room = 0, asyncio.Event(), asyncio.Event()

    async def write() -> None:
        nonlocal size
        while True:
            while not waiting:
                more.clear()
                await more.wait()
            due, block = waiting.popleft()
            if (left := due - time.monotonic()) > 0:
                await asyncio.sleep(left)
            size -= len(block)
            room.set()
            if not block:
                break
            writer.write(block)
            await writer.drain()
        writer.close()

    task = asyncio.create_task(write())
    with contextlib.suppress(ConnectionError):
        while True:
            block = await reader.read(BLOCK)
            waiting.append((time.monotonic() + delay, block))
            size += len(block)
            more.set()
            if not block:
                break
            while size > MOST:
                room.clear()
                await room.wait()
    with contextlib.suppress(ConnectionError):
        await task


async def serve(host: str, port: int, to_host: str, to_port: int, delay: float) -> None:
    """Pass connections on for ever."""
    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far, near = await asyncio.open_connection(to_host, to_port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(_pass_on(reader, near, delay), _pass_on(far, writer, delay))

    server = await asyncio.start_server(accept, host, port, limit=BLOCK)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    host, port, to_host, to_port, delay = sys.argv[1:]
    asyncio.run(serve(host, int(port), to_host, int(to_port), float(delay)))
