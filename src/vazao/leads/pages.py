"""HTML of leads: drop a sheet, correct its mapping, watch it go in, find the leads."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath, FromQuery

from vazao import jobs, sheets, uploads
from vazao.kit.errors import VazaoError
from vazao.kit.platform import Platform
from vazao.kit.web.frame import Asker, ThePlatform
from vazao.kit.web.pages import language_of, page
from vazao.kit.web.paging import decode_cursor, encode_cursor, following
from vazao.kit.web.streaming import body_of
from vazao.leads import facets, searching, service, store
from vazao.leads.settings import LeadSettings

READ, WRITE = "leads:read", "leads:write"
PAGE = 50
LABELS = {
    "email": "E-mail", "name": "Name", "phone": "Phone", "company": "Company",
    "job_title": "Job title", "city": "City", "state": "State", "country": "Country",
    "website": "Website", "tags": "Tags", "legal_basis": "Legal basis", "opted_out": "Opted out",
}


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


@get("/leads/imports", opt={"scope": READ}, include_in_schema=False)
async def show_imports(
    request: Request[Any, Any, Any], platform: ThePlatform, principal: Asker,
    after: FromQuery[str | None] = None,
) -> Response[str]:
    """Where a sheet is dropped, and the history."""
    before = decode_cursor(after, int)[0] if after else None
    async with platform.db.connection() as conn:
        found = await service.history(
            conn, principal.organization_id, before=before, limit=PAGE
        )
    language = language_of(request)
    return page(
        request, "leads/imports.html", after=after,
        next=following(found, lambda pair: encode_cursor(pair[0].id)),
        imports=[_shown(record, job, language) for record, job in found.items],
    )


def _shown(record: Any, job: Any, language: str) -> dict[str, Any]:
    return {**service.view(record, job, language), "requested_at": job.requested_at}


@post(
    "/leads/uploads", opt={"scope": WRITE}, include_in_schema=False, request_max_body_size=None
)
async def upload(
    request: Request[Any, Any, Any], platform: ThePlatform, principal: Asker
) -> Response[None]:
    """Store a dropped sheet and go on to its preview."""
    stored, _ = await uploads.receive_form(
        platform, principal.organization_id, body_of(request),
        request.headers.get("content-type", ""),
        limit_bytes=platform.settings.of(LeadSettings).max_file_bytes, sha256=True,
        known=("csrf",),
    )
    return _see(f"/leads/imports/new?upload={stored.token}")


def _see(address: str) -> Response[None]:
    return Response(None, status_code=303, headers={"Location": address})


@get("/leads/imports/new", opt={"scope": WRITE}, include_in_schema=False)
async def preview(
    request: Request[Any, Any, Any], platform: ThePlatform, principal: Asker,
    sheet: FromQuery[str | None] = None,
) -> Response[str]:
    """The first rows with the proposed mapping, to be corrected."""
    token = request.query_params.get("upload", "")
    async with platform.db.connection() as conn:
        stored = await uploads.get_upload(conn, principal.organization_id, token)
    return await _preview_page(request, platform, stored, sheet)


async def _preview_page(
    request: Request[Any, Any, Any], platform: Platform, stored: uploads.Upload, sheet: str | None,
    error: VazaoError | None = None, chosen: dict[str, str] | None = None,
) -> Response[str]:
    from vazao.leads import mapping
    from vazao.leads.reading import limits

    language = language_of(request)
    messages = [("bad", error.message(language))] if error else []
    columns: list[dict[str, Any]] = []
    seen: Any = None
    try:
        async with platform.bulky, uploads.local_file(platform, stored) as path:
            seen = await asyncio.to_thread(
                sheets.preview, path, stored.filename or "",
                choices=sheets.Choices(sheet=sheet),
                limits=limits(platform),
            )
        proposed = mapping.propose(seen.headers, seen.rows)
        columns = _columns(seen, proposed | {k: v or None for k, v in (chosen or {}).items()})
    except VazaoError as refused:
        messages.append(("bad", refused.message(language)))
    return page(
        request, "leads/preview.html", status=422 if error else 200, upload=stored,
        seen=seen, columns=columns, sheet=sheet, messages=messages,
        notes=[note.say(language) for note in seen.notes] if seen else [],
        fields=list(LABELS.items()),
    )


def _columns(seen: Any, proposed: dict[str, str | None]) -> list[dict[str, Any]]:
    from vazao.leads import mapping

    made = []
    for number, header in enumerate(seen.headers):
        field = proposed.get(header)
        own = field if field and field.startswith(mapping.CUSTOM) else None
        made.append({
            "number": number, "header": header, "field": field or "",
            "custom": own or f"{mapping.CUSTOM}{mapping.slug(header)}",
            "reserved": sheets.is_reserved(header) or not header.strip(),
            "samples": [row[number] for row in seen.rows[:5]],
        })
    return made


def _headers_of(given: dict[str, str]) -> list[str]:
    from vazao.leads.errors import MappingInvalid

    try:
        return msgspec.json.decode(given.get("headers", ""), type=list[str])
    except (msgspec.DecodeError, RecursionError) as error:
        raise MappingInvalid from error


@post(
    "/leads/imports/new", include_in_schema=False,
    opt={"scope": WRITE,
         "fields": ("upload", "sheet", "headers", "mode", "empty", "column-*")},
)
async def begin(
    request: Request[Any, Any, Any], platform: ThePlatform, principal: Asker
) -> Response[Any]:
    """Begin the import that the preview's form describes."""
    import json

    form = await request.form()
    given = {k: v for k, v in form.items() if isinstance(v, str)}
    async with platform.db.connection() as conn:
        stored = await uploads.get_upload(conn, principal.organization_id, given.get("upload", ""))
    chosen: dict[str, str] = {}
    sheet = given.get("sheet") or None
    try:
        from vazao.leads import mapping

        headers = _headers_of(given)
        chosen = {h: given.get(f"column-{n}", "") for n, h in enumerate(headers)}
        mapping.parse({h: f or None for h, f in chosen.items()}, headers)
        options = service.options_of(
            {k: given[k] for k in ("mode", "empty") if k in given}
            | {"mapping": json.dumps({h: f or None for h, f in chosen.items()})}
            | ({"sheet": sheet} if sheet else {})
        )
    except VazaoError as error:
        return await _preview_page(request, platform, stored, sheet, error, chosen)
    async with platform.db.transaction() as conn:
        record, _ = await service.begin(
            conn, principal.organization_id, stored, options, requested_by=principal.name,
            request_id=request.scope["state"].get("request_id"),
        )
    return _see(f"/leads/imports/{record.token}")


@get("/leads/imports/{token:str}", opt={"scope": READ}, include_in_schema=False)
async def show_import(
    request: Request[Any, Any, Any], platform: ThePlatform, principal: Asker, token: FromPath[str]
) -> Response[str]:
    """One import, live: progress, rows a second, time left, outcome."""
    language = language_of(request)
    async with platform.db.connection() as conn:
        record, job = await service.get(conn, principal.organization_id, token)
        refused = (
            await store.imports.rejections(conn, record.id, limit=20) if record.rejected else []
        )
        behind = await store.search.behind(conn, principal.organization_id)
    return page(
        request, "leads/import.html", shown=_shown(record, job, language), behind=behind,
        refused=[(row, place, *service.reason(code, language), value)
                 for row, place, code, value in refused],
    )


@post("/leads/imports/{token:str}/stop", opt={"scope": WRITE}, include_in_schema=False)
async def stop(
    request: Request[Any, Any, Any], platform: ThePlatform, principal: Asker, token: FromPath[str]
) -> Response[None]:
    """Cancel from the page."""
    async with platform.db.transaction() as conn:
        await service.get(conn, principal.organization_id, token)
        await jobs.cancel(conn, principal.organization_id, token)
    return _see(f"/leads/imports/{token}")


@get("/leads/{lead_id:str}", opt={"scope": READ}, include_in_schema=False)
async def show_lead(
    request: Request[Any, Any, Any], platform: ThePlatform, principal: Asker, lead_id: FromPath[str]
) -> Response[str]:
    """One lead, whole."""
    async with platform.db.connection() as conn:
        lead = await service.get_lead(conn, principal.organization_id, lead_id)
    return page(request, "leads/lead.html", lead=lead, labels=LABELS)


routes = [
    show_leads, show_behind, show_imports, upload, preview, begin, show_import, stop, show_lead,
]
