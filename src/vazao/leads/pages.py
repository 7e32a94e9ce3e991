"""HTML of the base: find leads, and show one."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get
from litestar.params import FromPath, FromQuery

from vazao.kit.web.frame import Asker, ThePlatform
from vazao.kit.web.pages import page
from vazao.kit.web.paging import decode_cursor, encode_cursor, following
from vazao.leads import editing, facets, searching, store
from vazao.leads.columns import LABELS, PART_LABELS

READ = "leads:read"
PAGE = 50


@get("/leads", opt={"scope": READ}, include_in_schema=False)
async def show_leads(
    request: Request[Any, Any, Any], platform: ThePlatform, principal: Asker,
    q: FromQuery[str | None] = None, tag: FromQuery[str | None] = None,
    city: FromQuery[str | None] = None, after: FromQuery[str | None] = None,
) -> Response[str]:
    """The base, by keyset, with search and filters."""
    before = decode_cursor(after, int)[0] if after else None
    organization = principal.organization_id
    async with platform.db.transaction() as conn:
        if q or tag or city:
            found = await searching.search(
                conn, organization, q=q, tag=tag, city=city, before=before, limit=PAGE
            )
        else:
            found = await store.base.newest(conn, organization, before=before, limit=PAGE)
        behind = await store.search.behind(conn, organization)
        counted = await facets.read(conn, organization)
    return page(
        request, "leads/list.html", leads=found.items, behind=behind, counted=counted, after=after,
        next=following(found, lambda lead: encode_cursor(lead.id)),
        filters={k: v for k, v in {"q": q, "tag": tag, "city": city}.items() if v},
    )


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


routes = [show_leads, show_behind, show_lead]
