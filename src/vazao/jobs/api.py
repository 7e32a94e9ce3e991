"""The JSON routes of all long work: list, show, follow, cancel, retry."""

from __future__ import annotations

from typing import Any

from litestar import Controller, Request, Response, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Stream

from vazao.jobs import fairness, service
from vazao.jobs.errors import StatusInvalid
from vazao.jobs.models import STATUSES
from vazao.jobs.views import view
from vazao.kit.sql import Conn
from vazao.kit.web import paging
from vazao.kit.web.frame import Asker, ThePlatform
from vazao.kit.web.pages import language_of
from vazao.kit.web.streaming import stream_of


class JobsController(Controller):
    """``/v1/jobs``."""

    path = "/v1/jobs"
    tags = ["jobs"]  # noqa: RUF012

    @get("/", opt={"scope": "jobs:read"}, summary="Jobs of the organization, newest first")
    async def list_jobs(
        self, request: Request[Any, Any, Any], platform: ThePlatform, principal: Asker,
        limit: FromQuery[str | None] = None, after: FromQuery[str | None] = None,
        status: FromQuery[str | None] = None, kind: FromQuery[str | None] = None,
    ) -> dict[str, Any]:
        """A page of jobs; ``after`` is the last page's ``next``."""
        if status is not None and status not in STATUSES:
            raise StatusInvalid
        size = paging.limit_of(limit)
        before = paging.decode_cursor(after, int)[0] if after else None
        async with platform.db.connection() as conn:
            found = await service.list_jobs(
                conn, principal.organization_id, limit=size + 1, before=before, status=status,
                kind=kind,
            )
        rows, following = paging.page_of(found, size, lambda job: paging.encode_cursor(job.id))
        language = language_of(request)
        return {"items": [view(job, language) for job in rows], "next": following}

    @get("/{token:str}", opt={"scope": "jobs:read"}, summary="A job")
    async def show(
        self, request: Request[Any, Any, Any], token: FromPath[str], platform: ThePlatform,
        principal: Asker,
    ) -> dict[str, Any]:
        """The job's status, and what it waits for while nobody has begun it."""
        async with platform.db.connection() as conn:
            job = await service.get_job(conn, principal.organization_id, token)
            waits_for = await fairness.waits_for(conn, job)
        return view(job, language_of(request)) | {"waits_for": waits_for}

    @post("/{token:str}/cancel", opt={"scope": "jobs:write"}, status_code=200,
          summary="Cancel a job")
    async def cancel(
        self, request: Request[Any, Any, Any], token: FromPath[str], platform: ThePlatform,
        principal: Asker,
    ) -> dict[str, Any]:
        """End the job now; 409 where it finished or failed before."""
        async with platform.db.transaction() as conn:
            job = await service.cancel(conn, principal.organization_id, token)
        return view(job, language_of(request))

    @post("/{token:str}/retry", opt={"scope": "jobs:write"}, status_code=202,
          summary="Start a failed or cancelled job over")
    async def retry(
        self, request: Request[Any, Any, Any], token: FromPath[str], platform: ThePlatform,
        principal: Asker,
    ) -> Response[dict[str, Any]]:
        """Start over from the first step, under the same id; 409 where it has not ended."""
        async with platform.db.transaction() as conn:
            job = await service.retry(conn, principal.organization_id, token)
        headers = {"Location": f"/v1/jobs/{token}"}
        return Response(view(job, language_of(request)), status_code=202, headers=headers)

    @get("/{token:str}/stream", opt={"scope": "jobs:read"}, summary="Follow a job",
         media_type="text/event-stream")
    async def stream(
        self, request: Request[Any, Any, Any], token: FromPath[str], platform: ThePlatform,
        principal: Asker,
    ) -> Stream:
        """Server-sent events: the job's JSON whenever it changes, until it ends."""
        organization_id, language = principal.organization_id, language_of(request)

        async def load(conn: Conn) -> dict[str, Any]:
            return view(await service.get_job(conn, organization_id, token), language)

        async with platform.db.connection() as conn:
            await load(conn)
        return stream_of(platform, load)


routes = [JobsController]
