"""``/files``: resumable uploads by tus 1.0.0 (https://tus.io/protocols/resumable-upload)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import psycopg
from litestar import Controller, Request, Response, delete, get, head, patch, post, route
from litestar.enums import HttpMethod
from litestar.params import FromPath, FromQuery

from vazao.kit.clock import stamp
from vazao.kit.errors import Unavailable, VazaoError
from vazao.kit.platform import Platform
from vazao.kit.proxies import is_https
from vazao.kit.web import hosts, paging
from vazao.kit.web.frame import Asker, ThePlatform
from vazao.kit.web.refusing import RETRY_SECONDS, answer_database, answer_error
from vazao.kit.web.streaming import body_of
from vazao.uploads import store
from vazao.uploads.models import Resumable
from vazao.uploads.quotas import owner_of
from vazao.uploads.settings import UploadSettings
from vazao.uploads.tus import headers as tus_headers
from vazao.uploads.tus import joining
from vazao.uploads.tus import openapi as tus_openapi
from vazao.uploads.tus import service as tus_service
from vazao.uploads.tus.errors import (
    VERSION,
    ConcatInvalid,
    FinalTakesNoBytes,
    MethodUnknown,
    UploadUnsure,
)

Asked = Request[Any, Any, Any]
Read = Mapping[str, str]
PASSING = (429, 503)


def _asks(request: Asked) -> bool:
    override = request.headers.get("x-http-method-override", "")
    return request.method == "HEAD" or (request.method == "POST" and override.upper() == "HEAD")


def answer_refusal(request: Asked, error: VazaoError) -> Response[Any]:
    """An error in the platform's shape; who only asks how far an upload is is told to wait.

    Clients hear 423 as "wait" and any other refusal of a HEAD as "it is gone, begin anew".
    """
    if _asks(request) and error.status in PASSING:
        error = UploadUnsure(retry_after=error.retry_after or RETRY_SECONDS)
    return answer_error(request, error)


def answer_outage(request: Asked, error: psycopg.OperationalError) -> Response[Any]:
    """The same where the database was away."""
    answer = answer_database(request, error)
    return answer_refusal(request, Unavailable()) if _asks(request) else answer


def _answer(status: int, upload: Resumable | None = None, **more: str) -> Response[None]:
    headers: dict[str, str] = {}
    if upload is not None:
        headers["Upload-Offset"] = str(upload.bytes)
        if upload.expires_at is not None:
            headers["Upload-Expires"] = tus_headers.http_date(upload.expires_at)
    headers |= {name.replace("_", "-"): value for name, value in more.items()}
    return Response(None, status_code=status, headers=headers)


def _announced(headers: Mapping[str, str]) -> int | None:
    return tus_headers.number_of(headers, "Content-Length") if "content-length" in headers else None


async def _show(platform: Platform, organization_id: int, token: str) -> Response[None]:
    upload = await tus_service.find(platform, organization_id, token)
    more = {"Upload_Metadata": upload.metadata} if upload.metadata else {}
    if upload.bytes_total is None:
        more["Upload_Defer_Length"] = "1"
    else:
        more["Upload_Length"] = str(upload.bytes_total)
    if upload.concat:
        more["Upload_Concat"] = upload.concat
    return _answer(200, upload, **more)


async def _append(
    platform: Platform, organization_id: int, token: str, request: Asked, headers: Read
) -> Response[None]:
    tus_headers.check_body(headers)
    upload = await tus_service.append(
        platform, organization_id, token, body_of(request),
        offset=tus_headers.number_of(headers, "Upload-Offset"), announced=_announced(headers),
        checksum=tus_headers.checksum_of(headers),
        declared=tus_headers.number_of(headers, "Upload-Length")
        if "upload-length" in headers else None,
    )
    return _answer(204, upload)


async def _end(platform: Platform, organization_id: int, token: str) -> Response[None]:
    await tus_service.terminate(platform, organization_id, token)
    return _answer(204)


def _place_of(request: Asked, platform: Platform, token: str) -> str:
    """The upload's address: absolute where the operator named the host that was asked for.

    Some clients take no relative one. Without that list a Host may be a proxy's own name for us,
    and an absolute address lead nowhere.
    """
    settings = platform.settings
    host = request.headers.get("host", "")
    if not settings.hosts or not hosts.allowed(host, settings.hosts):
        return f"/files/{token}"
    scheme = "https" if is_https(request, settings) else "http"
    return f"{scheme}://{host}/files/{token}"


class Files(Controller):
    """``/files``."""

    path = "/files"
    tags = ("uploads",)
    exception_handlers = {  # noqa: RUF012
        VazaoError: answer_refusal, psycopg.OperationalError: answer_outage,
    }

    # Litestar registers handlers by name, and answers OPTIONS itself unless ours comes first.
    @route(["/", "/{upload:str}"], http_method=HttpMethod.OPTIONS, status_code=204,
           opt=tus_openapi.ABOUT, operation_id="describeUploads",
           summary="Show what is offered of tus")
    async def about(self, platform: ThePlatform) -> Response[None]:
        """The protocol's version, extensions and limits."""
        return Response(None, status_code=204, headers={
            "Tus-Version": VERSION,
            "Tus-Extension": tus_headers.EXTENSIONS,
            "Tus-Max-Size": str(platform.settings.of(UploadSettings).max_bytes),
            "Tus-Checksum-Algorithm": ",".join(tus_headers.ALGORITHMS),
        })

    @post("/", opt=tus_openapi.CREATE, status_code=201, request_max_body_size=None,
          summary="Begin a resumable upload", operation_id="createUpload")
    async def create(
        self, request: Asked, platform: ThePlatform, principal: Asker
    ) -> Response[None]:
        """Upload-Length and Upload-Metadata (filename, filetype); the body may hold a beginning."""
        headers = tus_headers.read(request.headers)
        owner, metadata = owner_of(principal), headers.get("upload-metadata", "")
        concat = headers.get("upload-concat")
        parts = joining.parts_of(concat) if concat is not None else None
        brings = "content-type" in headers and _announced(headers) != 0
        if parts is not None:
            if brings or "upload-length" in headers or "upload-defer-length" in headers:
                raise FinalTakesNoBytes if brings else ConcatInvalid(limit=joining.MOST_PARTS)
            upload = await joining.join(platform, owner, parts, metadata)
            return _answer(201, upload, Location=_place_of(request, platform, upload.token))
        length = tus_headers.length_of(headers)
        tus_headers.checksum_of(headers)
        if brings:
            tus_headers.check_body(headers)
        upload = await tus_service.create(
            platform, owner, bytes_total=length, metadata=metadata, partial=concat is not None
        )
        if brings:
            upload = await _begin(platform, upload, request, headers)
        return _answer(201, upload, Location=_place_of(request, platform, upload.token))

    @get("/", opt=tus_openapi.LIST, summary="List open uploads, newest first",
         operation_id="listUploads")
    async def list_open(
        self, platform: ThePlatform, principal: Asker, limit: FromQuery[str | None] = None,
        after: FromQuery[str | None] = None,
    ) -> tus_openapi.OpenPage:
        """Those that are unfinished, or whole and not used yet; ``after`` is ``next`` of a page."""
        size = paging.limit_of(limit)
        before = paging.decode_cursor(after, "files", int)[0] if after else None
        async with platform.db.connection() as conn:
            found = await store.list_open(
                conn, principal.organization_id, before=before, limit=size
            )
        return {
            "items": [
                {
                    "id": each.token, "location": f"/files/{each.token}", "bytes": each.bytes,
                    "bytes_total": each.bytes_total, "filename": each.filename,
                    "created_at": stamp(each.created_at), "expires_at": stamp(each.expires_at),
                }
                for each in found.items
            ],
            "next": paging.following(found, lambda each: paging.encode_cursor("files", each.id)),
        }

    @head("/{upload:str}", opt=tus_openapi.SHOW, summary="Show how far an upload is",
          operation_id="getUpload")
    async def show(
        self, platform: ThePlatform, principal: Asker, request: Asked, upload: FromPath[str]
    ) -> Response[None]:
        """Upload-Offset, Upload-Length, Upload-Metadata, Upload-Expires."""
        tus_headers.read(request.headers)
        return await _show(platform, principal.organization_id, upload)

    @patch("/{upload:str}", opt=tus_openapi.APPEND, status_code=204, request_max_body_size=None,
           summary="Continue an upload", operation_id="continueUpload")
    async def append(
        self, platform: ThePlatform, principal: Asker, request: Asked, upload: FromPath[str]
    ) -> Response[None]:
        """The bytes from Upload-Offset on; what arrived is kept even if the rest does not."""
        headers = tus_headers.read(request.headers)
        return await _append(platform, principal.organization_id, upload, request, headers)

    @delete("/{upload:str}", opt=tus_openapi.END, status_code=204, summary="End an upload",
            operation_id="deleteUpload")
    async def terminate(
        self, platform: ThePlatform, principal: Asker, request: Asked, upload: FromPath[str]
    ) -> Response[None]:
        """Its bytes are removed; 409 where a job has taken the file."""
        tus_headers.read(request.headers)
        return await _end(platform, principal.organization_id, upload)

    @post("/{upload:str}", opt=tus_openapi.OVERRIDE, status_code=204,
          request_max_body_size=None, operation_id="overrideUpload",
          summary="PATCH, DELETE or HEAD for clients that can only POST")
    async def override(
        self, platform: ThePlatform, principal: Asker, request: Asked, upload: FromPath[str]
    ) -> Response[None]:
        """X-HTTP-Method-Override names the method."""
        headers = tus_headers.read(request.headers)
        organization_id = principal.organization_id
        method = headers.get("x-http-method-override", "").upper()
        if method == "PATCH":
            return await _append(platform, organization_id, upload, request, headers)
        if method == "DELETE":
            return await _end(platform, organization_id, upload)
        if method == "HEAD":
            return await _show(platform, organization_id, upload)
        raise MethodUnknown


async def _begin(
    platform: Platform, upload: Resumable, request: Asked, headers: Read
) -> Resumable:
    """The beginning that came with the creation; if it fails, nobody was told of the upload."""
    try:
        return await tus_service.append(
            platform, upload.organization_id, upload.token, body_of(request), offset=0,
            announced=_announced(headers), checksum=tus_headers.checksum_of(headers),
        )
    except BaseException:
        await asyncio.shield(tus_service.discard(platform, upload))
        raise


routes = [Files]
