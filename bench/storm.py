"""People who sign in at once, each waiting with a ticket as the page does; and pages beside them.

    python bench/storm.py people PORT FIRST COUNT      prints one line of JSON about all of them
    python bench/storm.py pages PORT RATE SECONDS      asks for the home page, sessions on stdin

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

from people import PASSWORD

HEAD = re.compile(rb"HTTP/1.1 (\d{3}).*?\r\n\r\n(.*)", re.DOTALL)
COOKIE = re.compile(rb"set-cookie: ?(vazao_visitor=[^;\r]+)", re.IGNORECASE)
FIELD = re.compile(rb'name="csrf" value="([^"]+)"')
LENGTH = re.compile(rb"content-length: ?(\d+)", re.IGNORECASE)
AGAIN_SECONDS = 0.05
WITHIN_SECONDS = 1.0
"""All come within so long."""


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
            self._give()
            self._idle.append(self)

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
    cookie: str = ""
    csrf: str = ""
    arrived: float = 0.0
    inside: float = 0.0
    longest: float = 0.0
    visits: int = 0
    wrong: list[str] = field(default_factory=list)

    async def open_page(self, proxy: Proxy) -> None:
        """Have the form before one's eyes."""
        found, _ = await proxy.ask(head("GET", "/login", self.n, "Accept: text/html"))
        cookie, value = COOKIE.search(found), FIELD.search(found)
        if not cookie or not value:
            raise SystemExit(f"no form: {found[:300]!r}")
        self.cookie, self.csrf = cookie[1].decode(), value[1].decode()

    async def sign_in(self, proxy: Proxy, began: float, after: float, patient: bool) -> None:
        """Send the form, and again with a ticket whenever it is time."""
        ticket = ""
        await asyncio.sleep(began + after - time.perf_counter())
        while True:
            text, sent = await proxy.ask(self.request(ticket))
            found = HEAD.match(text)
            self.arrived = self.arrived or sent - began
            self.longest = max(self.longest, time.perf_counter() - sent)
            self.visits += 1
            if found and found[1] == b"303":
                self.inside = time.perf_counter() - began
                return
            if not found or found[1] != b"503" or not patient:
                self.wrong.append((found[0][:200] if found else b"cut").decode("utf-8", "replace"))
                return
            error = json.loads(found[2])["error"]
            ticket = error["ticket"]
            await asyncio.sleep(error["retry_after"])

    def request(self, ticket: str) -> bytes:
        """The form as the page's script sends it."""
        body = urlencode({
            "csrf": self.csrf, "next": "/", "ticket": ticket, "username": f"user{self.n}",
            "password": PASSWORD,
        }).encode()
        return head(
            "POST", "/login", self.n, f"Cookie: {self.cookie}", "Accept: application/json",
            "Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}",
        ) + body


async def storm(port: int, first: int, count: int, patient: bool) -> dict[str, Any]:
    """All of them at once."""
    people, proxy = [Person(n) for n in range(first, first + count)], Proxy(port)
    for at in range(0, count, 50):
        await asyncio.gather(*(each.open_page(proxy) for each in people[at:at + 50]))
    print("ready", flush=True)
    sys.stdin.readline()
    began = time.perf_counter()
    await asyncio.gather(*(each.sign_in(proxy, began, n / count * WITHIN_SECONDS, patient)
                           for n, each in enumerate(people)))
    inside = [each for each in people if each.inside]
    return {
        "inside": len(inside), "seconds": max((each.inside for each in inside), default=0.0),
        "longest": max(each.longest for each in people),
        "visits": sum(each.visits for each in people),
        "wrong": [text for each in people for text in each.wrong][:5],
        "order": [(each.arrived, each.inside) for each in inside],
    }


async def pages(port: int, rate: float, seconds: float, cookies: list[str]) -> dict[str, Any]:
    """Home pages at a steady rate, whatever the answers take."""
    took: list[float] = []
    bad: list[str] = []
    proxy = Proxy(port)

    async def one(n: int, due: float) -> None:
        cookie = cookies[n % len(cookies)]
        request = head("GET", "/", n, f"Cookie: vazao_session={cookie}", "Accept: text/html")
        found = HEAD.match((await proxy.ask(request))[0])
        took.append(time.perf_counter() - due)
        if not found or found[1] != b"200":
            bad.append((found[0][:200] if found else b"cut").decode("utf-8", "replace"))

    began, running = time.perf_counter(), []
    for n in range(int(rate * seconds)):
        due = began + n / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        running.append(asyncio.create_task(one(n, due)))
    await asyncio.gather(*running)
    took.sort()
    return {"pages": len(took), "p50": took[len(took) // 2], "p99": took[len(took) * 99 // 100],
            "longest": took[-1], "bad": bad[:5], "bad_count": len(bad)}


def main(kind: str, port: str, *more: str) -> None:
    """Do one of the two, and print what was seen."""
    if kind == "people":
        first, count, patient = more
        found = uvloop.run(storm(int(port), int(first), int(count), patient == "patient"))
    else:
        rate, seconds = map(float, more)
        # Who looks must not wait for a core with those who are looked at.
        with contextlib.suppress(PermissionError):
            os.nice(-10)
        cookies = sys.stdin.read().split()
        found = uvloop.run(pages(int(port), rate, seconds, cookies))
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
