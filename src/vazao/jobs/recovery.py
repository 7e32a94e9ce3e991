"""Taking back what lost workers held: at once on this host, after a silence on others."""

from __future__ import annotations

import os
import socket
from functools import cache
from pathlib import Path

import msgspec

from vazao.jobs import ending, fairness, store
from vazao.jobs.errors import JobLost, JobStuck
from vazao.kit import metrics
from vazao.kit.announcing import changed
from vazao.kit.errors import VazaoError
from vazao.kit.logging import get
from vazao.kit.platform import Platform
from vazao.kit.sql import Conn

log = get("jobs.recovery")
LOST_LIMIT = 10
STUCK_LEAST_SECONDS = 30.0
living: set[int] = set()
"""The worker lives of this process."""


@cache
def host_name() -> str:
    """Where a process id means the same process: host name, boot, and process namespace."""
    boot, space = "", ""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        space = os.readlink("/proc/self/ns/pid")
    except OSError:
        log.debug("no /proc: hosts are told apart by name alone")
    return "|".join((socket.gethostname(), boot, space))


def process_start(pid: int) -> str | None:
    """When the process began (clock ticks since boot), or ``None`` where there is none.

    Without ``/proc`` an existing process gives the empty text.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        if Path("/proc/self/stat").exists():
            return None
        return "" if _exists(pid) else None
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    # A zombie runs nothing any more: its parent just has not asked for it yet.
    return None if fields[0] in ("Z", "X") else fields[19]


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


async def dead_workers(conn: Conn, own_id: int, silent_seconds: float) -> list[int]:
    """Workers that are certainly gone: silent ones, and those of this host without a process.

    Of this process's own lives those are over that are not *living*.
    """
    dead = await store.workers.lost(conn, silent_seconds)
    own_pid = os.getpid()
    for worker_id, pid, started in await store.workers.of_host(conn, host_name()):
        if worker_id not in living and (pid == own_pid or process_start(pid) != started):
            dead.add(worker_id)
    return sorted(dead - {own_id})


async def take_back(platform: Platform, dead: list[int]) -> int:
    """Free what *dead* workers ran, put it into the queue again, and forget them.

    Returns:
        The number of parts freed.
    """
    if not dead:
        return 0
    async with platform.db.transaction() as conn:
        # What they had committed and not yet announced.
        changed(conn, "job:", "jobs:")
        freed = await store.workers.take_back(conn, dead)
        await store.workers.delete(conn, dead)
        for organization_id in sorted({part.organization_id for part in freed}):
            await fairness.release(conn, organization_id)
    for job_id in sorted({part.job_id for part in freed}):
        async with platform.db.connection() as conn:
            await store.jobs.count_attempt(conn, job_id, seconds=0)
            changed(conn, f"job:{job_id}")
    if poisoned := sorted({part.job_id for part in freed if part.lost >= LOST_LIMIT}):
        await fail_poisoned(platform, poisoned)
    await take_back_fetched(platform)
    log.info("workers signed off", workers=dead, parts=len(freed))
    return len(freed)


async def take_back_fetched(platform: Platform) -> None:
    """Free parts whose queue row was fetched by a worker that is gone, or has vanished."""
    async with platform.db.transaction() as conn:
        for organization_id in await store.workers.take_back_fetched(conn):
            await fairness.release(conn, organization_id)


async def fail_poisoned(platform: Platform, job_ids: list[int]) -> None:
    """Fail jobs that lost too many workers: something about them kills processes."""
    error = JobLost(remedy="Report it to the administrator, with the job's id.",
                    times=LOST_LIMIT)
    await _fail(platform, job_ids, error)


async def _fail(platform: Platform, job_ids: list[int], error: VazaoError) -> None:
    for job_id in job_ids:
        async with platform.db.transaction() as conn:
            job = await store.jobs.lock(conn, job_id)
            ended = job and await ending.end(conn, job, "failed", error=error)
        if ended is not None:
            ending.record(ended)


async def watch_progress(platform: Platform) -> None:
    """Alarm for parts without progress for ten times what was expected; stop them at a limit.

    Their worker beats, so nobody takes them back: the job fails, the attempt is fenced, and its
    worker drops it within a second or so.
    """
    limit = platform.settings.worker_stuck_seconds
    least = min(STUCK_LEAST_SECONDS, limit)
    async with platform.db.connection() as conn:
        stuck = await store.parts.mark_stuck(conn, least)
        overdue = await store.parts.to_stop(conn, limit)
    for part in stuck:
        metrics.PARTS_STUCK.labels(part.kind).inc()
        log.error("part is stuck", **msgspec.structs.asdict(part))
    error = JobStuck(remedy="Start it over; if it happens again, report it with the job's id.",
                     seconds=round(limit))
    await _fail(platform, sorted(overdue), error)


async def release_held(platform: Platform) -> None:
    """Put into the queue what may run by now: the net under the release at each part's end."""
    async with platform.db.connection() as conn:
        waiting = await store.order.organizations_held(conn)
    for organization_id in waiting:
        async with platform.db.transaction() as conn:
            await fairness.release(conn, organization_id)


async def sweep(platform: Platform) -> None:
    """Every few minutes: expired idempotency keys, and open jobs whose upload never ended."""
    async with platform.db.connection() as conn:
        await store.jobs.free_keys(conn)
        abandoned = await store.jobs.abandoned(conn)
    for job_id in abandoned:
        async with platform.db.transaction() as conn:
            job = await store.jobs.lock(conn, job_id)
            if job is not None:
                await ending.end(conn, job, "cancelled")
