"""Who is told when a job changes: those who follow it, and those who look at lists of jobs."""

from __future__ import annotations

from vazao.jobs.models import Job
from vazao.kit.announcing import changed
from vazao.kit.sql import Conn


def topic_of(job: Job) -> str:
    """What is announced when *job* changes."""
    return f"job:{job.id}"


def list_topic(organization_id: int) -> str:
    """What is announced when a job of the organization changes."""
    return f"jobs:{organization_id}"


def tell(conn: Conn, job: Job) -> None:
    """Have it announced, once *conn* has committed, that *job* changed."""
    if job.status != "receiving":
        changed(conn, topic_of(job), list_topic(job.organization_id))
