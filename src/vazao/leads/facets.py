"""Counts and facets of a base, kept under the base's version.

Every merged slice and every change by hand raises the version; whoever asks next counts again,
at most once in a few seconds while an import runs.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from vazao.kit import clock
from vazao.kit.sql import load

Q = load(__package__ or "vazao.leads")
Connection = AsyncConnection[Any]
PATIENCE = timedelta(seconds=5)


class Facets(msgspec.Struct, frozen=True, kw_only=True):
    """``leads``: size of the base, exact. ``values``: by facet (city, state, tag) the commonest
    values with their counts, scaled up from a sample where ``approximate``."""

    leads: int
    values: dict[str, list[tuple[str, int]]]
    approximate: bool


async def read(conn: Connection, organization_id: int) -> Facets:
    """The organization's counts and facets; counted anew if its base has changed since."""
    key = {"organization_id": organization_id}
    row = await (await conn.execute(Q.get_base, key)).fetchone()
    if row is None:
        return Facets(leads=0, values={}, approximate=False)
    version, leads, kept, kept_version = row
    if kept is None or (kept_version != version and _is_old(kept)):
        kept = await _count(conn, organization_id)
        await conn.execute(Q.keep_facets, key | {"facets": Jsonb(kept), "version": version})
    return _scaled(kept, leads)


def _is_old(kept: dict[str, Any]) -> bool:
    return clock.now() - msgspec.convert(kept["at"], type(clock.now())) > PATIENCE


async def _count(conn: Connection, organization_id: int) -> dict[str, Any]:
    found = await conn.execute(Q.compute_facets, {"organization_id": organization_id})
    looked_at, counted = await found.fetchone() or (0, [])
    return {"at": clock.now().isoformat(), "looked_at": looked_at, "counted": counted}


def _scaled(kept: dict[str, Any], leads: int) -> Facets:
    looked_at = kept["looked_at"]
    factor = leads / looked_at if 0 < looked_at < leads else 1.0
    values: dict[str, list[tuple[str, int]]] = {}
    for each in kept["counted"]:
        shown = (each["value"], round(each["leads"] * factor))
        values.setdefault(each["facet"], []).append(shown)
    return Facets(leads=leads, values=values, approximate=factor != 1.0)
