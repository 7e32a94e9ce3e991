"""Pages of other origins that may use the routes of programs (``VAZAO_CORS_ORIGINS``).

Answered are only paths that a feature registered (``registry.for_programs``), never a page of ours,
and never with ``Access-Control-Allow-Credentials``: such a page sends a token, a browser's cookie
shows it nothing. The framework's own does not fit: it answers for all paths, takes every OPTIONS
for a preflight, and replaces ``Vary``.
"""

from __future__ import annotations

import re
from typing import Any

from litestar.types import Message, Scope, Send

KEPT_SECONDS = 7200
"""How long a browser may keep the answer to a preflight; Chrome's own most."""
METHODS = "DELETE, GET, HEAD, PATCH, POST, PUT"
EXPOSED = ", ".join((
    "Allow", "Content-Disposition", "Content-Range", "ETag", "Link",
    "Location", "Retry-After", "Tus-Checksum-Algorithm", "Tus-Extension", "Tus-Max-Size",
    "Tus-Resumable", "Tus-Version", "Upload-Concat", "Upload-Defer-Length", "Upload-Expires",
    "Upload-Length", "Upload-Metadata", "Upload-Offset", "WWW-Authenticate", "X-Request-Id",
))
_NAMES = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+(?: *, *[!#$%&'*+.^_`|~0-9A-Za-z-]+)*")


def _header(scope: Scope, name: bytes) -> str:
    return next((v.decode("latin-1") for n, v in scope["headers"] if n == name), "")


def headers_for(scope: Scope, allowed: frozenset[str]) -> list[tuple[bytes, bytes]]:
    """What an answer to this request says of origins; a preflight's is :func:`preflight`."""
    origin = _header(scope, b"origin")
    vary = [] if "*" in allowed else [(b"vary", b"Origin")]
    if not origin or not ("*" in allowed or origin.lower() in allowed):
        return vary
    said = "*" if "*" in allowed else origin
    return [*vary, (b"access-control-allow-origin", said.encode("latin-1")),
            (b"access-control-expose-headers", EXPOSED.encode())]


def is_preflight(scope: Scope) -> bool:
    """Whether a browser asks if a page of another origin may send a request."""
    return bool(
        scope.get("method") == "OPTIONS" and _header(scope, b"origin")
        and _header(scope, b"access-control-request-method")
    )


async def preflight(scope: Scope, send: Send, told: list[tuple[bytes, bytes]]) -> None:
    """Answer a preflight: without the origin's header in *told* the browser takes it as a no.

    Any header may be sent: without a cookie none of them gives a page more than a program has.
    """
    headers = [*told, (b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]
    if any(name == b"access-control-allow-origin" for name, _ in told):
        asked = _header(scope, b"access-control-request-headers").strip()
        headers += [
            (b"access-control-allow-methods", METHODS.encode()),
            (b"access-control-max-age", str(KEPT_SECONDS).encode()),
        ]
        if _NAMES.fullmatch(asked):
            headers.append((b"access-control-allow-headers", asked.encode()))
    start: Any = {"type": "http.response.start", "status": 204, "headers": headers}
    await send(start)
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def adding(send: Send, more: list[tuple[bytes, bytes]]) -> Send:
    """*send* with headers that an answer lacks; those of Vary are added to what it has."""
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            present = {name.lower() for name, _ in message["headers"]} - {b"vary"}
            message["headers"] = [
                *message["headers"], *(each for each in more if each[0] not in present)
            ]
        await send(message)

    return sending
