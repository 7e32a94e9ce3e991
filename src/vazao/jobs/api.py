"""The JSON routes of all long work: list, show, follow, cancel, retry."""

from __future__ import annotations

from typing import Any

from litestar import Controller, Request, Response, get, post
from litestar.params import FromPath, FromQuery

from vazao.jobs import service
from vazao.jobs.admission import admitted
from vazao.jobs.errors import (
    FileGone,
    JobEnded,
    JobFinished,
    JobNeedsAdmin,
    JobNotEnded,
    JobNotFound,
    StatusInvalid,
    TooMuchWaiting,
)
from vazao.jobs.known import hidden_from
from vazao.jobs.models import STATUSES
from vazao.jobs.telling import topic_of
from vazao.jobs.views import JobPage, JobView, Status, WaitingJobView, view, whole
from vazao.kit.errors import detail
from vazao.kit.sql import Conn
from vazao.kit.web import paging
from vazao.kit.web.following import TooManyStreams, follow
from vazao.kit.web.frame import Asker, ThePlatform
from vazao.kit.web.openapi import (
    LAST_EVENT_ID,
    PAGED,
    PAGED_REFUSES,
    STREAM_OVER,
    Answer,
    Parameter,
    by_path,
    events,
    location,
    says,
)
from vazao.kit.web.pages import language_of
from vazao.kit.web.parameters import ParameterInvalid, choice_of

JOB = "5e0f2a9c41d94b7e8a3c6d1f00b7e2aa"
TOKEN = (by_path("token", "The job's id.", JOB),)
SHOWN: JobView = {
    "id": JOB, "status": "running", "phase": "merging", "kind": "leads.import",
    "progress": 0.42, "eta_seconds": 3.1, "lead_time_seconds": None,
    "queue_time_seconds": 0.01, "execution_time_seconds": 2.2, "cost": 20.5, "attempts": 1,
    "parts_total": 12, "parts_done": 5, "bytes_total": 20447232, "bytes_done": 20447232,
    "rows_total": 300000, "rows_done": 126000, "requested_at": "2026-11-25T08:00:00.000000Z",
    "started_at": "2026-11-25T08:00:00.010000Z", "finished_at": None, "requested_by": "Ana",
    "request_id": "9f86d081884c7d65", "error": None,
}
ALONE: WaitingJobView = {**SHOWN, "waits_for": None, "report": None}
FILTERS = (
    Parameter(name="status", about="Only jobs of this status.", kind=Status, example="running"),
    Parameter(name="kind", about="Only jobs of this kind.", example="leads.import"),
)


class JobsController(Controller):
    """``/v1/jobs``."""

    path = "/v1/jobs"
    tags = ["jobs"]  # noqa: RUF012

    @get("/", operation_id="listJobs", summary="List jobs, newest first", opt=says(
        Answer(about="A page of jobs.", kind=JobPage,
               example={"items": [SHOWN], "next": "WyJqb2JzIiw0Ml0"}),
        parameters=(*PAGED, *FILTERS), refuses=(*PAGED_REFUSES, StatusInvalid, ParameterInvalid),
        scope="jobs:read",
    ))
    async def list_jobs(
        self, request: Request[Any, Any, Any], platform: ThePlatform, principal: Asker,
        limit: FromQuery[str | None] = None, after: FromQuery[str | None] = None,
        status: FromQuery[str | None] = None, kind: FromQuery[str | None] = None,
    ) -> JobPage:
        """A page of jobs; ``after`` is the last page's ``next``."""
        if status and status not in STATUSES:
            raise StatusInvalid(details=[detail("status", status, *STATUSES)])
        hidden = hidden_from(platform, principal)
        choice_of("kind", kind, sorted(platform.registry.job_kinds.keys() - {*hidden}))
        size = paging.limit_of(limit)
        before = paging.decode_cursor(after, "jobs", int)[0] if after else None
        async with platform.db.connection() as conn:
            found = await service.list_jobs(
                conn, principal.organization_id, limit=size, before=before, status=status,
                kind=kind, hidden=hidden,
            )
        language = language_of(request)
        return {
            "items": [view(job, language) for job in found.items],
            "next": paging.following(found, lambda job: paging.encode_cursor("jobs", job.id)),
        }

    @get("/{token:str}", operation_id="getJob", summary="Show a job", opt=says(
        Answer(about="The job.", kind=WaitingJobView,
               example=ALONE),
        parameters=TOKEN, refuses=(JobNotFound,), scope="jobs:read",
    ))
    async def show(
        self, request: Request[Any, Any, Any], token: FromPath[str], platform: ThePlatform,
        principal: Asker,
    ) -> WaitingJobView:
        """The job's status, and what it waits for while nobody works on it."""
        async with platform.db.connection() as conn:
            job = await service.get_job(
                conn, principal.organization_id, token, hidden=hidden_from(platform, principal)
            )
            return await whole(platform, conn, job, language_of(request))

    @post("/{token:str}/cancel", operation_id="cancelJob", summary="Cancel a job",
          status_code=200, opt=says(
        Answer(about="The job as it ended; the same where it was cancelled before.",
               kind=WaitingJobView, example=ALONE | {"status": "cancelled"}),
        parameters=TOKEN, refuses=(JobNotFound, JobEnded, JobNeedsAdmin), scope="jobs:write",
    ))
    async def cancel(
        self, request: Request[Any, Any, Any], token: FromPath[str], platform: ThePlatform,
        principal: Asker,
    ) -> WaitingJobView:
        """End the job now; 409 where it finished or failed before."""
        async with platform.db.transaction() as conn:
            job = await service.cancel(
                conn, principal.organization_id, token, by=principal,
                hidden=hidden_from(platform, principal),
            )
            return await whole(platform, conn, job, language_of(request))

    @post("/{token:str}/retry", operation_id="retryJob", status_code=202, guards=[admitted],
          summary="Start a failed or cancelled job over", opt=says(
        Answer(about="The job, queued again.", kind=WaitingJobView, status=202,
               example=ALONE | {"status": "queued"}, headers=(location(f"/v1/jobs/{JOB}"),)),
        parameters=TOKEN, refuses=(JobNotFound, JobNotEnded, JobFinished, JobNeedsAdmin,
                                   FileGone, TooMuchWaiting),
        scope="jobs:write",
    ))
    async def retry(
        self, request: Request[Any, Any, Any], token: FromPath[str], platform: ThePlatform,
        principal: Asker,
    ) -> Response[WaitingJobView]:
        """Start over from the first step, under the same id; 409 at work or finished."""
        async with platform.db.transaction() as conn:
            job = await service.retry(
                conn, principal.organization_id, token, by=principal,
                hidden=hidden_from(platform, principal),
            )
            shown = await whole(platform, conn, job, language_of(request))
        headers = {"Location": f"/v1/jobs/{token}"}
        return Response(shown, status_code=202, headers=headers)

    @get("/{token:str}/stream", operation_id="followJob", summary="Follow a job",
         media_type="text/event-stream", opt=says(
        events('data: {"id":"5e0f…","status":"running","progress":0.42}\n\n'),
        STREAM_OVER, parameters=(*TOKEN, LAST_EVENT_ID),
        refuses=(JobNotFound, TooManyStreams), scope="jobs:read",
    ))
    async def stream(
        self, request: Request[Any, Any, Any], token: FromPath[str], platform: ThePlatform,
        principal: Asker,
    ) -> Response[Any]:
        """Server-sent events: the JSON of `GET`, whenever it changes, until the job ends."""
        organization_id, language = principal.organization_id, language_of(request)

        async def load(conn: Conn) -> WaitingJobView:
            job = await service.get_job(conn, organization_id, token)
            return await whole(platform, conn, job, language)

        async with platform.db.connection() as conn:
            job = await service.get_job(
                conn, organization_id, token, hidden=hidden_from(platform, principal)
            )
        return await follow(
            request, principal, key=("job", job.id, language), topics=(topic_of(job),), load=load
        )


routes = [JobsController]
