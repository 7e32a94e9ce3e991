"""How long statements usually take, learnt while all is well."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from psycopg.types.json import Jsonb

from vazao.kit import sql
from vazao.kit.sql import Conn
from vazao.ops.models import Usual

Q = sql.load(__package__, "usual")


async def of(conn: Conn, queryids: Sequence[int]) -> dict[int, Usual]:
    """What was learnt of those statements."""
    found = await sql.every(conn, Usual, Q.usual, queryids=list(queryids))
    return {each.queryid: each for each in found}


async def learn(conn: Conn, found: Iterable[Usual]) -> None:
    """Keep what was learnt."""
    rows = [
        {"queryid": u.queryid, "usual_ms": u.usual_ms, "readings": u.readings, "plan": u.plan}
        for u in found
    ]
    if rows:
        await sql.run(conn, Q.learn, found=Jsonb(rows))


async def forget(conn: Conn) -> None:
    """Forget statements that were not seen for a month."""
    await sql.run(conn, Q.forget)
