"""People who sign in at once, each waiting with a ticket as the page does; and pages beside them.

    python bench/storm.py people PORT DOOR COUNT SECONDS     come at once, and are counted so long
    python bench/storm.py pages PORT DOOR RATE SECONDS       ask for the home page
    python bench/storm.py own PORT DOOR COUNT                ask for it, and read whose it is

``pages`` and ``own`` find sessions on stdin, ``own`` with a name behind each, and each prints one
line of JSON. DOOR is one of :data:`doors.DOORS`.

A process of its own: what it costs is not the server's. Each person is a client with an address of
their own, which a trusted proxy tells.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import sys
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import uvloop

from doors import DOORS, Door

HEAD = re.compile(rb"HTTP/1.1 (\d{3}).*?\r\n\r\n(.*)", re.DOTALL)
NAMES = re.compile(rb"Pessoa \d+")
CLOSING = re.compile(rb"connection: ?close", re.IGNORECASE)
LENGTH = re.compile(rb"content-length: ?(\d+)", re.IGNORECASE)
AGAIN_SECONDS = 0.05
WITHIN_SECONDS = 1.0
"""All come within so long."""
LATE_SECONDS = 30.0
"""How long pages that were asked for are still waited for at the end."""
AT_ONCE = 64


class Line(asyncio.Protocol):
    """A connection, which serves one request after another as those of a proxy do."""

    def __init__(self, idle: list[Line]) -> None:
        self._idle = idle
        self._read = bytearray()
        self._done: asyncio.Future[bytes] | None = None
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def ask(self, request: bytes) -> asyncio.Future[bytes]:
        """What comes back."""
        self._done = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return self._done

    def data_received(self, data: bytes) -> None:
        self._read += data
        end = self._read.find(b"\r\n\r\n")
        length = LENGTH.search(self._read, 0, end) if end > 0 else None
        if length and len(self._read) >= end + 4 + int(length[1]):
            if not CLOSING.search(self._read, 0, end):
                self._idle.append(self)
            self._give()

    def connection_lost(self, exc: Exception | None) -> None:
        if self in self._idle:
            self._idle.remove(self)
        self._give()

    def _give(self) -> None:
        done, self._done = self._done, None
        found, self._read = bytes(self._read), bytearray()
        if done and not done.done():
            done.set_result(found)


class Proxy:
    """Connections to the server, kept and used again."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[Line] = []

    async def ask(self, request: bytes) -> tuple[bytes, float]:
        """What comes back, and when the request was sent."""
        loop = asyncio.get_running_loop()
        while not self._idle:
            try:
                _, line = await loop.create_connection(
                    lambda: Line(self._idle), "127.0.0.1", self._port
                )
                break
            except OSError:
                # A listener that is full is tried again, as a system does.
                await asyncio.sleep(AGAIN_SECONDS)
        else:
            line = self._idle.pop()
        sent = time.perf_counter()
        return await line.ask(request), sent


def head(method: str, path: str, n: int, *more: str) -> bytes:
    """The head of a request of one person."""
    address = f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}"
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"X-Forwarded-For: {address}",
             *more]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


@dataclass
class Person:
    """One who signs in; times in seconds since the storm began."""

    n: int
    door: Door
    cookie: str = ""
    proof: str = ""
    arrived: float = 0.0
    inside: float = 0.0
    longest: float = 0.0
    visits: int = 0
    wrong: list[str] = field(default_factory=list)

    async def open_page(self, proxy: Proxy) -> None:
        """Have the form before one's eyes."""
        if self.door.page:
            found, _ = await proxy.ask(head("GET", self.door.page, self.n, "Accept: text/html"))
            self.cookie, self.proof = self.door.find(found)

    async def sign_in(self, proxy: Proxy, began: float, after: float) -> None:
        """Send the form, and again with a ticket whenever it is time."""
        ticket = ""
        await asyncio.sleep(began + after - time.perf_counter())
        while True:
            text, sent = await proxy.ask(self.request(ticket))
            found = HEAD.match(text)
            self.arrived = self.arrived or sent - began
            self.longest = max(self.longest, time.perf_counter() - sent)
            self.visits += 1
            if found and found[1] == self.door.status:
                self.inside = time.perf_counter() - began
                return
            if not found or found[1] != b"503" or not self.door.patient:
                self.wrong.append((found[0][:200] if found else b"cut").decode("utf-8", "replace"))
                return
            error = json.loads(found[2])["error"]
            ticket = error["ticket"]
            await asyncio.sleep(error["retry_after"])

    def request(self, ticket: str) -> bytes:
        """The form as the page's script sends it."""
        body = urlencode(self.door.fields(self.n, self.proof, ticket)).encode()
        return head(
            "POST", self.door.path, self.n, f"Cookie: {self.cookie}",
            f"Accept: {self.door.accept}",
            "Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}",
        ) + body


async def storm(port: int, door: Door, count: int, seconds: float) -> dict[str, Any]:
    """All of them at once; those who are not in after so many seconds are not counted."""
    people, proxy = [Person(n, door) for n in range(count)], Proxy(port)
    for at in range(0, count, 50):
        await asyncio.gather(*(each.open_page(proxy) for each in people[at:at + 50]))
    print("ready", flush=True)
    sys.stdin.readline()
    began = time.perf_counter()
    running = [
        asyncio.create_task(each.sign_in(proxy, began, n / count * WITHIN_SECONDS))
        for n, each in enumerate(people)
    ]
    _, left = await asyncio.wait(running, timeout=seconds)
    for each in left:
        each.cancel()
    inside = sorted((each for each in people if each.inside), key=lambda each: each.inside)
    wrong = [text for each in people for text in each.wrong]
    most = len(inside) * 4 // 5
    return {
        "inside": len(inside), "seconds": inside[-1].inside if inside else 0.0,
        # The last come late where connections were refused, and the server may do nothing then.
        "rate": most / inside[most - 1].inside if most else 0.0,
        "longest": max(each.longest for each in people),
        "visits": sum(each.visits for each in people),
        "wrong": wrong[:5], "wrong_count": len(wrong),
        "order": [(each.arrived, each.inside) for each in inside],
    }


async def pages(
    port: int, door: Door, rate: float, seconds: float, cookies: list[str]
) -> dict[str, Any]:
    """Home pages at a steady rate, whatever the answers take."""
    took: list[float] = []
    bad: list[str] = []
    proxy = Proxy(port)

    async def one(n: int, due: float) -> None:
        cookie = cookies[n % len(cookies)]
        request = head("GET", "/", n, f"Cookie: {door.session}={cookie}", "Accept: text/html")
        try:
            found = HEAD.match((await proxy.ask(request))[0])
        finally:
            # One that never came took at least as long as it was waited for.
            took.append(time.perf_counter() - due)
        if not found or found[1] != b"200":
            bad.append((found[0][:200] if found else b"cut").decode("utf-8", "replace"))

    began, running = time.perf_counter(), []
    for n in range(int(rate * seconds)):
        due = began + n / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        running.append(asyncio.create_task(one(n, due)))
    _, left = await asyncio.wait(running, timeout=LATE_SECONDS)
    for each in left:
        each.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    took.sort()
    return {"pages": len(took), "p50": took[len(took) // 2], "p99": took[len(took) * 99 // 100],
            "longest": took[-1], "bad": bad[:5], "bad_count": len(bad), "never": len(left)}


async def own(port: int, door: Door, count: int, people: list[str]) -> dict[str, Any]:
    """Home pages of many in turn, many at once, and how many named anybody else."""
    proxy, numbers, others, bad = Proxy(port), iter(range(count)), 0, 0

    async def one() -> None:
        nonlocal others, bad
        for n in numbers:
            cookie, name = people[n % len(people)].split("\t")
            request = head("GET", "/", n, f"Cookie: {door.session}={cookie}", "Accept: text/html")
            found = HEAD.match((await proxy.ask(request))[0])
            if not found or found[1] != b"200":
                bad += 1
            elif {*NAMES.findall(found[2])} != {name.encode()}:
                others += 1

    await asyncio.gather(*(one() for _ in range(AT_ONCE)))
    return {"count": count, "others": others, "bad": bad}


def main(kind: str, port: str, door: str, *more: str) -> None:
    """Do one of the three, and print what was seen."""
    by = DOORS[door]
    if kind == "people":
        found = uvloop.run(storm(int(port), by, int(more[0]), float(more[1])))
    elif kind == "own":
        people = sys.stdin.read().splitlines()
        found = uvloop.run(own(int(port), by, int(more[0]), people))
    else:
        # Who looks must not wait for a core with those who are looked at.
        with contextlib.suppress(PermissionError):
            os.nice(-10)
        cookies = sys.stdin.read().split()
        found = uvloop.run(pages(int(port), by, float(more[0]), float(more[1]), cookies))
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
