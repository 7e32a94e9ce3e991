"""What a job that nobody works on waits for, in words: its turn, or what the platform misses.

A missing worker, a file store that is away and a full disk hold up all jobs; they are said before
the turn. This process looks at its own file store and disk, as ``/readyz`` does
(:mod:`vazao.kit.readiness`): the disk of a worker's host, where that is another, is not seen.
"""

from __future__ import annotations

from typing import Any

from vazao.jobs import fairness, store
from vazao.jobs.models import Job
from vazao.kit.errors import StorageFull, VazaoError
from vazao.kit.i18n import translate
from vazao.kit.platform import Platform
from vazao.kit.readiness import check_disk, check_storage
from vazao.kit.sql import Conn

Waits = dict[str, Any]
MESSAGES = {
    "next": "It is next: a worker starts it in a moment.",
    "turn": "It waits for its turn. Parts of jobs ahead of it: {ahead}.",
    "own_work": "It waits for other jobs of your organization. Parts ahead of it: {in_hand}.",
    "cap": "Your organization is processing the most parts allowed at a time: {in_hand}.",
    "retry": "An attempt failed; it is tried again in a moment.",
    "workers": "It waits for a worker: none is running. The administrator has to start one.",
    "storage": "It waits for the file storage, which cannot be reached. It then continues by "
    "itself.",
    "disk": "It waits because the disk is full. It continues once there is free space.",
}


async def look(platform: Platform, conn: Conn, job: Job) -> Waits | None:
    """What the database tells: ``None`` where the job does not wait."""
    found = await fairness.waits_for(conn, job)
    if found is None:
        return None
    if not await store.workers.count(conn, platform.settings.worker_lost_seconds):
        return {"reason": "workers"}
    return found


async def told(platform: Platform, found: Waits | None, language: str) -> Waits | None:
    """The same with what this process misses, and with a sentence in *language*.

    Called without a connection in hand: a file store that hangs takes its time.
    """
    if found is None:
        return None
    if found["reason"] != "workers" and (missing := await _missing(platform)):
        # When it is tried again is known all the same.
        found = {"reason": missing} | {k: v for k, v in found.items() if k == "at"}
    text = MESSAGES["next" if found.get("ahead") == 0 else found["reason"]]
    return found | {"message": translate(text, language).format(**found)}


async def _missing(platform: Platform) -> str | None:
    for check, reason in ((check_disk, "disk"), (check_storage, "storage")):
        try:
            await check(platform)
        except StorageFull:
            return "disk"
        except VazaoError:
            return reason
    return None
