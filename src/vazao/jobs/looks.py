"""What is wrong with the engine: no worker, organizations that starve, kinds that fail."""

from __future__ import annotations

from vazao.jobs import store
from vazao.jobs.errors import JobLost, JobStuck
from vazao.jobs.models import Starved
from vazao.kit.errors import VazaoError
from vazao.kit.findings import Finding
from vazao.kit.platform import Platform
from vazao.kit.sql import Conn

OURS = (VazaoError.code, JobLost.code, JobStuck.code)
"""Codes of failures that no user brought about."""
FAILING_SECONDS = 600.0


SILENT_BEATS = 1.7
"""That no worker at all was heard of is told before the parts of each are taken back."""


def _silent(platform: Platform) -> float:
    return SILENT_BEATS * platform.settings.worker_beat_seconds


async def no_worker(platform: Platform, conn: Conn) -> list[Finding]:
    """Nobody works on what waits."""
    found = await store.looks.standing(conn, _silent(platform))
    if found.workers or not (found.waiting or found.served):
        return []
    return [Finding(
        code="no_worker", level="critical",
        message="No worker is running, so no job is worked on. Parts that wait: {waiting}.",
        remedy="Start one: vazao worker. If one was running, its log says why it ended.",
        params={"waiting": found.waiting},
    )]


async def starving(platform: Platform, conn: Conn) -> list[Finding]:
    """Organizations that wait while nothing of theirs is at work."""
    if not (await store.looks.standing(conn, _silent(platform))).workers:
        return []
    found = await store.looks.starved(conn, platform.settings.queue_wait_seconds)
    ids = {each.organization_id for each in found} | {
        each.most_id for each in found if each.most_id is not None
    }
    names = await platform.registry.slugs(conn, ids) if ids else {}
    return [_starved(each, names) for each in found]


def _starved(found: Starved, names: dict[int, str]) -> Finding:
    name = names.get(found.organization_id, str(found.organization_id))
    params = {
        "name": name, "waiting": found.waiting, "seconds": found.seconds, "running": found.running,
        "most": found.most, "held_seconds": found.held_seconds,
        "other": names.get(found.most_id or 0, str(found.most_id)),
    }
    if found.most_id is None:
        return Finding(
            code="queue_stuck", subject=name, level="critical", params=params,
            message="{name} has been waiting for {seconds} (parts of jobs: {waiting}): there are "
            "workers, and they start nothing.",
            remedy="Restart the workers; their log says what they wait for.",
        )
    return Finding(
        code="queue_starved", subject=name, params=params,
        message="{name} has been waiting for {seconds} (parts of jobs: {waiting}), and nothing of "
        "its own is at work. Places of the workers that are taken: {running}, by {other}: {most}, "
        "the longest for {held_seconds}.",
        remedy="Start more workers (VAZAO_WORKER_PROCESSES, or another host), or cancel the jobs "
        "that take so long: vazao jobs list --organization {other}",
    )


async def failing(platform: Platform, conn: Conn) -> list[Finding]:
    """Kinds whose jobs fail, and by no fault of those who asked for them."""
    found = await store.looks.failing(conn, OURS, FAILING_SECONDS)
    return [
        Finding(
            code="kind_failing", subject=each.kind,
            message="{failed} of the {ended} jobs of the kind {kind} that ended in the last "
            "{seconds} failed.",
            remedy="Look at one of them (vazao jobs list --all --status failed) and at the "
            "workers' log.",
            params={"kind": each.kind, "failed": each.failed, "ended": each.ended,
                    "seconds": FAILING_SECONDS},
        )
        for each in found
    ]
