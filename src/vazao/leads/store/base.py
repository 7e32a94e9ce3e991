"""Leads, the size and version of a base, its custom fields, and exports."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import IO, Any

from psycopg.sql import SQL, Composable, Identifier, Placeholder
from psycopg.types.json import Jsonb

from vazao.kit import sql
from vazao.kit.sql import Conn, Page
from vazao.leads.errors import TooManyCustomFields
from vazao.leads.models import Base, Lead

Q = sql.load(__package__, "base")
LAST = (1 << 63) - 1
LIST = sql.paged(Q.list_leads, Lead)
_PAGE_END = Q.export_page.format(page=sql.paged(Q.export_leads, Lead, order="email"))
CUSTOM_FIELDS_AT_MOST = 1000
"""Names of custom fields in an organization: a COPY cannot have 1,664 columns."""


async def get(conn: Conn, organization_id: int, id: int) -> Lead | None:
    """One lead by id."""
    return await sql.one(conn, Lead, Q.get_lead, organization_id=organization_id, id=id)


async def lock(conn: Conn, organization_id: int, id: int) -> Lead | None:
    """One lead by id, which nobody else changes until the transaction ends."""
    return await sql.one(conn, Lead, Q.lock_lead, organization_id=organization_id, id=id)


async def find(conn: Conn, organization_id: int, email: str) -> Lead | None:
    """One lead by its normalized e-mail."""
    return await sql.one(conn, Lead, Q.find_lead, organization_id=organization_id, email=email)


async def newest(
    conn: Conn, organization_id: int, *, before: int | None, limit: int
) -> Page[Lead]:
    """A page of the base, newest first, with ids below *before*."""
    return await sql.page(
        conn, Lead, LIST, organization_id=organization_id, before=before or LAST, limit=limit
    )


async def update(
    conn: Conn, organization_id: int, id: int, fields: dict[str, Any]
) -> Lead | None:
    """The lead with *fields* (cleaned) set; those under ``custom`` are merged, null removes.

    The database merges: numbers that stay do not pass through this process, which would round
    what has more than 17 digits.
    """
    plain, merge = SQL("{} = {}"), SQL("{} = jsonb_strip_nulls(custom || {})")
    names = [
        (merge if f == "custom" else plain).format(Identifier(f), Placeholder(f)) for f in fields
    ]
    values = {f: Jsonb(v) if f == "custom" else v for f, v in fields.items()}
    return await sql.one(
        conn, Lead, Q.update_lead.format(assignments=SQL(", ").join(names)),
        **values, organization_id=organization_id, id=id,
    )


async def raise_base(conn: Conn, organization_id: int, created: int) -> None:
    """A base changed: raise its version, and count what came or (negative) went."""
    await sql.run(conn, Q.raise_base, organization_id=organization_id, created=created)


async def about(conn: Conn, organization_id: int) -> Base | None:
    """Size and version of the base, and the facets kept of it; ``None`` where it is empty."""
    return await sql.one(conn, Base, Q.get_base, organization_id=organization_id)


async def size(conn: Conn, organization_id: int) -> int:
    """How many leads the organization has: a lookup, not a count."""
    found = await about(conn, organization_id)
    return found.leads if found else 0


async def count_facets(conn: Conn, organization_id: int) -> tuple[int, list[dict[str, Any]]]:
    """How many leads were looked at, and the commonest values: ``facet``, ``value``, ``leads``."""
    found = await sql.row(conn, Q.compute_facets, organization_id=organization_id)
    return (found[0], found[1]) if found else (0, [])


async def keep_facets(
    conn: Conn, organization_id: int, facets: dict[str, Any], version: int
) -> None:
    """Keep the facets under the version of the base that they were counted at."""
    await sql.run(
        conn, Q.keep_facets, organization_id=organization_id, facets=Jsonb(facets),
        version=version,
    )


async def custom_types(conn: Conn, organization_id: int) -> dict[str, str]:
    """Declared types of custom fields by name; choices as `vazao.leads.models.choice_of` says."""
    return dict(await sql.rows(conn, Q.list_custom_types, organization_id=organization_id))


async def declare_custom_field(
    conn: Conn, organization_id: int, name: str, type: str, options: list[str] | None
) -> None:
    """Declare a custom field's type, and the *options* of a choice."""
    await sql.run(
        conn, Q.declare_custom_field, organization_id=organization_id, name=name, type=type,
        options=options,
    )


async def know_custom_fields(
    conn: Conn, organization_id: int, types: Mapping[str, str]
) -> None:
    """Remember that these custom fields are in use; those that are new have these *types*.

    Raises:
        TooManyCustomFields: with them there would be more than an export can have columns for.
    """
    if not types:
        return
    known = await sql.row(
        conn, Q.know_custom_fields, organization_id=organization_id, names=list(types),
        types=list(types.values()),
    )
    if known and known[0] > CUSTOM_FIELDS_AT_MOST:
        raise TooManyCustomFields(known[0], CUSTOM_FIELDS_AT_MOST)


async def room_for_custom_fields(
    conn: Conn, organization_id: int, types: Mapping[str, str]
) -> None:
    """See whether these custom fields could be taken in; raises as `know_custom_fields`."""
    known = await sql.row(
        conn, Q.count_custom_fields, organization_id=organization_id, names=list(types)
    )
    if known and known[0] > CUSTOM_FIELDS_AT_MOST:
        raise TooManyCustomFields(known[0], CUSTOM_FIELDS_AT_MOST)


async def page_end(conn: Conn, organization_id: int, *, after: str, limit: int) -> str | None:
    """The last e-mail of the page of leads after *after*; ``None`` behind the last.

    A page ends after *limit* leads or :data:`~vazao.kit.sql.PAGE_BYTES`.
    """
    found = await sql.row(
        conn, _PAGE_END, organization_id=organization_id, after=after, limit=limit,
        page_bytes=sql.PAGE_BYTES,
    )
    return found[0] if found else None


@dataclass(frozen=True)
class Between:
    """A page of an export: the e-mails behind *after* up to *last*."""

    after: str
    last: str


async def export(
    conn: Conn, organization_id: int, columns: Composable | None, file: IO[bytes],
    page: Between | list[int],
) -> None:
    """Write a page of leads, or those of these ids, into *file*.

    CSV of *columns*, or NDJSON where none are given.
    """
    whole = isinstance(page, Between)
    chosen = Q.between_emails.format() if whole else Q.among_ids.format()
    statement = (
        Q.export_csv.format(columns=columns, page=chosen) if columns
        else Q.export_ndjson.format(page=chosen)
    )
    bounds = {"organization_id": organization_id, **(vars(page) if whole else {"ids": page})}
    async with aclosing(sql.copied(conn, statement, bounds)) as blocks:
        async for block in blocks:
            file.write(block)
