"""What an action leaves for the page behind its redirect: a message, and a secret shown once.

Both travel in the browser, sealed (AES-GCM) under a key made from the signing key: the server keeps
nothing, no address and no log holds them, and nobody else can put one there. The page that shows
one takes its cookie away, so that neither a reload nor the way back shows it again.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Sequence
from typing import Any

from litestar import Request, Response
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie

from vazao.kit import sealing
from vazao.kit.i18n import translate
from vazao.kit.platform import Platform
from vazao.kit.proxies import is_https

SAID, ONCE = "vazao_said", "vazao_once"
SECONDS = 120
LONGEST = 100
LABEL = "vazao sealed cookie"
Connection = ASGIConnection[Any, Any, Any, Any]
Asking = Request[Any, Any, Any]
Message = tuple[str, str]


def go_on(
    request: Asking, target: str, said: str | None = None, /, *, kind: str = "ok",
    once: dict[str, str] | None = None, **values: object,
) -> Response[Any]:
    """Send the browser on to *target*, a path of ours (303).

    Args:
        said: message id of what the next page says above its content, once; its ``{places}`` are
            filled from *values*.
        kind: ``ok``, ``warn`` or ``bad``.
        once: what the page at *target* shows once, to the session that asks now.
    """
    response: Response[Any] = Response(
        None, status_code=303, headers={"Location": target, "Cache-Control": "no-store"}
    )
    if said is not None:
        told = {name: str(value)[:LONGEST] for name, value in values.items()}
        response.cookies.append(_cookie(request, SAID, seal(request, SAID, [kind, said, told])))
    if once is not None:
        value = seal(request, ONCE + _holder(request), once)
        response.cookies.append(_cookie(request, ONCE, value, path=target.partition("?")[0]))
    return response


def messages_for(request: Asking, language: str) -> list[Message]:
    """What the action before this page said, as (kind, text) in the reader's language."""
    if request.headers.get("hx-request"):
        # A piece of a page that is open already: the next page shows it.
        return []
    found = unseal(request, SAID, request.cookies.get(SAID))
    if found is None:
        return []
    kind, text, values = found
    text = translate(text, language)
    return [(kind, text.format(**values) if values else text)]


def once_for(request: Asking) -> dict[str, str]:
    """What the page shows this once; empty where there is nothing, or it is not this session's."""
    return unseal(request, ONCE + _holder(request), request.cookies.get(ONCE)) or {}


def take_away(request: Asking, response: Response[Any], shown: Sequence[Message]) -> None:
    """Let the browser forget what *response* shows."""
    if shown:
        response.cookies.append(_cookie(request, SAID, ""))
    if request.cookies.get(ONCE) is not None:
        response.cookies.append(_cookie(request, ONCE, "", path=request.url.path))


def seal(request: Connection, purpose: str, value: Any) -> str:
    """*value*, which JSON can hold, as a text that only :func:`unseal` for *purpose* opens."""
    body = json.dumps([time.time(), value], separators=(",", ":")).encode()
    made = sealing.seal(_platform(request).secret, LABEL, purpose, body)
    return base64.urlsafe_b64encode(made).decode()


def unseal(request: Connection, purpose: str, text: str | None) -> Any:
    """What :func:`seal` was given at most ``SECONDS`` ago; ``None`` of everything else."""
    if not text:
        return None
    try:
        held = base64.b64decode(text, altchars=b"-_", validate=True)
    except ValueError:
        return None
    body = sealing.unseal(_platform(request).secrets, LABEL, purpose, held)
    if body is None:
        return None
    made, value = json.loads(body)
    return value if abs(time.time() - made) <= SECONDS else None


def _holder(request: Connection) -> str:
    principal = request.state.get("principal")
    return f"\0{principal.session_id}" if principal is not None else "\0"


def _platform(request: Connection) -> Platform:
    platform: Platform = request.app.state.platform
    return platform


def _cookie(request: Connection, name: str, value: str, *, path: str = "/") -> Cookie:
    return Cookie(
        key=name, value=value, max_age=SECONDS if value else 0, path=path, httponly=True,
        samesite="lax", secure=is_https(request, _platform(request).settings),
    )
