"""Who may ask for new work: an organization with too many parts that wait has to wait itself.

What the platform does by itself, what running jobs split into, and erasing a person are let in
always: the limit holds requests, so that nothing at work fails for it. It is looked at as a request
begins, before its body is read; requests that come together may pass it by their number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vazao.jobs import store
from vazao.jobs.errors import TooMuchWaiting
from vazao.kit import metrics
from vazao.kit.platform import Platform, Principal
from vazao.kit.registry import Quota
from vazao.kit.sql import Conn

if TYPE_CHECKING:
    from litestar.connection import ASGIConnection
    from litestar.handlers.base import BaseRouteHandler


async def admitted(
    connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler
) -> None:
    """A guard of routes that make jobs, behind that of every route.

    Raises:
        TooMuchWaiting: the organization, or the address that asks as the public, has enough.
    """
    await admit(connection.app.state.platform, connection.state.principal)


async def admit(platform: Platform, principal: Principal) -> None:
    """Hold *principal* to the quota of parts that wait; of the public's each address to a part.

    Raises:
        TooMuchWaiting: it has enough.
    """
    most = platform.settings.max_waiting_parts
    of_client = platform.settings.part_of(most, principal.client)
    async with platform.db.connection() as conn:
        waiting, clients = await store.order.waiting(
            conn, principal.organization_id, principal.client, most
        )
    limit = most if waiting >= most else of_client
    if waiting >= most or (principal.client and clients >= of_client):
        metrics.REFUSED.labels("parts").inc()
        raise TooMuchWaiting(
            remedy="Wait until some have ended, or cancel a job.", limit=limit, retry_after=10
        )


async def _used(conn: Conn, organization_id: int, limit: int) -> int:
    return (await store.order.waiting(conn, organization_id, 0, limit))[0]


PARTS = Quota(
    "parts", "Parts of jobs that wait", "VAZAO_MAX_WAITING_PARTS",
    lambda settings: settings.max_waiting_parts, _used, store.order.most_waiting,
    frees="They become fewer as jobs end; a job can be cancelled.",
)
