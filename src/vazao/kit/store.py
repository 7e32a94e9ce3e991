"""Runs the kit's own statements: connection in; never commits."""

from __future__ import annotations

from collections.abc import Sequence

from vazao.kit import sql
from vazao.kit.sql import Conn

Q = sql.load(__package__)


async def notify(conn: Conn, channel: str, payloads: Sequence[str]) -> None:
    """Notify those who listen on *channel* of each payload."""
    await sql.run(conn, Q.notify, channel=channel, payloads=list(payloads))


async def claim_sent(conn: Conn, key: bytes, target: str, *, seconds: float) -> bool:
    """Note that the form *key* was sent; false where it was within the last *seconds*.

    Older ones are forgotten on the way.
    """
    await sql.run(conn, Q.forget_sent, seconds=seconds)
    return await sql.row(conn, Q.claim_sent, key=key, target=target, seconds=seconds) is not None


async def sent_target(conn: Conn, key: bytes, *, seconds: float) -> str | None:
    """Where the form *key* led, if it was sent within the last *seconds*."""
    found = await sql.row(conn, Q.sent_target, key=key, seconds=seconds)
    return None if found is None else str(found[0])


async def lead_sent(conn: Conn, key: bytes, target: str) -> None:
    """Let the form *key* lead to *target*."""
    await sql.run(conn, Q.lead_sent, key=key, target=target)
