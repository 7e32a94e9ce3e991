"""The whole base as a stream of CSV or NDJSON, written by PostgreSQL itself (COPY)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Literal

from psycopg import sql

from vazao.kit.platform import Platform
from vazao.leads import store
from vazao.leads.mapping import FIELDS

Q = store.Q
Format = Literal["csv", "ndjson"]
OWN = ("vazao_id", "vazao_created_at", "vazao_updated_at")

# What a spreadsheet would calculate gets an apostrophe in front, which an import takes off.
ESCAPED = "regexp_replace({}, '^(''*[=+@-])', '''\\1')"
# A lone 1.234 could mean a thousand in a Portuguese sheet, so it is written 1.2340.
NUMBER = "regexp_replace({}, '^(-?[1-9][0-9]{{0,2}}\\.[0-9]{{3}})$', '\\10')"


async def export(
    platform: Platform, organization_id: int, form: Format
) -> AsyncIterator[bytes]:
    """Every lead of the organization, in the order of its e-mail."""
    async with platform.db.connection() as conn:
        types = await store.custom_types(conn, organization_id)
        own = sql.Literal(organization_id)
        if form == "csv":
            statement = Q.export_csv.format(columns=_csv(types), organization_id=own)
            yield _header(types)
        else:
            statement = Q.export_ndjson.format(organization_id=own)
        async with conn.cursor() as cursor, cursor.copy(statement) as rows:
            async for block in rows:
                yield bytes(block)


def _header(types: dict[str, str]) -> bytes:
    # Names of fields and slugs: nothing in them needs a quote.
    return ",".join([*FIELDS, *(f"custom.{name}" for name in types), *OWN]).encode() + b"\n"


def _csv(types: dict[str, str]) -> sql.Composed:
    columns: list[sql.Composable] = []
    for field in FIELDS:
        name = sql.Identifier(field)
        if field == "tags":
            value: sql.Composable = sql.SQL("array_to_string(tags, ',')")
        elif field == "opted_out":
            columns.append(name)
            continue
        else:
            value = name
        columns.append(sql.SQL(ESCAPED).format(value))
    for field, kind in types.items():
        value = sql.SQL("custom ->> {}").format(sql.Literal(field))
        columns.append(sql.SQL(NUMBER if kind in ("number", "integer") else ESCAPED).format(value))
    return sql.SQL(", ").join(columns)
