"""How lists are at their sites."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from vazao.kit import sql
from vazao.kit.sql import Conn
from vazao.relay.models import Place

Q = sql.load(__package__, "health")


async def places(
    conn: Conn, organization_id: int, site_id: int | None = None
) -> list[Place]:
    """Each list at each site of an organization, or of one site; a site without lists once."""
    return await sql.every(
        conn, Place, Q.list_places, organization_id=organization_id, site_id=site_id
    )


async def gaps(conn: Conn, site_id: int) -> list[tuple[datetime, dict[str, Any]]]:
    """When the machine of a site was off lately: since when, and the entry's details."""
    return [(at, details) for at, details in await sql.rows(conn, Q.list_gaps, site_id=site_id)]
