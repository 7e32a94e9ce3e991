"""HTTP bodies that take their time: a request's, chunk by chunk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from vazao.kit.errors import UploadCutOff
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
