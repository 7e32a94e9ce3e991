"""How parts and jobs end: exactly once, in one transaction with whatever follows from it."""

from __future__ import annotations

from typing import Any

import msgspec
import psycopg

from vazao.jobs import fairness, store
from vazao.jobs.known import end_hooks, kind_of
from vazao.jobs.models import Job, NewPart, between
from vazao.jobs.telling import tell
from vazao.kit import metrics
from vazao.kit.errors import VazaoError
from vazao.kit.logging import get
from vazao.kit.sql import Conn

log = get("jobs")


def error_json(error: VazaoError) -> dict[str, Any]:
    """An error as jobs keep it: its template and values, to be said in any language later."""
    return msgspec.to_builtins(
        {"code": error.code, "message": error.template, "remedy": error.remedy,
         "params": error.params, "details": error.details},
        enc_hook=str, str_keys=True,
    )


async def complete(conn: Conn, job: Job, result: Any = None) -> Job:
    """What follows once nothing of *job* is pending: its joining step, or its end."""
    if job.join_step is None:
        return await end(conn, job, "finished", result=result) or job
    span = kind_of(job.kind).span(job.join_step)
    joined = await store.jobs.begin_join(conn, job.id, job.join_step, span)
    # A joining step takes longer the more it joins.
    await fairness.add(conn, job, job.join_step, [NewPart({}, 1.0 + job.step_total / 10)])
    return joined or job


async def end(
    conn: Conn, job: Job, status: str, *, result: Any = None, error: VazaoError | None = None,
    seconds: float = 0.0,
) -> Job | None:
    """End *job*, cancel what it has left, and tell its kind; ``None`` where it had ended.

    Args:
        status: ``finished``, ``failed`` or ``cancelled``.
        seconds: execution time not yet counted.
    """
    ended = await store.jobs.end(
        conn, job.id, status, result=result, error=None if error is None else error_json(error),
        seconds=seconds,
    )
    if ended is None:
        return None
    tell(conn, ended)
    if ended.parts_done < ended.parts_total:
        await store.parts.cancel_all(conn, job.id)
    await _tell(conn, ended)
    for tell_others in end_hooks():
        await tell_others(conn, ended)
    if status != "finished" and kind_of(job.kind).reports:
        # Its hook may have kept what was done.
        return await store.jobs.lock(conn, job.id)
    return ended


async def _tell(conn: Conn, job: Job) -> None:
    """Call the kind's hook. It may stop a job from finishing, never from failing: a part whose
    failure could not be recorded would fail for ever.
    """
    hook = kind_of(job.kind).on_end
    if hook is None:
        return
    try:
        async with conn.transaction():
            await hook(conn, job)
    except psycopg.OperationalError:
        raise
    except Exception as error:
        if job.status == "finished":
            raise
        log.error("on_end failed", kind=job.kind, job=job.token, exc_info=error)


def record(job: Job) -> None:
    """Write an ended job's times to the log and the metrics."""
    lead, queue = lead_seconds(job), queue_seconds(job)
    metrics.JOBS_ENDED.labels(job.kind, job.status).inc()
    if lead is not None:
        metrics.JOB_LEAD_SECONDS.labels(job.kind).observe(lead)
    if queue is not None:
        metrics.JOB_QUEUE_SECONDS.labels(job.kind).observe(queue)
    metrics.JOB_EXECUTION_SECONDS.labels(job.kind).observe(job.execution_seconds)
    log.info(
        "job ended", kind=job.kind, status=job.status, job=job.token, lead_seconds=lead,
        queue_seconds=queue, execution_seconds=round(job.execution_seconds, 4),
        organization_id=job.organization_id, request_id=job.request_id,
        error=job.error and job.error.get("code"),
    )


def lead_seconds(job: Job) -> float | None:
    """From the request to the end."""
    return between(job.requested_at, job.finished_at)


def queue_seconds(job: Job) -> float | None:
    """From the request to the first part's start."""
    return between(job.requested_at, job.started_at)
