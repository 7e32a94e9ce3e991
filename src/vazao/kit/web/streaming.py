"""HTTP bodies that take their time: a request's, chunk by chunk, and answers as they are made."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from litestar.response import Stream

from vazao.kit.errors import TooLarge, UploadCutOff
from vazao.kit.web.bodies import ClientLeft

if TYPE_CHECKING:
    from litestar import Request


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


async def small_body(request: Request[Any, Any, Any], limit: int) -> bytes:
    """The whole body, where a route that streams others takes a small one too.

    Raises:
        TooLarge: more than *limit* bytes.
        UploadCutOff, BodyTooSlow: as :func:`body_of`.
    """
    body = bytearray()
    async for chunk in body_of(request):
        body += chunk
        if len(body) > limit:
            raise TooLarge.than(limit)
    return bytes(body)


async def begun(
    request: Request[Any, Any, Any], blocks: AsyncGenerator[bytes]
) -> AsyncGenerator[bytes]:
    """*blocks*, whose first is there already: what fails before it still has a status.

    HEAD wants none, and none is made for it.
    """
    if request.scope["state"].get("head"):
        return blocks
    first = await anext(blocks, b"")

    async def again() -> AsyncGenerator[bytes]:
        async with aclosing(blocks):
            yield first
            async for block in blocks:
                yield block

    return again()


def disposition(name: str, how: str = "attachment") -> str:
    """``Content-Disposition`` of a file called *name*, in any script (RFC 6266).

    Args:
        how: ``inline`` for what a browser shows, and keeps under that name.
    """
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\%' else "_" for c in name)
    if plain == name:
        return f'{how}; filename="{name}"'
    return f"{how}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def kept_file(
    body: AsyncIterator[bytes], media_type: str, name: str, **headers: str
) -> Stream:
    """An answer that a browser keeps as a file called *name*."""
    return Stream(
        body, media_type=media_type,
        headers={"Content-Disposition": disposition(name),
                 "Cache-Control": "no-store", **headers},
    )
