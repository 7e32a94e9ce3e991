"""Slots: which runs may be sent now, and when the others are to come back."""

from __future__ import annotations

from datetime import datetime, timedelta

from vazao.kit import sql
from vazao.kit.sql import Conn
from vazao.relay.models import Pace, Run

Q = sql.load(__package__, "pace")


async def lock(conn: Conn) -> None:
    """Slots are given one after another until the transaction ends."""
    await sql.run(conn, Q.lock_pace)


async def look(conn: Conn, run: Run, *, silent: timedelta) -> Pace:
    """The pace, the work at hand, and what waits before *run*.

    Args:
        silent: a run that has brought nothing for so long takes no room.
    """
    found = await sql.one(
        conn, Pace, Q.look_at_pace, silent=silent, id=run.id, offered_at=run.offered_at
    )
    assert found is not None
    return found


async def grant(conn: Conn, run: Run) -> None:
    """Let a run be sent."""
    await sql.run(conn, Q.grant, id=run.id)


async def refuse(conn: Conn, run: Run, return_at: datetime) -> None:
    """Ask a run to come back."""
    await sql.run(conn, Q.refuse, id=run.id, return_at=return_at)


async def chunk_loaded(conn: Conn, run: Run, number: int) -> None:
    """Note that a chunk is loaded."""
    await sql.run(conn, Q.chunk_loaded, run_id=run.id, number=number)


async def note_loaded(conn: Conn, *, memory: float) -> None:
    """Learn from what was loaded since the last look, where there was work at hand meanwhile.

    Args:
        memory: seconds in which former looks fade.
    """
    await sql.run(conn, Q.note_loaded, memory=memory)


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
