"""What the demonstrations of the root routes share: waiting for a job, the line to repeat it."""

from __future__ import annotations

import asyncio
import shlex
from pathlib import Path

from vazao.jobs import service
from vazao.jobs.errors import JobFailed
from vazao.jobs.models import Job
from vazao.kit.platform import Platform
from vazao.kit.serving import address_of


def curl_line(platform: Platform, content_type: str, option: str, path: Path, place: str) -> str:
    """A ``curl`` line that sends *path* to *place*; *option* stands before the path."""
    who = "" if platform.settings.serves_public else '-H "Authorization: Bearer $TOKEN" '
    return (
        f"curl -s -H 'Content-Type: {content_type}' {who}{option}{shlex.quote(str(path))} "
        f"{address_of(platform.settings)}{place}"
    )


async def finished(platform: Platform, organization_id: int, job: Job) -> Job:
    """The job once it has finished.

    Raises:
        JobFailed: it ended otherwise.
    """
    while not job.ended:
        await asyncio.sleep(0.02)
        async with platform.db.connection() as conn:
            job = await service.get_job(conn, organization_id, job.token)
    if job.status != "finished":
        raise JobFailed
    return job
