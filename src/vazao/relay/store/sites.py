"""Sites, their enrolment tokens and agents."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from psycopg.types.json import Jsonb

from vazao.kit import sql
from vazao.kit.sql import Conn, Page
from vazao.relay.models import Agent, Attended, Entry, Look, Site, Speaker

Q = sql.load(
    __package__, "sites", site=sql.columns(Site), s_site=sql.columns(Site, "s."),
    entry=sql.columns(Entry), look=sql.columns(Look),
)
ENTRIES = sql.paged(Q.list_entries, Entry, order="id desc")
LOOKS = sql.paged(Q.list_audit, Look, order="id desc")


async def insert(
    conn: Conn, organization_id: int, *, name: str, name_key: str, timezone: str,
    ibge: str | None, holidays: Sequence[date],
) -> Site | None:
    """Add a site; ``None`` where the organization has one of that name."""
    return await sql.one(
        conn, Site, Q.insert_site, organization_id=organization_id, name=name, name_key=name_key,
        timezone=timezone, ibge=ibge, holidays=list(holidays),
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


async def insert_agent(
    conn: Conn, site_id: int, *, public_key: bytes, version: str, machine: str
) -> int:
    """A new agent, who alone speaks for the site from now on; its number."""
    found = await sql.row(
        conn, Q.insert_agent, site_id=site_id, public_key=public_key, version=version,
        machine=machine,
    )
    assert found is not None
    await sql.run(conn, Q.end_agents, site_id=site_id, kept=found[0])
    await sql.run(conn, Q.set_agent, id=site_id, agent_id=found[0])
    return int(found[0])


async def find_agent(conn: Conn, id: int) -> Agent | None:
    """One by its number."""
    return await sql.one(conn, Agent, Q.find_agent, id=id)


async def find_speaker(conn: Conn, id: int) -> Speaker | None:
    """An agent as it speaks, by its number."""
    return await sql.one(conn, Speaker, Q.find_speaker, id=id)


async def note_request(conn: Conn, id: int, stamp: int) -> bool:
    """Note a request of an agent; false where it is not later than the last one, or it ended."""
    return bool(await sql.run(conn, Q.note_request, id=id, stamp=stamp))


async def note_check_in(
    conn: Conn, speaker: Speaker, version: str, facts: dict[str, Any] | None
) -> Attended | None:
    """Note the version of an agent's program, and what it found out, if it says so.

    Returns:
        Its site, if it is there.
    """
    return await sql.one(
        conn, Attended, Q.note_check_in, id=speaker.id, site_id=speaker.site_id, version=version,
        facts=None if facts is None else Jsonb(facts),
    )


async def get(conn: Conn, id: int) -> Site | None:
    """One by its number."""
    return await sql.one(conn, Site, Q.get_site, id=id)


async def former_machine(conn: Conn, site_id: int, agent_id: int) -> str | None:
    """The machine of the site's agent before *agent_id*."""
    found = await sql.row(conn, Q.former_machine, site_id=site_id, id=agent_id)
    return found[0] if found else None


async def set_ibge(conn: Conn, id: int, ibge: str) -> None:
    """Its municipality, where nobody has said it."""
    await sql.run(conn, Q.set_ibge, id=id, ibge=ibge)


async def set_paused(conn: Conn, id: int, paused: bool) -> None:
    """Let a site rest, or not."""
    await sql.run(conn, Q.set_paused, id=id, paused=paused)


async def ask(conn: Conn, id: int) -> None:
    """Ask for its lists at once."""
    await sql.run(conn, Q.ask, id=id)


async def ask_resend(conn: Conn, id: int) -> None:
    """Ask for every row of its lists, at once."""
    await sql.run(conn, Q.ask_resend, id=id)


async def mark_purged(conn: Conn, id: int) -> None:
    """Let everything of a site go."""
    await sql.run(conn, Q.end_agents, site_id=id, kept=0)
    await sql.run(conn, Q.mark_purged, id=id)


async def purged(conn: Conn) -> list[Site]:
    """Sites of which something may be left."""
    return await sql.every(conn, Site, Q.list_purged)


async def forget(conn: Conn, id: int) -> None:
    """Delete a site whose rows have gone."""
    await sql.run(conn, Q.forget_site, id=id)


async def ask_restart(conn: Conn, id: int) -> None:
    """Ask its agent to start anew."""
    await sql.run(conn, Q.ask_restart, id=id)


async def void_enrolments(conn: Conn, site_id: int) -> None:
    """Let no token that was made for a site enrol an agent."""
    await sql.run(conn, Q.void_enrolments, site_id=site_id)


async def ask_diagnosis(conn: Conn, id: int) -> None:
    """Ask a site's agent to look for what is in the way."""
    await sql.run(conn, Q.ask_diagnosis, id=id)


async def forget_told(conn: Conn, id: int) -> None:
    """The agent was told of the restart and the diagnosis."""
    await sql.run(conn, Q.forget_told, id=id)


async def revoke(conn: Conn, id: int) -> None:
    """Let nobody speak for a site any more."""
    await sql.run(conn, Q.end_agents, site_id=id, kept=0)
    await sql.run(conn, Q.revoke, id=id)


async def add_entries(
    conn: Conn, site_id: int, agent_id: int | None, entries: Sequence[dict[str, Any]]
) -> None:
    """Keep entries of a journal: of an agent, or (without a number) of the hub."""
    await sql.run(
        conn, Q.insert_entries, site_id=site_id, agent_id=agent_id, entries=Jsonb(list(entries))
    )


async def add_refusal(
    conn: Conn, site_id: int, code: str, *, cause: str = "", list: str = ""
) -> None:
    """Note in the journal of a site what the hub refused; once in ten minutes."""
    await sql.run(conn, Q.insert_refusal, site_id=site_id, message=code, cause=cause, list=list)


async def entries(
    conn: Conn, site_id: int, *, before: int | None = None, limit: int
) -> Page[Entry]:
    """A page of the journal of a site, newest first."""
    return await sql.page(conn, Entry, ENTRIES, site_id=site_id, before=before, limit=limit)


async def forget_entries(conn: Conn, kept: timedelta) -> None:
    """Remove some of the entries of journals that are older than *kept*."""
    await sql.run(conn, Q.forget_entries, kept=kept)


async def add_look(
    conn: Conn, organization_id: int, *, actor: str, what: str, site: str | None = None,
    list: str | None = None, details: dict[str, Any] | None = None,
) -> None:
    """Write a line into the audit log."""
    await sql.run(
        conn, Q.insert_audit, organization_id=organization_id, actor=actor, what=what, site=site,
        list=list, details=Jsonb(details or {}),
    )


async def looks(
    conn: Conn, organization_id: int, *, before: int | None = None, limit: int
) -> Page[Look]:
    """A page of the audit log, newest first."""
    return await sql.page(
        conn, Look, LOOKS, organization_id=organization_id, before=before, limit=limit
    )
