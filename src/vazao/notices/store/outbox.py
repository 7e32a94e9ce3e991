"""Events that are told."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from psycopg.types.json import Jsonb

from vazao.kit import sql
from vazao.kit.sql import Conn

Q = sql.load(__package__, "outbox")


def new_token() -> str:
    """A public id of an event."""
    return f"msg_{secrets.token_hex(16)}"


async def insert(
    conn: Conn, organization_id: int, type: str, object: str, data: dict[str, Any],
    people: Sequence[int],
) -> bool:
    """Tell those who want to know; whether there is anybody."""
    return await sql.row(
        conn, Q.insert_event, token=new_token(), organization_id=organization_id, type=type,
        object=object, data=Jsonb(data), people=list(people),
    ) is not None


async def insert_for(
    conn: Conn, webhook_id: int, organization_id: int, type: str, object: str,
    data: dict[str, Any],
) -> int:
    """Tell one webhook; the delivery's id."""
    found = await sql.row(
        conn, Q.insert_for, token=new_token(), webhook_id=webhook_id,
        organization_id=organization_id, type=type, object=object, data=Jsonb(data),
    )
    return found[0] if found else 0


async def sweep(conn: Conn, *, days: float, limit: int) -> int:
    """Forget a slice of old events that nothing is of; how many."""
    return await sql.run(conn, Q.sweep_events, days=days, limit=limit)
