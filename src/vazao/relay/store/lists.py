"""Lists, their versions and their publisher."""

from __future__ import annotations

from vazao.kit import sql
from vazao.kit.sql import Conn
from vazao.relay.models import Order, Version

COLUMNS = (
    "l.id as list_id, l.organization_id, l.name, v.version, v.document, v.signature, "
    "v.columns, v.every_seconds, v.opens, v.closes, v.published_at"
)
Window = tuple[int, int]
"""From when to when of a day, in minutes by the clock of the site."""
Q = sql.load(__package__, "lists", version=COLUMNS)


async def keep_publisher(conn: Conn, organization_id: int, public_key: bytes) -> bytes:
    """The organization's publisher's key: *public_key* if it has none yet."""
    await sql.run(
        conn, Q.insert_publisher, organization_id=organization_id, public_key=public_key
    )
    found = await publisher(conn, organization_id)
    assert found is not None
    return found


async def set_publisher(conn: Conn, organization_id: int, public_key: bytes) -> None:
    """Let an organization's publisher have another key."""
    await sql.run(
        conn, Q.set_publisher, organization_id=organization_id, public_key=public_key
    )


async def publisher(conn: Conn, organization_id: int) -> bytes | None:
    """The organization's publisher's key."""
    found = await sql.row(conn, Q.find_publisher, organization_id=organization_id)
    return found[0] if found else None


async def set_release(
    conn: Conn, organization_id: int, version: str, *, document: bytes, signature: bytes
) -> None:
    """Keep the agent that an organization's sites are to run."""
    await sql.run(
        conn, Q.set_release, organization_id=organization_id, version=version, document=document,
        signature=signature,
    )


async def lock(conn: Conn, organization_id: int, name: str) -> tuple[int, int]:
    """The number and the newest version of a list, 0 for a new one; nobody else publishes it
    until the transaction ends.
    """
    found = await sql.row(conn, Q.lock_list, organization_id=organization_id, name=name)
    assert found is not None
    return found[0], found[1]


async def add_version(
    conn: Conn, list_id: int, version: int, *, document: bytes, signature: bytes,
    columns: list[str] | None, every_seconds: int, window: Window,
) -> None:
    """Keep a version, which agents are told of from now on.

    Args:
        columns: their names; ``None`` where an agent has to say what they are.
    """
    await sql.run(
        conn, Q.insert_version, list_id=list_id, version=version, document=document,
        signature=signature, columns=columns, every_seconds=every_seconds, opens=window[0],
        closes=window[1],
    )
    await sql.run(conn, Q.set_version, id=list_id, version=version)


async def find(conn: Conn, organization_id: int, name: str) -> Version | None:
    """A list in its newest version."""
    return await sql.one(
        conn, Version, Q.find_list, organization_id=organization_id, name=name
    )


async def every(conn: Conn, organization_id: int) -> list[Version]:
    """The lists of an organization in their newest versions, by name."""
    return await sql.every(conn, Version, Q.list_lists, organization_id=organization_id)


async def columns(conn: Conn, list_id: int) -> list[str]:
    """The columns that a list's table has: those of its newest version that has any."""
    found = await sql.row(conn, Q.newest_columns, list_id=list_id)
    return found[0] if found else []


async def set_columns(conn: Conn, list_id: int, version: int, names: list[str]) -> None:
    """Keep the columns that an agent proposed."""
    await sql.run(conn, Q.set_columns, list_id=list_id, version=version, names=names)


async def get_version(conn: Conn, list_id: int, version: int) -> Version | None:
    """One version of a list."""
    return await sql.one(conn, Version, Q.get_version, list_id=list_id, version=version)


async def orders(conn: Conn, organization_id: int, site_id: int) -> list[Order]:
    """The lists that a site runs, by name."""
    return await sql.every(
        conn, Order, Q.list_orders, organization_id=organization_id, site_id=site_id
    )
