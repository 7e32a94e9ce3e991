"""The hot path of ``/search``: a plain search of everyone's events, answered before the framework.

It takes only what needs nothing but the model in memory: two bounds in the usual form and order, no
credential, no condition. All else is left to the route (:mod:`vazao.events.search_api`), which
gives the same bytes; a test compares the two.
"""

from __future__ import annotations

import re
import secrets
from datetime import datetime
from itertools import count
from time import perf_counter
from typing import Any

from vazao.events import answers
from vazao.events.blocks import Model
from vazao.events.keeping import Keeper, keeper_of
from vazao.events.settings import EventSettings
from vazao.events.windows import EPOCH, MICROSECOND
from vazao.kit import metrics
from vazao.kit.platform import Platform
from vazao.kit.web import hosts
from vazao.kit.web.frame import SECURITY

_TIME = rb"(\d{4}-\d\d-\d\dT\d\d(?::|%3[Aa])\d\d(?::|%3[Aa])\d\d)(Z?)"
_query = re.compile(rb"starts_at=" + _TIME + rb"&ends_at=" + _TIME).fullmatch
_request_id = re.compile(rb"[A-Za-z0-9._:/=+@-]{1,128}").fullmatch
_moment = datetime.fromisoformat
LEFT_TO_THE_ROUTE = frozenset({
    b"authorization", b"api-token", b"application", b"cookie", b"if-none-match", b"x-csrf-token",
    b"content-length", b"transfer-encoding",
})
HOSTS_KNOWN = 1000


class Quick:
    """Answers plain searches; one a process."""

    def __init__(self, platform: Platform) -> None:
        settings = platform.settings.of(EventSettings)
        self._keeper: Keeper = keeper_of(platform)
        self._settings = platform.settings
        self._hosts: set[bytes] = set()
        self._prefix = secrets.token_hex(4).encode()
        self._numbers = count(1)
        self._most = settings.most_found
        self._observe = metrics.REQUEST_SECONDS.labels("GET", "/search", "2xx").observe
        cached = answers.cache_control(settings.cache_seconds, public=True)
        self._head = [
            (b"content-type", answers.JSON_TYPE.encode()), (b"cache-control", cached.encode()),
            (b"vary", answers.VARY.encode()), *SECURITY,
        ]

    async def __call__(self, scope: Any, send: Any) -> bool:
        """Answer, or leave it to the route."""
        began = perf_counter()
        asked = _query(scope["query_string"])
        model = self._keeper.everyones
        if asked is None or model is None or scope["method"] != "GET":
            return False
        request_id = self._admit(scope["headers"])
        runs = None if request_id is None else _find(model, *asked.groups())
        if runs is None:
            return False
        head = [(b"etag", answers.tag(runs).encode()), (b"x-request-id", request_id), *self._head]
        if (age := self._keeper.age) is not None:
            head.append((b"age", b"%d" % age))
        if self._settings.hsts_seconds:
            extra = hosts.transport_header(scope, self._settings)
            head += [(name.lower().encode(), value.encode()) for name, value in extra.items()]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({
            "type": "http.response.body", "body": answers.body(runs), "more_body": False,
        })
        self._observe(perf_counter() - began)
        return True

    def _admit(self, headers: list[tuple[bytes, bytes]]) -> bytes | None:
        """The request's id, its own or a new one; ``None`` where it is the route's to answer."""
        own = None
        for name, value in headers:
            if name in LEFT_TO_THE_ROUTE:
                return None
            if name == b"x-request-id":
                own = value if _request_id(value) else None
            elif name == b"host" and self._settings.hosts and not self._known(value):
                return None
        return own or b"%b%08x" % (self._prefix, next(self._numbers))

    def _known(self, host: bytes) -> bool:
        if host in self._hosts:
            return True
        if not hosts.allowed(host.decode("latin-1"), self._settings.hosts):
            return False
        if len(self._hosts) < HOSTS_KNOWN:
            self._hosts.add(host)
        return True


def _find(
    model: Model, starts: bytes, starts_zulu: bytes, ends: bytes, ends_zulu: bytes
) -> Any:
    """The runs between two times; ``None`` where one is no time, or the answer is a long one."""
    try:
        begin = (_moment(starts.decode().replace("%3A", ":")) - EPOCH) // MICROSECOND
        end = (_moment(ends.decode().replace("%3A", ":")) - EPOCH) // MICROSECOND
    except ValueError:
        return None
    if begin > end:
        return None
    if starts_zulu and ends_zulu:
        runs = model.between(begin, end)
    else:
        runs = model.matching(begin, not starts_zulu, end, not ends_zulu)
    return runs if len(runs) < 8 and answers.size(runs) <= answers.WHOLE_BYTES else None
