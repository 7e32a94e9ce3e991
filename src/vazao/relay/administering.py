"""What an admin does with sites and runs; each deed stands in the audit log."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from vazao import jobs
from vazao.kit.errors import NotFound
from vazao.kit.platform import Platform, Principal
from vazao.kit.sql import Conn
from vazao.relay import enrolling, publishing, store
from vazao.relay.errors import Rejected, RunEnded, RunUnknown
from vazao.relay.intervals import seconds_of, window_of
from vazao.relay.keys import bytes_of
from vazao.relay.models import Site, Told, Version
from vazao.relay.publishing import LONGEST_DOCUMENT, Signed


async def add_site(
    conn: Conn, organization_id: int, name: str, actor: str, **more: Any
) -> tuple[Site, str]:
    """Add a site, and the token that enrols its agent; see :func:`enrolling.add_site`."""
    made, token = await enrolling.add_site(conn, organization_id, name, **more)
    await _noted(conn, made, actor, "added")
    return made, token


async def pause(conn: Conn, site: Site, actor: str) -> None:
    """Ask nothing of a site until :func:`resume`."""
    await store.sites.set_paused(conn, site.id, True)
    await _noted(conn, site, actor, "paused")


async def resume(conn: Conn, site: Site, actor: str) -> None:
    """Resume a site."""
    await store.sites.set_paused(conn, site.id, False)
    await _noted(conn, site, actor, "resumed")


async def ask(conn: Conn, site: Site, actor: str) -> None:
    """Ask a site for its lists at its next check-in."""
    await store.sites.ask(conn, site.id)
    await _noted(conn, site, actor, "run asked")


async def resend(conn: Conn, site: Site, actor: str) -> None:
    """Ask a site for every row of its lists at its next check-in."""
    await store.sites.ask_resend(conn, site.id)
    await _noted(conn, site, actor, "resend asked")


async def restart(conn: Conn, site: Site, actor: str) -> None:
    """Restart a site's agent at its next check-in."""
    await store.sites.ask_restart(conn, site.id)
    await _noted(conn, site, actor, "restart asked")


async def diagnose(conn: Conn, site: Site, actor: str) -> None:
    """Ask a site's agent at its next check-in to look for what is in the way."""
    await store.sites.ask_diagnosis(conn, site.id)
    await _noted(conn, site, actor, "diagnosis asked")


async def move(conn: Conn, site: Site, actor: str) -> str:
    """A token for a new computer: the old identity ends when the new one enrols."""
    await store.sites.void_enrolments(conn, site.id)
    token = await enrolling.new_token(conn, site)
    await _noted(conn, site, actor, "token made")
    return token


async def revoke(conn: Conn, site: Site, actor: str) -> None:
    """Let nobody speak for a site until a new agent has enrolled."""
    await store.sites.revoke(conn, site.id)
    await store.sites.void_enrolments(conn, site.id)
    await enrolling.saw(conn, site.id, "revoked")
    await _noted(conn, site, actor, "revoked")


async def purge(conn: Conn, site: Site, actor: str) -> None:
    """Remove a site with all its rows; readers see none of them from the commit on."""
    await store.sites.mark_purged(conn, site.id)
    # First, so that a run that is being loaded cannot become current afterwards.
    await store.runs.end_all(conn, site.id)
    await store.runs.hide(conn, site.id)
    await _noted(conn, site, actor, "purged")


async def release(conn: Conn, run: Told, organization_id: int, actor: str) -> None:
    """Let a run that was held back become current.

    Raises:
        RunEnded: it is not held.
    """
    await store.runs.lock_place(conn, run.site_id, run.list_id)
    current = await store.runs.current(conn, run.site_id, run.list_id)
    if current is not None and run.base_seq not in (None, current.seq):
        raise RunEnded
    if await store.runs.set_state(conn, run, "finished", from_states=("held",)) is None:
        raise RunEnded
    first = run.seq if run.base_seq is None or current is None else current.first_seq
    await store.runs.swap(conn, run, first)
    await _about(conn, run, organization_id, actor, "released")


async def reject(conn: Conn, run: Told, organization_id: int, actor: str) -> None:
    """Drop a run that was held back; its site is asked again.

    Raises:
        RunEnded: it is not held.
    """
    if await store.runs.set_state(
        conn, run, "failed", from_states=("held",), error=jobs.error_json(Rejected())
    ) is None:
        raise RunEnded
    await _about(conn, run, organization_id, actor, "rejected")


async def publish(
    platform: Platform, principal: Principal, *, publisher: str, document: str, signature: str,
    every: str, window: str,
) -> Version:
    """Keep a version of a list that was signed elsewhere; the first three are in base64.

    Raises:
        ListInvalid, PublisherWrong, IntervalInvalid, WindowInvalid: it cannot be kept.
        ListBusy: somebody reads the list for long.
    """
    signed = Signed(
        bytes_of(publisher), bytes_of(document, longest=LONGEST_DOCUMENT), bytes_of(signature),
        seconds_of(every), window_of(window),
    )
    owner = principal.organization_id
    async with platform.db.transaction() as conn:
        slugs = await platform.registry.slugs(conn, {owner})
        return await publishing.accept(conn, owner, slugs[owner], signed, principal.name)


async def get_run(conn: Conn, organization_id: int, token: str) -> Told:
    """A run of an organization.

    Raises:
        RunUnknown: it has none of that token.
    """
    try:
        found = await store.runs.find_told(conn, organization_id, UUID(token))
    except ValueError:
        found = None
    if found is None:
        raise RunUnknown
    return found


async def _noted(conn: Conn, site: Site, actor: str, what: str) -> None:
    await store.sites.add_look(
        conn, site.organization_id, actor=actor, what=what, site=site.name
    )


async def _about(conn: Conn, run: Told, organization_id: int, actor: str, what: str) -> None:
    await enrolling.saw(conn, run.site_id, what, list=run.list, run=run.token.hex, rows=run.rows)
    await store.sites.add_look(
        conn, organization_id, actor=actor, what=what, site=run.site, list=run.list,
        details={"run": run.token.hex, "rows": run.rows},
    )


async def do(platform: Platform, organization_id: int, name: str, verb: str, actor: str) -> None:
    """Do something with a site.

    Raises:
        NotFound: nothing is done by that name.
        SiteNotFound: there is no such site.
    """
    verbs = {
        "pause": pause, "resume": resume, "run": ask,
        "resend": resend, "restart": restart, "diagnose": diagnose,
        "revoke": revoke, "purge": purge,
    }
    if verb not in verbs:
        raise NotFound
    async with platform.db.transaction() as conn:
        site = await enrolling.get_site(conn, organization_id, name)
        await verbs[verb](conn, site, actor)
