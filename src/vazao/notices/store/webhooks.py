"""Webhooks, their leases, and how their receivers are."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from vazao.kit import sql
from vazao.kit.sql import Conn, Page
from vazao.kit.web.idempotency import Idempotency
from vazao.notices.models import NewWebhook, Outcome, Webhook

_COLUMNS = sql.columns(Webhook, without="created")
Q = sql.load(
    __package__, "webhooks", webhook=_COLUMNS,
    w_webhook=sql.columns(Webhook, "w.", without="created"),
)
EVERY = sql.paged(
    Q.list_webhooks, [n for n in Webhook.__struct_fields__ if n != "created"], order="id"
)


async def insert(
    conn: Conn, organization_id: int, token: str, new: NewWebhook, *, secret: bytes,
    idempotency: Idempotency | None,
) -> Webhook | None:
    """Make one; ``None`` where its idempotency key made one before."""
    key, request = idempotency or (None, None)
    if key is not None:
        await sql.run(conn, Q.free_key, organization_id=organization_id, key=key)
    return await sql.one(
        conn, Webhook, Q.insert_webhook, token=token, organization_id=organization_id,
        url=new.url, types=new.types, about=new.about, secret=secret, key=key, request=request,
    )


async def find_keyed(conn: Conn, organization_id: int, key: str) -> Webhook | None:
    """The one that an idempotency key made."""
    return await sql.one(
        conn, Webhook, Q.find_keyed, organization_id=organization_id, key=key
    )


async def count(conn: Conn, organization_id: int) -> int:
    """How many an organization has; nobody adds one until the transaction ends."""
    await sql.row(conn, Q.lock_organization, organization_id=organization_id)
    found = await sql.row(conn, Q.count_webhooks, organization_id=organization_id)
    return found[0] if found else 0


async def find(conn: Conn, organization_id: int, token: str) -> Webhook | None:
    """One of an organization."""
    return await sql.one(
        conn, Webhook, Q.find_webhook, organization_id=organization_id, token=token
    )


async def lock(conn: Conn, organization_id: int, token: str) -> Webhook | None:
    """One of an organization, held until the transaction ends."""
    return await sql.one(
        conn, Webhook, Q.lock_webhook, organization_id=organization_id, token=token
    )


async def page(conn: Conn, organization_id: int, *, after: int, limit: int) -> Page[Webhook]:
    """A page of those of an organization, in the order in which they were made."""
    return await sql.page(
        conn, Webhook, EVERY, organization_id=organization_id, after=after, limit=limit
    )


async def change(conn: Conn, webhook: Webhook, *, anew: bool) -> Webhook | None:
    """Keep the address, types, description of *webhook*, and whether it is on.

    Args:
        anew: forget that its receiver was down.
    """
    return await sql.one(
        conn, Webhook, Q.change_webhook, id=webhook.id, url=webhook.url, types=webhook.types,
        about=webhook.about, enabled=webhook.enabled, anew=anew,
    )


async def set_secret(conn: Conn, id: int, secret: bytes, *, until: datetime) -> Webhook | None:
    """Another secret; the one before it signs besides until *until*."""
    return await sql.one(conn, Webhook, Q.set_secret, id=id, secret=secret, until=until)


async def remove(conn: Conn, organization_id: int, token: str) -> bool:
    """Remove one of an organization; whether there was one."""
    return bool(await sql.run(
        conn, Q.remove_webhook, organization_id=organization_id, token=token
    ))


async def claim(
    conn: Conn, lease: UUID, *, seconds: float, each: int, limit: int
) -> list[Webhook]:
    """Take those that have something to be sent now.

    Args:
        seconds: how long, unless the lease is renewed.
        each: of one organization at a time, by all processes together.
    """
    return await sql.every(
        conn, Webhook, Q.claim_webhooks, lease=lease, seconds=seconds, each=each, limit=limit
    )


async def renew(
    conn: Conn, lease: UUID, ids: Collection[int], *, seconds: float
) -> set[int]:
    """Go on holding some; those that are still held."""
    found = await sql.rows(conn, Q.renew_leases, lease=lease, ids=list(ids), seconds=seconds)
    return {id for (id,) in found}


async def release(conn: Conn, lease: UUID, id: int) -> None:
    """Give one back."""
    await sql.run(conn, Q.release_webhook, lease=lease, id=id)


async def note_taken(conn: Conn, id: int, outcome: Outcome) -> None:
    """Its receiver took something."""
    await sql.run(conn, Q.note_taken, id=id, status=outcome.status)


async def note_refused(conn: Conn, id: int, outcome: Outcome) -> None:
    """Its receiver is there and refused something."""
    await sql.run(conn, Q.note_refused, id=id, outcome=outcome.name, status=outcome.status)


async def note_down(
    conn: Conn, lease: UUID, id: int, outcome: Outcome, *, wait: float
) -> Webhook | None:
    """Its receiver is down; ``None`` where another process holds it."""
    return await sql.one(
        conn, Webhook, Q.note_down, id=id, lease=lease, outcome=outcome.name,
        status=outcome.status, wait=wait,
    )


async def turn_off(conn: Conn, id: int, reason: str) -> Webhook | None:
    """Turn one off; ``None`` where it was off."""
    return await sql.one(conn, Webhook, Q.turn_off, id=id, reason=reason)


async def sweep(conn: Conn) -> int:
    """Forget removed ones whose deliveries are gone; how many."""
    return await sql.run(conn, Q.sweep_webhooks)
