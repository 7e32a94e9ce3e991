"""What is wrong with the engine now."""

from __future__ import annotations

from collections.abc import Sequence

from vazao.jobs.models import Busy, Failing, Standing, Starved
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


async def busy(conn: Conn, organization_id: int | None = None) -> list[Busy]:
    """Organizations with open work, those that have waited longest first; or one alone."""
    return await sql.every(conn, Busy, Q.busy, organization_id=organization_id)


async def share(conn: Conn, organization_id: int) -> tuple[float, int | None]:
    """An organization's weight, and its cap if it has one."""
    found = await sql.row(conn, Q.share, organization_id=organization_id)
    return (found[0], found[1]) if found else (1.0, None)
