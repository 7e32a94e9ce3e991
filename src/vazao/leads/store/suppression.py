"""Addresses that people left after opting out, as keyed hashes."""

from __future__ import annotations

from collections.abc import Sequence

from vazao.kit import sql
from vazao.kit.sql import Conn
from vazao.leads.models import Import

Q = sql.load(__package__, "suppression")


async def suppress(conn: Conn, organization_id: int, email_hash: bytes) -> None:
    """Remember that this e-mail opted out and left."""
    await sql.run(conn, Q.suppress, organization_id=organization_id, email_hash=email_hash)


async def release(conn: Conn, organization_id: int, hashes: Sequence[bytes]) -> None:
    """Forget that the e-mail with these hashes, one a key, opted out and left."""
    await sql.run(conn, Q.release, organization_id=organization_id, hashes=list(hashes))


async def is_suppressed(conn: Conn, organization_id: int, hashes: Sequence[bytes]) -> bool:
    """Whether the e-mail with these hashes, one a key, opted out and left."""
    found = await sql.row(
        conn, Q.is_suppressed, organization_id=organization_id, hashes=list(hashes)
    )
    return bool(found and found[0])


async def suppressed(conn: Conn, organization_id: int) -> frozenset[bytes]:
    """Keyed hashes of the e-mails that opted out and left."""
    found = await sql.rows(conn, Q.suppressed, organization_id=organization_id)
    return frozenset(email_hash for (email_hash,) in found)


async def suppressed_since(conn: Conn, record: Import) -> frozenset[bytes]:
    """Keyed hashes of those that left since the sheet was read, or shortly before."""
    found = await sql.rows(
        conn, Q.suppressed_since, organization_id=record.organization_id,
        import_id=record.id,
    )
    return frozenset(email_hash for (email_hash,) in found)


async def created_by_slice(conn: Conn, record: Import, number: int) -> list[str]:
    """The e-mails of the leads that a slice has made."""
    found = await sql.rows(
        conn, Q.created_by_slice, organization_id=record.organization_id, import_id=record.id,
        round=record.round, number=number,
    )
    return [email for (email,) in found]
