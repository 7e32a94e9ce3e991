"""JSON routes of the base: lists, search, the feed, single leads."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, Response, delete, get, patch, post
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Stream

from vazao import jobs
from vazao.jobs import WaitingJobView
from vazao.kit import clock
from vazao.kit.errors import detail
from vazao.kit.platform import Platform, Principal
from vazao.kit.web.frame import Asker, ThePlatform
from vazao.kit.web.idempotency import key_of
from vazao.kit.web.pages import language_of
from vazao.kit.web.paging import (
    AGAIN,
    CursorInvalid,
    decode_cursor,
    encode_cursor,
    following,
    limit_of,
)
from vazao.kit.web.parameters import choice_of, json_of
from vazao.kit.web.streaming import begun, kept_file
from vazao.leads import described, editing, erasing, searching, store
from vazao.leads.errors import FiltersExclusive, SinceInvalid, SortExclusive
from vazao.leads.listing import Filters, listed
from vazao.leads.models import Change
from vazao.leads.views import (
    DeletedPage,
    Facets,
    FacetValue,
    LeadChange,
    LeadChanges,
    LeadHistory,
    LeadPage,
    LeadView,
    PersonFields,
    Tagged,
    Tagging,
    deleted_view,
    happening_view,
    lead_view,
)

FEED = "leads.changes"
"""Of the feed and of ``updated_since``: both read the changes in one order."""


class Leads(Controller):
    """``/v1/leads``."""

    path = "/v1/leads"
    tags = ("leads",)

    @get("/", operation_id="listLeads", summary="List and search leads",
         opt=described.LIST_LEADS)
    async def index(
        self, platform: ThePlatform, principal: Asker, limit: FromQuery[str | None] = None,
        after: FromQuery[str | None] = None, q: FromQuery[str | None] = None,
        tag: FromQuery[str | None] = None, city: FromQuery[str | None] = None,
        email: FromQuery[str | None] = None,
        updated_since: FromQuery[str | None] = None, sort: FromQuery[str | None] = None,
    ) -> LeadPage:
        """The base by keyset, newest first; by any piece of a word, tag, city or last change."""
        size, organization = limit_of(limit), principal.organization_id
        filters = Filters(q, tag, city)
        # Left empty it finds none: a script whose variable is unset must not get them all.
        if email is not None:
            if updated_since or filters.given:
                raise FiltersExclusive(remedy="Remove the other filters.")
            return await _by_email(platform, organization, email)
        if updated_since is not None:
            if sort:
                raise SortExclusive
            since = _moment(updated_since)
            return await self._since(platform, organization, since, filters, after, size)
        async with platform.db.transaction() as conn:
            found = await listed(
                conn, organization, filters, sort=sort, after=after, limit=size
            )
        return {
            "items": [lead_view(lead) for lead in found.leads], "next": found.next,
            "count": found.count, "count_exact": found.exact,
        }

    async def _since(
        self, platform: Platform, organization: int, since: datetime, filters: Filters,
        after: str | None, size: int,
    ) -> LeadPage:
        cursor = _feed_place(after) if after else None
        async with platform.db.connection() as conn:
            # Who asks again for what came since now is told only that.
            await store.search.mark_epoch(conn, organization)
            page = await searching.changes(
                conn, organization, after=cursor, since=since, limit=size,
                **vars(filters),
            )
        items = [lead_view(change.lead) for change in page.items if change.lead]
        return {"items": items, "next": following(page, _feed_cursor), "count": None,
                "count_exact": None}

    @get("/changes", operation_id="listLeadChanges", summary="Read the feed of changes",
         opt=described.LEAD_CHANGES)
    async def changes(
        self, platform: ThePlatform, principal: Asker, limit: FromQuery[str | None] = None,
        after: FromQuery[str | None] = None,
    ) -> LeadChanges:
        """Every creation, change and deletion in the order of its transaction."""
        size = limit_of(limit)
        cursor = _feed_place(after) if after else None
        async with platform.db.connection() as conn:
            page = await searching.changes(
                conn, principal.organization_id, after=cursor, limit=size
            )
        items: list[LeadChange] = [
            {"id": str(c.lead_id), "deleted": c.lead is None,
             "changed_at": clock.stamp(c.changed_at), "lead": lead_view(c.lead) if c.lead else None}
            for c in page.items
        ]
        return {"items": items, "next": _feed_cursor(page.items[-1]) if page.items else after}

    @get("/facets", operation_id="getLeadFacets", summary="Count the base",
         opt=described.LEAD_FACETS)
    async def facets(self, platform: ThePlatform, principal: Asker) -> Facets:
        """How many leads there are, and the commonest cities, states and tags among them."""
        from vazao.leads import facets

        async with platform.db.transaction() as conn:
            found = await facets.read(conn, principal.organization_id)
        shown: dict[str, list[FacetValue]] = {
            name: [{"value": value, "leads": leads} for value, leads in values]
            for name, values in found.values.items()
        }
        return {"leads": found.leads, "approximate": found.approximate, "facets": shown}

    @get("/export", operation_id="exportLeads", summary="Export leads",
         opt=described.EXPORT_LEADS)
    async def export(
        self, platform: ThePlatform, principal: Asker, request: Request[Any, Any, Any],
        form: Annotated[str | None, QueryParameter(name="format")] = None,
        q: FromQuery[str | None] = None, tag: FromQuery[str | None] = None,
        city: FromQuery[str | None] = None, updated_since: FromQuery[str | None] = None,
    ) -> Stream:
        """The whole base, or what of it matches, streamed."""
        from vazao.leads import exporting

        chosen = choice_of("format", form, described.FORMATS) or "csv"
        since = _moment(updated_since) if updated_since is not None else None
        body = await begun(request, exporting.export(
            platform, principal.organization_id, chosen, Filters(q, tag, city), since
        ))
        media = "text/csv" if chosen == "csv" else "application/x-ndjson"
        return kept_file(body, media, f"leads.{chosen}")

    @post("/", operation_id="createLead", summary="Create a lead", status_code=201,
          opt=described.CREATE_LEAD)
    async def create(
        self, platform: ThePlatform, principal: Asker, request: Request[Any, Any, Any]
    ) -> Response[LeadView]:
        """A new lead, under the rules of an import."""
        data = await json_of(request, dict[str, Any])
        async with platform.db.transaction() as conn:
            lead = await editing.create_lead(
                conn, principal.organization_id, data, platform.secrets, by=principal.name
            )
        await _mark(platform, principal)
        return Response(
            lead_view(lead), status_code=201, headers={"Location": f"/v1/leads/{lead.id}"}
        )

    @post("/tags", operation_id="tagLeads", summary="Tag several leads", status_code=200,
          opt=described.TAG_LEADS)
    async def tag(
        self, platform: ThePlatform, principal: Asker, request: Request[Any, Any, Any]
    ) -> Tagged:
        """Add tags to leads, and take some away."""
        asked = await json_of(request, Tagging)
        async with platform.db.transaction() as conn:
            changed = await editing.tag_leads(
                conn, principal.organization_id, asked.ids, add=asked.add, remove=asked.remove,
                by=principal.name,
            )
        await _mark(platform, principal)
        return {"changed": changed}

    @get("/deleted", operation_id="listDeletedLeads", summary="List deleted leads",
         opt=described.LIST_DELETED)
    async def deleted(
        self, platform: ThePlatform, principal: Asker, limit: FromQuery[str | None] = None,
        after: FromQuery[str | None] = None,
    ) -> DeletedPage:
        """Leads whose deletion can be taken back."""
        size = limit_of(limit)
        before = decode_cursor(after, "leads.deleted", int)[0] if after else None
        async with platform.db.connection() as conn:
            page = await store.edits.deleted(
                conn, principal.organization_id, before=before, limit=size
            )
        return {
            "items": [deleted_view(each) for each in page.items],
            "next": following(page, lambda each: encode_cursor("leads.deleted", each.lead_id)),
        }

    @post("/{lead_id:str}/restore", operation_id="restoreLead", summary="Restore a deleted lead",
          status_code=200, opt=described.RESTORE_LEAD)
    async def restore(
        self, platform: ThePlatform, principal: Asker, lead_id: FromPath[str]
    ) -> LeadView:
        """Take a deletion back."""
        async with platform.db.transaction() as conn:
            lead = await editing.restore_lead(
                conn, principal.organization_id, lead_id, platform.secrets, by=principal.name
            )
        await _mark(platform, principal)
        return lead_view(lead)

    @get("/{lead_id:str}/history", operation_id="listLeadHistory",
         summary="Show what became of a lead", opt=described.LEAD_HISTORY)
    async def history(
        self, platform: ThePlatform, principal: Asker, lead_id: FromPath[str]
    ) -> LeadHistory:
        """Which people, systems and imports changed it, and when; newest first."""
        number = editing.lead_id(lead_id)
        async with platform.db.connection() as conn:
            found = await store.edits.history(conn, principal.organization_id, number)
        if not found:
            async with platform.db.connection() as conn:
                await editing.get_lead(conn, principal.organization_id, lead_id)
        return {"items": [happening_view(each) for each in found]}

    @get("/{lead_id:str}", operation_id="getLead", summary="Show a lead",
         opt=described.GET_LEAD)
    async def show(
        self, platform: ThePlatform, principal: Asker, lead_id: FromPath[str]
    ) -> LeadView:
        """One lead."""
        async with platform.db.connection() as conn:
            return lead_view(
                await editing.get_lead(conn, principal.organization_id, lead_id)
            )

    @post("/purge", operation_id="purgeLead", summary="Erase a person permanently", status_code=202,
          opt=described.PURGE_LEAD)
    async def purge(
        self, platform: ThePlatform, principal: Asker, request: Request[Any, Any, Any]
    ) -> Response[WaitingJobView]:
        """Leads, what can be restored of them, what imports told of them, and stored sheets."""
        asked = await json_of(request, PersonFields)
        job = await erasing.ask(
            platform, principal, asked.email, request.scope["state"].get("request_id"),
            key_of(request),
        )
        async with platform.db.connection() as conn:
            shown = await jobs.whole(platform, conn, job, language_of(request))
        return Response(
            shown, status_code=202,
            headers={"Location": f"/v1/jobs/{job.token}"},
        )

    @patch("/{lead_id:str}", operation_id="updateLead", summary="Change a lead",
           opt=described.UPDATE_LEAD)
    async def change(
        self, platform: ThePlatform, principal: Asker, lead_id: FromPath[str],
        request: Request[Any, Any, Any],
    ) -> LeadView:
        """Set fields of one lead; null clears."""
        data = await json_of(request, dict[str, Any])
        async with platform.db.transaction() as conn:
            lead = await editing.change_lead(
                conn, principal.organization_id, lead_id, data, platform.secrets,
                by=principal.name,
            )
        await _mark(platform, principal)
        return lead_view(lead)

    @delete("/{lead_id:str}", operation_id="deleteLead", summary="Delete a lead",
            status_code=204, opt=described.DELETE_LEAD)
    async def remove(
        self, platform: ThePlatform, principal: Asker, lead_id: FromPath[str]
    ) -> None:
        """Remove one lead."""
        async with platform.db.transaction() as conn:
            await editing.delete_lead(
                conn, principal.organization_id, lead_id, platform.secrets, by=principal.name
            )
        await _mark(platform, principal)


async def _by_email(platform: Platform, organization: int, email: str) -> LeadPage:
    from vazao.leads.addresses import normalize_email

    known = normalize_email(email.replace("\0", "\N{REPLACEMENT CHARACTER}"))
    async with platform.db.connection() as conn:
        found = await store.base.find(conn, organization, known)
    items = [lead_view(found)] if found else []
    return {"items": items, "next": None, "count": len(items), "count_exact": True}


async def _mark(platform: Platform, principal: Principal) -> None:
    async with platform.db.connection() as conn:
        await store.search.mark_epoch(conn, principal.organization_id)


def _moment(text: str) -> datetime:
    try:
        moment = msgspec.convert(text, datetime)
    except msgspec.ValidationError as error:
        example = "2026-11-21T08:00:00-03:00"
        raise SinceInvalid(
            value=text[:40], details=[detail("updated_since", text, example)]
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _feed_place(after: str) -> tuple[str, int]:
    xid, lead_id = decode_cursor(after, FEED, str, int, unnamed=True)
    if not (xid.isascii() and xid.isdigit() and len(xid) < 20 and int(xid) < 1 << 63):
        raise CursorInvalid(remedy=AGAIN)
    return xid, lead_id


def _feed_cursor(change: Change) -> str:
    return encode_cursor(FEED, change.xid, change.lead_id)


routes = [Leads]
