"""The base, or what matches, as a stream of CSV or NDJSON, written by PostgreSQL itself (COPY).

Page by page, by keyset: whoever reads slowly holds neither a connection nor a snapshot, nor memory
beyond a block, and a lead is told as it stands when its page is read.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime
from typing import IO, Literal

from psycopg import sql

from vazao.kit.platform import Platform
from vazao.kit.processes import unusable
from vazao.kit.sql import INERT
from vazao.kit.web.spooling import blocks
from vazao.leads import listing, store
from vazao.leads.listing import Filters
from vazao.leads.mapping import FIELDS

Format = Literal["csv", "ndjson"]
OWN = ("vazao_id", "vazao_created_at", "vazao_updated_at")

# A lone 1.234 could mean a thousand in a Portuguese sheet, so it is written 1.2340.
NUMBER = "regexp_replace({}, '^(-?[1-9][0-9]{{0,2}}\\.[0-9]{{3}})$', '\\10')"
# Values stay as they are when a type is declared: only what is a number is written as one.
TYPED = f"case when jsonb_typeof({{}}) = 'number' then {NUMBER} else {INERT} end"


async def export(
    platform: Platform, organization_id: int, form: Format, filters: Filters | None = None,
    since: datetime | None = None,
) -> AsyncGenerator[bytes]:
    """Every lead of the organization, in the order of its e-mail.

    Args:
        filters: only those that match.
        since: only those changed at or after this moment.

    Raises:
        StorageFull: no room is left for a page of it.
    """
    async with platform.db.connection() as conn:
        types = await store.base.custom_types(conn, organization_id)
    columns = _csv(types) if form == "csv" else None
    if columns:
        yield _header(types)
    chosen = filters or Filters()
    pages: AsyncGenerator[store.base.Between | list[int]] = (
        listing.matching(platform, organization_id, chosen, since)
        if chosen.given or since else _whole(platform, organization_id)
    )
    with tempfile.TemporaryFile(dir=platform.settings.folder) as file:
        async with aclosing(pages):
            async for page in pages:
                await _write(platform, organization_id, columns, page, file)
                async for block in blocks(file):
                    yield block


async def _whole(
    platform: Platform, organization_id: int
) -> AsyncGenerator[store.base.Between]:
    last: str | None = ""
    while last is not None:
        after = last
        async with platform.db.connection(patient=True) as conn:
            last = await store.base.page_end(
                conn, organization_id, after=after, limit=listing.EXPORTED
            )
        if last is not None:
            yield store.base.Between(after, last)


async def _write(
    platform: Platform, organization_id: int, columns: sql.Composed | None,
    page: store.base.Between | list[int], file: IO[bytes],
) -> None:
    """Write *page* into *file*, instead of what it held."""
    file.seek(0)
    file.truncate()
    try:
        async with platform.db.connection(patient=True) as conn:
            await store.base.export(conn, organization_id, columns, file, page)
    except OSError as error:
        raise unusable(platform.settings.folder, error) from error


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
        columns.append(sql.SQL(INERT).format(value))
    for field, kind in types.items():
        name = sql.Literal(field)
        value = sql.SQL("custom ->> {}").format(name)
        if kind in ("number", "integer"):
            found = sql.SQL("custom -> {}").format(name)
            columns.append(sql.SQL(TYPED).format(found, value, value))
        else:
            columns.append(sql.SQL(INERT).format(value))
    return sql.SQL(", ").join(columns)
