"""HTML of bringing a sheet in: drop it, see what was found, say what its columns are."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import UploadFile

from vazao import jobs, sheets, uploads
from vazao.kit.errors import VazaoError
from vazao.kit.limits import NICE
from vazao.kit.platform import Platform, Principal
from vazao.kit.web import sending
from vazao.kit.web.frame import Asker, ThePlatform
from vazao.kit.web.leaving import go_on
from vazao.kit.web.pages import language_of, page
from vazao.kit.web.parameters import refuse_unknown
from vazao.kit.web.streaming import announced_of, body_of
from vazao.leads import columns, declaring, receiving, sampling, service, store
from vazao.leads.models import CHOICE, Import, Options, choice_of, options_in
from vazao.leads.settings import LeadSettings

WRITE = "leads:write"
ROWS: Final = 1000
"""Rows that the preview looks at."""
LOOK_SECONDS: Final = 20
"""Processor time that looking into a workbook may take; an import may take more."""
HEADER_ROWS: Final = 20
FOUND: Final = ("sheet", "header_row", "delimiter", "encoding")
SAID: Final = ("mode", "empty", "strict")
FORM: Final = (
    "upload", "again", *FOUND, *SAID, "headers", "save_as", "do", "saved", "column-*", "name-*",
    "type-*", "options-*", "once",
)
SAMPLE: Final = ("sample", "layout", "filename", "file")
LABELS: Final = {
    ",": "comma ,", ";": "semicolon ;", "tab": "tab", "|": "bar |", "utf-8": "UTF-8",
    "windows-1252": "Windows-1252 (Excel)", "utf-16": "UTF-16", "cp850": "CP850 (DOS)",
    "mac-roman": "Mac Roman",
}
DELIMITERS: Final = (",", ";", "tab", "|")
ENCODINGS: Final = ("utf-8", "windows-1252", "utf-16", "cp850", "mac-roman")


@post(
    "/leads/uploads", opt={"scope": WRITE}, include_in_schema=False, request_max_body_size=None,
    guards=[jobs.admitted],
)
async def upload(
    request: Request[Any, Any, Any], platform: ThePlatform, principal: Asker
) -> Response[Any]:
    """Store a dropped sheet and go on to its preview."""
    stored, _ = await uploads.receive_form(
        platform, uploads.owner_of(principal), body_of(request),
        request.headers.get("content-type", ""), purpose=service.SHEET,
        announced=announced_of(request), known=("csrf",), sha256=True,
        limit_bytes=platform.settings.of(LeadSettings).max_file_bytes,
    )
    return go_on(request, f"/leads/imports/new?upload={stored.token}")


@post("/leads/uploads/stored", opt={"scope": WRITE, "fields": ("upload",)},
      include_in_schema=False, guards=[jobs.admitted], status_code=204)
async def take_stored(
    request: Request[Any, Any, Any], platform: ThePlatform, principal: Asker
) -> None:
    """Let a file that came by a resumable upload be a sheet, kept as one that a form brought.

    Asked again, as after a lost answer, it changes nothing.
    """
    token = (await _form(request)).get("upload", "")
    organization_id = principal.organization_id
    async with platform.db.transaction() as conn:
        try:
            await receiving.take(platform, conn, organization_id, token)
        except (uploads.UploadInUse, uploads.UploadNotFound):
            # It is a sheet already, or it is none of theirs.
            await uploads.get_upload(conn, organization_id, token)
            return
        await uploads.release_upload(conn, organization_id, token)


async def _stored(platform: Platform, principal: Principal, token: str) -> sampling.Source:
    async with platform.db.connection() as conn:
        return sampling.of_stored(
            await uploads.get_upload(conn, principal.organization_id, token)
        )


@get("/leads/imports/new", opt={"scope": WRITE}, include_in_schema=False)
async def preview(
    request: Request[Any, Any, Any], platform: ThePlatform, principal: Asker
) -> Response[Any]:
    """What was found in a sheet, and its columns with the fields proposed for them."""
    asked = request.query_params
    given = {k: v for k, v in asked.items() if k in (*FOUND, *SAID, "saved", "again")}
    if not asked.get("upload"):
        return go_on(request, "/leads/imports")
    stored = await _stored(platform, principal, asked["upload"])
    return await _show(request, platform, principal, stored, given)


@post("/leads/imports/look", include_in_schema=False, opt={"scope": WRITE, "fields": FORM})
async def look(
    request: Request[Any, Any, Any], platform: ThePlatform, principal: Asker
) -> Response[str]:
    """The same once somebody has changed a column: how its values fit now."""
    given = await _form(request)
    stored = await _stored(platform, principal, given.get("upload", ""))
    return await _show(request, platform, principal, stored, given)


@post(
    "/leads/imports/sample", include_in_schema=False, opt={"scope": WRITE},
    request_max_body_size=sampling.MOST_BYTES,
)
async def look_at_sample(
    request: Request[Any, Any, Any], platform: ThePlatform, principal: Asker
) -> Response[str]:
    """The same of a sheet that is still on its way, from the pieces of it that are here."""
    form = await request.form()
    refuse_unknown(form.keys(), {*FORM, *SAMPLE, "csrf"})
    given = await _form(request)
    if given.get("upload"):
        source = await _stored(platform, principal, given["upload"])
        return await _show(request, platform, principal, source, given)
    pieces = form.get("sample")
    if not isinstance(pieces, UploadFile):
        raise uploads.FormInvalid(
            "The form's field {name} with a file is missing.", name="sample"
        )
    source = sampling.of_pieces(
        given.get("filename", ""), given.get("layout", ""), pieces.file,
        platform.settings.of(LeadSettings).max_file_bytes,
    )
    return await _show(request, platform, principal, source, given)


async def _form(request: Request[Any, Any, Any]) -> dict[str, str]:
    return {k: v for k, v in (await request.form()).items() if isinstance(v, str)}


@post("/leads/imports/new", include_in_schema=False, opt={"scope": WRITE, "fields": FORM},
      guards=[jobs.admitted])
async def begin(
    request: Request[Any, Any, Any], platform: ThePlatform, principal: Asker
) -> Response[Any]:
    """Check the sheet, or import it, as the form says."""
    given = await _form(request)
    stored = await _stored(platform, principal, given.get("upload", ""))
    try:
        options = _options(given)
    except VazaoError as error:
        return await _show(request, platform, principal, stored, given, error)
    assert stored.stored is not None
    form = await sending.key_of(request)
    async with platform.db.transaction() as conn:
        await sending.claim(conn, form, "/leads/imports")
        await store.mappings.save(
            conn, principal.organization_id, options.mapping or {},
            name=given.get("save_as", "").strip()[:80] or None, saved_by=principal.name,
        )
        record, _ = await service.begin(
            conn, principal.organization_id, stored.stored, options, requested_by=principal.name,
            request_id=request.scope["state"].get("request_id"),
        )
        await sending.lead(conn, form, f"/leads/imports/{record.token}")
    return go_on(
        request, f"/leads/imports/{record.token}",
        "The check was started." if options.dry_run else "The import was started.",
    )


def _options(given: Mapping[str, str]) -> Options:
    """What the form says.

    Raises:
        OptionInvalid, MappingError: it says what cannot be.
    """
    from vazao.leads import mapping

    headers = columns.headers_of(given)
    chosen = columns.chosen(given, headers)
    mapping.parse(chosen, headers)
    types = columns.types_of(given, headers)
    for name, kind in types.items():
        said = options_in(kind)
        options = declaring.options_of(kind if said is None else CHOICE, said)
        types[name] = kind if options is None else choice_of(options)
    named = {k: given[k] for k in (*FOUND, "mode", "empty", "strict") if given.get(k)}
    asked = service.options_of(
        {k: given[k] for k in ("mode", "empty") if k in given} | named
        | {"mapping": json.dumps(chosen), "dry_run": str(given.get("do") != "import").lower()}
    )
    return msgspec.structs.replace(asked, types=types or None)


async def _show(
    request: Request[Any, Any, Any], platform: Platform, principal: Principal,
    source: sampling.Source, given: Mapping[str, str], error: VazaoError | None = None,
) -> Response[str]:
    language = language_of(request)
    messages = [("bad", error.message(language))] if error else []
    before = None
    if again := given.get("again"):
        async with platform.db.connection() as conn:
            before, _ = await service.get(conn, principal.organization_id, again)
        given = {"mode": before.mode, "empty": before.empty,
                 "strict": str(before.strict).lower(), **given}
    async with platform.db.connection() as conn:
        types = await store.base.custom_types(conn, principal.organization_id)
        names = await store.mappings.names(conn, principal.organization_id)
    seen, shown = None, columns.Shown()
    try:
        async with platform.turns.turn(principal.organization_id):
            seen = await _look_at(platform, source, given)
            shown = await _columns(platform, principal, seen, given, types, before)
    except VazaoError as refused:
        messages.append(("bad", refused.message(language)))
    return page(
        request, "leads/preview.html", status=422 if error else 200, upload=source, seen=seen,
        given=given, messages=messages, shown=shown, names=names, labels=LABELS,
        notes=[note.say(language) for note in seen.notes] if seen else [],
        fields=list(columns.LABELS.items()), types=columns.TEXTS, own=sorted(types),
        delimiters=DELIMITERS, encodings=ENCODINGS, header_rows=range(1, HEADER_ROWS + 1),
        reason=lambda code: service.reason(code, language)[0],
    )


async def _look_at(
    platform: Platform, source: sampling.Source, given: Mapping[str, str]
) -> sheets.Preview:
    from vazao.leads.reading import limits

    wanted = service.options_of({k: given[k] for k in FOUND if given.get(k)})
    choices = sheets.Choices(
        sheet=wanted.sheet, header_row=wanted.header_row, delimiter=wanted.delimiter,
        encoding=wanted.encoding,
    )
    async with sampling.as_file(platform, source) as path:
        return await asyncio.to_thread(
            sheets.preview, path, source.filename, choices=choices, rows=ROWS,
            limits=replace(
                limits(platform, path if source.stored else None), child_seconds=LOOK_SECONDS,
                child_nice=NICE,
            ),
            sample=source.sample,
        )


async def _columns(
    platform: Platform, principal: Principal, seen: sheets.Preview, given: Mapping[str, str],
    types: Mapping[str, str], before: Import | None,
) -> columns.Shown:
    """The columns as the form has them, as they were *before*, as they were saved, or as they are
    proposed.
    """
    if "headers" in given and columns.headers_of(given) == seen.headers:
        return await asyncio.to_thread(columns.show, seen, given=given, types=types)
    if before is not None:
        return await asyncio.to_thread(
            columns.show, seen, saved=before.mapping, types=types, said=before.new_types
        )
    async with platform.db.connection() as conn:
        saved = await store.mappings.find(
            conn, principal.organization_id, seen.headers, given.get("saved") or None
        )
    return await asyncio.to_thread(columns.show, seen, saved=saved, types=types)


routes = [upload, take_stored, preview, look, look_at_sample, begin]
