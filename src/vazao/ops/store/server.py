"""What the server has near a limit, and what holds vacuum back."""

from __future__ import annotations

from vazao.kit import sql
from vazao.kit.sql import Conn
from vazao.ops.models import Standing

Q = sql.load(__package__, "server")


async def standing(conn: Conn) -> Standing:
    """Transaction ids left, replication that lags, and the oldest snapshot."""
    found = await sql.one(conn, Standing, Q.standing)
    assert found is not None
    return found
