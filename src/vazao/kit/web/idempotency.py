"""A request sent twice: the header by which the second leads to what the first made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vazao.kit.errors import BadRequest

if TYPE_CHECKING:
    from litestar import Request

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
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if not (1 <= len(key) <= 255 and key.isascii() and key.isprintable()):
        raise IdempotencyKeyInvalid
    return key, f"{request.method} {request.url.path} {body_hash}"
