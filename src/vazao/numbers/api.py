"""``/sum-even``: a text file of numbers in, a token out; then its status and its exact sum."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.params import FromPath

from vazao import jobs, uploads
from vazao.jobs import READ, WRITE, Job, accepted, job_of, no_result, status_of
from vazao.kit.errors import BadRequest, TooLarge, VazaoError
from vazao.kit.platform import Platform, Principal
from vazao.kit.sql import Conn
from vazao.kit.web.frame import Asker, ThePlatform
from vazao.kit.web.idempotency import Idempotency, idempotency_of
from vazao.kit.web.pages import language_of
from vazao.kit.web.streaming import announced_of, body_of
from vazao.numbers import sources, tasks
from vazao.numbers.arriving import Arriving, Repeated
from vazao.numbers.ranges import KIND, after_separator
from vazao.numbers.settings import NumberSettings
from vazao.uploads import UploadInUse, UploadNotFound, UploadTooLarge

JSON_BYTES = 64 << 10
_CHARSETS = re.compile(r"utf-?8|us-ascii|ascii|iso-8859-\d+|latin-?1|windows-125\d", re.IGNORECASE)


class TypeRefused(VazaoError):
    """Send the file as text/plain, or application/json that names a stored file or an address."""

    code = "content_type_refused"
    status = 415


class CharsetRefused(BadRequest):
    """The text must be UTF-8 or ASCII, not {charset}."""

    code = "charset_refused"


class RequestUnclear(BadRequest):
    """The JSON must be one object with either "file" or "url", a text."""

    code = "request_unclear"


class Named(msgspec.Struct, forbid_unknown_fields=True):
    """A file that is not in the request."""

    file: str | None = None
    url: str | None = None


def type_of(request: Request[Any, Any, Any]) -> str:
    """The body's type without its parameters.

    Raises:
        CharsetRefused: text in an encoding whose digits are not single ASCII bytes.
    """
    kind, _, parameters = request.headers.get("content-type", "").partition(";")
    found = re.search(r"charset\s*=\s*\"?([^\s;\"]+)", parameters, re.IGNORECASE)
    if found and not _CHARSETS.fullmatch(found[1]):
        raise CharsetRefused(remedy="Convert it to UTF-8.", charset=found[1][:40])
    return kind.strip().lower()


async def take_in(
    platform: Platform, principal: Principal, request: Request[Any, Any, Any]
) -> Job:
    """Store the request's text, its parts at work while it arrives.

    Raises:
        UploadTooLarge, UploadCutOff, StorageFull: as the intake's; nothing stays behind.
        IdempotencyClash: the key came with another body.
    """
    limit = platform.settings.of(NumberSettings).max_bytes
    if announced_of(request) > limit:
        raise UploadTooLarge(limit=limit)
    follower = Arriving(
        principal.organization_id, key=idempotency_of(request, "body"), **asked_by(
            principal, request),
    )
    try:
        await uploads.receive(
            platform, principal.organization_id, body_of(request), filename=None,
            content_type="text/plain", limit_bytes=limit, boundary=after_separator,
            sha256="idempotency-key" in request.headers, follower=follower,
        )
    except Repeated:
        assert follower.known is not None
        return follower.known
    assert follower.job is not None
    return follower.job


def asked_by(principal: Principal, request: Request[Any, Any, Any]) -> dict[str, str | None]:
    """Who asks and under which request id, for the job's record."""
    request_id = request.scope["state"].get("request_id")
    return {"requested_by": principal.name, "request_id": request_id}


async def named_of(request: Request[Any, Any, Any]) -> Named:
    """What the request's JSON names.

    Raises:
        RequestUnclear: it is not the object that is expected.
        TooLarge: it is no small object at all.
    """
    body = bytearray()
    async for chunk in body_of(request):
        body += chunk
        if len(body) > JSON_BYTES:
            raise TooLarge
    try:
        named = msgspec.json.decode(body, type=Named)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise RequestUnclear from error
    if (named.file is None) == (named.url is None):
        raise RequestUnclear
    return named


async def _known(
    conn: Conn, organization_id: int, idempotency: Idempotency | None
) -> Job | None:
    if idempotency is None:
        return None
    return await jobs.held_by(conn, organization_id, *idempotency, KIND)


async def take_named(
    platform: Platform, principal: Principal, request: Request[Any, Any, Any]
) -> Job:
    """Ask for the sum of a stored file, or of an object at an allowed address.

    A request that is sent again gives its first task, also where the file has gone since.

    Raises:
        UploadNotFound, UploadInUse: no such stored file of the organization, or a task has it.
        SourceInvalid, SourceForbidden, SourceNotFound: the address cannot be read.
    """
    named = await named_of(request)
    organization_id = principal.organization_id
    asked = asked_by(principal, request)
    idempotency = idempotency_of(request, f"file {named.file} url {named.url}")
    if named.file is not None:
        async with platform.db.transaction() as conn:
            try:
                upload = await uploads.claim_upload(conn, organization_id, named.file)
            except (UploadNotFound, UploadInUse):
                # Looked for after the upload's lock: what an equal request committed is seen.
                if known := await _known(conn, organization_id, idempotency):
                    return known
                raise
            if upload.bytes > platform.settings.of(NumberSettings).max_bytes:
                raise UploadTooLarge(limit=platform.settings.of(NumberSettings).max_bytes)
            return await tasks.enqueue_file(conn, upload, idempotency=idempotency, **asked)
    assert named.url is not None
    async with platform.db.connection() as conn:
        if known := await _known(conn, organization_id, idempotency):
            return known
        await sources.check(platform, conn, organization_id, principal.organization, named.url)
    source = await sources.look(named.url)
    if source.size > platform.settings.of(NumberSettings).max_bytes:
        raise UploadTooLarge(limit=platform.settings.of(NumberSettings).max_bytes)
    async with platform.db.transaction() as conn:
        return await tasks.enqueue_source(
            conn, organization_id, source, idempotency=idempotency, **asked
        )


class SumEven(Controller):
    """``/sum-even``."""

    path = "/sum-even"
    tags = ("jobs",)

    @post("/", opt=WRITE, status_code=201, request_max_body_size=None,
          summary="Sum the even numbers of a text file")
    async def ask(
        self, platform: ThePlatform, principal: Asker, request: Request[Any, Any, Any]
    ) -> Response[dict[str, str]]:
        """The file is the body (text/plain), or named in JSON: ``file`` or ``url``."""
        kind = type_of(request)
        if kind == "text/plain":
            return accepted(await take_in(platform, principal, request))
        if kind == "application/json":
            return accepted(await take_named(platform, principal, request))
        raise TypeRefused

    @get("/{token:str}/status", opt=READ, summary="How far a sum is")
    async def status(
        self, request: Request[Any, Any, Any], token: FromPath[str], platform: ThePlatform,
        principal: Asker,
    ) -> dict[str, Any]:
        """``requested``, ``received``, ``finished`` or ``errored``, and how much is read."""
        async with platform.db.connection() as conn:
            job = await job_of(conn, principal.organization_id, token, KIND)
        return status_of(job, language_of(request)) | {
            "progress": round(job.progress, 4), "bytes_total": job.bytes_total,
            "bytes_done": job.bytes_done,
        }

    @get("/{token:str}/result", opt=READ, summary="The sum of the even numbers")
    async def result(
        self, token: FromPath[str], platform: ThePlatform, principal: Asker
    ) -> Response[Any]:
        """``sum`` (an integer of any size), ``count``, ``numbers``, ``bytes``; 404 until then."""
        async with platform.db.connection() as conn:
            job = await job_of(conn, principal.organization_id, token, KIND)
        if job.status != "finished":
            return no_result()
        found = dict(job.result)
        # Digits as they are: no integer of Python is made of them.
        found["sum"] = msgspec.Raw(found["sum"].encode())
        return Response(msgspec.json.encode(found), media_type="application/json")


routes = [SumEven]
