"""Hot paths of accounts, before the framework: the home page, and the sign-in that a script sends.

The home page of a session costs no query once it is known. At a storm of sign-ins most requests are
sent away with a ticket: that must cost next to nothing. All that is not plain is left to the
routes, which answer the same.
"""

from __future__ import annotations

import asyncio
import re
from time import perf_counter, time
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import psycopg
from litestar.connection import ASGIConnection

from vazao.accounts import credentials, entering
from vazao.accounts.authentication import COOKIE, Authenticator
from vazao.accounts.home import home_of, is_held
from vazao.accounts.models import SIGN_IN_BYTES
from vazao.accounts.sign_in import Arrival
from vazao.kit import metrics
from vazao.kit.errors import BadRequest, DatabaseUnavailable, VazaoError
from vazao.kit.logging import get
from vazao.kit.platform import Platform
from vazao.kit.proxies import speaks_tls
from vazao.kit.web import bodies, pages
from vazao.kit.web.csrf import FORM
from vazao.kit.web.parameters import refuse_unknown
from vazao.kit.web.quick import Gate, Headers

log = get("accounts")
TOKENS = frozenset({b"authorization", b"api-token", b"application"})
MOST_FIELDS = 20
TOGETHER, AT_ONCE_SECONDS = 4, 0.02
_session = re.compile(rf"(?:^|; ?)(__Host-)?{COOKIE}=([^;]+)").finditer
_encode = msgspec.json.Encoder().encode


class HomePage:
    """Answers ``GET /`` of those who are signed in."""

    def __init__(self, platform: Platform) -> None:
        self._settings = platform.settings
        self._gate = Gate(platform, TOKENS)
        self._home = home_of(platform)
        self._authenticator = platform.authenticate
        self._took = metrics.tally(metrics.REQUEST_SECONDS, "GET", "/", "2xx").add
        self._spared = metrics.tally(metrics.REQUEST_SECONDS, "GET", "/", "3xx").add
        self._head = [(name.lower().encode(), value.encode()) for name, value in (
            ("Content-Type", "text/html; charset=utf-8"), *pages.PRIVATE.items()
        )]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> bool:
        """Answer, or leave it to the route."""
        began = perf_counter()
        headers = self._gate.admit(scope)
        if headers is None or not isinstance(self._authenticator, Authenticator):
            return False
        cookie = headers.get(b"cookie", b"").decode("latin-1")
        digest = self._digest(scope, headers, cookie)
        if digest is None:
            return False
        try:
            person = await self._authenticator.session(digest)
            if person is None:
                return False
            known = self._home.known(person) or await self._home.learnt(person)
        except (VazaoError, psycopg.Error):
            # The route says so on a page.
            return False
        body, etag = self._home.write(
            person, self._authenticator.csrf(digest), self._gate.language(headers, cookie), known
        )
        status = 304 if is_held(headers.get(b"if-none-match"), etag) else 200
        head = [(b"etag", etag), *self._gate.head(scope, headers), *self._head]
        await send({"type": "http.response.start", "status": status, "headers": head})
        await send({"type": "http.response.body", "body": body if status == 200 else b"",
                    "more_body": False})
        (self._took if status == 200 else self._spared)(perf_counter() - began)
        return True

    def _digest(self, scope: Any, headers: Headers, cookie: str) -> bytes | None:
        """The hash of the session that the cookie names; ``None`` where none is, or several."""
        found = [*_session(cookie)]
        if len(found) != 1:
            return None
        peer = scope["client"][0] if scope.get("client") else ""
        tls = speaks_tls(
            scope.get("scheme"), headers.get(b"x-forwarded-proto", b"").decode("latin-1"), peer,
            self._settings,
        )
        secret = found[0][2]
        if bool(found[0][1]) is not tls or not credentials.plausible(secret, credentials.SESSION):
            return None
        return credentials.digest(secret)


class SignIn:
    """Answers ``POST /login`` as the page's script sends it."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._gate = Gate(platform, TOKENS, method="POST")
        self._turn = asyncio.Semaphore(TOGETHER)
        self._tallies = {
            kind: metrics.tally(metrics.REQUEST_SECONDS, "POST", "/login", f"{kind}xx").add
            for kind in (3, 4, 5)
        }

    async def __call__(self, scope: Any, receive: Any, send: Any) -> bool:
        """Answer, or leave it to the route."""
        began, at = perf_counter(), time()
        if scope["method"] != "POST":
            return False
        # A few at a time, from the first step on: whatever else is asked goes in between.
        await self._turn.acquire()
        headers = self._gate.admit(scope)
        body, send = bodies.of(scope, receive, send, self._platform.settings)
        if headers is None or body is None or not _is_plain(headers):
            self._turn.release()
            return False
        connection: Any = ASGIConnection(scope)
        try:
            form, arrival = await self._begun(connection, body, at)
            status, head, text = 303, await self._entered(connection, form, arrival), b""
        except Exception as error:
            language = self._gate.language(headers, headers.get(b"cookie", b"").decode("latin-1"))
            status, head, text = _refused(_told(error), language)
        head += self._gate.head(scope, headers)
        if not body.whole:
            # The client must not send its next request behind a body that nobody read.
            head.append((b"connection", b"close"))
        body.answering = True
        await send({"type": "http.response.start", "status": status, "headers": head})
        last: Any = {"type": "http.response.body", "body": text, "more_body": False}
        await bodies.hand_on(last, body, send)
        self._tallies[status // 100](perf_counter() - began)
        return True

    async def _begun(
        self, connection: Any, body: bodies.Body, at: float
    ) -> tuple[dict[str, str], Arrival]:
        """The form and its sender's place in the line; gives the turn on."""
        held = True

        def give_on() -> None:
            nonlocal held
            held = False
            self._turn.release()

        # What is not here yet must keep nobody waiting. No task of its own reads: a deadline that
        # ends a task makes a circle with it, and the body's connection would stay open until the
        # next collection.
        late = asyncio.get_running_loop().call_later(AT_ONCE_SECONDS, give_on)
        try:
            read = await _whole(body)
            late.cancel()
            if not held:
                await self._turn.acquire()
                held = True
            form = _fields(read)
            return form, entering.begin(connection, self._platform, form, at=at)
        finally:
            late.cancel()
            if held:
                self._turn.release()

    async def _entered(
        self, connection: Any, form: dict[str, str], arrival: Arrival
    ) -> list[tuple[bytes, bytes]]:
        """The head of the answer that lets the person in."""
        signed = await entering.enter(connection, self._platform, form, arrival)
        cookies = entering.cookies_of(connection, self._platform, form, signed)
        return [
            (b"location", entering.safe_next(form.get("next")).encode()),
            (b"cache-control", b"no-store"),
            *((b"set-cookie", each.to_header(header="").strip().encode("latin-1"))
              for each in cookies),
        ]


def _is_plain(headers: Headers) -> bool:
    """Whether it is a small form of a script, which wants no page back."""
    length = headers.get(b"content-length", b"")
    return (
        length.isdigit() and len(length) < 9 and int(length) <= SIGN_IN_BYTES
        and headers.get(b"content-type", b"").split(b";")[0].strip() == FORM.encode()
        and b"text/html" not in headers.get(b"accept", b"")
        and b"expect" not in headers
    )


async def _whole(body: bodies.Body) -> bytes:
    read = bytearray()
    while not body.whole:
        message: Any = await body.receive()
        read += message.get("body", b"")
    return bytes(read)


def _fields(body: bytes) -> dict[str, str]:
    """The fields of a form; of one that comes twice the last.

    Raises:
        BadRequest: it is no form, or has far too many.
        UnknownParameter: it has one that is not known.
    """
    try:
        found = dict(parse_qsl(
            body.decode("latin-1"), keep_blank_values=True, max_num_fields=MOST_FIELDS
        ))
    except ValueError as error:
        raise BadRequest from error
    refuse_unknown(found, {*entering.FIELDS, "csrf"})
    return found


def _told(error: Exception) -> VazaoError:
    """What to say of a failure, as routes say it."""
    if isinstance(error, VazaoError):
        return error
    if isinstance(error, psycopg.OperationalError):
        log.warning("database", error_type=type(error).__name__)
        return DatabaseUnavailable(retry_after=5)
    log.error("unexpected", error_type=type(error).__name__, exc_info=error)
    return VazaoError()


def _refused(error: VazaoError, language: str) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    head = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
    if error.retry_after is not None:
        head.append((b"retry-after", b"%d" % error.retry_after))
    return error.status, head, _encode(error.body(language))
