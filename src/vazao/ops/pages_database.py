"""HTML of the database: what takes its time, its largest tables, indexes that nothing uses."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get

from vazao.kit.web.frame import Asker, ThePlatform
from vazao.kit.web.pages import page
from vazao.ops import store
from vazao.ops.charts import SPANS


@get("/ops/database", opt={"admin": True}, include_in_schema=False)
async def show_database(
    request: Request[Any, Any, Any], platform: ThePlatform, principal: Asker
) -> Response[str]:
    """Statements by the time they took, tables by their size, indexes without use."""
    principal.check_runs_platform()
    span = request.query_params.get("span", "")
    span = span if span in SPANS else "hour"
    async with platform.db.connection() as conn:
        schema = await store.counters.schema_of_statements(conn)
        spent = await store.spent.most(conn, seconds=SPANS[span][1])
        largest = await store.server.largest(conn)
        unused = await store.server.unused(conn)
    return page(
        request, "ops/database.html", spent=spent, largest=largest, unused=unused, span=span,
        total=sum(each.ms for each in spent), counted=schema is not None,
    )


routes: list[Any] = [show_database]
