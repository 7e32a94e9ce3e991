"""Sessions: who waits for whom, who holds a transaction open, who takes the connections."""

from __future__ import annotations

from collections.abc import Sequence

from vazao.kit import sql
from vazao.kit.sql import Conn
from vazao.ops.models import Connections, Holder, Load, Transaction

Q = sql.load(__package__, "activity")


async def holders(conn: Conn) -> list[Holder]:
    """Sessions that others wait for, the longest wait first; twenty at most."""
    return await sql.every(conn, Holder, Q.holders)


async def transactions(
    conn: Conn, *, idle_seconds: float, active_seconds: float, patient: Sequence[str]
) -> list[Transaction]:
    """Transactions that are idle or at work for longer, but for those of *patient* programs."""
    return await sql.every(
        conn, Transaction, Q.transactions, idle_seconds=idle_seconds,
        active_seconds=active_seconds, patient=list(patient),
    )


async def connections(conn: Conn) -> Connections:
    """How many connections the server has, and who takes them."""
    found = await sql.one(conn, Connections, Q.connections)
    assert found is not None
    return found


async def load(conn: Conn) -> Load:
    """Sessions that are at work now, by what they wait for."""
    found = await sql.one(conn, Load, Q.load)
    assert found is not None
    return found
