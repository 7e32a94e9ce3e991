"""The pace of request bodies: one deadline for every route, around what the server receives.

The server's own deadline covers a request's headers. A body that stalls would stay for ever, with
its connection and whatever the route holds meanwhile. So a body must make progress every
``VAZAO_STALL_SECONDS``, and come at ``VAZAO_BODY_BYTES_PER_SECOND`` on the whole, after a first
allowance of the same length. Only waiting for the client counts, never our own work.

An answer that comes before the body's end reaches clients only while they are listened to: closed
upon at once, their system throws away what it has not shown them yet. So what they still send is
taken and dropped for a while (:meth:`Body.linger`), as servers in front do. The server closes as
soon as an answer of known length is out and the client pauses; such an answer therefore goes
without ``Content-Length`` (:func:`of`), and its end comes after what was dropped.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from vazao.kit.errors import BadRequest, VazaoError
from vazao.kit.settings import Settings

if TYPE_CHECKING:
    from litestar.types import HTTPReceiveMessage, HTTPScope, Message, Receive, Send


LINGER_SECONDS = 1.0
"""How long a client that was answered may pause; in all it has ``VAZAO_STALL_SECONDS``."""


class BodyTooSlow(VazaoError):
    """The request's body stopped, or came too slowly."""

    code = "body_too_slow"
    status = 408

    def __init__(self, settings: Settings) -> None:
        super().__init__(
            remedy="Send it again at {rate} bytes per second or more, without pauses of {seconds} "
            "seconds.",
            rate=settings.body_bytes_per_second, seconds=f"{settings.stall_seconds:g}",
        )


class ClientLeft(BadRequest):
    """The client disconnected before its request was complete."""

    code = "client_left"


class Body:
    """A request's body on its way in.

    Attributes:
        whole: its last byte is in.
        answering: the answer has begun, so no other can be given any more.
    """

    def __init__(self, scope: HTTPScope, receive: Receive, settings: Settings) -> None:
        self._receive = receive
        # Sends nothing before it is told to: an answer is all that it waits for.
        self._asks_first = dict(scope["headers"]).get(b"expect", b"").lower() == b"100-continue"
        self._settings = settings
        self._waited = 0.0
        self._stalled = False
        self._bytes = 0
        self.whole = False
        self.answering = False

    async def receive(self) -> HTTPReceiveMessage:
        """The next message; what ends a body early is an error, unless the answer has begun.

        Raises:
            BodyTooSlow: it stopped or came too slowly.
            ClientLeft: the client did.
        """
        if self.whole:
            return cast("HTTPReceiveMessage", await self._receive())
        try:
            message = await self._next()
        except TimeoutError:
            self._stalled = True
            if not self.answering:
                raise BodyTooSlow(self._settings) from None
            return {"type": "http.disconnect"}
        if message["type"] != "http.request":
            if not self.answering:
                raise ClientLeft
            return message
        self._bytes += len(message.get("body", b""))
        self.whole = not message.get("more_body", False)
        return message

    async def linger(self) -> None:
        """Take what an answered client still sends, and drop it, unless it was too slow before."""
        if self._asks_first and not self._bytes:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.stall_seconds):
                while not self.whole and not self._stalled:
                    async with asyncio.timeout(LINGER_SECONDS):
                        message = await self._receive()
                    if message["type"] != "http.request":
                        return
                    self.whole = not message.get("more_body", False)

    async def _next(self) -> HTTPReceiveMessage:
        stall, rate = self._settings.stall_seconds, self._settings.body_bytes_per_second
        clock = asyncio.get_running_loop().time
        began = clock()
        left = stall + self._bytes / rate - self._waited
        try:
            async with asyncio.timeout(min(stall, left)):
                return cast("HTTPReceiveMessage", await self._receive())
        finally:
            self._waited += clock() - began


def announced(scope: HTTPScope) -> bool:
    """Whether the request says that it has a body."""
    headers = dict(scope["headers"])
    return headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers


def of(
    scope: HTTPScope, receive: Receive, give: Send, settings: Settings
) -> tuple[Body | None, Send]:
    """The body that a request announces, and how to answer: without a length before its end."""
    if not announced(scope):
        return None, give
    body = Body(scope, receive, settings)

    async def giving(message: Message) -> None:
        if message["type"] == "http.response.start" and not body.whole:
            message["headers"] = [
                (name, value) for name, value in message["headers"]
                if name.lower() != b"content-length"
            ]
        await give(message)

    return body, giving


async def hand_on(message: Message, body: Body | None, give: Send) -> None:
    """Give the server a message; before the last one, listen to what the client still sends."""
    last = message["type"] == "http.response.body" and not message["more_body"]
    if body is None or body.whole or not last:
        await give(message)
        return
    await give(cast("Message", {**message, "more_body": True}))
    await body.linger()
    await give({"type": "http.response.body", "body": b"", "more_body": False})
