"""What each web process shows in search."""

from __future__ import annotations

from vazao.kit import sql
from vazao.kit.announcing import LISTENER
from vazao.kit.sql import Conn

Q = sql.load(__package__, "readers")


async def note(conn: Conn, pid: int, shown: str) -> None:
    """The web process with the LISTEN connection *pid* shows what the snapshot *shown* sees."""
    await sql.run(conn, Q.note_reader, pid=pid, shown=shown)


async def forget_gone(conn: Conn) -> None:
    """Forget the processes that are gone."""
    await sql.run(conn, Q.forget_readers)


async def behind(conn: Conn, xid: str) -> int:
    """How many web processes do not show the transaction *xid* yet."""
    found = await sql.row(conn, Q.count_behind, xid=xid, listener=LISTENER)
    return found[0] if found else 0
