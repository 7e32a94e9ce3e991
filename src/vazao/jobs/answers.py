"""What the root routes (``/randomize``, ``/sum-even``) answer alike, as old clients read it."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired, TypedDict, TypeVar, cast

import msgspec
from litestar import Request, Response

from vazao.jobs import service
from vazao.jobs.ending import lead_seconds
from vazao.jobs.errors import JobNotFound
from vazao.jobs.models import Job
from vazao.jobs.views import ErrorView, error_view
from vazao.kit.errors import BadRequest, TooLarge, VazaoError
from vazao.kit.sql import Conn
from vazao.kit.web.openapi import Answer, Seconds, by_path
from vazao.kit.web.parameters import broken
from vazao.kit.web.streaming import body_of

# ``opt`` of the root routes: a token or session with the scope, else the organization ``public``.
READ: dict[str, Any] = {"scope": "jobs:read", "open": True}
WRITE: dict[str, Any] = {"scope": "jobs:write", "open": True}
TASK = "5e0f2a9c41d94b7e8a3c6d1f00b7e2aa"
TASK_TOKEN = (by_path("token", "The token that the request was answered with.", TASK),)
JSON_BYTES = 64 << 10
Named = TypeVar("Named", bound=msgspec.Struct)
Word = Literal["requested", "received", "finished", "errored"]


class Accepted(TypedDict):
    """The token by which the client asks again."""

    token: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]


class TaskStatus(TypedDict):
    """How far a task is; the times and what went wrong are there once it ended."""

    status: Word
    lead_time_seconds: NotRequired[Seconds | None]
    execution_time_seconds: NotRequired[Seconds]
    error: NotRequired[ErrorView]


class NoResult(TypedDict):
    """There is no result, or not yet."""

    message: str


ACCEPTED = Answer(about="It is taken in: ask again by its token.", kind=Accepted, status=201,
                  example={"token": TASK})
NO_RESULT = Answer(about="There is no result, or not yet.", kind=NoResult, status=404,
                   example={"message": "not found"})

WORDS: dict[str, Word] = {
    "receiving": "requested", "queued": "requested", "running": "received",
    "finished": "finished", "failed": "errored", "cancelled": "errored",
}


class JobWasCancelled(VazaoError):
    """The job was cancelled."""

    code = "job_cancelled"


async def named_in(
    request: Request[Any, Any, Any], kind: type[Named], unclear: type[BadRequest]
) -> Named:
    """What a request's small JSON names; the handler needs ``request_max_body_size=None``.

    Raises:
        BadRequest: of type *unclear*: it is not the object that is expected.
        TooLarge: it is no small object at all.
    """
    body = bytearray()
    async for chunk in body_of(request):
        body += chunk
        if len(body) > JSON_BYTES:
            raise TooLarge
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise unclear(details=[{"message": str(error)}]) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise unclear(details=broken(body, error).details) from error


async def job_of(conn: Conn, organization_id: int, token: str, kind: str) -> Job:
    """The organization's job of *kind* by its token.

    Raises:
        JobNotFound: there is none, it is another organization's, or of another kind.
    """
    found = await service.get_job(conn, organization_id, token)
    if found.kind != kind:
        raise JobNotFound
    return found


def status_of(job: Job, language: str = "en") -> TaskStatus:
    """The JSON of ``…/status``: ``status``, the two times once it ended, and what went wrong.

    ``error`` (of an errored job only) has ``code``, ``message`` in *language*, and ``details``.
    """
    said: TaskStatus = {"status": WORDS[job.status]}
    if job.ended:
        said["lead_time_seconds"] = lead_seconds(job)
        said["execution_time_seconds"] = round(job.execution_seconds, 6)
    if said["status"] == "errored":
        said["error"] = error_view(job.error, language) or (
            cast(ErrorView, JobWasCancelled().body(language)["error"])
        )
    return said


def accepted(job: Job) -> Response[Accepted]:
    """``201`` with the token by which the client asks again."""
    return Response(Accepted(token=job.token), status_code=201, media_type="application/json")


def no_result() -> Response[NoResult]:
    """``404``: there is no result, or not yet; old clients read exactly this."""
    return Response(NoResult(message="not found"), status_code=404, media_type="application/json")
