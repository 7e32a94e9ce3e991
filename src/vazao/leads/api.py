"""JSON routes of leads: imports, their rejections and stream, and the base itself."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import Controller, Request, Response, delete, get, patch, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from litestar.response import Stream

from vazao import jobs, uploads
from vazao.kit.platform import Platform, Principal
from vazao.kit.web.frame import Asker, ThePlatform
from vazao.kit.web.idempotency import idempotency_of
from vazao.kit.web.pages import language_of
from vazao.kit.web.paging import CursorInvalid, decode_cursor, encode_cursor, limit_of
from vazao.kit.web.streaming import body_of, stream_of
from vazao.leads import searching, service, store
from vazao.leads.errors import FiltersExclusive, SinceInvalid
from vazao.leads.models import Change
from vazao.leads.settings import LeadSettings

READ, WRITE = "leads:read", "leads:write"


async def receive_sheet(
    platform: Platform, principal: Principal, request: Request[Any, Any, Any]
) -> tuple[uploads.Upload, dict[str, str]]:
    """Store the request's sheet (a form or the raw body); the upload and the options given."""
    limit = platform.settings.of(LeadSettings).max_file_bytes
    content_type = request.headers.get("content-type", "")
    given = {k: v for k, v in request.query_params.items() if isinstance(v, str)}
    if content_type.startswith("multipart/form-data"):
        upload, fields = await uploads.receive_form(
            platform, principal.organization_id, body_of(request), content_type,
            limit_bytes=limit, sha256=True,
        )
        return upload, given | fields
    upload = await uploads.receive(
        platform, principal.organization_id, body_of(request),
        filename=given.pop("filename", None) or "sheet", content_type=content_type,
        limit_bytes=limit, sha256=True,
    )
    return upload, given


class Imports(Controller):
    """``/v1/leads/imports``."""

    path = "/v1/leads/imports"
    tags = ("leads",)

    @post("/", opt={"scope": WRITE}, status_code=202, request_max_body_size=None)
    async def create(
        self, platform: ThePlatform, principal: Asker, request: Request[Any, Any, Any]
    ) -> Response[dict[str, Any]]:
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

    @get("/", opt={"scope": READ})
    async def history(
        self, platform: ThePlatform, principal: Asker, request: Request[Any, Any, Any],
        limit: FromQuery[str | None] = None, after: FromQuery[str | None] = None,
    ) -> dict[str, Any]:
        """Imports, newest first."""
        size = limit_of(limit)
        before = decode_cursor(after, int)[0] if after else None
        async with platform.db.connection() as conn:
            found = await service.history(
                conn, principal.organization_id, before=before, limit=size
            )
        language = language_of(request)
        following = encode_cursor(found[-1][0].id) if len(found) == size else None
        return {"items": [service.view(r, j, language) for r, j in found], "next": following}

    @get("/{token:str}", opt={"scope": READ})
    async def show(
        self, platform: ThePlatform, principal: Asker, request: Request[Any, Any, Any],
        token: FromPath[str],
    ) -> dict[str, Any]:
        """One import."""
        async with platform.db.connection() as conn:
            record, job = await service.get(conn, principal.organization_id, token)
        return service.view(record, job, language_of(request))

    @get("/{token:str}/stream", opt={"scope": READ})
    async def stream(
        self, platform: ThePlatform, principal: Asker, request: Request[Any, Any, Any],
        token: FromPath[str],
    ) -> Stream:
        """The same JSON whenever it changes, as server-sent events."""
        language = language_of(request)

        async def load(conn: Any) -> dict[str, Any]:
            record, job = await service.get(conn, principal.organization_id, token)
            return service.view(record, job, language)

        async with platform.db.connection() as conn:
            await load(conn)
        return stream_of(platform, load)

    @get("/{token:str}/errors", opt={"scope": READ})
    async def errors(
        self, platform: ThePlatform, principal: Asker, request: Request[Any, Any, Any],
        token: FromPath[str], excel: FromQuery[bool] = False,
    ) -> Stream:
        """The refused rows as CSV, to correct and upload again."""
        from vazao.leads import correcting

        async with platform.db.connection() as conn:
            record, _ = await service.get(conn, principal.organization_id, token)
        blocks = await _begun(correcting.errors_csv(
            platform, record, language_of(request), for_excel=excel
        ))
        return _download(blocks, "text/csv", f"vazao-errors-{token[:8]}.csv")

    @post("/{token:str}/cancel", opt={"scope": WRITE}, status_code=200)
    async def cancel(
        self, platform: ThePlatform, principal: Asker, request: Request[Any, Any, Any],
        token: FromPath[str],
    ) -> dict[str, Any]:
        """Stop an import; what was merged stays."""
        async with platform.db.transaction() as conn:
            await service.get(conn, principal.organization_id, token)
            await jobs.cancel(conn, principal.organization_id, token)
            record, job = await service.get(conn, principal.organization_id, token)
        return service.view(record, job, language_of(request))


async def _begun(blocks: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """*blocks*, whose first is there already: what fails before it still has a status."""
    first = await anext(blocks, b"")

    async def again() -> AsyncGenerator[bytes]:
        async with aclosing(blocks):
            yield first
            async for block in blocks:
                yield block

    return again()


def _download(body: AsyncIterator[bytes], media_type: str, name: str) -> Stream:
    return Stream(
        body, media_type=media_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"',
                 "Cache-Control": "no-store"},
    )


class Leads(Controller):
    """``/v1/leads``."""

    path = "/v1/leads"
    tags = ("leads",)

    @get("/", opt={"scope": READ})
    async def index(
        self, platform: ThePlatform, principal: Asker, limit: FromQuery[str | None] = None,
        after: FromQuery[str | None] = None, q: FromQuery[str | None] = None,
        tag: FromQuery[str | None] = None, city: FromQuery[str | None] = None,
        email: FromQuery[str | None] = None,
        updated_since: FromQuery[str | None] = None,
    ) -> dict[str, Any]:
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
                from vazao.leads.cells import normalize_email

                known = normalize_email(email.replace("\0", "\N{REPLACEMENT CHARACTER}"))
                found = await store.base.find(conn, organization, known)
                return {"items": [service.view_lead(found)] if found else [], "next": None}
            if any(filters.values()):
                leads = await searching.search(
                    conn, organization, **filters, before=before, limit=size
                )
            else:
                leads = await store.base.newest(conn, organization, before=before, limit=size)
        following = encode_cursor(leads[-1].id) if len(leads) == size else None
        return {"items": [service.view_lead(lead) for lead in leads], "next": following}

    async def _since(
        self, platform: Platform, organization: int, since: datetime,
        filters: dict[str, str | None], after: str | None, size: int,
    ) -> dict[str, Any]:
        cursor = _feed_place(after) if after else None
        async with platform.db.connection() as conn:
            # Who asks again for what came since now is told only that.
            await store.search.mark_epoch(conn, organization)
            page = await searching.changes(
                conn, organization, after=cursor, since=since, limit=size, **filters
            )
        items = [_plain(change.lead) for change in page if change.lead]
        return {"items": items, "next": _feed_cursor(page, size)}

    @get("/changes", opt={"scope": READ})
    async def changes(
        self, platform: ThePlatform, principal: Asker, limit: FromQuery[str | None] = None,
        after: FromQuery[str | None] = None,
    ) -> dict[str, Any]:
        """Every creation, change and deletion in the order of its transaction."""
        size = limit_of(limit)
        cursor = _feed_place(after) if after else None
        async with platform.db.connection() as conn:
            page = await searching.changes(
                conn, principal.organization_id, after=cursor, limit=size
            )
        items = [
            {"id": str(c.lead_id), "deleted": c.lead is None, "changed_at": c.changed_at,
             "lead": _plain(c.lead)}
            for c in page
        ]
        last = page[-1] if page else None
        following = encode_cursor(last.xid, last.lead_id) if last else after
        return {"items": items, "next": following}

    @get("/facets", opt={"scope": READ})
    async def facets(self, platform: ThePlatform, principal: Asker) -> dict[str, Any]:
        """How many leads there are, and the commonest cities, states and tags among them."""
        from vazao.leads import facets

        async with platform.db.transaction() as conn:
            found = await facets.read(conn, principal.organization_id)
        shown = {
            name: [{"value": value, "leads": leads} for value, leads in values]
            for name, values in found.values.items()
        }
        return {"leads": found.leads, "approximate": found.approximate, "facets": shown}

    @get("/export", opt={"scope": READ})
    async def export(
        self, platform: ThePlatform, principal: Asker,
        form: Annotated[Literal["csv", "ndjson"], QueryParameter(name="format")] = "csv",
    ) -> Stream:
        """The whole base, streamed."""
        from vazao.leads import exporting

        body = await _begun(exporting.export(platform, principal.organization_id, form))
        media = "text/csv" if form == "csv" else "application/x-ndjson"
        return _download(body, media, f"leads.{form}")

    @get("/{lead_id:str}", opt={"scope": READ})
    async def show(
        self, platform: ThePlatform, principal: Asker, lead_id: FromPath[str]
    ) -> dict[str, Any]:
        """One lead."""
        async with platform.db.connection() as conn:
            return service.view_lead(
                await service.get_lead(conn, principal.organization_id, lead_id)
            )

    @patch("/{lead_id:str}", opt={"scope": WRITE})
    async def change(
        self, platform: ThePlatform, principal: Asker, lead_id: FromPath[str],
        data: JSONBody[dict[str, Any]],
    ) -> dict[str, Any]:
        """Set fields of one lead; null clears."""
        async with platform.db.transaction() as conn:
            lead = await service.change_lead(conn, principal.organization_id, lead_id, data)
        await _mark(platform, principal)
        return service.view_lead(lead)

    @delete("/{lead_id:str}", opt={"scope": WRITE}, status_code=204)
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


def _plain(lead: dict[str, Any] | None) -> dict[str, Any] | None:
    if lead is None:
        return None
    hidden = ("organization_id", "created_by", "updated_by")
    return {k: str(v) if k == "id" else v for k, v in lead.items() if k not in hidden}


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


def _feed_cursor(page: list[Change], size: int) -> str | None:
    if len(page) < size:
        return None
    return encode_cursor(page[-1].xid, page[-1].lead_id)


routes = [Imports, Leads]
