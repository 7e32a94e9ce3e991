"""How lists are at their sites."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from vazao.kit import sql
from vazao.kit.sql import Conn
from vazao.relay.models import Day, Place

Gaps = list[tuple[datetime, dict[str, Any]]]
"""Since when a machine was off, and the entry's details."""
Q = sql.load(__package__, "health")


async def places(
    conn: Conn, organization_id: int, site_id: int | None = None
) -> list[Place]:
    """Each list at each site of an organization, or of one site; a site without lists once."""
    return await sql.every(
        conn, Place, Q.list_places, organization_id=organization_id, site_id=site_id
    )


async def days(conn: Conn, site_id: int, timezone: str) -> list[Day]:
    """What came of each list of a site, day by day of the last months, by its clock."""
    return await sql.every(conn, Day, Q.list_days, site_id=site_id, timezone=timezone)


async def births(conn: Conn, organization_id: int) -> list[datetime]:
    """Since when each list is expected of an organization's sites that is due each day."""
    return [born for (born,) in await sql.rows(
        conn, Q.list_births, organization_id=organization_id)]


async def gaps(conn: Conn, site_ids: Collection[int]) -> dict[int, Gaps]:
    """When the machines of sites were off lately, by site."""
    found: dict[int, Gaps] = {}
    for site_id, at, details in await sql.rows(conn, Q.list_gaps, site_ids=list(site_ids)):
        found.setdefault(site_id, []).append((at, details))
    return found
