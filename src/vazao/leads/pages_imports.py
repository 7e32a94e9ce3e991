"""HTML of imports: the history, and one of them: what it did or would do, and what it refused."""

from __future__ import annotations

from typing import Any, Literal
from urllib.parse import urlencode

from litestar import Request, Response, get, post
from litestar.params import FromPath, FromQuery

from vazao import jobs
from vazao.kit.errors import VazaoError
from vazao.kit.web import sending
from vazao.kit.web.frame import Asker, ThePlatform
from vazao.kit.web.leaving import go_on
from vazao.kit.web.pages import language_of, page
from vazao.kit.web.paging import decode_cursor, encode_cursor, following
from vazao.leads import service, store, trying
from vazao.leads.columns import LABELS, template
from vazao.leads.errors import ChangesGone, NothingCorrected
from vazao.leads.models import Import
from vazao.leads.settings import LeadSettings
from vazao.leads.views import difference_view
from vazao.leads.wizard import FOUND
from vazao.sheets import is_reserved

READ, WRITE = "leads:read", "leads:write"
BACK = {"back": "/leads/imports/{token}"}
PAGE = 50
NO_CELL = frozenset(("suppressed", "row_too_long", "quote_unclosed", "cell_too_large"))
"""Reasons that no other value in a cell puts right."""
CUT = 200
"""Characters from which a value is not kept whole."""
WHOSE = ("email", "name", "first_name", "last_name", "phone", "company")
"""Fields by which people know whose row it is, the best first."""
OTHERS = 3
"""Further cells of a refused row that are shown."""
FIRST = 5
"""Lines of a list that stand on the import's own page."""


@get("/leads/imports", opt={"scope": READ}, include_in_schema=False)
async def show_imports(
    request: Request[Any, Any, Any], platform: ThePlatform, principal: Asker,
    after: FromQuery[str | None] = None,
) -> Response[str]:
    """Where a sheet is dropped, and the history."""
    before = decode_cursor(after, "leads.imports", int)[0] if after else None
    async with platform.db.connection() as conn:
        found = await service.history(
            conn, principal.organization_id, before=before, limit=PAGE
        )
    language = language_of(request)
    return page(
        request, "leads/imports.html", after=after, limits=platform.settings.of(LeadSettings),
        next=following(found, lambda pair: encode_cursor("leads.imports", pair[0].id)),
        imports=[_shown(record, job, language) for record, job in found.items],
    )


@get("/leads/imports/template", opt={"scope": READ}, include_in_schema=False)
async def show_template(
    request: Request[Any, Any, Any], platform: ThePlatform, principal: Asker
) -> Response[bytes]:
    """An empty sheet whose columns are known."""
    async with platform.db.connection() as conn:
        own = await store.fields.listed(conn, principal.organization_id)
    return Response(
        template(own, language_of(request)), media_type="text/csv; charset=utf-8", headers={
            "Content-Disposition": 'attachment; filename="leads.csv"', "Cache-Control": "no-store",
        },
    )


def _shown(record: Any, job: Any, language: str) -> dict[str, Any]:
    return {**service.view(record, job, language), "requested_at": job.requested_at}


@get("/leads/imports/{token:str}", opt={"scope": READ}, include_in_schema=False)
async def show_import(
    request: Request[Any, Any, Any], platform: ThePlatform, principal: Asker, token: FromPath[str]
) -> Response[str]:
    """One import, live: progress, rows a second, time left, outcome."""
    language = language_of(request)
    async with platform.db.connection() as conn:
        record, job = await service.get(conn, principal.organization_id, token)
        refused = await _rejections(conn, record, 0, FIRST) if record.rejected else []
        warned = await store.imports.warnings(conn, record.id, limit=FIRST)
        tried = record.dry_run and job.status == "finished"
        differences = await trying.first_changes(conn, record, FIRST) if tried else []
        own = await _labels(conn, principal.organization_id)
        behind = await store.search.behind(conn, principal.organization_id)
    return page(
        request, "leads/import.html", shown=_shown(record, job, language), behind=behind,
        refused=_told(refused, language), warned=_told(warned, language), upload=record.upload,
        gone=record.sheet_gone,
        found={name: value for name in FOUND if (value := getattr(record, name))},
        differences=[difference_view(each) for each in differences], labels=LABELS | own,
        days=platform.settings.of(LeadSettings).sheets_kept_days,
    )


async def _labels(conn: Any, organization_id: int) -> dict[str, str]:
    """How people call the custom fields of an organization, by their names in a difference."""
    found = await store.fields.listed(conn, organization_id)
    return {f"custom.{each.name}": each.label for each in found if each.label}


async def _rejections(conn: Any, record: Any, after: int, limit: int) -> list[Any]:
    return await store.imports.rejections(conn, record.id, after=after, limit=limit)


def _told(lines: Any, language: str) -> list[tuple[Any, ...]]:
    return [(row, place, *service.reason(code, language), value)
            for row, place, code, value in lines]


@get("/leads/imports/{token:str}/changes", opt={"scope": READ}, include_in_schema=False)
async def show_changes(
    request: Request[Any, Any, Any], platform: ThePlatform, principal: Asker, token: FromPath[str],
    after: FromQuery[str | None] = None,
    outcome: FromQuery[Literal["created", "updated"] | None] = None,
) -> Response[str]:
    """What a dry run would create and update, before and after."""
    of = f"leads.differences {token}"
    email = decode_cursor(after, of, str)[0] if after else ""
    language = language_of(request)
    messages, found = [], None
    async with platform.db.connection() as conn:
        record, job = await service.get(conn, principal.organization_id, token)
        own = await _labels(conn, principal.organization_id)
        try:
            found = await trying.changes(
                conn, principal.organization_id, token, after=email, limit=PAGE,
                created=None if outcome is None else outcome == "created",
            )
        except ChangesGone as gone:
            messages.append(("bad", gone.message(language)))
    return page(
        request, "leads/changes.html", shown=_shown(record, job, language), messages=messages,
        differences=[difference_view(each) for each in found.items] if found else [],
        outcome=outcome, after=after, labels=LABELS | own,
        next=following(found, lambda each: encode_cursor(of, each.email)) if found else None,
    )


@get("/leads/imports/{token:str}/rejected", opt={"scope": READ}, include_in_schema=False)
async def show_rejected(
    request: Request[Any, Any, Any], platform: ThePlatform, principal: Asker, token: FromPath[str],
    after: FromQuery[str | None] = None, others: FromQuery[Literal["yes"] | None] = None,
) -> Response[str]:
    """All rows that an import refused, by page; *others* shows what else stands in them, for which
    the sheet is read again: the page asks for it once it is there.
    """
    of = f"leads.rejected {token}"
    row = decode_cursor(after, of, int)[0] if after else 0
    language = language_of(request)
    async with platform.db.connection() as conn:
        record, job = await service.get(conn, principal.organization_id, token)
        lines = await _rejections(conn, record, row, PAGE + 1)
        rows = [line[0] for line in lines[:PAGE]]
        corrected = await store.imports.corrected(conn, record.id, rows)
    cells, unread = None, None
    if rows and not record.sheet_gone:
        try:
            cells = await _others(platform, record, lines[:PAGE]) if others else {}
        except VazaoError as error:
            cells, unread = {}, error.message(language)
    ask = urlencode({"after": after or "", "others": "yes"})
    return page(
        request, "leads/told.html", gone=record.sheet_gone,
        shown=_shown(record, job, language), kind="rejected",
        lines=_told(lines[:PAGE], language), after=after, others=cells, unread=unread,
        asks_others=None if others or cells is None else f"/leads/imports/{token}/rejected?{ask}",
        corrected=corrected,
        next=encode_cursor(of, lines[PAGE - 1][0]) if len(lines) > PAGE else None,
        fixable={
            row for row, place, code, value in lines
            if place and code not in NO_CELL and len(value or "") < CUT
        },
    )


async def _others(
    platform: ThePlatform, record: Import, lines: list[Any]
) -> dict[int, list[tuple[str, str]]]:
    """By row the first cells that tell whose it is, but for the one that stands beside."""
    from vazao.leads import correcting

    places = {row: place for row, place, *_ in lines}
    mapping = record.mapping or {}

    def order(header: str) -> int:
        field = mapping.get(header)
        return WHOSE.index(field) if field in WHOSE else len(WHOSE)

    found = await correcting.rows_of(platform, record, places.keys())
    return {
        row: [(header, cells[header]) for header in sorted(cells, key=order)
              if header != places[row] and not is_reserved(header)][:OTHERS]
        for row, cells in found.items()
    }


@get("/leads/imports/{token:str}/warned", opt={"scope": READ}, include_in_schema=False)
async def show_warned(
    request: Request[Any, Any, Any], platform: ThePlatform, principal: Asker, token: FromPath[str],
    after: FromQuery[str | None] = None,
) -> Response[str]:
    """The first thousand values that were left out or doubted, by page; the file has all."""
    of = f"leads.warned {token}"
    number = decode_cursor(after, of, int)[0] if after else 0
    language = language_of(request)
    async with platform.db.connection() as conn:
        record, job = await service.get(conn, principal.organization_id, token)
        lines = await store.imports.warnings(conn, record.id, after=number, limit=PAGE + 1)
    return page(
        request, "leads/told.html", shown=_shown(record, job, language), kind="warned",
        gone=record.sheet_gone,
        lines=_told(lines[:PAGE], language), after=after,
        next=encode_cursor(of, number + PAGE) if len(lines) > PAGE else None,
    )


@post("/leads/imports/{token:str}/correct", include_in_schema=False,
      opt={"scope": WRITE, "fields": ("cell-*", "once")}, guards=[jobs.admitted])
async def correct(
    request: Request[Any, Any, Any], platform: ThePlatform, principal: Asker, token: FromPath[str]
) -> Response[Any]:
    """Send rejected rows again, with the cells that somebody has put right."""
    from vazao.leads import resending

    form = await request.form()
    said = {k.removeprefix("cell-"): v for k, v in form.items() if isinstance(v, str)}
    async with platform.db.connection() as conn:
        record, _ = await service.get(conn, principal.organization_id, token)
    try:
        made = await resending.resend(
            platform, record, said, form=await sending.key_of(request),
            requested_by=principal.name,
            request_id=request.scope["state"].get("request_id"),
        )
    except NothingCorrected as error:
        return go_on(
            request, f"/leads/imports/{token}/rejected", error.message(language_of(request)),
            kind="bad",
        )
    return go_on(
        request, f"/leads/imports/{made.token}", "The corrected rows were sent again."
    )


@post("/leads/imports/{token:str}/apply", opt={"scope": WRITE} | BACK, include_in_schema=False,
      guards=[jobs.admitted])
async def apply(
    request: Request[Any, Any, Any], platform: ThePlatform, principal: Asker, token: FromPath[str]
) -> Response[None]:
    """Import what a dry run has read."""
    async with platform.db.transaction() as conn:
        record, _ = await trying.apply(
            conn, principal.organization_id, token, requested_by=principal.name,
            request_id=request.scope["state"].get("request_id"),
        )
    return go_on(request, f"/leads/imports/{record.token}", "The import was started.")


@post("/leads/imports/{token:str}/stop", opt={"scope": WRITE} | BACK, include_in_schema=False)
async def stop(
    request: Request[Any, Any, Any], platform: ThePlatform, principal: Asker, token: FromPath[str]
) -> Response[None]:
    """Cancel from the page."""
    async with platform.db.transaction() as conn:
        await service.get(conn, principal.organization_id, token)
        await jobs.cancel(conn, principal.organization_id, token)
    return go_on(
        request, f"/leads/imports/{token}", "Cancelled. Rows that were already imported stay."
    )


@post("/leads/imports/{token:str}/again", opt={"scope": WRITE} | BACK, include_in_schema=False,
      guards=[jobs.admitted])
async def start_over(
    request: Request[Any, Any, Any], platform: ThePlatform, principal: Asker, token: FromPath[str]
) -> Response[None]:
    """Begin a cancelled import from the beginning."""
    async with platform.db.transaction() as conn:
        await service.get(conn, principal.organization_id, token)
        await jobs.retry(conn, principal.organization_id, token)
    return go_on(request, f"/leads/imports/{token}", "The import was started.")


routes = [
    show_imports, show_template, show_import, show_changes, show_rejected, show_warned, correct,
    apply, start_over, stop,
]
