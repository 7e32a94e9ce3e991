"""HTML of relay: the fleet, a site, transmissions, the audit log."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from litestar import Request, Response, get, post
from litestar.params import FromPath, FromQuery

from vazao import jobs
from vazao.kit.errors import NotFound, VazaoError
from vazao.kit.platform import Platform
from vazao.kit.web import sending
from vazao.kit.web.frame import Asker, ThePlatform
from vazao.kit.web.leaving import go_on, once_for
from vazao.kit.web.pages import language_of, page
from vazao.kit.web.paging import decode_cursor, encode_cursor, following, sliced
from vazao.relay import (
    administering,
    described,
    enrolling,
    health,
    months,
    packages,
    store,
)
from vazao.relay.labels import DONE, LABELS, MESSAGES, REASONS, TEXTS
from vazao.relay.settings import RelaySettings
from vazao.relay.views import journal_of

Asking = Request[Any, Any, Any]
PAGE, FLEET_PAGE = 50, 100
URGENCY = (
    "late", "silent", "held", "not_enrolled", "waiting", "sending", "loading", "awaited", "current",
    "paused", "no_list",
)
READ, ADMIN = {"scope": described.READ}, {"scope": described.ADMIN}
TO_SITE = {"back": "/relay/sites/{name}"}


def _before(name: str, after: str | None) -> int | None:
    return decode_cursor(after, name, int)[0] if after else None


@get("/relay", opt=READ, include_in_schema=False)
async def show_fleet(
    request: Asking, platform: ThePlatform, principal: Asker,
    after: FromQuery[str | None] = None,
) -> Response[str]:
    """Every list at every site, with the cause of what is late; what needs a look first."""
    return await _fleet(request, platform, principal.organization_id, after=after)


async def _fleet(
    request: Asking, platform: Platform, organization_id: int, *, after: str | None = None,
    error: VazaoError | None = None, **more: Any,
) -> Response[str]:
    async with platform.db.connection() as conn:
        places = await health.fleet(conn, organization_id, platform.settings.of(RelaySettings))
    language, wanted = language_of(request), request.query_params.get("state")
    counts = dict.fromkeys(LABELS, 0)
    for each in places:
        counts[each.state] += 1
    # Sorting keeps those of one urgency in the order of their sites.
    shown = sorted(
        (each for each in places if wanted in (None, "", each.state)),
        key=lambda each: URGENCY.index(each.state),
    )
    part, behind = sliced(f"relay.fleet {wanted or ''}", shown, after, FLEET_PAGE)
    return page(
        request, "relay/fleet.html", status=error.status if error else 200,
        places=part, total=len(places), counts=counts, wanted=wanted or "",
        sites=len({each.site for each in places}), labels=LABELS, causes=REASONS,
        next=behind, after=after,
        filters={"state": wanted} if wanted else {}, reader=language,
        **({"given": {}} | more),
        messages=[("bad", error.message(language))] if error else [],
    )


@post("/relay", opt=ADMIN | {"fields": ("name", "timezone", "ibge", "once")},
      include_in_schema=False)
async def add_site(request: Asking, platform: ThePlatform, principal: Asker) -> Response[Any]:
    """Add a site (303); its page then shows the line to paste, once."""
    given = {k: v for k, v in (await request.form()).items() if isinstance(v, str)}
    form = await sending.key_of(request)
    try:
        async with platform.db.transaction() as conn:
            await sending.claim(conn, form, "/relay")
            made, token = await administering.add_site(
                conn, principal.organization_id, given.get("name", "").strip(), principal.name,
                timezone=given.get("timezone") or "America/Sao_Paulo",
                ibge=given.get("ibge") or None,
            )
            await sending.lead(conn, form, f"/relay/sites/{quote(made.name)}")
    except VazaoError as error:
        return await _fleet(
            request, platform, principal.organization_id, error=error, given=given
        )
    return _shown_once(request, platform, made.name, token, "The site {name} was added.")


def _shown_once(
    request: Asking, platform: Platform, name: str, token: str, said: str
) -> Response[Any]:
    line = packages.line(packages.hub_of(request, platform.settings), token)
    return go_on(
        request, f"/relay/sites/{quote(name)}", said, once={"name": name, "line": line}, name=name
    )


@get("/relay/sites/{name:str}", opt=READ, include_in_schema=False)
async def show_site(
    request: Asking, platform: ThePlatform, principal: Asker, name: FromPath[str],
    after: FromQuery[str | None] = None,
) -> Response[str]:
    """A site: its lists, its agent, and what happened there."""
    return await _site(request, platform, principal.organization_id, name, after)


async def _site(
    request: Asking, platform: Platform, organization_id: int, name: str,
    after: str | None = None,
) -> Response[str]:
    async with platform.db.connection() as conn:
        site = await enrolling.get_site(conn, organization_id, name)
        agent = await store.sites.find_agent(conn, site.agent_id) if site.agent_id else None
        places = await health.fleet(
            conn, organization_id, platform.settings.of(RelaySettings), site=site
        )
        of = journal_of(site)
        entries = await store.sites.entries(conn, site.id, before=_before(of, after), limit=PAGE)
        shown = await months.months_of(conn, site)
    return page(
        request, "relay/site.html", site=site, agent=agent, places=places, labels=LABELS,
        causes=REASONS, whats=MESSAGES, entries=entries.items, after=after,
        token=once_for(request),
        next=following(entries, lambda each: encode_cursor(of, each.id)), months=shown,
        reader=language_of(request), days=months.LABELS,
    )


@get("/relay/sites/{name:str}/token", opt=ADMIN, include_in_schema=False)
async def leave_token(request: Asking, name: FromPath[str]) -> Response[Any]:
    """Who comes back to the address at which a token was asked for sees the site."""
    return go_on(request, f"/relay/sites/{quote(name)}")


@post("/relay/sites/{name:str}/token", opt=ADMIN | TO_SITE, include_in_schema=False)
async def make_token(
    request: Asking, platform: ThePlatform, principal: Asker, name: FromPath[str]
) -> Response[Any]:
    """A token for the site's new computer (303), which the site's page shows once."""
    async with platform.db.transaction() as conn:
        site = await enrolling.get_site(conn, principal.organization_id, name)
        token = await administering.move(conn, site, principal.name)
    return _shown_once(request, platform, site.name, token, DONE["token"])


@post("/relay/sites/{name:str}/{verb:str}", opt=ADMIN | TO_SITE, include_in_schema=False)
async def do_site(
    request: Asking, platform: ThePlatform, principal: Asker, name: FromPath[str],
    verb: FromPath[str],
) -> Response[Any]:
    """Do something with a site from its page."""
    await administering.do(platform, principal.organization_id, name, verb, principal.name)
    if verb == "purge":
        return go_on(request, "/relay", DONE[verb], name=name)
    target = f"/relay/sites/{quote(name)}"
    async with platform.db.connection() as conn:
        site = await enrolling.get_site(conn, principal.organization_id, name)
    if site.agent_id is None and verb in ("run", "resend", "restart", "diagnose"):
        return go_on(request, target, DONE["unheard"], kind="warn")
    return go_on(request, target, DONE[verb])


@get("/relay/runs", opt=READ, include_in_schema=False)
async def show_runs(
    request: Asking, platform: ThePlatform, principal: Asker,
    after: FromQuery[str | None] = None,
) -> Response[str]:
    """Transmissions, newest first."""
    state = enrolling.state_of(request.query_params.get("state"))
    async with platform.db.connection() as conn:
        found = await store.runs.told(
            conn, principal.organization_id, state=state, before=_before("relay.runs", after),
            limit=PAGE,
        )
    return page(
        request, "relay/runs.html", runs=found.items, labels=LABELS, after=after,
        filters={"state": state} if state else {},
        next=following(found, lambda each: encode_cursor("relay.runs", each.id)),
    )


@get("/relay/runs/{run:str}", opt=READ, include_in_schema=False)
async def show_run(
    request: Asking, platform: ThePlatform, principal: Asker, run: FromPath[str]
) -> Response[str]:
    """A transmission, step by step."""
    language = language_of(request)
    async with platform.db.connection() as conn:
        found = await administering.get_run(conn, principal.organization_id, run)
        former = await store.runs.current(conn, found.site_id, found.list_id)
        job = (await jobs.by_ids(conn, principal.organization_id, [found.job_id or 0])).get(
            found.job_id or 0
        )
    problem = jobs.error_view(found.error, language) if found.error else None
    return page(
        request, "relay/run.html", run=found, labels=LABELS, job=job.token if job else None,
        former=former.rows if former else 0, problem=problem["message"] if problem else "",
    )


@post("/relay/runs/{run:str}/{verdict:str}", opt=ADMIN | {"back": "/relay/runs/{run}"},
      include_in_schema=False)
async def decide(
    request: Asking, platform: ThePlatform, principal: Asker, run: FromPath[str],
    verdict: FromPath[str],
) -> Response[Any]:
    """Release a list that was held back, or drop it."""
    verbs = {"release": administering.release, "reject": administering.reject}
    if verdict not in verbs:
        raise NotFound
    async with platform.db.transaction() as conn:
        found = await administering.get_run(conn, principal.organization_id, run)
        await verbs[verdict](conn, found, principal.organization_id, principal.name)
    return go_on(request, f"/relay/runs/{run}", DONE[verdict])


@get("/relay/audit", opt=ADMIN, include_in_schema=False)
async def show_audit(
    request: Asking, platform: ThePlatform, principal: Asker,
    after: FromQuery[str | None] = None,
) -> Response[str]:
    """Who did or looked at what."""
    async with platform.db.connection() as conn:
        found = await store.sites.looks(
            conn, principal.organization_id, before=_before("relay.audit", after), limit=PAGE
        )
    return page(
        request, "relay/audit.html", looks=found.items, deeds=TEXTS, after=after,
        next=following(found, lambda each: encode_cursor("relay.audit", each.id)),
    )


routes: list[Any] = [
    show_fleet, add_site, show_site, leave_token, make_token, do_site, show_runs, show_run, decide,
    show_audit, *packages.routes,
]
