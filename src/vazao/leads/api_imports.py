"""JSON routes of imports: what came, what it would do, its rejections, warnings and stream."""

from __future__ import annotations

from typing import Any

from litestar import Controller, Request, Response, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Stream

from vazao import jobs
from vazao.kit.web.following import follow
from vazao.kit.web.frame import Asker, ThePlatform
from vazao.kit.web.idempotency import idempotency_of
from vazao.kit.web.pages import language_of
from vazao.kit.web.paging import decode_cursor, encode_cursor, following, limit_of
from vazao.kit.web.parameters import choice_of, flag_of
from vazao.kit.web.streaming import begun, kept_file
from vazao.leads import described, receiving, service, trying
from vazao.leads.views import DifferencePage, ImportPage, ImportView, difference_view


class Imports(Controller):
    """``/v1/leads/imports``."""

    path = "/v1/leads/imports"
    tags = ("leads",)

    @post("/", operation_id="createImport", summary="Import a sheet", status_code=202,
          request_max_body_size=None, opt=described.CREATE_IMPORT, guards=[jobs.admitted])
    async def create(
        self, platform: ThePlatform, principal: Asker, request: Request[Any, Any, Any]
    ) -> Response[ImportView]:
        """Import a sheet: a form with ``file``, the sheet as the body, or a stored upload by its
        id (JSON).
        """
        record, job = await receiving.begin(platform, principal, request)
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
        before = decode_cursor(after, "leads.imports", int)[0] if after else None
        async with platform.db.connection() as conn:
            page = await service.history(
                conn, principal.organization_id, before=before, limit=size
            )
        language = language_of(request)
        return {
            "items": [service.view(record, job, language) for record, job in page.items],
            "next": following(page, lambda pair: encode_cursor("leads.imports", pair[0].id)),
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
        token: FromPath[str], excel: FromQuery[str | None] = None,
    ) -> Stream:
        """The refused rows as CSV, to correct and upload again."""
        from vazao.leads import correcting

        async with platform.db.connection() as conn:
            record, _ = await service.get(conn, principal.organization_id, token)
        blocks = await begun(request, correcting.errors_csv(
            platform, record, language_of(request), for_excel=flag_of("excel", excel)
        ))
        return kept_file(blocks, "text/csv", f"vazao-errors-{token[:8]}.csv")

    @get("/{token:str}/warnings", operation_id="getImportWarnings",
         summary="Download what was left out", opt=described.IMPORT_WARNINGS)
    async def warnings(
        self, platform: ThePlatform, principal: Asker, request: Request[Any, Any, Any],
        token: FromPath[str], excel: FromQuery[str | None] = None,
    ) -> Stream:
        """The rows that went in with a value left out, and why, as CSV."""
        from vazao.leads import correcting

        async with platform.db.connection() as conn:
            record, _ = await service.get(conn, principal.organization_id, token)
        blocks = await begun(request, correcting.warnings_csv(
            platform, record, language_of(request), for_excel=flag_of("excel", excel)
        ))
        return kept_file(blocks, "text/csv", f"vazao-warnings-{token[:8]}.csv")

    @get("/{token:str}/changes", operation_id="listImportChanges",
         summary="Show what a dry run would change", opt=described.IMPORT_CHANGES)
    async def changes(
        self, platform: ThePlatform, principal: Asker, token: FromPath[str],
        limit: FromQuery[str | None] = None, after: FromQuery[str | None] = None,
        outcome: FromQuery[str | None] = None,
    ) -> DifferencePage:
        """What a dry run would create and update, before and after, by e-mail."""
        size, chosen = limit_of(limit), choice_of("outcome", outcome, described.OUTCOMES)
        of = f"leads.differences {token}"
        email = decode_cursor(after, of, str)[0] if after else ""
        async with platform.db.connection() as conn:
            page = await trying.changes(
                conn, principal.organization_id, token, after=email, limit=size,
                created=None if chosen is None else chosen == "created",
            )
        return {
            "items": [difference_view(each) for each in page.items],
            "next": following(page, lambda each: encode_cursor(of, each.email)),
        }

    @post("/{token:str}/apply", operation_id="applyImport", summary="Import what a dry run read",
          status_code=202, opt=described.APPLY_IMPORT, guards=[jobs.admitted])
    async def apply(
        self, platform: ThePlatform, principal: Asker, request: Request[Any, Any, Any],
        token: FromPath[str],
    ) -> Response[ImportView]:
        """Import what a dry run has read, without reading it again."""
        async with platform.db.transaction() as conn:
            record, job = await trying.apply(
                conn, principal.organization_id, token, requested_by=principal.name,
                request_id=request.scope["state"].get("request_id"),
                idempotency=idempotency_of(request, ""),
            )
        return Response(
            service.view(record, job, language_of(request)), status_code=202,
            headers={"Location": f"/v1/leads/imports/{record.token}"},
        )

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


routes = [Imports]
