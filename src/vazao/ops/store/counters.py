"""Counters since the statistics began; what happened is the difference of two readings."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg.sql import Identifier

from vazao.kit import sql
from vazao.kit.sql import Conn
from vazao.ops.models import DatabaseCount, StatementCount, TableCount

Q = sql.load(__package__, "counters")


async def tables(conn: Conn) -> list[TableCount]:
    """Of every table that is not tiny."""
    return await sql.every(conn, TableCount, Q.tables)


async def database(conn: Conn) -> DatabaseCount:
    """Of the whole database."""
    found = await sql.one(conn, DatabaseCount, Q.database)
    assert found is not None
    return found


async def schema_of_statements(conn: Conn) -> str | None:
    """Where the statements' counters are; none where the server does not count them."""
    found = await sql.row(conn, Q.has_statements)
    return found[0] if found else None


async def statements(conn: Conn, schema: str) -> list[StatementCount]:
    """Of every statement that has taken a tenth of a second in all."""
    wanted = Q.statements.format(schema=Identifier(schema))
    return await sql.every(conn, StatementCount, wanted)


async def texts(conn: Conn, schema: str, queryids: Sequence[int]) -> dict[int, str]:
    """Statements' texts, their values left out (``$1``); the file of all is read for it."""
    wanted = Q.texts.format(schema=Identifier(schema))
    found = await sql.rows(conn, wanted, queryids=list(queryids))
    return {id: text for id, text in found if text}


async def widths(conn: Conn, relids: Sequence[int]) -> dict[int, tuple[float, float]]:
    """By table: bytes a row, and how full its pages are to be; of those that were analyzed."""
    found = await sql.rows(conn, Q.wide, relids=list(relids))
    return {relid: (width, filled) for relid, width, filled, known in found if known}


async def leading(conn: Conn, table: str) -> set[str]:
    """The columns that the table's indexes begin with."""
    return {name for (name,) in await sql.rows(conn, Q.indexes_on, table=table)}
