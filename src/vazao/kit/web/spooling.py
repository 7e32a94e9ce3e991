"""Answers that their readers take slowly wait on the disk, not in memory.

What the server was handed stays with it until the client has taken it: a thousand slow readers of
an answer of one megabyte each would be a gigabyte. So an answer of more than :data:`BLOCK_BYTES`
goes through a file without a name, and the server gets the next block when the one before is on its
way. The route has long ended by then, and holds neither a connection nor the rows it read.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import tempfile
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from vazao.kit.errors import Unavailable
from vazao.kit.logging import get
from vazao.kit.serving import SHARE_OF_ANSWERS

if TYPE_CHECKING:
    from litestar.types import Message, Send

BLOCK_BYTES = 1 << 15
WAITING_AT_MOST = 1024
"""Answers of a process that wait so at the same time: each is an open file."""
log = get("spooling")


class AnswersWaiting(Unavailable):
    """Too many large answers are being read slowly."""

    code = "answers_waiting"


@cache
def _most() -> int:
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return min(WAITING_AT_MOST, files // SHARE_OF_ANSWERS)


async def blocks(file: IO[bytes]) -> AsyncIterator[bytes]:
    """What *file* holds, from its beginning, a block whenever the one before was taken.

    Most of it is in the system's memory: it is read here, without a walk to a thread and back.
    """
    file.flush()
    place = 0
    while True:
        block = read_at_once(file.fileno(), place)
        if block is None:
            block = await asyncio.to_thread(os.pread, file.fileno(), BLOCK_BYTES, place)
        if not block:
            return
        place += len(block)
        yield block


def read_at_once(file: int, place: int) -> bytes | None:
    """The next bytes from *place* on, none at the end; ``None`` where the disk has to be asked."""
    room = bytearray(BLOCK_BYTES)
    try:
        got = os.preadv(file, [room], place, os.RWF_NOWAIT)
    except OSError:
        return None
    return bytes(memoryview(room)[:got])


class Outgoing:
    """An answer on its way out: as it comes, but for a long one that comes in one piece.

    Args:
        send: the server's.
        folder: where long answers wait.
    """

    waiting = 0

    def __init__(self, send: Send, folder: Path) -> None:
        self._send = send
        self._folder = folder
        self._start: Message | None = None
        self._file: IO[bytes] | None = None
        self._begun = False

    async def send(self, message: Message) -> None:
        """Take a message from the application."""
        if message["type"] == "http.response.start":
            self._start = message
            return
        body: bytes = cast(Any, message).get("body", b"")
        whole = not self._begun and not cast(Any, message).get("more_body", False)
        if whole and len(body) > BLOCK_BYTES:
            if Outgoing.waiting >= _most():
                await self._refuse()
                return
            if await self._keep(body):
                return
        await self._begin()
        await self._send(message)

    async def _begin(self) -> None:
        self._begun = True
        if self._start is not None:
            start, self._start = self._start, None
            await self._send(start)

    async def _refuse(self) -> None:
        error = AnswersWaiting(remedy="Ask for smaller pages, or try again in a moment.")
        body = json.dumps(error.body()).encode()
        kept = [(k, v) for k, v in cast(Any, self._start)["headers"] if k.lower() not in (
            b"content-type", b"content-length", b"content-encoding", b"etag",
            b"content-disposition",
        )]
        await self._send({
            "type": "http.response.start", "status": error.status, "headers": [
                *kept, (b"content-type", b"application/json"), (b"retry-after", b"5"),
                (b"content-length", str(len(body)).encode()),
            ],
        })
        await self._send({"type": "http.response.body", "body": body, "more_body": False})

    async def _keep(self, body: bytes) -> bool:
        """Put a long answer into a file; where that cannot be, it goes as it is."""
        try:
            # Kept until close().
            file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115
            Outgoing.waiting += 1
            self._file = file
            await asyncio.to_thread(file.write, body)
        except OSError as error:
            log.warning("a long answer waits in memory", error_type=type(error).__name__)
            return False
        return True

    async def finish(self) -> None:
        """Send what waits; the application has ended."""
        file = self._file
        if file is None or self._begun:
            return
        await self._begin()
        async for block in blocks(file):
            await self._send({"type": "http.response.body", "body": block, "more_body": True})
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            Outgoing.waiting -= 1
            self._file.close()
