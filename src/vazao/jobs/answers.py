"""What the root routes (``/randomize``, ``/sum-even``) answer alike, as old clients read it."""

from __future__ import annotations

from typing import Any

from litestar import Response

from vazao.jobs import service
from vazao.jobs.ending import lead_seconds
from vazao.jobs.errors import JobNotFound
from vazao.jobs.models import Job
from vazao.jobs.views import error_view
from vazao.kit.errors import VazaoError
from vazao.kit.sql import Conn

# ``opt`` of the root routes: a token or session with the scope, else the organization ``public``.
READ = {"scope": "jobs:read", "open": True}
WRITE = {"scope": "jobs:write", "open": True}

WORDS = {
    "receiving": "requested", "queued": "requested", "running": "received",
    "finished": "finished", "failed": "errored", "cancelled": "errored",
}


class JobWasCancelled(VazaoError):
    """The job was cancelled."""

    code = "job_cancelled"


async def job_of(conn: Conn, organization_id: int, token: str, kind: str) -> Job:
    """The organization's job of *kind* by its token.

    Raises:
        JobNotFound: there is none, it is another organization's, or of another kind.
    """
    found = await service.get_job(conn, organization_id, token)
    if found.kind != kind:
        raise JobNotFound
    return found


def status_of(job: Job, language: str = "en") -> dict[str, Any]:
    """The JSON of ``…/status``: ``status``, the two times once it ended, and what went wrong.

    ``error`` (of an errored job only) has ``code``, ``message`` in *language*, and ``details``.
    """
    said: dict[str, Any] = {"status": WORDS[job.status]}
    if job.ended:
        said["lead_time_seconds"] = lead_seconds(job)
        said["execution_time_seconds"] = round(job.execution_seconds, 6)
    if said["status"] == "errored":
        said["error"] = error_view(job.error, language) or (
            JobWasCancelled().body(language)["error"]
        )
    return said


def accepted(job: Job) -> Response[dict[str, str]]:
    """``201`` with the token by which the client asks again."""
    return Response({"token": job.token}, status_code=201, media_type="application/json")


def no_result() -> Response[dict[str, str]]:
    """``404``: there is no result, or not yet; old clients read exactly this."""
    return Response({"message": "not found"}, status_code=404, media_type="application/json")
