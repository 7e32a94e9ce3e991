"""``/randomize``: a PNG in, a token out; then its status and, once finished, the shuffled PNG."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Annotated, Any, TypedDict

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.params import FromPath
from litestar.response import Stream

from vazao import jobs, uploads
from vazao.images import tasks
from vazao.images.png import (
    Check,
    Header,
    ImageBroken,
    ImageEmpty,
    ImageNotPng,
    ImageTooLarge,
)
from vazao.images.settings import ImageSettings
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
    is_known,
    job_of,
    named_in,
    no_result,
    repeated,
    status_of,
)
from vazao.kit.errors import BadRequest, NotFound, StorageFull, TooLarge, UploadCutOff
from vazao.kit.platform import Platform, Principal
from vazao.kit.web.frame import Asker, ThePlatform
from vazao.kit.web.idempotency import IdempotencyKeyInvalid, idempotency_of
from vazao.kit.web.openapi import (
    BINARY,
    IDEMPOTENCY_KEY,
    JSON,
    Answer,
    Body,
    Parameter,
    download,
    says,
)
from vazao.kit.web.pages import language_of
from vazao.kit.web.parameters import is_json, media_of
from vazao.kit.web.streaming import announced_of, body_of, disposition
from vazao.uploads import (
    StorageQuotaReached,
    Upload,
    UploadInUse,
    UploadNotFound,
    UploadTooLarge,
    UploadUnfinished,
)

# Not a message of the catalogue: existing clients compare it.
ONLY_PNG = "Ooops! Só sei lidar com imagens PNG!"
COALESCE_BYTES = 1 << 18


class ImageTooHeavy(BadRequest):
    """The image has more than {limit} bytes, the limit here."""

    code = "image_too_large"


FILENAME = Parameter(
    name="filename", about="What the image that is the body is called: the result gets a name "
    "like it, and pages show it.", example="cat.png",
)


class FileUnclear(BadRequest):
    """The JSON must be one object with "file", the id of a finished resumable upload."""

    code = "request_unclear"


class Stored(msgspec.Struct, forbid_unknown_fields=True):
    """A picture that is not in the request, but was uploaded before."""

    file: Annotated[str, msgspec.Meta(
        description="The id of a finished resumable upload: the last part of its address."
    )]


class NotAPng(TypedDict):
    """What existing clients read where the body is of another type."""

    error: str


@cache
def _checkers() -> ThreadPoolExecutor:
    """Threads of their own, so that many pictures at once keep nothing else waiting."""
    return ThreadPoolExecutor(2, thread_name_prefix="vazao-png-check")


async def _coalesced(stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same bytes in fewer pieces: each costs a walk to a thread and back."""
    held: list[bytes] = []
    size = 0
    async for piece in stream:
        held.append(piece)
        size += len(piece)
        if size >= COALESCE_BYTES:
            yield b"".join(held)
            held, size = [], 0
    if size:
        yield b"".join(held)


async def _checked(stream: AsyncIterator[bytes], check: Check) -> AsyncIterator[bytes]:
    """The pieces, each looked at before it is passed on; what is refused raises."""
    loop = asyncio.get_running_loop()
    async for piece in _coalesced(stream):
        await loop.run_in_executor(_checkers(), check.feed, piece)
        yield piece
    check.finish()


async def _after(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if first:
        yield first
    async for piece in rest:
        yield piece


async def take_in(
    platform: Platform, principal: Principal, request: Request[Any, Any, Any]
) -> tuple[Upload, Header]:
    """Store the request's PNG, checked to its last byte; what is refused leaves nothing.

    Raises:
        ImageTooHeavy: more bytes than the limit, by the announcement or by count.
        ImageEmpty, ImageNotPng, ImageBroken, ImageTooLarge: it cannot be taken.
        UploadCutOff: the client left in the middle.
        StorageFull: no room is left.
    """
    limit = platform.settings.of(ImageSettings).max_bytes
    if announced_of(request) > limit:
        raise ImageTooHeavy(limit=limit)
    check = Check(platform.settings.of(ImageSettings).max_pixels)
    pieces = _checked(body_of(request), check)
    # Most of what is refused shows in its first piece, before anything is stored.
    first = await anext(pieces, b"")
    try:
        upload = await uploads.receive(
            platform, uploads.owner_of(principal), _after(first, pieces),
            filename=request.query_params.get("filename") or None,
            content_type=tasks.CONTENT_TYPE, limit_bytes=limit, sha256=True,
            announced=announced_of(request),
        )
    except UploadTooLarge as error:
        raise ImageTooHeavy(limit=limit) from error
    return upload, check.finish()


async def _digest(platform: Platform, request: Request[Any, Any, Any]) -> str:
    """What :func:`take_in` would keep as the body's digest; nothing is stored."""
    limit = platform.settings.of(ImageSettings).max_bytes
    try:
        return await uploads.digest_of(body_of(request), limit)
    except UploadTooLarge as error:
        raise ImageTooHeavy(limit=limit) from error


async def take_sent(
    platform: Platform, principal: Principal, request: Request[Any, Any, Any]
) -> Job:
    """Ask for the picture to be shuffled that is the body; one sent again leads to its first task.

    Raises:
        VazaoError: as :func:`take_in`; nothing of the picture stays then.
    """
    if is_known(request):
        sha256 = await _digest(platform, request)
        if known := repeated(request, idempotency_of(request, sha256), tasks.KIND):
            return known
    upload, header = await take_in(platform, principal, request)
    try:
        idempotency = idempotency_of(request, upload.sha256 or "")
        async with platform.db.transaction() as conn:
            job = await tasks.enqueue(
                conn, upload, header, idempotency=idempotency, **asked_by(principal, request)
            )
    except BaseException:
        await asyncio.shield(uploads.delete_upload(platform, upload))
        raise
    if not job.created:
        await uploads.delete_upload(platform, upload)
    return job


async def take_stored(
    platform: Platform, principal: Principal, request: Request[Any, Any, Any]
) -> Job:
    """Ask for a picture to be shuffled that a resumable upload brought; checked as a body is.

    A request that is sent again gives its first task, also where the file has gone since.

    Raises:
        FileUnclear: the JSON names none.
        UploadNotFound, UploadUnfinished, UploadInUse: no such stored file of the organization, it
            isn't whole, or a task has it.
        ImageTooHeavy, ImageEmpty, ImageNotPng, ImageBroken, ImageTooLarge: it cannot be taken;
            it stays where it is.
    """
    named = await named_in(request, Stored, FileUnclear)
    idempotency = idempotency_of(request, f"file {named.file}")
    if known := repeated(request, idempotency, tasks.KIND):
        return known
    asked = {"idempotency": idempotency, **asked_by(principal, request)}
    organization_id = principal.organization_id
    try:
        return await _take(platform, organization_id, named.file, asked)
    except (UploadNotFound, UploadInUse):
        # An equal request may have been quicker.
        async with platform.db.connection() as conn:
            if known := await jobs.held_by(conn, organization_id, idempotency, tasks.KIND):
                return known
        raise


async def _take(
    platform: Platform, organization_id: int, file: str, asked: dict[str, Any]
) -> Job:
    async with platform.db.connection() as conn:
        upload = await uploads.whole_upload(conn, organization_id, file)
    limit = platform.settings.of(ImageSettings).max_bytes
    if upload.bytes > limit:
        raise ImageTooHeavy(limit=limit)
    # Held by nobody meanwhile: what ends it in between shows when it is claimed.
    header = await _look_through(platform, upload)
    async with platform.db.transaction() as conn:
        taken = await uploads.claim_upload(platform, conn, organization_id, file)
        return await tasks.enqueue(conn, taken, header, **asked)


async def _look_through(platform: Platform, upload: Upload) -> Header:
    check = Check(platform.settings.of(ImageSettings).max_pixels)
    try:
        async for _ in _checked(uploads.read(platform, upload), check):
            pass
    except NotFound as error:
        raise UploadNotFound from error
    return check.finish()


def asked_by(principal: Principal, request: Request[Any, Any, Any]) -> dict[str, Any]:
    """Who asks and under which request id, for the job's record."""
    request_id = request.scope["state"].get("request_id")
    return {
        "requested_by": principal.name, "request_id": request_id, "client": principal.client,
    }


class Randomize(Controller):
    """``/randomize``."""

    path = "/randomize"
    tags = ("images",)

    @post("/", operation_id="shuffleImage", status_code=201, request_max_body_size=None,
          guards=[admitted],
          summary="Shuffle the blocks of a PNG image", opt=says(
        ACCEPTED,
        Answer(about="The body is of another type; existing clients compare this text.",
               kind=NotAPng, status=400, example={"error": ONLY_PNG}),
        parameters=(IDEMPOTENCY_KEY, FILENAME),
        bodies=(
            Body(media=tasks.CONTENT_TYPE, kind=BINARY),
            Body(media=JSON, kind=Stored, example={"file": TASK_TOKEN[0].example}),
        ),
        refuses=(ImageEmpty, ImageNotPng, ImageBroken, ImageTooLarge, UploadCutOff, FileUnclear,
                 TooLarge, UploadNotFound, UploadInUse, UploadUnfinished,
                 IdempotencyKeyInvalid, IdempotencyClash, TooMuchWaiting, StorageFull,
                 StorageQuotaReached),
        **WRITE,
    ))
    async def ask(
        self, platform: ThePlatform, principal: Asker, request: Request[Any, Any, Any]
    ) -> Response[Accepted] | Response[NotAPng]:
        """The PNG is the body (``image/png``), or named in JSON: ``file``, a finished resumable
        upload. The answer is its token.
        """
        content_type = media_of(request)
        if is_json(content_type):
            return accepted(await take_stored(platform, principal, request))
        if content_type != tasks.CONTENT_TYPE:
            return Response(NotAPng(error=ONLY_PNG), status_code=400)
        return accepted(await take_sent(platform, principal, request))

    @get("/{token:str}/status", operation_id="getShuffleStatus",
         summary="Show how far a shuffled image is", opt=says(
        Answer(about="How far it is.", kind=TaskStatus, example={"status": "received"}),
        parameters=TASK_TOKEN, refuses=(JobNotFound,), **READ,
    ))
    async def status(
        self, request: Request[Any, Any, Any], token: FromPath[str], platform: ThePlatform,
        principal: Asker,
    ) -> TaskStatus:
        """``requested``, ``received``, ``finished`` or ``errored``, with its times at the end."""
        async with platform.db.connection() as conn:
            job = await job_of(conn, principal.organization_id, token, tasks.KIND)
        return status_of(job, language_of(request))

    @get("/{token:str}/result", operation_id="getShuffledImage",
         summary="Download the shuffled image", media_type=tasks.CONTENT_TYPE, opt=says(
        Answer(about="The PNG.", kind=BINARY, media=tasks.CONTENT_TYPE, headers=(
            download("cat-shuffled.png", "inline"),
        )), NO_RESULT,
        parameters=TASK_TOKEN, **READ,
    ))
    async def result(
        self, request: Request[Any, Any, Any], token: FromPath[str], platform: ThePlatform,
        principal: Asker,
    ) -> Response[NoResult] | Stream:
        """The PNG; 404 until it is there."""
        try:
            async with platform.db.connection() as conn:
                job = await job_of(conn, principal.organization_id, token, tasks.KIND)
                made = await tasks.result_of(conn, job)
            content = uploads.read(platform, made)
            first = await anext(aiter(content), b"")
        except (JobNotFound, UploadNotFound, NotFound):
            return no_result()
        return Stream(
            _after(first, aiter(content)), media_type=tasks.CONTENT_TYPE,
            headers={
                "Content-Length": str(made.bytes), "Cache-Control": "private, no-cache",
                "Content-Disposition": disposition(
                    tasks.name_of(job, language_of(request)), "inline"
                ),
            },
        )


routes = [Randomize]
