"""The hot path of ``/search``: a plain search of everyone's events, answered before the framework.

It takes only what needs nothing but the model in memory: two bounds in the usual form and order, no
credential, no condition. All else is left to the route (:mod:`vazao.events.search_api`), which
gives the same bytes; a test compares the two.
"""

from __future__ import annotations

import re
from datetime import datetime
from time import perf_counter
from typing import Any

from vazao.events import answers
from vazao.events.blocks import Model, Run
from vazao.events.keeping import Keeper, keeper_of
from vazao.events.settings import EventSettings
from vazao.events.windows import EPOCH, MICROSECOND
from vazao.kit import metrics
from vazao.kit.platform import Platform
from vazao.kit.web.quick import Gate

_TIME = r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(Z?)"
_query = re.compile(f"starts_at={_TIME}&ends_at={_TIME}", re.ASCII).fullmatch
_moment = datetime.fromisoformat
LEFT_TO_THE_ROUTE = frozenset({
    b"authorization", b"api-token", b"application", b"cookie", b"if-none-match", b"x-csrf-token",
})


class Quick:
    """Answers plain searches; one a process."""

    def __init__(self, platform: Platform) -> None:
        settings = platform.settings.of(EventSettings)
        self._keeper: Keeper = keeper_of(platform)
        self._gate = Gate(platform, LEFT_TO_THE_ROUTE)
        self._most = settings.most_found
        self._took = metrics.tally(metrics.REQUEST_SECONDS, "GET", "/search", "2xx").add
        cached = answers.cache_control(settings.cache_seconds, public=True)
        self._head = [
            (b"content-type", answers.JSON_TYPE.encode()), (b"cache-control", cached.encode()),
            (b"vary", answers.VARY.encode()),
        ]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> bool:
        """Answer, or leave it to the route."""
        began = perf_counter()
        model = self._keeper.everyones
        query = scope["query_string"].decode("latin-1")
        if "%" in query:
            query = query.replace("%3A", ":").replace("%3a", ":")
        asked = _query(query)
        if asked is None or model is None:
            return False
        headers = self._gate.admit(scope)
        runs = None if headers is None else _find(model, *asked.groups())
        if headers is None or runs is None or (
            self._most and answers.count_of(runs) > self._most
        ):
            return False
        etag, body = answers.quickly(runs)
        head = [(b"etag", etag), *self._gate.head(scope, headers), *self._head]
        if not self._keeper.in_step and (age := self._keeper.age) is not None:
            head.append((b"age", b"%d" % age))
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": body, "more_body": False})
        self._took(perf_counter() - began)
        return True


def _find(
    model: Model, starts: str, starts_zulu: str, ends: str, ends_zulu: str
) -> list[Run] | None:
    """The runs between two times; ``None`` where one is no time, or the answer is a long one."""
    try:
        begin = (_moment(starts) - EPOCH) // MICROSECOND
        end = (_moment(ends) - EPOCH) // MICROSECOND
    except ValueError:
        return None
    if begin > end:
        return None
    if starts_zulu and ends_zulu:
        runs = model.between(begin, end)
    else:
        runs = model.matching(begin, not starts_zulu, end, not ends_zulu)
    # One run in one block is never long.
    return runs if len(runs) < 2 or answers.size(runs) <= answers.WHOLE_BYTES else None
