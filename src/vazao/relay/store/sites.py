"""Sites, their enrolment tokens and agents."""

from __future__ import annotations

from datetime import timedelta

from vazao.kit import sql
from vazao.kit.sql import Conn
from vazao.relay.models import Agent, Site

Q = sql.load(__package__, "sites", site=sql.columns(Site), s_site=sql.columns(Site, "s."))


async def insert(
    conn: Conn, organization_id: int, *, name: str, name_key: str, timezone: str
) -> Site | None:
    """Add a site; ``None`` where the organization has one of that name."""
    return await sql.one(
        conn, Site, Q.insert_site, organization_id=organization_id, name=name, name_key=name_key,
        timezone=timezone,
    )


async def find(conn: Conn, organization_id: int, name_key: str) -> Site | None:
    """One of an organization by its name."""
    return await sql.one(
        conn, Site, Q.find_site, organization_id=organization_id, name_key=name_key
    )


async def every(conn: Conn, organization_id: int) -> list[Site]:
    """Those of an organization, by name."""
    return await sql.every(conn, Site, Q.list_sites, organization_id=organization_id)


async def insert_enrolment(conn: Conn, site_id: int, token: bytes, life: timedelta) -> None:
    """Keep a token, by its hash, for so long."""
    await sql.run(conn, Q.insert_enrolment, site_id=site_id, token=token, life=life)


async def use_enrolment(conn: Conn, token: bytes) -> Site | None:
    """Use a token up; its site, or ``None`` where there is none that could be used."""
    return await sql.one(conn, Site, Q.use_enrolment, token=token)


async def insert_agent(conn: Conn, site_id: int, public_key: bytes, version: str) -> int:
    """A new agent, who alone speaks for the site from now on; its number."""
    found = await sql.row(
        conn, Q.insert_agent, site_id=site_id, public_key=public_key, version=version
    )
    assert found is not None
    await sql.run(conn, Q.end_agents, site_id=site_id, kept=found[0])
    await sql.run(conn, Q.set_agent, id=site_id, agent_id=found[0])
    return int(found[0])


async def find_agent(conn: Conn, id: int) -> Agent | None:
    """One by its number."""
    return await sql.one(conn, Agent, Q.find_agent, id=id)


async def note_request(conn: Conn, id: int, stamp: int) -> bool:
    """Note a request of an agent; false where it is not later than the last one."""
    return bool(await sql.run(conn, Q.note_request, id=id, stamp=stamp))


async def note_version(conn: Conn, id: int, version: str) -> None:
    """Note the version of its program."""
    await sql.run(conn, Q.note_version, id=id, version=version)
