"""Runs the kit's own statements: connection in; never commits."""

from __future__ import annotations

from collections.abc import Sequence

from vazao.kit import sql
from vazao.kit.sql import Conn

Q = sql.load(__package__)


async def notify(conn: Conn, channel: str, payloads: Sequence[str]) -> None:
    """Notify those who listen on *channel* of each payload."""
    await sql.run(conn, Q.notify, channel=channel, payloads=list(payloads))
