"""Tells of jobs that ended."""

from __future__ import annotations

from collections.abc import Mapping

from vazao.jobs import Job, Kind
from vazao.kit import clock
from vazao.kit.sql import Conn
from vazao.notices import service

ENDED = "job.ended"


class JobsEnded:
    """What is called where a job ends.

    Jobs that come by themselves, again and again, are not told of: a sync a minute is no news.
    """

    def __init__(self, kinds: Mapping[str, Kind]) -> None:
        self._kinds = kinds

    async def __call__(self, conn: Conn, job: Job) -> None:
        """Tell its organization."""
        kind = self._kinds.get(job.kind)
        if kind is not None and kind.recurring:
            return
        await service.tell(conn, job.organization_id, ENDED, f"job:{job.token}", {
            "job": job.token, "kind": job.kind, "status": job.status,
            "error": job.error and job.error.get("code"),
            "requested_at": clock.stamp(job.requested_at),
            "finished_at": job.finished_at and clock.stamp(job.finished_at),
            "url": f"/v1/jobs/{job.token}", "page": f"/jobs/{job.token}",
        })
