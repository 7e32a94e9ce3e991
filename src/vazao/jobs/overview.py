"""What people look at: rows of jobs, their parts, how long kinds of work take. Reads only."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from vazao.jobs import store
from vazao.jobs.models import Job, PartRow, Row, Step, Times
from vazao.kit.registry import Deed, Registry
from vazao.kit.sql import Conn, Page

OPEN_LIMIT = 1000
NEWEST_OF_KIND = 500
PICTURED = 200
LATEST = 5
LOOKED_AT = 5000
SEARCHED = 5000
_ID = re.compile("[0-9a-f]{32}")


class Event(msgspec.Struct, frozen=True):
    """Something that happened to a job: when, what, and what belongs to it."""

    at: datetime
    what: str
    values: dict[str, Any]


async def rows(
    conn: Conn, organization_id: int, *, limit: int, before: int | None = None,
    status: str | None = None, kind: str | None = None, hidden: Sequence[str] = (),
    by: str | None = None, text: str | None = None,
) -> Page[Row]:
    """A page of the organization's jobs, newest first; *before*: the last page's last id.

    Args:
        by: who asked for them, and *text*, a piece of what they work on, are looked for among
            the ``SEARCHED`` newest. A *text* that is a whole id finds that job however old.
    """
    whole = text is not None and _ID.fullmatch(text.lower()) is not None
    return await store.pages.rows(
        conn, organization_id, limit=limit, before=before, status=status, kind=kind,
        hidden=hidden, by=by, newest=SEARCHED,
        **({"token": (text or "").lower()} if whole else {"about": text}),
    )


async def latest(conn: Conn, organization_id: int, registry: Registry) -> list[Deed]:
    """The newest few jobs for the home page: of kinds that every member may read, that somebody
    asks for, and that are in no list of their feature.
    """
    own = {kind for each in registry.recent for kind in each.kinds}
    titles = {
        name: kind.title for name, kind in registry.job_kinds.items()
        if not (kind.background or kind.recurring or name in own)
        and registry.scopes.get(f"{name.partition('.')[0]}:read", True)
    }
    found = await store.pages.latest(conn, organization_id, list(titles), limit=LATEST)
    return [
        Deed(f"/jobs/{row.token}", row.status, row.requested_at, titles[row.kind], row.about or "")
        for row in found
    ]


async def times(conn: Conn, organization_id: int, kinds: Sequence[str]) -> list[Times]:
    """How long each of *kinds* took within the last 24 hours, for those that ended."""
    return await store.pages.times(conn, organization_id, kinds, limit=NEWEST_OF_KIND)


async def open_jobs(conn: Conn, organization_id: int) -> int:
    """How many jobs of the organization wait or run; counted up to ``OPEN_LIMIT``."""
    return await store.pages.count_open(conn, organization_id, OPEN_LIMIT)


async def parts(conn: Conn, job: Job, *, after: int, limit: int) -> Page[PartRow]:
    """A page of the job's parts that follow number *after*."""
    return await store.pages.parts(conn, job.id, after=after, limit=limit)


async def sample(conn: Conn, job: Job) -> list[PartRow]:
    """At most ``PICTURED`` of the job's parts, evenly chosen, the first and last among them."""
    total = job.parts_total
    step = max(1, (total - 1) / (PICTURED - 1))
    numbers = sorted({1 + round(n * step) for n in range(min(total, PICTURED))})
    return await store.pages.parts_at(conn, job.id, numbers)


async def events(conn: Conn, job: Job) -> list[Event]:
    """What the rows still tell of the job's course, in its order.

    Of each part only the latest attempt's times are kept: an earlier one shows as a count.
    """
    steps = await store.pages.steps(conn, job.id, LOOKED_AT)
    troubled = await store.pages.troubled(conn, job.id, LOOKED_AT)
    found = [Event(job.requested_at, "requested", {"by": job.requested_by})]
    for step in steps:
        found += _of_step(step)
    for part in troubled:
        values = {n: getattr(part, n) for n in ("number", "step", "attempts", "errors", "lost")}
        found.append(Event(part.started_at or part.requested_at, "again", values))
    found.sort(key=lambda event: event.at)
    if job.finished_at is not None:
        found.append(Event(job.finished_at, job.status, {}))
    return found


def _of_step(step: Step) -> list[Event]:
    values = {"step": step.name, "parts": step.parts}
    found = []
    if step.started_at is not None:
        found.append(Event(step.started_at, "began", values))
    if step.finished_at is not None and step.done == step.parts:
        found.append(Event(step.finished_at, "done", values))
    return found
