"""HEAD wherever GET is: the same handler and headers, no body, and no work for one.

Routes are told at the start (:func:`let_answer`); the frame then shows a handler GET, sends the
head of its answer, and lets what it streams end as if the client had left.

The framework's own answer to OPTIONS knows only the methods of a path's first handler;
:func:`allowed` knows them all.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from litestar import Litestar
from litestar.controller import Controller
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute
from litestar.types import HTTPScope, Message, Receive, Send


def let_answer(routes: Iterable[Any]) -> None:
    """Let every handler of GET among *routes* (handlers and controllers) take HEAD as well."""
    for route in routes:
        is_controller = isinstance(route, type) and issubclass(route, Controller)
        for handler in vars(route).values() if is_controller else [route]:
            if isinstance(handler, HTTPRouteHandler) and "GET" in handler.http_methods:
                handler.http_methods = frozenset({*handler.http_methods, "HEAD"})  # type: ignore[assignment]


@lru_cache(maxsize=4)
def _methods(app: Litestar) -> dict[str, str]:
    """The methods of each path, as ``Allow`` has them."""
    return {
        route.path_format or "/": ", ".join(sorted(route.methods))
        for route in app.routes if isinstance(route, HTTPRoute)
    }


def allowed(scope: HTTPScope) -> str | None:
    """``Allow`` for an OPTIONS that the framework answers; ``None`` for any other request."""
    handler: Any = scope.get("route_handler")
    if scope["method"] != "OPTIONS" or not handler.fn.__module__.startswith("litestar."):
        return None
    return _methods(scope["litestar_app"]).get(scope.get("path_template") or "/")


def is_for_get(scope: HTTPScope) -> bool:
    """Whether the request is a HEAD that a handler of GET answers."""
    handler: Any = scope.get("route_handler")
    return scope["method"] == "HEAD" and handler is not None and "GET" in handler.http_methods


def headless(receive: Receive, send: Send) -> tuple[Receive, Send]:
    """*receive* and *send* that end an answer after its head."""
    ended = False

    async def receiving() -> Any:
        return {"type": "http.disconnect"} if ended else await receive()

    async def sending(message: Message) -> None:
        nonlocal ended
        if ended:
            return
        await send(message)
        if message["type"] == "http.response.start":
            ended = True
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    return receiving, sending
