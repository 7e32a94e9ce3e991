"""What jobs say of values: errors that quote them, results that name files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from psycopg.types.json import Jsonb

from vazao.kit import sql
from vazao.kit.sql import Conn

Q = sql.load(__package__, "said")


class Said(NamedTuple):
    """What one job says."""

    id: int
    error: dict[str, Any] | None
    result: Any
    payload: dict[str, Any]


async def end_of_page(
    conn: Conn, organization_id: int, *, after: int, limit: int
) -> int | None:
    """The id of the last of the next *limit* jobs; ``None`` where none follows."""
    found = await sql.row(
        conn, Q.end_of_page, organization_id=organization_id, after=after, limit=limit
    )
    return found[0] if found else None


async def find(
    conn: Conn, organization_id: int, patterns: Sequence[str], *, after: int, last: int
) -> list[Said]:
    """Jobs with ids above *after* up to *last* of which LIKE finds one of *patterns*."""
    found = await sql.rows(
        conn, Q.find_saying, organization_id=organization_id, patterns=list(patterns),
        after=after, last=last,
    )
    return [Said(*each) for each in found]


async def write(conn: Conn, said: Sequence[Said], patterns: Sequence[str]) -> None:
    """Let jobs say this instead; a key and a request id with one of *patterns* go."""
    await sql.run(
        conn, Q.say_less, patterns=list(patterns), ids=[each.id for each in said],
        errors=[None if each.error is None else Jsonb(each.error) for each in said],
        results=[None if each.result is None else Jsonb(each.result) for each in said],
        payloads=[Jsonb(each.payload) for each in said],
    )


async def forget_pieces(conn: Conn, organization_id: int, *, after: int, last: int) -> None:
    """Forget what the parts of jobs found that did not finish."""
    await sql.run(
        conn, Q.forget_pieces, organization_id=organization_id, after=after, last=last
    )
