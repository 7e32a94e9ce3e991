"""Who may ask for new work: an organization with too many parts that wait has to wait itself.

What the platform does by itself, what running jobs split into, and erasing a person are let in
always: the limit holds requests, so that nothing at work fails for it. It is looked at as a request
begins, before its body is read; requests that come together may pass it by their number.

A request that is sent again makes nothing new, so no limit holds it. Its ``Idempotency-Key`` is
known as it begins; whether it asks the same shows once its body is read. Until then the route only
reads, and stores nothing: see :func:`repeated`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from vazao.jobs import store
from vazao.jobs.errors import IdempotencyClash, TooMuchWaiting
from vazao.jobs.models import Job, Keyed
from vazao.kit import metrics
from vazao.kit.platform import Platform, Principal
from vazao.kit.registry import Quota
from vazao.kit.sql import Conn
from vazao.kit.web.idempotency import HEADER, Idempotency, key_of

if TYPE_CHECKING:
    from litestar import Request
    from litestar.connection import ASGIConnection
    from litestar.handlers.base import BaseRouteHandler


async def admitted(
    connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler
) -> None:
    """A guard of routes that make jobs, behind that of every route.

    A request whose key led to a job passes; its route then asks :func:`repeated`.

    Raises:
        TooMuchWaiting: the organization, or the address that asks as the public, has enough.
        IdempotencyKeyInvalid: the route takes a key, and this is none.
    """
    platform, principal = connection.app.state.platform, connection.state.principal
    says = handler.opt.get("says")
    if says is not None and HEADER in says.names("header"):
        connection.state.keyed = await _keyed(platform, principal, key_of(connection))
        if connection.state.keyed is not None:
            return
    await admit(platform, principal)


async def _keyed(platform: Platform, principal: Principal, key: str | None) -> Keyed | None:
    if key is None:
        return None
    async with platform.db.connection() as conn:
        found = await store.jobs.find_keyed(conn, principal.organization_id, key)
    return found if found is not None and found.honoured else None


def is_known(request: Request[Any, Any, Any]) -> bool:
    """Whether the request's key led to a job before: it may store nothing."""
    return request.state.get("keyed") is not None


def repeated(
    request: Request[Any, Any, Any], idempotency: Idempotency | None, kind: str
) -> Job | None:
    """The job that an equal request made before; ``None`` where the key is new, or there is none.

    Args:
        idempotency: the request's key, with a hash of all that it asks.

    Raises:
        IdempotencyClash: the key belongs to another request.
    """
    found: Keyed | None = request.state.get("keyed")
    return None if found is None or idempotency is None else led_to(found, idempotency[1], kind)


def led_to(found: Keyed, digest: str, kind: str) -> Job:
    """The job of a key that is honoured, with ``created`` false.

    Raises:
        IdempotencyClash: the key belongs to another request.
    """
    if found.digest != digest or found.job.kind != kind:
        raise IdempotencyClash
    return msgspec.structs.replace(found.job, created=False)


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
            remedy="Wait until some jobs have ended, or cancel one.", limit=limit, retry_after=10
        )


async def _used(conn: Conn, organization_id: int, limit: int) -> int:
    return (await store.order.waiting(conn, organization_id, 0, limit))[0]


PARTS = Quota(
    "parts", "Parts of jobs that wait", "VAZAO_MAX_WAITING_PARTS",
    lambda settings: settings.max_waiting_parts, _used, store.order.most_waiting,
    frees="Wait for jobs to end, or cancel one.",
)
