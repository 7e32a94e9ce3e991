"""E-mail: what people chose, and what waits for each of them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from vazao.kit import sql
from vazao.kit.sql import Conn
from vazao.notices.models import Mail, Recipient

Q = sql.load(__package__, "mail")


async def choices(conn: Conn, user_id: int) -> dict[str, bool]:
    """What somebody chose, by type."""
    return dict(await sql.rows(conn, Q.list_choices, user_id=user_id))


async def choose(
    conn: Conn, user_id: int, organization_id: int, type: str, wanted: bool
) -> None:
    """Keep what somebody chose about a type."""
    await sql.run(
        conn, Q.set_choice, user_id=user_id, organization_id=organization_id, type=type,
        wanted=wanted,
    )


async def claim(conn: Conn, lease: UUID, *, seconds: float, limit: int) -> list[Recipient]:
    """Take some whom something waits for."""
    return await sql.every(
        conn, Recipient, Q.claim_recipients, lease=lease, seconds=seconds, limit=limit
    )


async def waiting(conn: Conn, user_id: int, *, limit: int) -> list[Mail]:
    """What waits for somebody, the newest first."""
    return await sql.every(conn, Mail, Q.list_mail, user_id=user_id, limit=limit)


async def drop(conn: Conn, user_id: int, ids: Collection[int]) -> None:
    """Let what was sent wait no more."""
    await sql.run(conn, Q.drop_mail, user_id=user_id, ids=list(ids))


async def note_mailed(
    conn: Conn, lease: UUID, user_id: int, outcome: str, *, wait: float
) -> None:
    """An e-mail was ``sent``, or given up for another reason; none follows for *wait* seconds."""
    await sql.run(
        conn, Q.note_mailed, lease=lease, user_id=user_id, outcome=outcome, wait=wait
    )


async def note_unsent(
    conn: Conn, lease: UUID, user_id: int, outcome: str, *, wait: float
) -> None:
    """It could not be sent and is tried again in *wait* seconds."""
    await sql.run(
        conn, Q.note_unsent, lease=lease, user_id=user_id, outcome=outcome, wait=wait
    )


async def last(conn: Conn, user_id: int) -> tuple[str | None, datetime | None]:
    """How the last e-mail to somebody went, and when one was sent last."""
    found = await sql.row(conn, Q.find_recipient, user_id=user_id)
    return (found[0], found[1]) if found else (None, None)
