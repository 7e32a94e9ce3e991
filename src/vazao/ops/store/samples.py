"""How the platform was: figures of each minute for a day, of each quarter of an hour for longer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from psycopg.types.json import Jsonb

from vazao.kit import sql
from vazao.kit.sql import Conn
from vazao.ops.models import Sample

Q = sql.load(__package__, "samples")
MINUTE, QUARTER = 1, 15


async def keep(conn: Conn, figures: Mapping[str, float]) -> None:
    """Keep the figures of this minute."""
    rounded = {name: round(value, 4) for name, value in figures.items()}
    await sql.run(conn, Q.keep, figures=Jsonb(rounded))


async def thin(conn: Conn) -> None:
    """Make one of the minutes of a quarter of an hour, and forget what is old."""
    await sql.run(conn, Q.thin)


async def course(
    conn: Conn, names: Sequence[str], *, level: int, seconds: float
) -> list[Sample]:
    """Figures by *names* over the last *seconds*, each of *level* minutes, the oldest first."""
    return await sql.every(
        conn, Sample, Q.course, names=list(names), level=level, seconds=seconds
    )
