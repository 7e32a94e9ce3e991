"""jobs: long work of organizations, done fairly, surviving any crash.

The face: :class:`Kind` describes work that a feature registers in ``registry.job_kinds``;
:func:`enqueue` asks for it inside the caller's transaction; a handler gets a
:class:`~vazao.jobs.parts.PartRun`. What the root routes of tasks answer alike (:data:`READ` to
:func:`status_of`) and what their demonstrations share (:func:`curl_line`, :func:`finished`)
stands here, too.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from vazao.kit.faces import lazily

if TYPE_CHECKING:
    from vazao.jobs.admission import admitted, is_known, repeated
    from vazao.jobs.answers import (
        ACCEPTED,
        NO_RESULT,
        READ,
        TASK_TOKEN,
        WRITE,
        Accepted,
        NoResult,
        TaskStatus,
        accepted,
        job_of,
        named_in,
        no_result,
        status_of,
    )
    from vazao.jobs.api import SHOWN
    from vazao.jobs.demo import curl_line, finished
    from vazao.jobs.ending import error_json, lead_seconds
    from vazao.jobs.errors import (
        FileGone,
        HandBack,
        IdempotencyClash,
        JobEnded,
        JobNotFound,
        PartSignal,
        TooMuchWaiting,
    )
    from vazao.jobs.forgetting import forget_said
    from vazao.jobs.known import may_begin
    from vazao.jobs.models import Job, Kind, Part
    from vazao.jobs.parts import PartRun
    from vazao.jobs.service import (
        add_part,
        at_work,
        by_ids,
        cancel,
        discard_open,
        enqueue,
        forget,
        get_job,
        held_by,
        hold_key,
        keep_result,
        list_jobs,
        listen,
        open_job,
        results_after,
        results_by_token,
        results_of,
        retry,
        seal,
    )
    from vazao.jobs.supporting import busy, newest, set_weight, share, waits
    from vazao.jobs.telling import list_topic, topic_of
    from vazao.jobs.views import JobView, WaitingJobView, error_view, view, whole
    from vazao.kit.registry import Registry

__all__ = [
    "ACCEPTED", "NO_RESULT", "READ", "SHOWN", "TASK_TOKEN", "WRITE", "Accepted", "FileGone",
    "HandBack", "IdempotencyClash", "Job", "JobEnded", "JobNotFound", "JobView", "Kind", "NoResult",
    "Part", "PartRun", "PartSignal", "TaskStatus", "TooMuchWaiting", "WaitingJobView", "accepted",
    "add_part", "admitted", "at_work", "busy", "by_ids", "cancel", "curl_line", "discard_open",
    "enqueue", "error_json", "error_view", "finished", "forget", "forget_said", "get_job",
    "held_by", "hold_key", "is_known", "job_of", "keep_result", "lead_seconds", "list_jobs",
    "list_topic", "listen", "may_begin", "named_in", "newest", "no_result", "open_job", "register",
    "repeated", "results_after", "results_by_token", "results_of", "retry", "seal", "set_weight",
    "share", "status_of", "topic_of", "view", "waits", "whole",
]

__getattr__ = lazily(__name__, {
    "admitted": "admission", "is_known": "admission", "repeated": "admission",
    "TooMuchWaiting": "errors",
    "ACCEPTED": "answers", "NO_RESULT": "answers", "READ": "answers", "TASK_TOKEN": "answers",
    "WRITE": "answers", "Accepted": "answers", "NoResult": "answers", "TaskStatus": "answers",
    "accepted": "answers", "job_of": "answers", "named_in": "answers",
    "no_result": "answers", "status_of": "answers", "curl_line": "demo", "finished": "demo",
    "error_json": "ending", "lead_seconds": "ending", "HandBack": "errors",
    "FileGone": "errors",
    "IdempotencyClash": "errors",
    "JobEnded": "errors", "JobNotFound": "errors",
    "PartSignal": "errors", "Job": "models", "Kind": "models", "Part": "models",
    "PartRun": "parts", "add_part": "service", "at_work": "service", "by_ids": "service",
    "cancel": "service", "discard_open": "service", "enqueue": "service", "forget": "service",
    "forget_said": "forgetting",
    "get_job": "service",
    "held_by": "service", "hold_key": "service", "keep_result": "service",
    "list_jobs": "service", "listen": "service", "may_begin": "known", "open_job": "service",
    "results_after": "service", "results_by_token": "service", "results_of": "service",
    "retry": "service", "seal": "service", "list_topic": "telling", "topic_of": "telling",
    "busy": "supporting", "newest": "supporting", "set_weight": "supporting",
    "share": "supporting", "waits": "supporting",
    "SHOWN": "api", "JobView": "views", "WaitingJobView": "views", "error_view": "views",
    "view": "views", "whole": "views",
})


def _routes() -> list[Any]:
    from vazao.jobs import api, pages

    return [*api.routes, *pages.routes]


def _show_at_home(registry: Registry) -> None:
    """What the home page shows of jobs."""
    from vazao.jobs import overview
    from vazao.kit.registry import Figure, FirstStep, Recent

    registry.figures.append(
        Figure("Jobs waiting or running", "/jobs", overview.open_jobs, 40, "jobs")
    )
    registry.recent.append(Recent(
        "Latest jobs", "/jobs", partial(overview.latest, registry=registry), 40, "jobs",
    ))
    registry.first_steps.append(FirstStep(
        "Send a file to process", "/jobs/new", 40, scope="jobs:write",
        help="A text file of numbers is summed; an image is shuffled.",
    ))


def _add_scopes(registry: Registry) -> None:
    registry.add_scope(
        "jobs:read", "See jobs, their progress and their results.", members=True
    )
    registry.add_scope(
        "jobs:write", "Upload files, and start, cancel and start over jobs.", members=True
    )


def _add_places(registry: Registry) -> None:
    """Where a person makes room below the quotas of files and of work."""
    from vazao.kit.registry import Place

    registry.places["parts"].append(Place("Waiting jobs", "/jobs?status=queued"))
    registry.places["storage"].append(Place("Jobs", "/jobs"))
    for quota in ("storage", "resumable"):
        registry.places[quota].append(Place("Unfinished uploads", "/jobs/new"))


def register(registry: Registry) -> None:
    """Show the feature's routes, pages, commands, runner and periodic jobs."""
    from vazao.jobs import (
        admission,
        cli,
        fairness,
        gauges,
        known,
        looks,
        readiness,
        recovery,
        supervision,
    )
    from vazao.kit.readiness import workers_expected
    from vazao.kit.registry import Check, Look, MenuEntry, Periodic, Retention, for_ever

    known.bind(registry.job_kinds, registry.when_jobs_end)
    _add_scopes(registry)
    registry.web.append(_routes)
    registry.menu.append(MenuEntry("Jobs", "/jobs", 40))
    _show_at_home(registry)
    registry.quotas.append(admission.PARTS)
    _add_places(registry)
    registry.retentions.append(Retention("Jobs and their results", None, for_ever))
    registry.template_packages.append("vazao.jobs")
    registry.commands["jobs"].append(cli.app)
    registry.runner = supervision.live
    # Elsewhere they may run on other hosts.
    registry.readiness.append(
        Check("workers", readiness.count_workers, required=workers_expected())
    )
    registry.gauges.append(gauges.read)
    registry.looks += [
        Look("no_worker", looks.no_worker), Look("starving", looks.starving),
        Look("failing", looks.failing),
    ]
    registry.periodic.append(Periodic("jobs.sweep", 300.0, recovery.sweep))
    registry.periodic.append(Periodic("jobs.take_back", 10.0, recovery.take_back_fetched))
    registry.periodic.append(Periodic("jobs.progress", 5.0, recovery.watch_progress))
    registry.periodic.append(Periodic("jobs.rebase", 60.0, fairness.rebase))
