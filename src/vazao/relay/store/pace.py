"""Slots: which runs may be sent now, and when the others are to come back."""

from __future__ import annotations

from datetime import datetime, timedelta

from vazao.kit import sql
from vazao.kit.sql import Conn
from vazao.relay.models import Pace, Run

Q = sql.load(__package__, "pace")


async def lock(conn: Conn, *, silent: timedelta) -> Pace:
    """The pace; slots are given one after another until the transaction ends.

    Args:
        silent: a run that has brought nothing for so long takes no room.
    """
    found = await sql.one(conn, Pace, Q.lock_pace, silent=silent)
    assert found is not None
    return found


async def grant(conn: Conn, run: Run) -> None:
    """Let a run be sent."""
    await sql.run(conn, Q.grant, id=run.id)


async def refuse(conn: Conn, run: Run, return_at: datetime) -> None:
    """Ask a run to come back."""
    await sql.run(conn, Q.refuse, id=run.id, return_at=return_at)


async def promise(conn: Conn, until: datetime) -> None:
    """Note when the last of those that wait is to have been loaded."""
    await sql.run(conn, Q.promise, until=until)


async def note_loaded(conn: Conn, run: Run, *, memory: float) -> None:
    """Learn from a run that has been loaded; *memory* is what former ones count for (0..1)."""
    await sql.run(
        conn, Q.note_loaded, bytes=run.raw, committed_at=run.committed_at, memory=memory
    )


async def touch(conn: Conn) -> None:
    """Write something whose commit can be timed."""
    await sql.run(conn, Q.touch)


async def note_measured(
    conn: Conn, *, ease: float, commit_seconds: float, io_waits: float
) -> None:
    """Keep how the database is now."""
    await sql.run(
        conn, Q.note_measured, ease=ease, commit_seconds=commit_seconds, io_waits=io_waits
    )


async def io_waits(conn: Conn) -> float:
    """Sessions that wait for the disk."""
    found = await sql.row(conn, Q.count_io_waits)
    return found[0] if found else 0.0
