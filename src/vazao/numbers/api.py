"""``/sum-even``: a text file of numbers in, a token out; then its status and its exact sum."""

from __future__ import annotations

import re
from typing import Annotated, Any, TypedDict

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.params import FromPath

from vazao import jobs, uploads
from vazao.jobs import (
    ACCEPTED,
    NO_RESULT,
    READ,
    TASK_TOKEN,
    WRITE,
    Accepted,
    IdempotencyClash,
    Job,
    JobNotFound,
    NoResult,
    TaskStatus,
    TooMuchWaiting,
    accepted,
    admitted,
    job_of,
    named_in,
    no_result,
    status_of,
)
from vazao.kit.errors import BadRequest, StorageFull, TooLarge, UploadCutOff
from vazao.kit.platform import Platform, Principal
from vazao.kit.web import parameters
from vazao.kit.web.frame import Asker, ThePlatform
from vazao.kit.web.idempotency import Idempotency, IdempotencyKeyInvalid, idempotency_of
from vazao.kit.web.openapi import (
    IDEMPOTENCY_KEY,
    JSON,
    TEXT,
    Answer,
    Body,
    Count,
    Parameter,
    Share,
    says,
)
from vazao.kit.web.pages import language_of
from vazao.kit.web.streaming import announced_of, body_of
from vazao.numbers import sources, tasks
from vazao.numbers.arriving import Arriving, Repeated
from vazao.numbers.forms import Form, FormUnknown, form_of, shown
from vazao.numbers.ranges import KIND, after_separator
from vazao.numbers.settings import NumberSettings
from vazao.uploads import (
    StorageQuotaReached,
    UploadInUse,
    UploadNotFound,
    UploadTooLarge,
    UploadUnfinished,
)

_CHARSETS = re.compile(r"utf-?8|us-ascii|ascii|iso-8859-\d+|latin-?1|windows-125\d", re.IGNORECASE)


FORMAT = (Parameter(
    name="format", kind=Form, example="text",
    about="`text`: the digits alone, as `Accept: text/plain` asks. `strings`: JSON whose `sum` "
          "is a text. `json`: JSON whose `sum` is a number.",
),)


class TypeRefused(parameters.TypeRefused):
    """Send the file as text/plain or another text type, or application/json that names a stored
    file or an address.
    """


class CharsetRefused(BadRequest):
    """The text must be UTF-8 or ASCII, not {charset}."""

    code = "charset_refused"


class RequestUnclear(BadRequest):
    """The JSON must be one object with either "file" or "url", a string."""

    code = "request_unclear"


class Named(msgspec.Struct, forbid_unknown_fields=True):
    """A file that is not in the request: one of the two."""

    file: Annotated[str | None, msgspec.Meta(
        description="The id of a finished resumable upload: the last part of its address."
    )] = None
    url: Annotated[str | None, msgspec.Meta(
        description="An object under a prefix that an admin allowed.",
        examples=["s3://bucket/numbers.txt"],
    )] = None


class SumStatus(TaskStatus):
    """How far a sum is."""

    progress: Share
    bytes_total: Count | None
    bytes_done: Count


class Sum(TypedDict):
    """What a file adds up to; ``sum`` is an integer of any size, a text of one where asked."""

    sum: int | str
    count: Annotated[int, msgspec.Meta(ge=0, description="How many even numbers.")]
    numbers: Annotated[int, msgspec.Meta(ge=0, description="How many numbers in all.")]
    bytes: Count


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
    key = idempotency_of(request, "body")
    if key is not None and jobs.is_known(request):
        sha256 = await uploads.digest_of(body_of(request), limit)
        if known := jobs.repeated(request, (key[0], f"{key[1]} {sha256}"), KIND):
            return known
    follower = Arriving(
        principal.organization_id, key=key, **asked_by(principal, request),
    )
    try:
        await uploads.receive(
            platform, uploads.owner_of(principal), body_of(request), filename=None,
            content_type="text/plain", limit_bytes=limit, boundary=after_separator,
            announced=announced_of(request),
            sha256="idempotency-key" in request.headers, follower=follower,
        )
    except Repeated:
        assert follower.known is not None
        return follower.known
    assert follower.job is not None
    return follower.job


def asked_by(principal: Principal, request: Request[Any, Any, Any]) -> dict[str, Any]:
    """Who asks and under which request id, for the job's record."""
    request_id = request.scope["state"].get("request_id")
    return {
        "requested_by": principal.name, "request_id": request_id, "client": principal.client,
    }


async def named_of(request: Request[Any, Any, Any]) -> Named:
    """What the request's JSON names.

    Raises:
        RequestUnclear: it is not the object that is expected.
        TooLarge: it is no small object at all.
    """
    named = await named_in(request, Named, RequestUnclear)
    if (named.file is None) == (named.url is None):
        raise RequestUnclear
    return named


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
    limit = platform.settings.of(NumberSettings).max_bytes
    asked = asked_by(principal, request)
    idempotency = idempotency_of(request, f"file {named.file} url {named.url}")
    if known := jobs.repeated(request, idempotency, KIND):
        return known
    if named.file is not None:
        async with platform.db.transaction() as conn:
            try:
                upload = await uploads.claim_upload(platform, conn, organization_id, named.file)
            except (UploadNotFound, UploadInUse):
                # Looked for after the upload's lock: what an equal request committed is seen.
                if known := await jobs.held_by(conn, organization_id, idempotency, KIND):
                    return known
                raise
            if upload.bytes > limit:
                raise UploadTooLarge(limit=limit)
            return await tasks.enqueue_file(conn, upload, idempotency=idempotency, **asked)
    assert named.url is not None
    return await _take_source(platform, principal, named.url, idempotency, asked)


async def _take_source(
    platform: Platform, principal: Principal, url: str, idempotency: Idempotency | None,
    asked: dict[str, Any],
) -> Job:
    organization_id = principal.organization_id
    limit = platform.settings.of(NumberSettings).max_bytes
    async with platform.db.connection() as conn:
        await sources.check(platform, conn, organization_id, principal.organization, url)
    source = await sources.look(url)
    if source.size > limit:
        raise UploadTooLarge(limit=limit)
    async with platform.db.transaction() as conn:
        return await tasks.enqueue_source(
            conn, organization_id, source, idempotency=idempotency, **asked
        )


class SumEven(Controller):
    """``/sum-even``."""

    path = "/sum-even"
    tags = ("numbers",)

    @post("/", operation_id="sumEvenNumbers", status_code=201, request_max_body_size=None,
          guards=[admitted],
          summary="Sum the even numbers of a text file", opt=says(
        ACCEPTED,
        parameters=(IDEMPOTENCY_KEY,),
        bodies=(
            Body(media="text/plain", kind=TEXT, example="1 2 3; 4\n-6\n"),
            Body(media=JSON, kind=Named, example={"file": TASK_TOKEN[0].example}),
        ),
        refuses=(
            RequestUnclear, CharsetRefused, TypeRefused, UploadTooLarge, UploadCutOff,
            UploadNotFound, UploadInUse, UploadUnfinished, sources.SourceInvalid,
            sources.SourceForbidden, sources.SourceNotFound, IdempotencyKeyInvalid,
            IdempotencyClash, TooLarge, TooMuchWaiting, StorageFull, StorageQuotaReached,
        ),
        **WRITE,
    ))
    async def ask(
        self, platform: ThePlatform, principal: Asker, request: Request[Any, Any, Any]
    ) -> Response[Accepted]:
        """The file is the body (``text/plain``; any other ``text/…`` counts as such), or named in
        JSON: ``file`` or ``url``.
        """
        kind = type_of(request)
        if kind.startswith("text/"):
            return accepted(await take_in(platform, principal, request))
        if parameters.is_json(kind):
            return accepted(await take_named(platform, principal, request))
        raise TypeRefused

    @get("/{token:str}/status", operation_id="getSumStatus", summary="Show how far a sum is",
         opt=says(
        Answer(about="How far it is.", kind=SumStatus, example={
            "status": "received", "progress": 0.5, "bytes_total": 1048576,
            "bytes_done": 524288,
        }),
        parameters=TASK_TOKEN, refuses=(JobNotFound,), **READ,
    ))
    async def status(
        self, request: Request[Any, Any, Any], token: FromPath[str], platform: ThePlatform,
        principal: Asker,
    ) -> SumStatus:
        """``requested``, ``received``, ``finished`` or ``errored``, and how much is read."""
        async with platform.db.connection() as conn:
            job = await job_of(conn, principal.organization_id, token, KIND)
        return {
            **status_of(job, language_of(request)), "progress": round(job.progress, 4),
            "bytes_total": job.bytes_total, "bytes_done": job.bytes_done,
        }

    @get("/{token:str}/result", operation_id="getSum", summary="Show the sum of the even numbers",
         opt=says(
        Answer(about="The sum; with `format=strings`, `sum` is a text of its digits.", kind=Sum,
               example={"sum": 0, "count": 3, "numbers": 5, "bytes": 12}),
        Answer(about="The digits of the sum alone.", kind=TEXT, media="text/plain", example="0"),
        NO_RESULT, parameters=(*TASK_TOKEN, *FORMAT), refuses=(JobNotFound, FormUnknown), **READ,
    ))
    async def result(
        self, request: Request[Any, Any, Any], token: FromPath[str], platform: ThePlatform,
        principal: Asker,
    ) -> Response[bytes] | Response[NoResult]:
        """``sum`` (an integer of any size), ``count``, ``numbers``, ``bytes``; 404 until then.

        Many JSON readers round large numbers: they ask for ``format=strings``, or for text.
        """
        form = form_of(request)
        async with platform.db.connection() as conn:
            job = await job_of(conn, principal.organization_id, token, KIND)
        return no_result() if job.status != "finished" else shown(job.result, form)


routes = [SumEven]
