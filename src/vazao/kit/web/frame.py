"""HTTP: the application's frame. One error shape, request ids, security headers, who may ask.

A handler says in its ``opt`` who may ask: ``scope="leads:read"`` (a token or session that carries
it; with ``also="jobs:read"`` one that carries that one instead), ``session=True`` (any signed-in
user), ``admin=True`` (a signed-in admin),
``authenticated=True`` (whoever has a valid credential), or ``public=True`` (``optional=True``
besides where a credential shows more); ``anonymous=True`` besides spares a public route the look at
credentials (static files, probes). ``open=True`` beside a scope lets the organization ``public`` in
where nobody says who they are (:mod:`vazao.kit.web.public`). A test holds every route to that. What
else it declares there is told by :mod:`vazao.kit.web.openapi` and :mod:`vazao.kit.web.parameters`.
Unsafe requests of a cookie session are also held to :mod:`vazao.kit.web.csrf`.
"""

from __future__ import annotations

import asyncio
import gc
import re
import secrets
import threading
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any, cast

import psycopg
import structlog
from litestar import Litestar, Request, Response
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.exceptions import HTTPException
from litestar.handlers import BaseRouteHandler
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from vazao.kit import errors, gauges, metrics
from vazao.kit.cancelling import end_all
from vazao.kit.logging import get
from vazao.kit.platform import Platform, Principal
from vazao.kit.proxies import allowed_origins
from vazao.kit.settings import Settings
from vazao.kit.threads import step_back
from vazao.kit.web import (
    bodies,
    codings,
    csrf,
    heads,
    hosts,
    packing,
    parameters,
    public,
    refusing,
    sending,
    spooling,
)
from vazao.kit.web.application import Application
from vazao.kit.web.following import Following

log = get("web")
# How a handler asks for them: ``async def show(platform: ThePlatform, principal: Asker)``.
ThePlatform = NamedDependency[Platform]
Asker = NamedDependency[Principal]
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/=+@-]{1,128}")

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; style-src 'self'; script-src 'self'; "
        "object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
SECURITY = [(name.lower().encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]
"""The same as ASGI has them."""

# A program that asks again at once where a quota holds it costs as much as one at work: its answers
# take a moment, so that it comes back a few times a second instead of some hundred.
SLOWED = (429, 507)
SLOWED_SECONDS = 0.5


class Frame:
    """Around every route: request id, security headers, access log and latency metric."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wrap one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        began, status = time.perf_counter(), 500
        method = scope["method"]
        settings: Settings = scope["litestar_app"].state.platform.settings
        if heads.is_for_get(scope):
            scope["state"]["head"] = True
            scope["method"] = "GET"  # type: ignore[typeddict-item]
            receive, send = heads.headless(receive, send)
        body, send = bodies.of(scope, receive, send, settings)
        outgoing = spooling.Outgoing(send, settings.folder)
        give = packing.Packing(scope, outgoing.send, send).send

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                closing = body is not None and not body.whole
                extra = hosts.transport_header(scope, settings)
                _add_headers(
                    message, extra | {"X-Request-Id": request_id}, closing=closing,
                    allow=heads.allowed(scope),
                )
                if body is not None:
                    body.answering = True
            await _unhurried(message, body, give)

        try:
            await self.app(scope, receive if body is None else body.receive, sending)
            await outgoing.finish()
        finally:
            outgoing.close()
            _observe(scope, method, status, time.perf_counter() - began)


async def _unhurried(message: Message, body: bodies.Body | None, give: Send) -> None:
    """Hand a message on; a refusal by a quota takes a moment first."""
    if message["type"] == "http.response.start" and message["status"] in SLOWED:
        await asyncio.sleep(SLOWED_SECONDS)
    await bodies.hand_on(message, body, give)


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            text = value.decode("latin-1")
            if _REQUEST_ID.fullmatch(text):
                return text
    return secrets.token_hex(8)


def _add_headers(
    message: Any, more: dict[str, str], *, closing: bool, allow: str | None = None
) -> None:
    if allow:
        kept = [(name, value) for name, value in message["headers"] if name.lower() != b"allow"]
        message["headers"] = [*kept, (b"allow", allow.encode())]
    present = {name.lower() for name, _ in message["headers"]}
    extra = SECURITY_HEADERS | more
    if closing:
        # A body that nobody read makes the server close the connection: the client must not send
        # its next request there.
        extra["Connection"] = "close"
    message["headers"] = [
        *message["headers"],
        *(
            (name.lower().encode(), value.encode())
            for name, value in extra.items()
            if name.lower().encode() not in present
        ),
    ]


def _observe(scope: HTTPScope, method: str, status: int, seconds: float) -> None:
    route = scope.get("path_template") or "unmatched"
    method = method if route != "unmatched" else "ANY"
    metrics.REQUEST_SECONDS.labels(method, route, f"{status // 100}xx").observe(seconds)
    if route not in ("/healthz", "/readyz", "/metrics"):
        log.info("request", method=method, route=route, status=status, seconds=round(seconds, 4))


async def authorize(
    connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler
) -> None:
    """The guard of every route: finds the principal and holds it to the handler's ``opt``.

    Raises:
        HostUnknown: the request asks for a host that is not ours.
        Unauthenticated: nobody valid asks and the route is not public.
        UnknownParameter: the request brings a name that the handler does not declare.
        Forbidden: the principal lacks the scope or role, or (``csrf_failed``) the request of a
            cookie session does not prove that one of our pages sent it.
        ContentCodingUnsupported, TransferCodingUnsupported: the body is packed.
    """
    platform: Platform = connection.app.state.platform
    if not handler.opt.get("anyhost"):
        hosts.check(connection, platform.settings)
    asked = None if handler.opt.get("anonymous") else platform.authenticate
    principal = await asked(connection) if asked else None
    if principal is None and handler.opt.get("open"):
        principal = await public.principal_of(connection, platform, handler.opt["scope"])
    connection.state.principal = principal
    if principal is not None and principal.csrf is not None:
        # Also a page of refusal has forms: the one to sign out.
        connection.state.csrf = principal.csrf
    _permit(principal, handler.opt)
    # Before anything of a body is read, on every route.
    codings.check(cast("HTTPScope", connection.scope))
    if principal is not None and principal.csrf is not None:
        await csrf.guard(connection, handler, (principal.csrf, *principal.csrf_old))
    await parameters.check(connection, handler)


def _permit(principal: Principal | None, opt: dict[str, Any]) -> None:
    if opt.get("public"):
        return
    if principal is None:
        raise errors.CredentialMissing
    scope, also = opt.get("scope"), opt.get("also")
    if scope and not principal.may(scope) and not (also and principal.may(also)):
        raise errors.Forbidden(
            "This needs the scope {scope}.", remedy="Ask an admin of your organization.",
            scope=f"{scope} / {also}" if also else scope,
        )
    if (opt.get("session") or opt.get("admin")) and principal.kind != "user":
        raise errors.Forbidden("Only a signed-in user can do that.")
    if opt.get("admin") and "admin" not in principal.roles:
        raise errors.Forbidden("Only an admin of your organization can do that.")


def provide_principal(state: State, request: Request[Any, Any, Any]) -> Principal:
    """The request's principal; public routes that need one ask ``request.state`` instead."""
    principal = request.state.get("principal")
    if principal is None:
        raise errors.CredentialMissing
    return principal


def provide_platform(state: State) -> Platform:
    """The process's platform."""
    return state.platform


def answer_http(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    """The framework's own refusals, with the frame's headers also for what no route takes."""
    answer = refusing.answer_framework(request, error)
    if "request_id" not in request.scope["state"]:
        settings: Settings = request.app.state.platform.settings
        answer.headers.update({
            **SECURITY_HEADERS, **hosts.transport_header(request.scope, settings),
            "X-Request-Id": _request_id(request.scope),
        })
    return answer


@asynccontextmanager
async def _opened(app: Litestar) -> AsyncGenerator[None]:
    """What the application holds while it is served."""
    platform: Platform = app.state.platform
    await platform.open()
    platform.listener.start()
    showing = asyncio.create_task(gauges.keep(platform))
    loop = asyncio.get_running_loop()
    platform.on_closing.append(
        lambda: loop.call_soon_threadsafe(app.state.following.tell_all)
    )
    services = [make(platform) for make in platform.registry.services]
    for service in services:
        service.start()
    # What was loaded stays: the collector need not look through it again and again.
    gc.freeze()
    threading.Thread(target=_load, args=(platform.registry.loads,), daemon=True).start()
    try:
        yield
    finally:
        for service in services:
            await service.close()
        await end_all([showing])
        await platform.close()


def _load(loads: Sequence[Callable[[], None]]) -> None:
    step_back()
    for load in (load_own, *loads):
        load()
    gc.freeze()


def load_own() -> None:
    """Import what the frame needs now and then, as :attr:`Registry.loads` do for features."""
    import_module("cryptography.hazmat.primitives.ciphers.aead")


_HANDLERS: dict[Any, Any] = {
    errors.VazaoError: refusing.answer_error,
    sending.SentAlready: refusing.answer_sent,
    HTTPException: answer_http,
    psycopg.OperationalError: refusing.answer_database,
    psycopg.DataError: refusing.answer_data,
    RecursionError: refusing.answer_data,
    Exception: refusing.answer_unexpected,
}


def create_app(platform: Platform) -> Litestar:
    """The application over *platform*'s registered routes."""
    heads.let_answer(platform.registry.routes)
    made = Application(
        route_handlers=list(platform.registry.routes),
        guards=[authorize],
        state=State({"platform": platform, "following": Following(platform)}),
        dependencies={
            "platform": Provide(provide_platform, sync_to_thread=False),
            "principal": Provide(provide_principal, sync_to_thread=False),
        },
        middleware=[Frame],
        exception_handlers=_HANDLERS,
        lifespan=[_opened],
        request_max_body_size=1 << 20,
        # Ours stands already; the framework would put its own in the place of it.
        logging_config=None,
        # The document is our own: kit/web/document.py.
        openapi_config=None,
        debug=False,
    )
    made.said = {
        step: [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        for step, headers in platform.registry.said.items()
    }
    made.for_programs = frozenset(platform.registry.for_programs)
    made.origins = allowed_origins(platform.settings.cors_origins)
    made.quick = {path: make(platform) for path, make in platform.registry.quick.items()}
    return made
