"""Runs the statements of numbers: connection in, plain values out; never commits."""

from __future__ import annotations

from vazao.kit import sql
from vazao.kit.sql import Conn

Q = sql.load(__package__)


async def source_prefixes(conn: Conn, organization_id: int) -> list[str]:
    """Below which addresses the organization's tasks may read."""
    found = await sql.rows(conn, Q.source_prefixes, organization_id=organization_id)
    return [prefix for (prefix,) in found]


async def allow_source(conn: Conn, organization_id: int, prefix: str) -> None:
    """Let the organization's tasks read below *prefix*."""
    await sql.run(conn, Q.allow_source, organization_id=organization_id, prefix=prefix)


async def forbid_source(conn: Conn, organization_id: int, prefix: str) -> None:
    """Take the permission for *prefix* back."""
    await sql.run(conn, Q.forbid_source, organization_id=organization_id, prefix=prefix)
