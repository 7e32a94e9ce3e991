"""Runs the statements of leads: connection in, structs out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg import AsyncConnection, sql
from psycopg.types.json import Json, Jsonb

from vazao.kit.db import rows_of
from vazao.kit.sql import load
from vazao.leads.errors import TooManyCustomFields
from vazao.leads.models import Import, Lead, Options, Slice
from vazao.sheets import Note

Q = load(__package__)
Connection = AsyncConnection[Any]
Statement = sql.SQL | sql.Composed
LAST = (1 << 63) - 1
CUSTOM_FIELDS_AT_MOST = 1000
"""Names of custom fields in an organization: a COPY cannot have 1,664 columns."""
EXACT = 100_000
"""Fewer staged rows than these are cut into slices by looking at all of them."""


class StagingLost(RuntimeError):
    """The server crashed and emptied the import's unlogged staging."""


async def create_import(
    conn: Connection, *, id: int, token: str, organization_id: int, upload: str, filename: str,
    options: Options, requested_by: str | None,
) -> Import:
    """Record an import, in the transaction that enqueues its job."""
    values = {
        "id": id, "token": token, "organization_id": organization_id, "upload": upload,
        "filename": filename, "mode": options.mode, "empty": options.empty,
        "sheet": options.sheet, "dry_run": options.dry_run, "requested_by": requested_by,
        "mapping": None if options.mapping is None else Json(options.mapping),
    }
    await conn.execute(Q.create_import, values)
    made = await get_import(conn, id)
    assert made is not None
    return made


async def get_import(conn: Connection, id: int) -> Import | None:
    """An import by its job's id."""
    return await _one(conn, Import, _imports(Q.get_import), {"id": id})


async def find_import(conn: Connection, organization_id: int, token: str) -> Import | None:
    """An import of this organization by its public id."""
    return await _one(
        conn, Import, _imports(Q.find_import), {"token": token, "organization_id": organization_id}
    )


async def list_imports(
    conn: Connection, organization_id: int, *, before: int | None, limit: int
) -> list[Import]:
    """History, newest first, older than *before*."""
    values = {"organization_id": organization_id, "before": before or LAST, "limit": limit}
    return await _all(conn, Import, _imports(Q.list_imports), values)


async def custom_types(conn: Connection, organization_id: int) -> dict[str, str]:
    """Declared types of custom fields by name."""
    found = await conn.execute(Q.list_custom_types, {"organization_id": organization_id})
    return dict(await found.fetchall())


async def declare_custom_field(
    conn: Connection, organization_id: int, name: str, type: str
) -> None:
    """Declare a custom field's type."""
    values = {"organization_id": organization_id, "name": name, "type": type}
    await conn.execute(Q.declare_custom_field, values)


async def run_staging(conn: Connection, statement: Statement) -> None:
    """A statement over staging tables (their names are ours)."""
    await conn.execute(statement)


async def copy(conn: Connection, statement: sql.Composed, body: bytes) -> None:
    """One COPY of *body* (CSV), if there is any."""
    if body:
        async with conn.cursor() as cursor, cursor.copy(statement) as sink:
            await sink.write(body)


async def slices(
    conn: Connection, staging: str, rows: int, slice_rows: int
) -> list[dict[str, str | None]]:
    """Cut *rows* staged rows into slices of about *slice_rows* rows, by e-mail.

    Returns a payload a slice: its e-mails [low, high); the last one has no end.
    """
    if not rows:
        return []
    table = sql.Identifier(staging)
    first = await (await conn.execute(Q.first_email.format(staging=table))).fetchone()
    found = await conn.execute(
        Q.slice_edges.format(staging=table),
        {"slices": max(1, round(rows / slice_rows)), "percent": 100 if rows < EXACT else 10},
    )
    sampled = [email for (email,) in await found.fetchall()]
    edges: list[str | None] = list(dict.fromkeys([*(first or ()), *sampled[1:]]))
    return [
        {"low": low, "high": high} for low, high in zip(edges, [*edges[1:], None], strict=True)
    ]


async def replace_staging(conn: Connection, id: int, staging: str) -> None:
    """The import's rows are now in another staging table."""
    await conn.execute(Q.replace_staging, {"id": id, "staging": staging})


async def lock_staging(conn: Connection, id: int) -> None:
    """Wait for other parts that read this import's staging again; until the transaction ends."""
    await conn.execute(Q.lock_staging, {"id": id})


async def staged_rows(conn: Connection, staging: str) -> int:
    """How many rows wait in *staging*; -1 when the table is gone."""
    exists = await conn.execute("select to_regclass(%s)", [f"leads_staging.{staging}"])
    if (await exists.fetchone()) == (None,):
        return -1
    found = await conn.execute(Q.count_staging.format(staging=sql.Identifier(staging)))
    return (await found.fetchone() or (0,))[0]


async def prepare_slice(conn: Connection) -> None:
    """Planner settings of a slice's transaction."""
    await conn.execute(Q.slice_settings)


async def merge_slice(
    conn: Connection, statement: sql.Composed, record: Import, number: int,
    payload: dict[str, str | None],
) -> Slice | None:
    """Merge and record the e-mails [low, high), and raise the base's version.

    ``None`` when another writer got in between: undo, and try again.

    Raises:
        StagingLost: no row stands there, though the slice began with one.
    """
    creates, updates = record.mode != "update", record.mode != "create"
    values = {
        "low": payload["low"], "high": payload["high"], "organization_id": record.organization_id,
        "import_id": record.id, "round": record.round, "number": number, "creates": creates,
        "updates": updates,
        "place": next((h for h, f in (record.mapping or {}).items() if f == "email"), None),
    }
    found = await conn.execute(statement, values, prepare=False)
    row = await found.fetchone()
    assert row is not None
    created, updated, rows, missing, differing = row
    if rows == 0:
        raise StagingLost
    if (creates and created != missing) or (updates and updated != differing):
        return None
    if created or updated:
        await raise_base(conn, record.organization_id, created)
    return Slice(created=created, updated=updated, rows=rows)


async def raise_base(conn: Connection, organization_id: int, created: int) -> None:
    """A base changed: raise its version, and count what came or (negative) went."""
    await conn.execute(
        Q.raise_base, {"organization_id": organization_id, "created": created}
    )


async def save_reading(
    conn: Connection, record: Import, *, headers: Sequence[str],
    mapping: dict[str, str | None], notes: Sequence[Note], staging: str, rejections: str,
    rows_total: int, rows_staged: int, rejected: int, digest: bytes | None,
) -> None:
    """What reading found, and its rejections, in the reading's last transaction."""
    names = [f.removeprefix("custom.") for f in mapping.values() if f and f[:7] == "custom."]
    await know_custom_fields(conn, record.organization_id, sorted(names))
    if rejected:
        await conn.execute(
            Q.move_rejections.format(rejections=sql.Identifier(rejections)),
            {"import_id": record.id},
        )
    await conn.execute(
        Q.save_reading,
        {"id": record.id, "headers": Json(list(headers)), "mapping": Json(mapping),
         "notes": Jsonb(list(notes)), "staging": staging, "rows_total": rows_total,
         "rows_staged": rows_staged, "rejected": rejected, "digest": digest},
    )


async def rejections(
    conn: Connection, import_id: int, *, after: int = 0, limit: int = 1000
) -> list[tuple[int, str | None, str, str | None]]:
    """Refused rows: row, column, code, value; in the order of the sheet."""
    values = {"import_id": import_id, "after": after, "limit": limit}
    return await (await conn.execute(Q.list_rejections, values)).fetchall()


async def rejection_kinds(conn: Connection, import_id: int) -> tuple[bool, bool]:
    """Whether an import refused rows, and whether any of them for being too long."""
    found = await (await conn.execute(Q.rejection_kinds, {"import_id": import_id})).fetchone()
    return found or (False, False)


async def rejections_between(
    conn: Connection, import_id: int, first: int, last: int
) -> list[tuple[int, str | None, str]]:
    """Refused rows of that part of the sheet: row, column, code."""
    values = {"import_id": import_id, "first": first, "last": last}
    return await (await conn.execute(Q.rejections_between, values)).fetchall()


async def reset_import(conn: Connection, id: int) -> None:
    """Forget an ended import's outcomes and rejections: it starts over."""
    await conn.execute(Q.reset_import, {"id": id})


async def staging_tables(conn: Connection) -> list[tuple[str, int]]:
    """Every staging table and the job of its import."""
    return await (await conn.execute(Q.staging_tables)).fetchall()


async def know_custom_fields(
    conn: Connection, organization_id: int, names: Sequence[str]
) -> None:
    """Remember that these custom fields are in use.

    Raises:
        TooManyCustomFields: with them there would be more than an export can have columns for.
    """
    if not names:
        return
    values = {"organization_id": organization_id, "names": list(names)}
    known = await (await conn.execute(Q.know_custom_fields, values)).fetchone()
    if known and known[0] > CUSTOM_FIELDS_AT_MOST:
        raise TooManyCustomFields(known[0], CUSTOM_FIELDS_AT_MOST)


async def get_lead(conn: Connection, organization_id: int, id: int) -> Lead | None:
    """One lead by id."""
    return await _one(conn, Lead, Q.get_lead, {"organization_id": organization_id, "id": id})


async def lock_lead(conn: Connection, organization_id: int, id: int) -> Lead | None:
    """One lead by id, which nobody else changes until the transaction ends."""
    return await _one(conn, Lead, Q.lock_lead, {"organization_id": organization_id, "id": id})


async def find_lead(conn: Connection, organization_id: int, email: str) -> Lead | None:
    """One lead by its normalized e-mail."""
    values = {"organization_id": organization_id, "email": email}
    return await _one(conn, Lead, Q.find_lead, values)


async def list_leads(
    conn: Connection, organization_id: int, *, before: int | None, limit: int
) -> list[Lead]:
    """The base, newest first, by keyset on the primary key."""
    values = {"organization_id": organization_id, "before": before or LAST, "limit": limit}
    return await _all(conn, Lead, Q.list_leads, values)


async def export_page(
    conn: Connection, organization_id: int, *, after: str, limit: int
) -> str | None:
    """The last e-mail of the page of leads after *after*; None behind the last."""
    values = {"organization_id": organization_id, "after": after, "limit": limit}
    found = await (await conn.execute(Q.export_page, values)).fetchone()
    return found[0] if found else None


async def update_lead(
    conn: Connection, organization_id: int, id: int, fields: dict[str, Any]
) -> Lead | None:
    """Set *fields* (cleaned) of one lead; those under ``custom`` are merged, null removes.

    The database merges: numbers that stay do not pass through this process, which would round
    what has more than 17 digits.
    """
    plain, merge = sql.SQL("{} = {}"), sql.SQL("{} = jsonb_strip_nulls(custom || {})")
    names = [
        (merge if f == "custom" else plain).format(sql.Identifier(f), sql.Placeholder(f))
        for f in fields
    ]
    values = {f: Jsonb(v) if f == "custom" else v for f, v in fields.items()}
    return await _one(
        conn, Lead, Q.update_lead.format(assignments=sql.SQL(", ").join(names)),
        values | {"organization_id": organization_id, "id": id},
    )


async def delete_lead(
    conn: Connection, organization_id: int, id: int
) -> tuple[int, str, bool] | None:
    """Remove one lead: its id, e-mail, and whether it had opted out."""
    values = {"organization_id": organization_id, "id": id}
    return await (await conn.execute(Q.delete_lead, values)).fetchone()


async def base_size(conn: Connection, organization_id: int) -> int:
    """How many leads the organization has: a lookup, not a count."""
    found = await conn.execute(Q.get_base, {"organization_id": organization_id})
    row = await found.fetchone()
    return row[1] if row else 0


async def suppress(conn: Connection, organization_id: int, email_hash: bytes) -> None:
    """Remember that this e-mail opted out and left."""
    values = {"organization_id": organization_id, "email_hash": email_hash}
    await conn.execute(Q.suppress, values)


async def suppressed(conn: Connection, organization_id: int) -> frozenset[bytes]:
    """Keyed hashes of the e-mails that opted out and left."""
    found = await conn.execute(Q.suppressed, {"organization_id": organization_id})
    return frozenset(row[0] for row in await found.fetchall())


def _imports(statement: sql.SQL) -> sql.Composed:
    return statement.format(imports=Q.imports)


async def _one(conn: Connection, model: Any, query: Statement, values: Any) -> Any:
    async with conn.cursor(row_factory=rows_of(model)) as cursor:
        await cursor.execute(query, values)
        return await cursor.fetchone()


async def _all(conn: Connection, model: Any, query: Statement, values: Any) -> list[Any]:
    async with conn.cursor(row_factory=rows_of(model)) as cursor:
        await cursor.execute(query, values)
        return await cursor.fetchall()
