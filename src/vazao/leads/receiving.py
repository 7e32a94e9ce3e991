"""How a sheet comes in by the API: in a form, as the body, or by a resumable upload before."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from litestar import Request

from vazao import jobs, uploads
from vazao.kit.platform import Platform, Principal
from vazao.kit.sql import Conn
from vazao.kit.web.idempotency import Idempotency, idempotency_of
from vazao.kit.web.parameters import (
    TypeRefused,
    is_json,
    json_of,
    media_of,
    refuse_repeated,
    refuse_unknown,
)
from vazao.kit.web.streaming import announced_of, body_of, small_body
from vazao.leads import described, service, store
from vazao.leads.errors import FileUnnamed, OptionInvalid
from vazao.leads.models import Import
from vazao.leads.settings import LeadSettings

KIND = "leads.import"
JSON_BYTES = 1 << 20
"""More than the mapping of the widest sheet takes."""
Begun = tuple[Import, jobs.Job]
Asked = Request[Any, Any, Any]


async def begin(platform: Platform, principal: Principal, request: Asked) -> Begun:
    """Store the request's sheet, unless it names a stored one, and begin its import.

    Raises:
        UploadNotFound, UploadInUse: no such stored file of the organization, or a job has it.
        UploadTooLarge, StorageFull: more than the limits allow.
        UnknownParameter, OptionInvalid: there is no such option, or it cannot be so.
    """
    kind = media_of(request)
    if is_json(kind):
        return await _begin_stored(platform, principal, request)
    if kind == "application/x-www-form-urlencoded":
        raise TypeRefused(remedy="Send the sheet as the body with --data-binary and its "
                          "Content-Type, such as text/csv, or in a form with -F file=@sheet.csv.")
    if jobs.is_known(request) and (known := await _sent_before(platform, request)):
        return known
    upload, given = await _receive(platform, principal, request)
    try:
        options = service.options_of(given)
        idempotency = _key(request, upload.sha256, given)
        async with platform.db.transaction() as conn:
            record, job = await service.begin(
                conn, principal.organization_id, upload, options, idempotency=idempotency,
                **_asked_by(principal, request),
            )
    except BaseException:
        await uploads.delete_upload(platform, upload)
        raise
    if record.upload != upload.token:
        await uploads.delete_upload(platform, upload)
    return record, job


def _key(
    request: Asked, sha256: str | None, given: dict[str, str]
) -> Idempotency | None:
    return idempotency_of(request, f"{sha256}{sorted(given.items())}")


async def _sent_before(platform: Platform, request: Asked) -> Begun | None:
    """The import that an equal request began before; its body is read, and not stored.

    Raises:
        IdempotencyClash: the key belongs to another request.
    """
    limit = platform.settings.of(LeadSettings).max_file_bytes
    content_type = request.headers.get("content-type", "")
    given = _query_of(request)
    given.pop("filename", None)
    if content_type.startswith("multipart/form-data"):
        sha256, fields = await uploads.digest_form(
            body_of(request), content_type, limit_bytes=limit, known=described.FORM_FIELDS
        )
        given = joined(given, fields)
    else:
        sha256 = await uploads.digest_of(body_of(request), limit)
    job = jobs.repeated(request, _key(request, sha256, given), KIND)
    async with platform.db.connection() as conn:
        return await _of_job(conn, job)


def _asked_by(principal: Principal, request: Asked) -> dict[str, Any]:
    return {"requested_by": principal.name,
            "request_id": request.scope["state"].get("request_id")}


def _query_of(request: Asked) -> dict[str, str]:
    return {k: v for k, v in request.query_params.items() if isinstance(v, str)}


def joined(query: dict[str, str], fields: dict[str, str]) -> dict[str, str]:
    """The options of both.

    Raises:
        ParameterRepeated: one stands in both with different values: which was meant?
    """
    for name in query.keys() & fields.keys():
        refuse_repeated(name, (query[name], fields[name]))
    return query | fields


async def _receive(
    platform: Platform, principal: Principal, request: Asked
) -> tuple[uploads.Upload, dict[str, str]]:
    """Store the request's sheet (a form or the raw body); the upload and the options given."""
    limit = platform.settings.of(LeadSettings).max_file_bytes
    content_type = request.headers.get("content-type", "")
    given = _query_of(request)
    filename = given.pop("filename", None)
    if content_type.startswith("multipart/form-data"):
        upload, fields = await uploads.receive_form(
            platform, uploads.owner_of(principal), body_of(request), content_type,
            limit_bytes=limit, sha256=True, known=described.FORM_FIELDS,
            purpose=service.SHEET, announced=announced_of(request),
        )
        try:
            return upload, joined(given, fields)
        except BaseException:
            await uploads.delete_upload(platform, upload)
            raise
    upload = await uploads.receive(
        platform, uploads.owner_of(principal), body_of(request),
        filename=filename or "sheet", content_type=content_type,
        limit_bytes=limit, sha256=True, purpose=service.SHEET, announced=announced_of(request),
    )
    return upload, given


async def _begin_stored(platform: Platform, principal: Principal, request: Asked) -> Begun:
    body = await small_body(request, JSON_BYTES)
    said = await json_of(request, dict[str, Any], body)
    _refuse_doubled(body)
    refuse_unknown(said, described.JSON_FIELDS)
    token = said.pop("file", None)
    if not isinstance(token, str):
        raise FileUnnamed
    given = joined(_query_of(request), {
        name: text_of(name, value) for name, value in said.items() if value is not None
    })
    filename = given.pop("filename", None)
    options = service.options_of(given)
    idempotency = idempotency_of(request, f"file {token} {sorted(given.items())}")
    job = jobs.repeated(request, idempotency, KIND)
    async with platform.db.transaction() as conn:
        if known := await _of_job(conn, job):
            return known
        try:
            upload = await take(platform, conn, principal.organization_id, token)
        except (uploads.UploadNotFound, uploads.UploadInUse):
            # Looked for after the upload's lock: what an equal request committed is seen.
            job = await jobs.held_by(conn, principal.organization_id, idempotency, KIND)
            if known := await _of_job(conn, job):
                return known
            raise
        if filename:
            upload = msgspec.structs.replace(upload, filename=filename)
        return await service.begin(
            conn, principal.organization_id, upload, options, idempotency=idempotency,
            **_asked_by(principal, request),
        )


def _refuse_doubled(body: bytes) -> None:
    """Refuse an object in which a name stands twice with different values: the last would count."""
    objects: list[list[tuple[str, Any]]] = []

    def keep(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        objects.append(pairs)
        return dict(pairs)

    # What holds the others is done last.
    json.loads(body, object_pairs_hook=keep)
    seen: dict[str, str] = {}
    for name, value in objects[-1]:
        refuse_repeated(name, (seen.setdefault(name, repr(value)), repr(value)))


def text_of(name: str, value: Any) -> str:
    """An option's value in JSON as a form would write it.

    Raises:
        OptionInvalid: it is a list, or another object than a mapping.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, dict) and name == "mapping":
        return msgspec.json.encode(value).decode()
    raise OptionInvalid.of(
        name, msgspec.json.encode(value).decode(), "a text", "a number", "true", "false"
    )


async def take(
    platform: Platform, conn: Conn, organization_id: int, token: str
) -> uploads.Upload:
    """Take a stored resumable upload as a sheet, in the caller's transaction.

    Raises:
        UploadNotFound, UploadInUse: no such one of the organization, or a job has it.
        UploadTooLarge: longer than a sheet may be.
        TooManySheets: the organization has as many as it may.
    """
    upload = await uploads.claim_upload(
        platform, conn, organization_id, token, purpose=service.SHEET
    )
    limit = platform.settings.of(LeadSettings).max_file_bytes
    if upload.bytes > limit:
        raise uploads.UploadTooLarge(
            remedy="Split it, or ask the administrator for a higher limit.", limit=limit
        )
    return upload


async def _of_job(conn: Conn, job: jobs.Job | None) -> Begun | None:
    record = await store.imports.get(conn, job.id) if job else None
    return None if job is None or record is None else (record, job)
