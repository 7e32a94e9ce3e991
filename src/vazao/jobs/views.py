"""A job as JSON: the platform's one shape for long work."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, TypedDict, cast

import msgspec

from vazao.jobs import waiting
from vazao.jobs.ending import lead_seconds, queue_seconds
from vazao.jobs.errors import KindUnknown
from vazao.jobs.known import find_kind, kind_of
from vazao.jobs.models import Job
from vazao.kit import clock
from vazao.kit.i18n import translate
from vazao.kit.platform import Platform
from vazao.kit.sql import Conn
from vazao.kit.web.openapi import Count, Moment, Seconds, Share

ETA_FROM_PROGRESS = 0.02
Status = Literal["queued", "running", "finished", "failed", "cancelled"]


class ErrorView(TypedDict):
    """What went wrong with a job."""

    code: str
    message: str
    details: list[dict[str, Any] | str]


class JobView(TypedDict):
    """One piece of long work; the same fields for every kind."""

    id: str
    status: Status
    phase: Annotated[str | None, msgspec.Meta(description="The kind's finer word.")]
    kind: Annotated[str, msgspec.Meta(examples=["leads.import"])]
    progress: Share
    eta_seconds: Seconds | None
    lead_time_seconds: Annotated[
        Seconds | None, msgspec.Meta(description="From the request to the end.")
    ]
    queue_time_seconds: Annotated[
        Seconds | None, msgspec.Meta(description="From the request to the first work on it.")
    ]
    execution_time_seconds: Annotated[
        Seconds, msgspec.Meta(description="What workers spent on it, added up.")
    ]
    cost: Annotated[float, msgspec.Meta(ge=0, description="Expected, in units of its kind.")]
    attempts: Count
    parts_total: Count
    parts_done: Count
    bytes_total: Count | None
    bytes_done: Count
    rows_total: Count | None
    rows_done: Count
    requested_at: Moment
    started_at: Moment | None
    finished_at: Moment | None
    requested_by: str | None
    request_id: str | None
    error: ErrorView | None


class WaitView(TypedDict, total=False):
    """What a waiting job waits for; ``ahead``, ``in_hand`` or ``at`` by its reason."""

    reason: Annotated[
        Literal["turn", "own_work", "cap", "retry", "workers", "storage", "disk"],
        msgspec.Meta(description="turn: `ahead` parts come first. own_work, cap: `in_hand` parts "
                                 "of its organization come first. retry: tried again `at`. "
                                 "workers: none is running. storage: the file store is away. "
                                 "disk: it is full."),
    ]
    message: Annotated[str, msgspec.Meta(description="The same in the reader's language.")]
    ahead: Count
    in_hand: Count
    at: Moment


class WaitingJobView(JobView):
    """A job by itself: also what it waits for, and the report of a kind that has one."""

    waits_for: WaitView | None
    report: Annotated[dict[str, Any] | None, msgspec.Meta(
        description="What was done, where nothing else shows it: counts of `leads.purge`, say; "
                    "`says` tells it in sentences. Of a job that did not finish: what was done "
                    "until then."
    )]


class JobPage(TypedDict):
    """A page of jobs; ``next`` is null exactly where nothing follows."""

    items: list[JobView]
    next: str | None


def view(job: Job, language: str = "en") -> JobView:
    """The job's public fields; seconds are numbers, times :data:`~vazao.kit.web.openapi.Moment`.

    Args:
        language: of the error's message (``en`` or ``pt_BR``).
    """
    return {
        "id": job.token,
        "status": cast(Status, job.status),
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
        "requested_at": clock.stamp(job.requested_at),
        "started_at": stamp(job.started_at),
        "finished_at": stamp(job.finished_at),
        "requested_by": job.requested_by,
        "request_id": job.request_id,
        "error": error_view(job.error, language),
    }


async def whole(
    platform: Platform, conn: Conn, job: Job, language: str = "en"
) -> WaitingJobView:
    """The job by itself, wherever it is shown so: also what it waits for, and its report."""
    found = await waiting.look(platform, conn, job)
    waits = cast("WaitView | None", await waiting.told(platform, found, language))
    return {**view(job, language), "waits_for": waits, "report": report(job, language)}


def report(job: Job, language: str = "en") -> dict[str, Any] | None:
    """What an ended job tells of itself, where its kind does; ``says``: the same in sentences."""
    try:
        kind = kind_of(job.kind)
    except KindUnknown:
        return None
    if not kind.reports or not job.ended or job.result is None:
        return None
    return {**job.result, "says": says(job, language)}


def says(job: Job, language: str = "en") -> list[str]:
    """What an ended job tells in sentences, where its kind does."""
    kind = find_kind(job.kind)
    if kind is None or kind.tells is None or not job.ended or job.result is None:
        return []
    return kind.tells(job, language)


def stamp(moment: datetime | None) -> str | None:
    """A time as JSON has it, if it has come."""
    return None if moment is None else clock.stamp(moment)


def error_view(error: dict[str, Any] | None, language: str) -> ErrorView | None:
    """A kept error in the reader's language: code, message, details."""
    if error is None:
        return None
    message = " ".join(reasons(error, language))
    details = error.get("details") or []
    if isinstance(details, list):
        details = [_advised(each, language) for each in details]
    return {"code": error["code"], "message": message, "details": details}


def _advised(detail: Any, language: str) -> Any:
    """A detail with its remedy in the reader's language; kinds keep details of any shape."""
    if not isinstance(detail, dict) or not isinstance(detail.get("remedy"), str):
        return detail
    return detail | {"remedy": translate(detail["remedy"], language)}


def reasons(error: dict[str, Any], language: str) -> list[str]:
    """Why a job failed and, where that is known, what can be done about it, as sentences."""
    params = error.get("params") or {}
    texts = [translate(t, language) for t in (error["message"], error.get("remedy")) if t]
    return [t.format(**params) if params else t for t in texts]


def eta_seconds(job: Job) -> float | None:
    """How long the job will still take, from the pace so far; ``None`` where nothing is known."""
    if job.ended or job.started_at is None or job.progress < ETA_FROM_PROGRESS:
        return None
    elapsed = (clock.now() - job.started_at).total_seconds()
    return round(max(0.0, elapsed * (1 - job.progress) / job.progress), 1)
