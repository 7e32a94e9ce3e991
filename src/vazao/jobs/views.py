"""A job as JSON: the platform's one shape for long work."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from vazao.jobs.ending import lead_seconds, queue_seconds
from vazao.jobs.models import Job
from vazao.kit import clock
from vazao.kit.i18n import translate

ETA_FROM_PROGRESS = 0.02


def view(job: Job, language: str = "en") -> dict[str, Any]:
    """The job's public fields; seconds are numbers, times ISO 8601 in UTC.

    Args:
        language: of the error's message (``en`` or ``pt_BR``).
    """
    return {
        "id": job.token,
        "status": job.status,
        "phase": job.phase,
        "kind": job.kind,
        "progress": round(job.progress, 4),
        "eta_seconds": eta_seconds(job),
        "lead_time_seconds": lead_seconds(job),
        "queue_time_seconds": queue_seconds(job),
        "execution_time_seconds": round(job.execution_seconds, 6),
        "cost": job.cost,
        "attempts": job.attempts,
        "parts_total": job.parts_total,
        "parts_done": job.parts_done,
        "bytes_total": job.bytes_total,
        "bytes_done": job.bytes_done,
        "rows_total": job.rows_total,
        "rows_done": job.rows_done,
        "requested_at": stamp(job.requested_at),
        "started_at": stamp(job.started_at),
        "finished_at": stamp(job.finished_at),
        "requested_by": job.requested_by,
        "request_id": job.request_id,
        "error": error_view(job.error, language),
    }


def stamp(moment: datetime | None) -> str | None:
    """A time as ISO 8601."""
    return None if moment is None else moment.isoformat()


def error_view(error: dict[str, Any] | None, language: str) -> dict[str, Any] | None:
    """A kept error in the reader's language: code, message, details."""
    if error is None:
        return None
    params = error.get("params") or {}
    texts = [translate(t, language) for t in (error["message"], error.get("remedy")) if t]
    message = " ".join(t.format(**params) if params else t for t in texts)
    return {"code": error["code"], "message": message, "details": error.get("details") or []}


def eta_seconds(job: Job) -> float | None:
    """How long the job will still take, from the pace so far; ``None`` where nothing is known."""
    if job.ended or job.started_at is None or job.progress < ETA_FROM_PROGRESS:
        return None
    elapsed = (clock.now() - job.started_at).total_seconds()
    return round(max(0.0, elapsed * (1 - job.progress) / job.progress), 1)
