"""Requests put to the application itself, and all that it answers: thousands in a minute.

A client would wait for the end of a stream that has none; here the caller leaves after its first
event, or where none comes soon.
"""

from __future__ import annotations

import asyncio
import gzip
import io
import zipfile
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_plus

HOST = "vazao.test"
STREAM = "text/event-stream"
SOON_SECONDS = 0.05
"""How long the first event of a stream is waited for; one that is there comes at once."""


@dataclass(frozen=True)
class Asked:
    """A request as it is sent; *headers* by their names in lower case."""

    method: str
    path: str
    query: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def __str__(self) -> str:
        return f"{self.method} {self.path}{'?' * bool(self.query)}{self.query}"

    @property
    def text(self) -> str:
        """All that it says."""
        body = self.body.decode("utf-8", "replace")
        return "\n".join((str(self), repr(self.headers), body, unquote_plus(body)))


@dataclass
class Told:
    """An answer."""

    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    def header(self, name: str) -> str:
        """The value of a header; empty where there is none."""
        return next((value for key, value in self.headers if key == name), "")

    @property
    def text(self) -> str:
        """All that it says, what is packed unpacked."""
        return "\n".join((str(self.status), repr(self.headers), *map(_text, unpacked(self.body))))


def _text(body: bytes) -> str:
    return body.decode("utf-8", "replace")


def unpacked(body: bytes) -> list[bytes]:
    """A body, and the files that are in it."""
    if body.startswith(b"PK\3\4"):
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            return [body, *(archive.read(name) for name in archive.namelist())]
    if body.startswith(b"\x1f\x8b"):
        return [body, gzip.decompress(body)]
    return [body]


async def ask(app: Any, asked: Asked, client: str = "192.0.2.9") -> Told:
    """What *app* answers, by ASGI."""
    told, left, heard = Told(), asyncio.Event(), asyncio.Event()
    given = iter([{"type": "http.request", "body": asked.body, "more_body": False}])

    async def receive() -> Any:
        message = next(given, None)
        if message is None:
            await left.wait()
        return message or {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            told.status = message["status"]
            told.headers = [(k.decode().lower(), v.decode("latin-1"))
                            for k, v in message.get("headers", ())]
            if told.header("content-type").startswith(STREAM):
                heard.set()
        elif message["type"] == "http.response.body":
            told.body += message.get("body", b"")
            if not message.get("more_body") or (heard.is_set() and b"data:" in told.body):
                left.set()

    answering = asyncio.ensure_future(app(_scope(asked, client), receive, send))
    streaming = asyncio.ensure_future(heard.wait())
    await asyncio.wait((answering, streaming), return_when=asyncio.FIRST_COMPLETED)
    streaming.cancel()
    if not answering.done():
        leaving = asyncio.ensure_future(left.wait())
        await asyncio.wait(
            (answering, leaving), timeout=SOON_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
        leaving.cancel()
    left.set()
    await answering
    return told


def _scope(asked: Asked, client: str) -> dict[str, Any]:
    headers = {"host": HOST, **asked.headers}
    if asked.body or asked.method in ("POST", "PUT", "PATCH"):
        headers["content-length"] = str(len(asked.body))
    return {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http",
        "method": asked.method, "path": asked.path, "raw_path": asked.path.encode(),
        "query_string": asked.query.encode(), "root_path": "", "server": (HOST, 80),
        "client": (client, 1234), "state": {},
        "headers": [(k.encode(), v.encode("latin-1")) for k, v in headers.items()],
    }
