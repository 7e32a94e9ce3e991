"""The hot path of ``/user/{id}``: answered before the framework, by lookups that share a query.

Requests that come while a query is under way are looked up together by the next one. All that is
not plain (an unknown credential, a missing scope, another organization's user) is left to the
route, which answers the same.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Collection
from time import perf_counter
from typing import Any

import msgspec
import psycopg

from vazao.accounts import credentials
from vazao.accounts.authentication import Authenticator
from vazao.accounts.directory import store, views
from vazao.kit import metrics
from vazao.kit.errors import VazaoError
from vazao.kit.platform import Platform, Principal
from vazao.kit.web.quick import Gate, Headers

PREFIX = "/user/"
LEFT_TO_THE_ROUTE = frozenset({b"cookie", b"x-csrf-token", b"if-none-match"})
TOGETHER = 200
Found = tuple[int, store.Shown]
_encode = msgspec.json.Encoder().encode


class Lookups:
    """Finds users by id; those asked for at the same time by one query."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._asked: dict[int, asyncio.Future[Found | None]] = {}
        self._task: asyncio.Task[None] | None = None

    async def find(self, id: int) -> Found | None:
        """The user and their organization."""
        waiting = self._asked.get(id)
        if waiting is None:
            waiting = self._asked[id] = asyncio.get_running_loop().create_future()
            if self._task is None or self._task.done():
                self._task = asyncio.create_task(self._run(), name="lookups")
        return await asyncio.shield(waiting)

    async def _run(self) -> None:
        # What this loop turn still brings goes with the first query.
        await asyncio.sleep(0)
        while self._asked:
            ids = list(self._asked)[:TOGETHER]
            taken = {id: self._asked.pop(id) for id in ids}
            try:
                async with self._platform.db.connection() as conn:
                    found = await store.some(conn, taken)
            except BaseException as error:
                _fail(taken.values(), error)
                if not isinstance(error, Exception):
                    raise
                continue
            for id, waiting in taken.items():
                if not waiting.done():
                    waiting.set_result(found.get(id))


def _fail(futures: Collection[asyncio.Future[Any]], error: BaseException) -> None:
    for each in futures:
        if not each.done():
            each.set_exception(error)
            # All who asked may be gone; then nobody takes it.
            each.exception()


class Quick:
    """Answers plain requests for one user."""

    def __init__(self, platform: Platform) -> None:
        self._gate = Gate(platform, LEFT_TO_THE_ROUTE)
        self._authenticator = platform.authenticate
        self._lookups = Lookups(platform)
        self._took = metrics.tally(metrics.REQUEST_SECONDS, "GET", "/user/{id}", "2xx").add
        self._head = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> bool:
        """Answer, or leave it to the route."""
        began = perf_counter()
        text = scope["path"][len(PREFIX):]
        headers = self._gate.admit(scope)
        if headers is None or scope["query_string"] or not (
            text.isascii() and text.isdecimal() and len(text) < 19
        ):
            return False
        who = self._who(headers)
        if who is None or not who.may("users:read"):
            return False
        try:
            found = await self._lookups.find(int(text))
        except (VazaoError, psycopg.Error):
            # The route says so.
            return False
        if found is None or found[0] != who.organization_id:
            return False
        body = _encode(views.old_view(found[1]))
        head = [*self._gate.head(scope, headers), *self._head]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": body, "more_body": False})
        self._took(perf_counter() - began)
        return True

    def _who(self, headers: Headers) -> Principal | None:
        """Whose token it is, if it is remembered."""
        if not isinstance(self._authenticator, Authenticator):
            return None
        bearer, token = headers.get(b"authorization"), headers.get(b"api-token")
        if (bearer is None) is (token is None):
            return None
        if bearer is not None:
            scheme, _, secret = bearer.decode("latin-1").partition(" ")
            return self._remembered(secret) if scheme == "Bearer" else None
        who = self._remembered((token or b"").decode("latin-1"))
        if who is None or not hmac.compare_digest(
            who.name.encode(), headers.get(b"application", b"")
        ):
            return None
        return who

    def _remembered(self, secret: str) -> Principal | None:
        if not isinstance(self._authenticator, Authenticator) or not credentials.plausible(
            secret, credentials.TOKEN
        ):
            return None
        return self._authenticator.remembered(credentials.digest(secret))
