"""A list as a stream of CSV or NDJSON, written by PostgreSQL itself (COPY).

A range of pages at a time, all of one run: a slow reader holds neither a connection nor a snapshot.
Rows that were replaced stay for a while (``VAZAO_RELAY_ROWS_KEPT_SECONDS``); an export that takes
longer is cut off rather than mixed.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import IO, Literal

from psycopg.sql import SQL, Composable, Identifier
from psycopg.sql import Literal as Value

from vazao.kit import clock
from vazao.kit.platform import Platform
from vazao.kit.processes import unusable
from vazao.kit.sql import INERT
from vazao.kit.web.spooling import blocks
from vazao.relay import store
from vazao.relay.errors import RowsGone
from vazao.relay.models import Current, Site, Version

Format = Literal["csv", "ndjson"]
PAGES = 2_000
"""Read at once: 16 MiB of the table."""
# The quote and the delimiter are control characters, which never occur in JSON.
FORMS = {
    "csv": SQL("(format csv)"),
    "ndjson": SQL(r"(format csv, quote E'\x01', delimiter E'\x02')"),
}
OWN = ("relay_site", "relay_extracted_at")


async def export(
    platform: Platform, version: Version, sites: Sequence[Site], form: Format, *,
    only: Mapping[str, str],
) -> AsyncGenerator[bytes]:
    """The rows of a list at *sites*, of each one whole run.

    Args:
        only: rows with these values in these columns.

    Raises:
        StorageFull: no room is left for a part of it.
        RowsGone: it took so long that the rows of its run are being removed.
    """
    async with platform.db.connection() as conn:
        types = {each.name: each.type for each in await store.rows.columns(conn, version.list_id)}
        currents = await store.runs.currents(conn, version.list_id)
    if form == "csv":
        # Names of columns are letters, digits and underscores.
        yield ",".join([*OWN, *types]).encode() + b"\n"
    with tempfile.TemporaryFile(dir=platform.settings.folder) as file:
        for site in sites:
            current = currents.get(site.id)
            if current is None:
                continue
            columns = _columns(types, site, current, form)
            async with platform.db.connection() as conn:
                pages = await store.rows.pages(conn, current.list_id, current.site_id)
            for low in range(0, pages, PAGES):
                await _part(platform, current, columns, form, file, low, only)
                async for block in blocks(file):
                    yield block


async def _part(
    platform: Platform, current: Current, columns: Composable, form: Format, file: IO[bytes],
    low: int, only: Mapping[str, str],
) -> None:
    """Write a range of pages into *file*."""
    file.seek(0)
    file.truncate()
    try:
        async with platform.db.connection(patient=True) as conn:
            await store.rows.export(
                conn, current, columns, FORMS[form], file, low=low, high=low + PAGES, only=only
            )
            now = await store.runs.current(conn, current.site_id, current.list_id)
    except OSError as error:
        raise unusable(platform.settings.folder, error) from error
    if now is None or now.sweeping_seq > current.seq:
        raise RowsGone


def _columns(types: dict[str, str], site: Site, current: Current, form: Format) -> Composable:
    at = clock.stamp(current.extracted_at)
    if form == "csv":
        return SQL(", ").join([Value(site.name), Value(at), *(
            SQL(INERT).format(Identifier("d", name)) if type == "text" else Identifier("d", name)
            for name, type in types.items()
        )])
    names = SQL(", ").join(Identifier("d", name) for name in types)
    own = SQL("{}::text as relay_site, {}::text as relay_extracted_at").format(site.name, at)
    return SQL("(select row_to_json(r) from (select {}, {}) as r)").format(own, names)
