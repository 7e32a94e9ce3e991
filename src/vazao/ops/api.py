"""JSON for who runs the platform: what is wrong now."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get

from vazao.kit.web.frame import Asker, ThePlatform
from vazao.kit.web.pages import language_of
from vazao.ops import described, store


@get("/v1/ops/findings", tags=["ops"], operation_id="listFindings", summary="What is wrong now",
     opt=described.LIST_FINDINGS)
async def list_findings(
    request: Request[Any, Any, Any], platform: ThePlatform, principal: Asker
) -> Response[described.Findings]:
    """Faults of the whole platform, for its admins and for tokens of the organization public."""
    principal.check_runs_platform(scope=described.READ)
    async with platform.db.connection() as conn:
        found = await store.alarms.now_wrong(conn)
    language = language_of(request)
    made: described.Findings = {
        "items": [described.finding_view(each, language) for each in found]
    }
    return Response(made, headers={"Cache-Control": "no-store"})


routes: list[Any] = [list_findings]
