"""HTTP bodies that take their time: a request's, chunk by chunk, and server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec
from litestar import Request
from litestar.response import Stream

from vazao.jobs.errors import UploadCutOff
from vazao.jobs.models import ENDED
from vazao.jobs.store import Conn
from vazao.kit import metrics
from vazao.kit.bodies import ClientLeft
from vazao.kit.platform import Platform

POLL_SECONDS = 0.4
HEARTBEAT_SECONDS = 15.0
Load = Callable[[Conn], Awaitable[dict[str, Any]]]


def announced_of(request: Request[Any, Any, Any]) -> int:
    """How many bytes the request says its body has; 0 where it does not."""
    said = request.headers.get("content-length", "")
    return int(said) if said.isdecimal() else 0


async def body_of(request: Request[Any, Any, Any]) -> AsyncIterator[bytes]:
    """The request's body in chunks; the handler needs ``request_max_body_size=None``.

    Raises:
        UploadCutOff: the client left, or sent less than it announced.
        BodyTooSlow: it stopped, or sent too slowly.
    """
    got = 0
    try:
        async for chunk in request.stream():
            got += len(chunk)
            yield chunk
    except ClientLeft as error:
        raise UploadCutOff from error
    if got < announced_of(request):
        raise UploadCutOff


def has_ended(value: dict[str, Any]) -> bool:
    """Whether a status JSON shows an end."""
    return value.get("status") in ENDED


async def events_of(
    platform: Platform, load: Load, ended: Callable[[dict[str, Any]], bool] = has_ended
) -> AsyncIterator[bytes]:
    """Server-sent events: *load*'s JSON at once and whenever it changes, until it has *ended*.

    Between two looks no connection is held; a comment every 15 s keeps proxies patient.
    """
    with metrics.STREAMS_OPEN.track_inprogress():
        async for event in _changes(platform, load, ended):
            yield event


async def _changes(
    platform: Platform, load: Load, ended: Callable[[dict[str, Any]], bool]
) -> AsyncIterator[bytes]:
    last, quiet = b"", 0.0
    while True:
        async with platform.db.connection() as conn:
            value = await load(conn)
        text = msgspec.json.encode(value)
        # The estimate moves by itself and is no change.
        shape = msgspec.json.encode({k: v for k, v in value.items() if k != "eta_seconds"})
        if shape != last:
            last, quiet = shape, 0.0
            yield b"data: " + text + b"\n\n"
        if ended(value) or platform.closing:
            return
        if quiet >= HEARTBEAT_SECONDS:
            quiet = 0.0
            yield b": still here\n\n"
        await asyncio.sleep(POLL_SECONDS)
        quiet += POLL_SECONDS


def stream_of(
    platform: Platform, load: Load, ended: Callable[[dict[str, Any]], bool] = has_ended
) -> Stream:
    """An answer of server-sent events over :func:`events_of`; ends when the client leaves.

    Args:
        load: reads the JSON by primary key; its errors end the stream, so ask it once before.
    """
    return Stream(
        events_of(platform, load, ended), media_type="text/event-stream",
        headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"},
    )
