"""What the server has near a limit, and what holds vacuum back."""

from __future__ import annotations

from vazao.kit import sql
from vazao.kit.sql import Conn
from vazao.ops.models import Standing, TableSize, UnusedIndex

Q = sql.load(__package__, "server")


async def standing(conn: Conn) -> Standing:
    """Transaction ids left, replication that lags, and the oldest snapshot."""
    found = await sql.one(conn, Standing, Q.standing)
    assert found is not None
    return found


async def largest(conn: Conn) -> list[TableSize]:
    """The largest tables."""
    return await sql.every(conn, TableSize, Q.largest)


async def unused(conn: Conn) -> list[UnusedIndex]:
    """Large indexes that no statement used since the statistics began."""
    return await sql.every(conn, UnusedIndex, Q.unused)
