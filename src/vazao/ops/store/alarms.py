"""What was found wrong: since when, and when it was over; and which process looks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from psycopg.types.json import Jsonb

from vazao.kit import sql
from vazao.kit.findings import Finding
from vazao.kit.sql import Conn
from vazao.ops.models import Alarm

Q = sql.load(__package__, "alarms")


async def lease(conn: Conn, holder: str, *, seconds: float) -> bool:
    """Whether *holder* may look now; then no other may for so long."""
    return await sql.row(conn, Q.lease, holder=holder, seconds=seconds) is not None


async def let_go(conn: Conn, holder: str) -> None:
    """Let another process look."""
    await sql.run(conn, Q.let_go, holder=holder)


async def note(conn: Conn, found: Sequence[Finding], *, quiet: float) -> list[tuple[int, bool]]:
    """Note what is wrong now; gives what began by this (true) or was over.

    Args:
        conn: in a transaction.
        found: no two of the same identity.
        quiet: seconds after which what is found no more is over.
    """
    rows = [msgspec.structs.asdict(each) | {"since": None} for each in found]
    return await sql.rows(conn, Q.note, found=Jsonb(rows), quiet=quiet)


async def now_wrong(conn: Conn) -> list[Alarm]:
    """What is wrong now, the worst first."""
    return await sql.every(conn, Alarm, Q.now_wrong)


async def over(conn: Conn, *, before: int | None = None, limit: int = 50) -> list[Alarm]:
    """What was wrong and is over, the newest first."""
    return await sql.every(conn, Alarm, Q.over, before=before, limit=limit)


async def during(conn: Conn, since: datetime) -> list[Alarm]:
    """What was wrong at some time since then, the newest first."""
    return await sql.every(conn, Alarm, Q.during, since=since)


async def forget_over(conn: Conn, *, days: int) -> None:
    """Remove what was over for longer."""
    await sql.run(conn, Q.forget_over, days=days)
