"""A receiver of webhooks: a real HTTP server of ours, as good or as bad as a test wants it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from tests.support.web import free_port

Headers = dict[str, str]


@dataclass
class Got:
    """A request that came in whole."""

    headers: Headers
    body: bytes

    @property
    def id(self) -> str:
        """By which doubles are known."""
        return self.headers["webhook-id"]

    @property
    def event(self) -> Any:
        """What it tells."""
        return json.loads(self.body)

    @property
    def object(self) -> str:
        """What that is about."""
        return str(self.event["object"])


@dataclass
class Behaviour:
    """What a receiver does with a request: waits, closes the connection, or answers."""

    status: int = 200
    seconds: float = 0.0
    closes: bool = False
    headers: Headers = field(default_factory=dict)
    body: bytes = b"ok"


@dataclass
class Receiver:
    """Keeps what it took, in order; *behave* chooses for each request what is done with it."""

    port: int
    taken: list[Got] = field(default_factory=list)
    asked: list[Got] = field(default_factory=list)
    behave: Callable[[Got], Behaviour] = field(default=lambda got: Behaviour())
    at_once: int = 0
    most_at_once: int = 0
    _server: asyncio.Server | None = None
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}/hook?key=x"

    def answers(self, **how: Any) -> None:
        """Do the same with all requests from now on."""
        behaviour = Behaviour(**how)
        self.behave = lambda got: behaviour

    @property
    def ids(self) -> list[str]:
        """Of what it took, doubles too."""
        return [got.id for got in self.taken]

    def of_type(self, type: str) -> list[Any]:
        """The events of a type that it took."""
        return [got.event for got in self.taken if got.event["type"] == type]

    async def up(self) -> None:
        """Listen."""
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def down(self) -> None:
        """Listen no more, and close what is open."""
        if self._server is not None:
            self._server.close()
            for writer in list(self._open):
                writer.transport.abort()
            await self._server.wait_closed()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            while await self._answer(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._open.discard(writer)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:-2]
        headers = {name.lower(): value for name, _, value in (
            line.partition(": ") for line in lines
        )}
        got = Got(headers, await reader.readexactly(int(headers["content-length"])))
        self.asked.append(got)
        how = self.behave(got)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await _held(how.seconds)
        finally:
            self.at_once -= 1
        if how.closes:
            return False
        if how.status < 300:
            self.taken.append(got)
        more = "".join(f"{name}: {value}\r\n" for name, value in how.headers.items())
        head = f"HTTP/1.1 {how.status} X\r\nContent-Length: {len(how.body)}\r\n{more}\r\n"
        writer.write(head.encode() + how.body)
        await writer.drain()
        return True


async def _held(seconds: float) -> None:
    """Let whoever asked wait."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await asyncio.Event().wait()


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    """One that takes everything, until the block ends."""
    made = Receiver(free_port())
    await made.up()
    try:
        yield made
    finally:
        await made.down()


def in_order(taken: list[Got]) -> bool:
    """Whether the first arrivals of each object's events came in the order of their numbers."""
    seen: set[str] = set()
    last: dict[str, int] = {}
    for got in taken:
        if got.id in seen:
            continue
        seen.add(got.id)
        number = got.event["data"]["n"]
        if last.get(got.object, -1) >= number:
            return False
        last[got.object] = number
    return True
