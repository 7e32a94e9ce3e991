"""HTML of the base: find leads, and show one."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get
from litestar.params import FromPath, FromQuery
from litestar.response import Stream

from vazao.kit.web.frame import Asker, ThePlatform
from vazao.kit.web.pages import language_of, page
from vazao.kit.web.streaming import begun, kept_file
from vazao.leads import editing, facets, listing, store
from vazao.leads.columns import LABELS, PART_LABELS
from vazao.leads.errors import TooManyToSort
from vazao.leads.listing import Filters

READ = "leads:read"
PAGE = 50
TEXTS = ("Newest first", "Recently changed first")
SORTS_SHOWN = {
    "": TEXTS[0], "updated": TEXTS[1],
    **{name: LABELS[name] for name in ("name", "email", "company", "city")},
}


@get("/leads", opt={"scope": READ}, include_in_schema=False)
async def show_leads(
    request: Request[Any, Any, Any], platform: ThePlatform, principal: Asker,
    q: FromQuery[str | None] = None, tag: FromQuery[str | None] = None,
    city: FromQuery[str | None] = None, sort: FromQuery[str | None] = None,
    after: FromQuery[str | None] = None,
) -> Response[str]:
    """The base, by keyset, with search and filters."""
    organization, filters = principal.organization_id, Filters(q, tag, city)
    async with platform.db.transaction() as conn:
        try:
            found = await listing.listed(
                conn, organization, filters, sort=sort or None, after=after, limit=PAGE
            )
            refused = None
        except TooManyToSort as error:
            refused, sort = error, None
            found = await listing.listed(conn, organization, filters, limit=PAGE)
        behind = await store.search.behind(conn, organization)
        counted = await facets.read(conn, organization)
    return page(
        request, "leads/list.html", found=found, behind=behind, counted=counted, after=after,
        filters=filters.given, sort=sort, sorts=SORTS_SHOWN,
        asked=filters.given | ({"sort": sort} if sort else {}),
        messages=[("bad", refused.message(language_of(request)))] if refused else [],
    )


@get("/leads/export", opt={"scope": READ}, include_in_schema=False)
async def export_leads(
    request: Request[Any, Any, Any], platform: ThePlatform, principal: Asker,
    q: FromQuery[str | None] = None, tag: FromQuery[str | None] = None,
    city: FromQuery[str | None] = None,
) -> Stream:
    """What the list shows, all pages of it, as a sheet."""
    from vazao.leads import exporting

    body = exporting.export(platform, principal.organization_id, "csv", Filters(q, tag, city))
    return kept_file(await begun(request, body), "text/csv", "leads.csv")


@get("/leads/behind", opt={"scope": READ}, include_in_schema=False)
async def show_behind(
    request: Request[Any, Any, Any], platform: ThePlatform, principal: Asker
) -> Response[str]:
    """The sign that search is catching up; the page asks for it again until it is gone."""
    async with platform.db.connection() as conn:
        behind = await store.search.behind(conn, principal.organization_id)
    return page(request, "leads/behind.html", behind=behind)


@get("/leads/{lead_id:str}", opt={"scope": READ}, include_in_schema=False)
async def show_lead(
    request: Request[Any, Any, Any], platform: ThePlatform, principal: Asker, lead_id: FromPath[str]
) -> Response[str]:
    """One lead, whole."""
    async with platform.db.connection() as conn:
        lead = await editing.get_lead(conn, principal.organization_id, lead_id)
        own = await store.fields.listed(conn, principal.organization_id)
        history = await store.edits.history(conn, principal.organization_id, lead.id)
    labels = {name: label for name, label in LABELS.items() if name not in PART_LABELS}
    return page(request, "leads/lead.html", lead=lead, labels=labels, history=history, own=own)


routes = [show_leads, export_leads, show_behind, show_lead]
