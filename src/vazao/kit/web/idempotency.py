"""A request sent twice: the header by which the second leads to what the first made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vazao.kit.errors import BadRequest

HEADER = "Idempotency-Key"

if TYPE_CHECKING:
    from litestar import Request
    from litestar.connection import ASGIConnection

Idempotency = tuple[str, str]
"""The key, and a hash of what was asked."""


class IdempotencyKeyInvalid(BadRequest):
    """An Idempotency-Key is 1 to 255 printable ASCII characters."""

    code = "idempotency_key_invalid"


def idempotency_of(
    request: Request[Any, Any, Any], body_hash: str
) -> Idempotency | None:
    """The request's ``Idempotency-Key`` with a hash of what was asked, for ``enqueue``.

    Args:
        body_hash: of the body (and of whatever else makes the request what it is).

    Raises:
        IdempotencyKeyInvalid: the header is empty, too long, or not printable ASCII.
    """
    key = key_of(request)
    return None if key is None else (key, f"{request.method} {request.url.path} {body_hash}")


def key_of(connection: ASGIConnection[Any, Any, Any, Any]) -> str | None:
    """The request's ``Idempotency-Key``, if it brings one.

    Raises:
        IdempotencyKeyInvalid: the header is empty, too long, or not printable ASCII.
    """
    key = connection.headers.get(HEADER)
    if key is not None and not (1 <= len(key) <= 255 and key.isascii() and key.isprintable()):
        raise IdempotencyKeyInvalid
    return key
