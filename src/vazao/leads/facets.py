"""Counts and facets of a base, kept under the base's version.

Every merged slice and every change by hand raises the version; whoever asks next counts again,
at most once in a few seconds while an import runs.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec

from vazao.kit import clock
from vazao.kit.sql import Conn
from vazao.leads import store

PATIENCE = timedelta(seconds=5)


class Facets(msgspec.Struct, frozen=True, kw_only=True):
    """``leads``: size of the base, exact. ``values``: by facet (city, state, tag) the commonest
    values with their counts, scaled up from a sample where ``approximate``."""

    leads: int
    values: dict[str, list[tuple[str, int]]]
    approximate: bool


async def read(conn: Conn, organization_id: int) -> Facets:
    """The organization's counts and facets; counted anew if its base has changed since."""
    base = await store.base.about(conn, organization_id)
    if base is None:
        return Facets(leads=0, values={}, approximate=False)
    kept = base.facets
    if kept is None or (base.facets_version != base.version and _is_old(kept)):
        kept = await _count(conn, organization_id)
        await store.base.keep_facets(conn, organization_id, kept, base.version)
    return _scaled(kept, base.leads)


def _is_old(kept: dict[str, Any]) -> bool:
    return clock.now() - msgspec.convert(kept["at"], type(clock.now())) > PATIENCE


async def _count(conn: Conn, organization_id: int) -> dict[str, Any]:
    looked_at, counted = await store.base.count_facets(conn, organization_id)
    return {"at": clock.now().isoformat(), "looked_at": looked_at, "counted": counted}


def _scaled(kept: dict[str, Any], leads: int) -> Facets:
    looked_at = kept["looked_at"]
    factor = leads / looked_at if 0 < looked_at < leads else 1.0
    values: dict[str, list[tuple[str, int]]] = {}
    for each in kept["counted"]:
        shown = (each["value"], round(each["leads"] * factor))
        values.setdefault(each["facet"], []).append(shown)
    return Facets(leads=leads, values=values, approximate=factor != 1.0)
