"""JSON routes of leads: imports, their rejections and stream, and the base itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import Controller, Request, Response, delete, get, patch, post
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Stream

from vazao import jobs, uploads
from vazao.kit import clock
from vazao.kit.platform import Platform, Principal
from vazao.kit.web.following import follow
from vazao.kit.web.frame import Asker, ThePlatform
from vazao.kit.web.idempotency import idempotency_of
from vazao.kit.web.pages import language_of
from vazao.kit.web.paging import CursorInvalid, decode_cursor, encode_cursor, following, limit_of
from vazao.kit.web.parameters import json_of
from vazao.kit.web.streaming import begun, body_of, kept_file
from vazao.leads import described, searching, service, store
from vazao.leads.errors import FiltersExclusive, SinceInvalid
from vazao.leads.models import Change
from vazao.leads.settings import LeadSettings
from vazao.leads.views import (
    Facets,
    FacetValue,
    ImportPage,
    ImportView,
    LeadChange,
    LeadChanges,
    LeadPage,
    LeadView,
    lead_view,
)


async def receive_sheet(
    platform: Platform, principal: Principal, request: Request[Any, Any, Any]
) -> tuple[uploads.Upload, dict[str, str]]:
    """Store the request's sheet (a form or the raw body); the upload and the options given."""
    limit = platform.settings.of(LeadSettings).max_file_bytes
    content_type = request.headers.get("content-type", "")
    given = {k: v for k, v in request.query_params.items() if isinstance(v, str)}
    filename = given.pop("filename", None)
    if content_type.startswith("multipart/form-data"):
        upload, fields = await uploads.receive_form(
            platform, principal.organization_id, body_of(request), content_type,
            limit_bytes=limit, sha256=True, known=described.FORM_FIELDS,
        )
        return upload, given | fields
    upload = await uploads.receive(
        platform, principal.organization_id, body_of(request),
        filename=filename or "sheet", content_type=content_type,
        limit_bytes=limit, sha256=True,
    )
    return upload, given


class Imports(Controller):
    """``/v1/leads/imports``."""

    path = "/v1/leads/imports"
    tags = ("leads",)

    @post("/", operation_id="createImport", summary="Import a sheet", status_code=202,
          request_max_body_size=None, opt=described.CREATE_IMPORT)
    async def create(
        self, platform: ThePlatform, principal: Asker, request: Request[Any, Any, Any]
    ) -> Response[ImportView]:
        """Import a sheet: multipart form with ``file``, or the sheet as the body."""
        upload, given = await receive_sheet(platform, principal, request)
        try:
            options = service.options_of(given)
            idempotency = idempotency_of(request, f"{upload.sha256}{sorted(given.items())}")
            async with platform.db.transaction() as conn:
                record, job = await service.begin(
                    conn, principal.organization_id, upload, options,
                    requested_by=principal.name, idempotency=idempotency,
                    request_id=request.scope["state"].get("request_id"),
                )
        except BaseException:
            await uploads.delete_upload(platform, upload)
            raise
        if record.upload != upload.token:
            await uploads.delete_upload(platform, upload)
        return Response(
            service.view(record, job, language_of(request)), status_code=202,
            headers={"Location": f"/v1/leads/imports/{record.token}"},
        )

    @get("/", operation_id="listImports", summary="List imports, newest first",
         opt=described.LIST_IMPORTS)
    async def history(
        self, platform: ThePlatform, principal: Asker, request: Request[Any, Any, Any],
        limit: FromQuery[str | None] = None, after: FromQuery[str | None] = None,
    ) -> ImportPage:
        """Imports, newest first."""
        size = limit_of(limit)
        before = decode_cursor(after, int)[0] if after else None
        async with platform.db.connection() as conn:
            page = await service.history(
                conn, principal.organization_id, before=before, limit=size
            )
        language = language_of(request)
        return {
            "items": [service.view(record, job, language) for record, job in page.items],
            "next": following(page, lambda pair: encode_cursor(pair[0].id)),
        }

    @get("/{token:str}", operation_id="getImport", summary="Show an import",
         opt=described.GET_IMPORT)
    async def show(
        self, platform: ThePlatform, principal: Asker, request: Request[Any, Any, Any],
        token: FromPath[str],
    ) -> ImportView:
        """One import."""
        async with platform.db.connection() as conn:
            record, job = await service.get(conn, principal.organization_id, token)
        return service.view(record, job, language_of(request))

    @get("/{token:str}/stream", operation_id="followImport", summary="Follow an import",
         media_type="text/event-stream", opt=described.FOLLOW_IMPORT)
    async def stream(
        self, platform: ThePlatform, principal: Asker, request: Request[Any, Any, Any],
        token: FromPath[str],
    ) -> Response[Any]:
        """The same JSON whenever it changes, as server-sent events."""
        language = language_of(request)

        async def load(conn: Any) -> ImportView:
            record, job = await service.get(conn, principal.organization_id, token)
            return service.view(record, job, language)

        async with platform.db.connection() as conn:
            _, job = await service.get(conn, principal.organization_id, token)
        return await follow(
            request, principal, key=("import", job.id, language), topics=(jobs.topic_of(job),),
            load=load,
        )

    @get("/{token:str}/errors", operation_id="getImportErrors",
         summary="Download the rejected rows", opt=described.IMPORT_ERRORS)
    async def errors(
        self, platform: ThePlatform, principal: Asker, request: Request[Any, Any, Any],
        token: FromPath[str], excel: FromQuery[bool] = False,
    ) -> Stream:
        """The refused rows as CSV, to correct and upload again."""
        from vazao.leads import correcting

        async with platform.db.connection() as conn:
            record, _ = await service.get(conn, principal.organization_id, token)
        blocks = await begun(request, correcting.errors_csv(
            platform, record, language_of(request), for_excel=excel
        ))
        return kept_file(blocks, "text/csv", f"vazao-errors-{token[:8]}.csv")

    @get("/{token:str}/warnings", operation_id="getImportWarnings",
         summary="Download what was left out", opt=described.IMPORT_WARNINGS)
    async def warnings(
        self, platform: ThePlatform, principal: Asker, request: Request[Any, Any, Any],
        token: FromPath[str], excel: FromQuery[bool] = False,
    ) -> Stream:
        """The rows that went in with a value left out, and why, as CSV."""
        from vazao.leads import correcting

        async with platform.db.connection() as conn:
            record, _ = await service.get(conn, principal.organization_id, token)
        blocks = await begun(request, correcting.warnings_csv(
            platform, record, language_of(request), for_excel=excel
        ))
        return kept_file(blocks, "text/csv", f"vazao-warnings-{token[:8]}.csv")

    @post("/{token:str}/cancel", operation_id="cancelImport", summary="Cancel an import",
          status_code=200, opt=described.CANCEL_IMPORT)
    async def cancel(
        self, platform: ThePlatform, principal: Asker, request: Request[Any, Any, Any],
        token: FromPath[str],
    ) -> ImportView:
        """Stop an import; what was merged stays."""
        async with platform.db.transaction() as conn:
            await service.get(conn, principal.organization_id, token)
            await jobs.cancel(conn, principal.organization_id, token)
            record, job = await service.get(conn, principal.organization_id, token)
        return service.view(record, job, language_of(request))


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
        updated_since: FromQuery[str | None] = None,
    ) -> LeadPage:
        """The base by keyset, newest first; by any piece of a word, tag, city or last change."""
        size, organization = limit_of(limit), principal.organization_id
        filters = {"q": q, "tag": tag, "city": city}
        if email is not None and any((updated_since, *filters.values())):
            raise FiltersExclusive(remedy="Leave out the other filters.")
        if updated_since is not None:
            since = _moment(updated_since)
            return await self._since(platform, organization, since, filters, after, size)
        before = decode_cursor(after, int)[0] if after else None
        async with platform.db.transaction() as conn:
            if email is not None:
                from vazao.leads.addresses import normalize_email

                known = normalize_email(email.replace("\0", "\N{REPLACEMENT CHARACTER}"))
                found = await store.base.find(conn, organization, known)
                return {"items": [lead_view(found)] if found else [], "next": None}
            if any(filters.values()):
                page = await searching.search(
                    conn, organization, **filters, before=before, limit=size
                )
            else:
                page = await store.base.newest(conn, organization, before=before, limit=size)
        return {
            "items": [lead_view(lead) for lead in page.items],
            "next": following(page, lambda lead: encode_cursor(lead.id)),
        }

    async def _since(
        self, platform: Platform, organization: int, since: datetime,
        filters: dict[str, str | None], after: str | None, size: int,
    ) -> LeadPage:
        cursor = _feed_place(after) if after else None
        async with platform.db.connection() as conn:
            # Who asks again for what came since now is told only that.
            await store.search.mark_epoch(conn, organization)
            page = await searching.changes(
                conn, organization, after=cursor, since=since, limit=size, **filters
            )
        items = [lead_view(change.lead) for change in page.items if change.lead]
        return {"items": items, "next": following(page, _feed_cursor)}

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

    @get("/export", operation_id="exportLeads", summary="Export the whole base",
         opt=described.EXPORT_LEADS)
    async def export(
        self, platform: ThePlatform, principal: Asker, request: Request[Any, Any, Any],
        form: Annotated[Literal["csv", "ndjson"], QueryParameter(name="format")] = "csv",
    ) -> Stream:
        """The whole base, streamed."""
        from vazao.leads import exporting

        body = await begun(request, exporting.export(platform, principal.organization_id, form))
        media = "text/csv" if form == "csv" else "application/x-ndjson"
        return kept_file(body, media, f"leads.{form}")

    @get("/{lead_id:str}", operation_id="getLead", summary="Show a lead",
         opt=described.GET_LEAD)
    async def show(
        self, platform: ThePlatform, principal: Asker, lead_id: FromPath[str]
    ) -> LeadView:
        """One lead."""
        async with platform.db.connection() as conn:
            return lead_view(
                await service.get_lead(conn, principal.organization_id, lead_id)
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
            lead = await service.change_lead(
                conn, principal.organization_id, lead_id, data, platform.secret
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
            await service.delete_lead(
                conn, principal.organization_id, lead_id, platform.secret
            )
        await _mark(platform, principal)


async def _mark(platform: Platform, principal: Principal) -> None:
    async with platform.db.connection() as conn:
        await store.search.mark_epoch(conn, principal.organization_id)


def _moment(text: str) -> datetime:
    try:
        moment = msgspec.convert(text, datetime)
    except msgspec.ValidationError as error:
        raise SinceInvalid(value=text[:40]) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _feed_place(after: str) -> tuple[str, int]:
    xid, lead_id = decode_cursor(after, str, int)
    if not (xid.isascii() and xid.isdigit() and int(xid) < 1 << 63 and abs(lead_id) < 1 << 63):
        raise CursorInvalid(remedy="Begin again without after=.")
    return xid, lead_id


def _feed_cursor(change: Change) -> str:
    return encode_cursor(change.xid, change.lead_id)


routes = [Imports, Leads]
