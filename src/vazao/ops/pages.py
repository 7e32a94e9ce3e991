"""HTML for who runs the platform."""

from __future__ import annotations

import os
from typing import Any

from litestar import Request, Response, get
from litestar.params import FromPath

from vazao.kit.errors import NotFound
from vazao.kit.web.frame import Asker, ThePlatform
from vazao.kit.web.pages import language_of, page
from vazao.kit.web.paging import decode_cursor, encode_cursor
from vazao.ops import store
from vazao.ops.charts import CHARTS, SPANS, drawn

Asking = Request[Any, Any, Any]
PAGE = 50
RECENT = 10


@get("/ops", opt={"admin": True}, include_in_schema=False)
async def show_overview(
    request: Asking, platform: ThePlatform, principal: Asker
) -> Response[str]:
    """What is wrong now, what was lately, and how the platform is over time."""
    principal.check_runs_platform()
    async with platform.db.connection() as conn:
        wrong = await store.alarms.now_wrong(conn)
        over = await store.alarms.over(conn, limit=RECENT)
    span = request.query_params.get("span", "")
    return page(
        request, "ops/overview.html", wrong=wrong, over=over, charts=CHARTS, spans=tuple(SPANS),
        span=span if span in SPANS else "hour", cores=os.cpu_count(),
        reader=language_of(request),
    )


@get("/ops/alarms", opt={"admin": True}, include_in_schema=False)
async def show_alarms(
    request: Asking, platform: ThePlatform, principal: Asker
) -> Response[str]:
    """What was wrong and is over, the newest first."""
    principal.check_runs_platform()
    after = request.query_params.get("after")
    before = decode_cursor(after, "alarms", int)[0] if after else None
    async with platform.db.connection() as conn:
        found = await store.alarms.over(conn, before=before, limit=PAGE + 1)
    return page(
        request, "ops/alarms.html", over=found[:PAGE], after=after, reader=language_of(request),
        next=encode_cursor("alarms", found[PAGE - 1].id) if len(found) > PAGE else None,
    )


@get("/ops/figures/{name:str}", opt={"admin": True}, include_in_schema=False)
async def show_figures(
    request: Asking, platform: ThePlatform, principal: Asker, name: FromPath[str]
) -> dict[str, Any]:
    """A chart's figures over time, as ``charts.js`` draws them."""
    principal.check_runs_platform()
    chart, span = CHARTS.get(name), request.query_params.get("span", "hour")
    if chart is None or span not in SPANS:
        raise NotFound
    level, seconds = SPANS[span]
    async with platform.db.connection() as conn:
        samples = await store.samples.course(
            conn, list(chart.figures), level=level, seconds=seconds
        )
    return drawn(chart, samples, language_of(request))


routes: list[Any] = [show_overview, show_alarms, show_figures]
