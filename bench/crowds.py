"""Crowds of sockets that mean no good, each share of them in a process of its own."""

from __future__ import annotations

import multiprocessing
import select
import socket
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

GONE_SECONDS = 60.0
SOCKETS = 10_000
SIP_BYTES, SIP_SECONDS, SIPPING_SECONDS = 256, 1.0, 40.0


class Crowd(NamedTuple):
    """What became of one process's sockets: seconds until the last was gone, and how many stay."""

    opened: int
    refused: int
    last_seconds: float
    left: int
    answers: Counter[str]


def dialled(port: int, source: str, opening: bytes, buffer: int = 0) -> socket.socket | None:
    """A socket from *source* that has said *opening*; ``None`` where it was refused.

    Args:
        buffer: what the system takes for it before it reads; as much as it likes where 0.
    """
    line = socket.socket()
    line.settimeout(10)
    try:
        if buffer:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        # The port is chosen when the other side is known: an address has enough for all.
        line.setsockopt(socket.SOL_IP, 24, 1)
        line.bind((source, 0))
        line.connect(("127.0.0.1", port))
        line.sendall(opening)
    except OSError:
        line.close()
        return None
    line.setblocking(False)
    return line


def crowd(port: int, sources: Sequence[str], count: int, opening: bytes) -> Crowd:
    """Open *count* connections from *sources* in turn, say *opening*, and then nothing until the
    server ends them.
    """
    lines: dict[int, tuple[socket.socket, float]] = {}
    watch, refused = select.epoll(), 0
    for turn in range(count):
        line = dialled(port, sources[turn % len(sources)], opening)
        if line is None:
            refused += 1
            continue
        lines[line.fileno()] = (line, time.monotonic())
        watch.register(line.fileno(), select.EPOLLIN)
    opened, last, answers = len(lines), 0.0, Counter[str]()
    deadline = time.monotonic() + GONE_SECONDS + 30
    while lines and time.monotonic() < deadline:
        for number, _ in watch.poll(1):
            line, since = lines[number]
            try:
                said = line.recv(65_536)
            except OSError:
                said = b""
            if said:
                answers[said[9:12].decode() if said.startswith(b"HTTP/1.1 ") else "other"] += 1
            else:
                last = max(last, time.monotonic() - since)
                watch.unregister(number)
                lines.pop(number)[0].close()
    return Crowd(opened, refused, last, len(lines), answers)


def sippers(port: int, sources: Sequence[str], count: int, opening: bytes) -> Crowd:
    """Open *count* connections, ask by *opening*, read a few bytes a second, and hang up."""
    dials = (dialled(port, sources[n % len(sources)], opening, 4096) for n in range(count))
    lines = [line for line in dials if line is not None]
    answers, told = Counter[str](), set[int]()
    began = time.monotonic()
    while time.monotonic() < began + SIPPING_SECONDS:
        for line in lines:
            try:
                said = line.recv(SIP_BYTES)
            except OSError:
                continue
            if line.fileno() not in told:
                told.add(line.fileno())
                answers[said[9:12].decode()] += 1
        time.sleep(SIP_SECONDS)
    for line in lines:
        line.close()
    return Crowd(len(lines), count - len(lines), 0.0, 0, answers)


def deaf(port: int, sources: Sequence[str], count: int, opening: bytes) -> Crowd:
    """Open *count* connections, ask by *opening*, and read nothing until the server gives up.

    The system tells the reader nothing of that, so the server's own sockets are looked at.
    """
    dials = [dialled(port, sources[n % len(sources)], opening, 4096) for n in range(count)]
    lines = [line for line in dials if line is not None]
    ports = {line.getsockname()[1] for line in lines}
    began, last, left = time.monotonic(), 0.0, len(lines)
    time.sleep(2)
    while left and time.monotonic() < began + GONE_SECONDS + 30:
        left = len(held(port) & ports)
        last = time.monotonic() - began
        time.sleep(0.5)
    for line in lines:
        line.close()
    return Crowd(len(lines), count - len(lines), last, left, Counter())


def held(port: int) -> set[int]:
    """The clients' ports of connections that the server at *port* holds."""
    found = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, ours, theirs, state, *_ = line.split()
        if state == "01" and int(ours[-4:], 16) == port:
            found.add(int(theirs[-4:], 16))
    return found


def crowds(
    port: int, sources: Sequence[str], count: int, opening: bytes,
    kind: Callable[..., Crowd] = crowd,
) -> Crowd:
    """*count* sockets from *sources*, shared among processes as far as one may open files."""
    shares = -(-count // SOCKETS)
    task = (port, sources, count // shares, opening)
    with multiprocessing.get_context("spawn").Pool(shares) as pool:
        found = pool.starmap(kind, [task] * shares, chunksize=1)
    answers = sum((each.answers for each in found), Counter[str]())
    return Crowd(
        sum(c.opened for c in found), sum(c.refused for c in found),
        max(c.last_seconds for c in found), sum(c.left for c in found), answers,
    )
