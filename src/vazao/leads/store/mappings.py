"""Mappings that were saved: the last one for each set of headers, and those with a name."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from psycopg.types.json import Json

from vazao.kit import sql
from vazao.kit.sql import Conn

Q = sql.load(__package__, "mappings")
Saved = dict[str, str | None]


def key_of(headers: Sequence[str]) -> bytes:
    """What a set of headers is known by, whatever their order (SHA-256)."""
    return hashlib.sha256("\0".join(sorted(headers)).encode()).digest()


async def save(
    conn: Conn, organization_id: int, mapping: Mapping[str, str | None], *,
    name: str | None = None, saved_by: str | None = None,
) -> None:
    """Save a mapping for its headers and, where it has one, under its *name*."""
    given = {
        "organization_id": organization_id, "headers": key_of(list(mapping)),
        "mapping": Json(dict(mapping)), "saved_by": saved_by,
    }
    await sql.run(conn, Q.save_for_headers, **given)
    if name:
        await sql.run(conn, Q.save_by_name, name=name, **given)


async def find(
    conn: Conn, organization_id: int, headers: Sequence[str], name: str | None = None
) -> Saved | None:
    """The mapping of that name, or the last one for these *headers*."""
    found = await sql.row(
        conn, Q.find_saved, organization_id=organization_id, headers=key_of(headers), name=name
    )
    return found[0] if found else None


async def names(conn: Conn, organization_id: int) -> list[str]:
    """Under which names mappings were saved, those used last first."""
    return [name for (name,) in await sql.rows(conn, Q.list_saved, organization_id=organization_id)]
