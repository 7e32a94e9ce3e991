"""Leads by hand: made, deleted, restored, tagged; and who did what to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg.sql import SQL, Identifier, Placeholder
from psycopg.types.json import Jsonb

from vazao.kit import sql
from vazao.kit.sql import Conn, Page
from vazao.leads.models import Deleted, Happening, Lead
from vazao.leads.store.base import LAST

Q = sql.load(__package__, "edits")
SLICES_LOOKED_AT = 500
"""Slices of imports in which a lead's history is looked for: some tenths of a second."""
_FIELDS = [
    name for name in Lead.__struct_fields__ if name not in ("id", "created_at", "updated_at")
]
_DELETED = sql.paged(Q.list_deleted, Deleted, order="lead_id desc")
_RESTORE = Q.restore_lead.format(
    columns=SQL(", ").join(map(Identifier, _FIELDS)),
    values=SQL(", ").join(SQL("l.{}").format(Identifier(name)) for name in _FIELDS),
)


async def insert(conn: Conn, organization_id: int, fields: Mapping[str, Any]) -> Lead:
    """A lead with *fields* (cleaned); raises UniqueViolation where its e-mail is taken."""
    values = {f: Jsonb(v) if f == "custom" else v for f, v in fields.items()}
    made = await sql.one(
        conn, Lead, Q.insert_lead.format(
            columns=SQL(", ").join(map(Identifier, values)),
            values=SQL(", ").join(map(Placeholder, values)),
        ), organization_id=organization_id, **values,
    )
    assert made is not None
    return made


async def delete(
    conn: Conn, organization_id: int, id: int, by: str | None
) -> tuple[int, str, bool] | None:
    """Remove one lead and keep it aside: its id, e-mail, and whether it had opted out."""
    gone = await sql.row(conn, Q.delete_lead, organization_id=organization_id, id=id, by=by)
    return None if gone is None else (gone[0], gone[1], gone[2])


async def restore(conn: Conn, organization_id: int, id: int) -> Lead | None:
    """Bring a deleted lead back; raises UniqueViolation where its e-mail is taken by now."""
    return await sql.one(conn, Lead, _RESTORE, organization_id=organization_id, id=id)


async def deleted(
    conn: Conn, organization_id: int, *, before: int | None, limit: int
) -> Page[Deleted]:
    """A page of those that can be restored, by id, newest first."""
    return await sql.page(
        conn, Deleted, _DELETED, organization_id=organization_id, before=before or LAST,
        limit=limit,
    )


async def tag(
    conn: Conn, organization_id: int, ids: Sequence[int], *, add: Sequence[str],
    remove: Sequence[str],
) -> list[int]:
    """Add and take away tags; the leads that were changed."""
    found = await sql.rows(
        conn, Q.tag_leads, organization_id=organization_id, ids=list(ids), add=list(add),
        remove=list(remove),
    )
    return [id for (id,) in found]


async def record(
    conn: Conn, organization_id: int, ids: Sequence[int], what: str, by: str | None,
    fields: Sequence[str] = (),
) -> None:
    """Remember what somebody did to these leads."""
    await sql.run(
        conn, Q.record_edit, organization_id=organization_id, ids=list(ids), what=what, by=by,
        fields=list(fields),
    )


async def history(conn: Conn, organization_id: int, id: int) -> list[Happening]:
    """What became of a lead, newest first; of imports the organization's newest slices."""
    return await sql.every(
        conn, Happening, Q.list_history.format(), organization_id=organization_id, id=id,
        slices=SLICES_LOOKED_AT,
    )
