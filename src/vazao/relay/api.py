"""JSON routes of relay for readers and admins."""

from __future__ import annotations

from typing import Any

from litestar import Controller, Request, get
from litestar.params import FromPath, FromQuery

from vazao.kit import clock
from vazao.kit.web.frame import Asker, ThePlatform
from vazao.kit.web.paging import limit_of
from vazao.relay import agent_api, described, enrolling, publishing, reading, views
from vazao.relay.errors import SiteMissing


class Lists(Controller):
    """``/v1/relay/lists``."""

    path = "/v1/relay/lists"
    tags = ("relay",)

    @get("/{name:str}/rows", operation_id="listRelayRows", summary="Read a list",
         opt=described.LIST_ROWS)
    async def rows(
        self, platform: ThePlatform, principal: Asker, request: Request[Any, Any, Any],
        name: FromPath[str], site: FromQuery[str | None] = None,
        limit: FromQuery[str | None] = None, after: FromQuery[str | None] = None,
    ) -> views.RowsPage:
        """Rows of a list at a site: always those of one whole transmission."""
        if not site:
            raise SiteMissing
        async with platform.db.connection() as conn:
            version = await publishing.get_list(conn, principal.organization_id, name)
            place = await enrolling.get_site(conn, principal.organization_id, site)
            found = await reading.read(
                conn, version, place, after=after or None, limit=limit_of(limit)
            )
        at = found.extracted_at
        return {"items": found.items, "next": found.next,
                "extracted_at": None if at is None else clock.stamp(at)}


routes: list[Any] = [Lists, *agent_api.routes]
