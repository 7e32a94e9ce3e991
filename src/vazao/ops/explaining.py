"""Why a job took as long as it did, in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from vazao.jobs import Job
from vazao.kit import clock
from vazao.kit.formats import duration
from vazao.kit.i18n import translate
from vazao.ops.models import Alarm

MOST = 3
TEXTS = {
    "waits": "It has not begun; it has been waiting for {queue}.",
    "running": "It waited {queue} for its turn and has been running for {rest}. Workers spent "
    "{work} on it.",
    "ended": "It waited {queue} for its turn and ended {rest} later. Workers spent {work} on it.",
    "idle": "Most of that time none of its parts was at work: parts of others came before them.",
}
IDLE_SHARE = 0.5
IDLE_SECONDS = 10.0


class Explained(NamedTuple):
    """Why a job took so long: sentences, and what was wrong meanwhile."""

    sentences: list[str]
    alarms: list[Alarm]


def explained(job: Job, waits: str | None, alarms: Sequence[Alarm], language: str) -> Explained:
    """Why *job* took, or takes, as long as it does.

    Args:
        job: the job.
        waits: what it waits for, if nobody works on it.
        alarms: of the whole platform, the newest first.
        language: of the sentences.
    """
    now = clock.now()
    end = job.finished_at or now
    began = job.started_at or end
    rest = (end - began).total_seconds()
    places = {
        "queue": duration((began - job.requested_at).total_seconds(), language),
        "rest": duration(rest, language), "work": duration(job.execution_seconds, language),
    }
    name = "ended" if job.ended else "running" if job.started_at else "waits"
    sentences = [translate(TEXTS[name], language).format(**places)]
    if waits:
        sentences.append(waits)
    elif rest > IDLE_SECONDS and job.execution_seconds < IDLE_SHARE * rest:
        sentences.append(translate(TEXTS["idle"], language))
    return Explained(sentences, _meanwhile(alarms, job.requested_at, end)[:MOST])


def _meanwhile(alarms: Sequence[Alarm], begin: datetime, end: datetime) -> list[Alarm]:
    return [
        each for each in alarms
        if each.since is not None and each.since <= end
        and (each.ended_at is None or each.ended_at >= begin)
    ]
