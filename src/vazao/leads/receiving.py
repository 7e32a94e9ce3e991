"""How a sheet comes in by the API: in a form, as the body, or by a resumable upload before."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request

from vazao import jobs, uploads
from vazao.kit.platform import Platform, Principal
from vazao.kit.sql import Conn
from vazao.kit.web.idempotency import Idempotency, idempotency_of
from vazao.kit.web.parameters import json_of, refuse_unknown
from vazao.kit.web.streaming import announced_of, body_of, small_body
from vazao.leads import described, service, store
from vazao.leads.errors import FileUnnamed, OptionInvalid
from vazao.leads.models import Import
from vazao.leads.settings import LeadSettings

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
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        return await _begin_stored(platform, principal, request)
    upload, given = await _receive(platform, principal, request)
    try:
        options = service.options_of(given)
        idempotency = idempotency_of(request, f"{upload.sha256}{sorted(given.items())}")
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


def _asked_by(principal: Principal, request: Asked) -> dict[str, Any]:
    return {"requested_by": principal.name,
            "request_id": request.scope["state"].get("request_id")}


def _query_of(request: Asked) -> dict[str, str]:
    return {k: v for k, v in request.query_params.items() if isinstance(v, str)}


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
        return upload, given | fields
    upload = await uploads.receive(
        platform, uploads.owner_of(principal), body_of(request),
        filename=filename or "sheet", content_type=content_type,
        limit_bytes=limit, sha256=True, purpose=service.SHEET, announced=announced_of(request),
    )
    return upload, given


async def _begin_stored(platform: Platform, principal: Principal, request: Asked) -> Begun:
    said = await json_of(request, dict[str, Any], await small_body(request, JSON_BYTES))
    refuse_unknown(said, described.JSON_FIELDS)
    token = said.pop("file", None)
    if not isinstance(token, str):
        raise FileUnnamed
    given = _query_of(request) | {
        name: text_of(name, value) for name, value in said.items() if value is not None
    }
    filename = given.pop("filename", None)
    options = service.options_of(given)
    idempotency = idempotency_of(request, f"file {token} {sorted(given.items())}")
    async with platform.db.transaction() as conn:
        try:
            upload = await take(platform, conn, principal.organization_id, token)
        except (uploads.UploadNotFound, uploads.UploadInUse):
            # Looked for after the upload's lock: what an equal request committed is seen.
            if known := await _known(conn, principal.organization_id, idempotency):
                return known
            raise
        if filename:
            upload = msgspec.structs.replace(upload, filename=filename)
        return await service.begin(
            conn, principal.organization_id, upload, options, idempotency=idempotency,
            **_asked_by(principal, request),
        )


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
    raise OptionInvalid(
        name=name[:80], value=msgspec.json.encode(value).decode()[:80],
        allowed="a text, a number, true, false",
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


async def _known(
    conn: Conn, organization_id: int, idempotency: Idempotency | None
) -> Begun | None:
    if idempotency is None:
        return None
    job = await jobs.held_by(conn, organization_id, *idempotency, "leads.import")
    record = await store.imports.get(conn, job.id) if job else None
    return None if job is None or record is None else (record, job)
