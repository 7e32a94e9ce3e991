"""Forged requests: what a page of another site makes a signed-in browser send is refused.

Only cookies are sent unasked, so only requests that a cookie signed in are checked. Every unsafe
one must carry the session's own value, in the header ``X-CSRF-Token`` or, in a small
``application/x-www-form-urlencoded`` form, the field ``csrf``. The guard of every route does that
(:mod:`vazao.kit.web.frame`); a route that lifted its body limit to stream is checked by the header
alone, and one with ``opt["csrf"] = "handler"`` calls :func:`check` itself.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from typing import Any, cast
from urllib.parse import urlsplit

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler

from vazao.kit.errors import Forbidden

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
FORM = "application/x-www-form-urlencoded"
LARGEST_FORM = 1 << 20


class CsrfFailed(Forbidden):
    """This form has expired, or another site sent it."""

    code = "csrf_failed"

    def __init__(self) -> None:
        super().__init__(remedy="Reload the page and try again.")


def value_for(secret: bytes, holder: bytes) -> str:
    """The value that pages of *holder* (a session's or an anonymous cookie's bytes) must send."""
    return hmac.new(secret, b"csrf\0" + holder, hashlib.sha256).hexdigest()


def check(expected: Iterable[str], given: str | None) -> None:
    """Compare in constant time with each that may have been signed.

    Raises:
        CsrfFailed: it is none of them, or nothing was sent.
    """
    sent = (given or "").encode("utf-8", "replace")
    if not any(hmac.compare_digest(each.encode(), sent) for each in expected):
        raise CsrfFailed


def check_origin(connection: ASGIConnection[Any, Any, Any, Any]) -> None:
    """Refuse what a browser itself says comes from another origin.

    Raises:
        CsrfFailed: ``Sec-Fetch-Site``, or without it ``Origin``, names another one.
    """
    site = connection.headers.get("sec-fetch-site")
    if site is not None:
        if site not in ("same-origin", "none"):
            raise CsrfFailed
        return
    origin = connection.headers.get("origin")
    if origin is None:
        return
    parts = urlsplit(origin)
    host = connection.headers.get("host", "")
    if _place(parts.netloc, parts.scheme) != _place(host, parts.scheme):
        raise CsrfFailed


def _place(host: str, scheme: str) -> str:
    """A host and its port as browsers compare them."""
    return host.lower().removesuffix({"https": ":443", "http": ":80"}.get(scheme, ""))


async def guard(
    connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler,
    expected: Iterable[str],
) -> None:
    """Hold an unsafe request that a cookie signed in to *expected*.

    Raises:
        CsrfFailed: it comes from elsewhere or lacks the value.
    """
    if connection.scope.get("method") in SAFE_METHODS:
        return
    check_origin(connection)
    if handler.opt.get("csrf") == "handler":
        return
    given = connection.headers.get("x-csrf-token")
    if given is None and isinstance(connection, Request) and reads_form(connection, handler):
        field = (await connection.form()).get("csrf")
        given = field if isinstance(field, str) else None
    check(expected, given)


def reads_form(request: Request[Any, Any, Any], handler: BaseRouteHandler) -> bool:
    """Whether the frame may read the request's form: a small one, of plain fields."""
    limit = cast("HTTPRouteHandler", handler).resolve_request_max_body_size()
    return request.content_type[0] == FORM and limit is not None and limit <= LARGEST_FORM
