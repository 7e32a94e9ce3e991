"""Large answers of programs are packed where their reader takes it: zstd or gzip.

Only data is (:data:`TYPES`), and only what a GET gave: pages hold a secret of the session beside
what the reader typed, and how well such an answer packs tells of the secret (BREACH); an answer
that sets a cookie or was made by a POST, as a new token is, stays as it is for the same reason.
Streams of events are never packed: each event is to be seen at once.

Whether an answer is packed shows in its head alone, so that HEAD says what GET does. Downloads,
which say no length beforehand, stay as they are: packing eight of 50 MB kept everybody else's
sign-in waiting for half a second. The framework's own middleware packs every type, a stream of
events too, keeps a strong ETag for other bytes, and names no ``Vary``.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, cast

import zstandard

from vazao.kit.web.static import choose_encoding

if TYPE_CHECKING:
    from litestar.types import HTTPScope, Message, Send

SMALLEST = 4096
"""Below that a packet is sent anyway, and packing costs more than it saves."""
WHOLE_BYTES = 2 << 20
"""Up to so many announced bytes zstd is offered: its encoder holds megabytes, gzip's 256 KiB."""
THREAD_BYTES = 1 << 15
"""More than that is packed in a thread; both libraries let others run meanwhile."""
TYPES = frozenset({
    b"application/json", b"application/x-ndjson", b"application/ndjson", b"text/csv",
    b"text/plain",
})
GZIP_LEVEL, ZSTD_LEVEL = 5, 3
UNTOUCHED = frozenset({
    b"content-encoding", b"content-range", b"accept-ranges", b"set-cookie",
})


class Coder(Protocol):
    """What packs piece by piece."""

    def compress(self, data: bytes, /) -> bytes:
        """What is ready of all that was given so far."""
        ...

    def flush(self) -> bytes:
        """The rest."""
        ...


def _gzip() -> Coder:
    return cast(Coder, zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, 31))


def _zstd() -> Coder:
    return cast(Coder, zstandard.ZstdCompressor(level=ZSTD_LEVEL).compressobj())


CODERS: dict[str, Callable[[], Coder]] = {"gzip": _gzip, "zstd": _zstd}


class Packing:
    """An answer on its way, packed where that is right.

    Args:
        give: takes an answer.
        give_head: takes an answer of which only the head is sent.
    """

    def __init__(self, scope: HTTPScope, give: Send, give_head: Send) -> None:
        self._scope = scope
        self._head = bool(scope["state"].get("head"))
        self._give = give_head if self._head else give
        self._start: Any = None
        self._announced = -1
        self._coder: Coder | None = None

    async def send(self, message: Message) -> None:
        """Take a message from the application."""
        if message["type"] == "http.response.start":
            self._coder = self._begin(message)
            if self._coder is None:
                await self._give(message)
            else:
                # Until it is known whether all of it comes at once.
                self._start = message
            return
        if self._coder is None or message["type"] != "http.response.body":
            await self._give(message)
            return
        await self._pack(cast(Any, message), self._coder)

    def _begin(self, message: Any) -> Coder | None:
        """What packs the answer with this head, which is changed for it; ``None``: nothing does."""
        headers = {name.lower(): value for name, value in message["headers"]}
        offered = _offered(self._scope, message["status"], headers)
        if not offered:
            return None
        accepted = ",".join(
            value.decode("latin-1") for name, value in self._scope["headers"]
            if name == b"accept-encoding"
        )
        coding = choose_encoding(accepted, offered)
        self._announced = int(headers[b"content-length"])
        changed = {b"vary": _varied(headers.get(b"vary"))}
        if coding != "identity":
            changed[b"content-encoding"] = coding.encode()
            if etag := headers.get(b"etag"):
                # Other bytes, the same meaning: what a weak one says.
                changed[b"etag"] = etag if etag.startswith(b"W/") else b"W/" + etag
        gone = set(changed) | ({b"content-length"} if coding != "identity" else set())
        kept = [(name, value) for name, value in message["headers"] if name.lower() not in gone]
        message["headers"] = [*kept, *changed.items()]
        return None if coding == "identity" else CODERS[coding]()

    async def _pack(self, message: Any, coder: Coder) -> None:
        body, more = message.get("body", b""), message.get("more_body", False)
        if len(body) > THREAD_BYTES:
            packed = await asyncio.to_thread(_packed, coder, body, last=not more)
        else:
            packed = _packed(coder, body, last=not more)
        start, self._start = self._start, None
        if start is not None:
            # The head of a stream may come with an empty body.
            if not more and (len(body) == self._announced or not self._head):
                length = (b"content-length", str(len(packed)).encode())
                start["headers"] = [*start["headers"], length]
            await self._give(start)
        # An empty piece is nothing to send, but at the end.
        if packed or not more:
            await self._give({"type": "http.response.body", "body": packed, "more_body": more})


def _packed(coder: Coder, body: bytes, *, last: bool) -> bytes:
    return coder.compress(body) + (coder.flush() if last else b"")


def _offered(scope: HTTPScope, status: int, headers: dict[bytes, bytes]) -> tuple[str, ...]:
    """The codings that an answer may have, best first; none where it stays as it is."""
    media = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if (
        media not in TYPES or status != 200 or scope["method"] not in ("GET", "HEAD")
        or not UNTOUCHED.isdisjoint(headers)
        or b"no-transform" in headers.get(b"cache-control", b"")
    ):
        return ()
    length = headers.get(b"content-length")
    if length is None or int(length) < SMALLEST:
        return ()
    return ("zstd", "gzip") if int(length) <= WHOLE_BYTES else ("gzip",)


def _varied(vary: bytes | None) -> bytes:
    return b"Accept-Encoding" if not vary else vary + b", Accept-Encoding"
