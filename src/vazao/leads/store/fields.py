"""Custom fields: their names, labels, types and order."""

from __future__ import annotations

from vazao.kit import sql
from vazao.kit.sql import Conn
from vazao.leads.models import Field

Q = sql.load(__package__, "fields")


async def listed(conn: Conn, organization_id: int) -> list[Field]:
    """All custom fields of an organization, in their order."""
    return await sql.every(conn, Field, Q.list_fields, organization_id=organization_id)


async def get(conn: Conn, organization_id: int, name: str) -> Field | None:
    """One custom field."""
    return await sql.one(conn, Field, Q.get_field, organization_id=organization_id, name=name)


async def update(conn: Conn, organization_id: int, field: Field) -> Field | None:
    """Set a field's label, type, options and place."""
    return await sql.one(
        conn, Field, Q.update_field, organization_id=organization_id, name=field.name,
        label=field.label, type=field.type, options=field.options, place=field.place,
    )
