"""What statements took, by quarters of an hour, with their texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from psycopg.types.json import Jsonb

from vazao.kit import sql
from vazao.kit.sql import Conn
from vazao.ops.models import Spent, StatementCount

Q = sql.load(__package__, "spent")


async def add(conn: Conn, found: Sequence[StatementCount]) -> None:
    """Add what statements took to this quarter of an hour."""
    rows = [
        {"queryid": each.queryid, "calls": each.calls, "ms": each.ms,
         "blocks": each.hit + each.read}
        for each in found
    ]
    await sql.run(conn, Q.add, found=Jsonb(rows))


async def without_text(conn: Conn, queryids: Sequence[int]) -> list[int]:
    """Those whose text is not kept yet."""
    found = await sql.rows(conn, Q.without_text, queryids=list(queryids))
    return [id for (id,) in found]


async def keep_texts(conn: Conn, texts: Mapping[int, str]) -> None:
    """Keep texts by the statements' ids."""
    rows = [{"queryid": id, "text": text} for id, text in texts.items()]
    await sql.run(conn, Q.keep_texts, found=Jsonb(rows))


async def most(conn: Conn, *, seconds: float) -> list[Spent]:
    """The statements that took most time within *seconds*, the most first."""
    return await sql.every(conn, Spent, Q.most, seconds=seconds)


async def forget(conn: Conn) -> None:
    """Forget what is older than a month."""
    await sql.run(conn, Q.forget_spent)
