"""Plans of statements whose values are not known: what a server would do, without doing it.

The counted texts hold ``$1`` where values stood. Prepared under ``force_generic_plan`` and
explained, they give the plan for any value; nothing is run, and no value of anybody is seen.
"""

from __future__ import annotations

import re
from typing import Any, cast

import psycopg

from vazao.kit import sql
from vazao.kit.sql import Conn

Q = sql.load(__package__, "plans")
NAME = "vazao_ops_look"
EXPLAINED = re.compile(r"\s*(select|insert|update|delete|merge|with|values)\b", re.IGNORECASE)
Plan = dict[str, Any]


async def plan_of(conn: Conn, text: str) -> Plan | None:
    """The plan of the statement *text* for any values; ``None`` where it has none.

    Args:
        conn: a session past any pooler, in autocommit.
        text: as the server counts it, ``$1`` for values.
    """
    if not EXPLAINED.match(text):
        return None
    try:
        await conn.execute(b"set plan_cache_mode = force_generic_plan")
        await conn.execute(sql.trusted(f"prepare {NAME} as {text}"))
        found = await sql.row(conn, Q.places, name=NAME)
        values = ", ".join(["null"] * (found[0] if found else 0))
        call = f"{NAME}({values})" if values else NAME
        explained = await sql.row(
            conn, sql.trusted(f"explain (verbose, format json) execute {call}")
        )
    except psycopg.errors.QueryCanceled:
        raise
    except psycopg.Error:
        # Of a table that is gone by now, say, or of a kind that cannot be prepared.
        return None
    finally:
        await _forget(conn)
    return cast(Plan, explained[0][0]["Plan"]) if explained else None


async def _forget(conn: Conn) -> None:
    if not conn.closed:
        await conn.execute(b"reset plan_cache_mode")
        await conn.execute(b"deallocate all")


async def plan_with(conn: Conn, index: str, text: str) -> Plan | None:
    """The plan of *text* if there were that *index* (a ``create index``).

    Raises:
        LookupError: this database has no ``hypopg``, which can tell.
    """
    if await sql.row(conn, Q.has_hypothetical) is None:
        raise LookupError
    await sql.run(conn, Q.imagine, index=index)
    try:
        return await plan_of(conn, text)
    finally:
        await sql.run(conn, Q.imagine_no_more)
