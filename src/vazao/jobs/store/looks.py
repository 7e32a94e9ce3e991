"""What is wrong with the engine now."""

from __future__ import annotations

from collections.abc import Sequence

from vazao.jobs.models import Failing, Standing, Starved
from vazao.kit import sql
from vazao.kit.sql import Conn

Q = sql.load(__package__, "looks")


async def standing(conn: Conn, silent_seconds: float) -> Standing:
    """Parts that wait, and workers that live."""
    found = await sql.one(conn, Standing, Q.standing_still, silent=silent_seconds)
    assert found is not None
    return found


async def starved(conn: Conn, seconds: float) -> list[Starved]:
    """Organizations that have waited for so long with nothing at work."""
    return await sql.every(conn, Starved, Q.starved, seconds=seconds)


async def failing(conn: Conn, codes: Sequence[str], seconds: float) -> list[Failing]:
    """Kinds most of whose jobs ended with one of *codes* within *seconds*."""
    return await sql.every(conn, Failing, Q.failing, codes=list(codes), seconds=seconds)
