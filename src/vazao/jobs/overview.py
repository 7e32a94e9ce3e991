"""What people look at: rows of jobs, their parts, how long kinds of work take. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from psycopg import sql

from vazao.jobs import store
from vazao.jobs.models import Job, PartRow, between
from vazao.jobs.store import Conn, Q
from vazao.kit.db import rows_of
from vazao.kit.sql import trusted

OPEN_LIMIT = 1000
NEWEST_OF_KIND = 500
PICTURED = 200
LOOKED_AT = 5000
FILTERS = {
    "status": trusted("and status = %(status)s "),
    "kind": trusted("and kind = %(kind)s "),
    "before": trusted("and id < %(before)s "),
}


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A job as a list shows it: the fields of :class:`Job` of the same names."""

    id: int
    token: str
    kind: str
    status: str
    phase: str | None
    progress: float
    requested_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    execution_seconds: float
    bytes_total: int | None
    bytes_done: int
    rows_total: int | None
    rows_done: int
    parts_total: int
    parts_done: int
    error: dict[str, Any] | None

    @property
    def lead_seconds(self) -> float | None:
        """From the request to the end."""
        return between(self.requested_at, self.finished_at)

    @property
    def queue_seconds(self) -> float | None:
        """From the request to the first part's start."""
        return between(self.requested_at, self.started_at)


class Step(msgspec.Struct, frozen=True):
    """A step of a job: its parts, those done, its first begin and its last end."""

    name: str
    parts: int
    done: int
    started_at: datetime | None
    finished_at: datetime | None


class Times(msgspec.Struct, frozen=True):
    """Of a kind's finished jobs: how many, and (median, 95th percentile) of seconds."""

    kind: str
    count: int
    queue: list[float]
    execution: list[float]
    lead: list[float]


class Event(msgspec.Struct, frozen=True):
    """Something that happened to a job: when, what, and what belongs to it."""

    at: datetime
    what: str
    values: dict[str, Any]


async def rows(
    conn: Conn, organization_id: int, *, limit: int, before: int | None = None,
    status: str | None = None, kind: str | None = None,
) -> list[Row]:
    """The organization's jobs, newest first; *before* is the id that the last page ended with."""
    values = {"status": status, "kind": kind, "before": before}
    asked = {name: value for name, value in values.items() if value is not None}
    filters = sql.Composed([FILTERS[name] for name in asked])
    params = asked | {"organization_id": organization_id, "limit": limit}
    async with conn.cursor(row_factory=rows_of(Row)) as cursor:
        await cursor.execute(Q.list_rows.format(filters=filters), params)
        return await cursor.fetchall()


async def times(conn: Conn, organization_id: int, kinds: Sequence[str]) -> list[Times]:
    """How long each of *kinds* took within the last 24 hours, for those that ended."""
    found = await store.every(
        conn, "times_of_kinds", organization_id=organization_id, kinds=list(kinds),
        limit=NEWEST_OF_KIND,
    )
    return [Times(*row) for row in found]


async def open_jobs(conn: Conn, organization_id: int) -> int:
    """How many jobs of the organization wait or run; counted up to ``OPEN_LIMIT``."""
    row = await store.one(
        conn, "count_open", organization_id=organization_id, limit=OPEN_LIMIT
    )
    return row[0] if row else 0


async def parts(conn: Conn, job: Job, *, after: int, limit: int) -> list[PartRow]:
    """The job's parts that follow number *after*."""
    return await _parts(conn, "list_parts", job_id=job.id, after=after, limit=limit)


async def sample(conn: Conn, job: Job) -> list[PartRow]:
    """At most ``PICTURED`` of the job's parts, evenly chosen, the first and last among them."""
    total = job.parts_total
    step = max(1, (total - 1) / (PICTURED - 1))
    numbers = sorted({1 + round(n * step) for n in range(min(total, PICTURED))})
    return await _parts(conn, "parts_at", job_id=job.id, numbers=numbers)


async def _parts(conn: Conn, name: str, **params: Any) -> list[PartRow]:
    async with conn.cursor(row_factory=rows_of(PartRow)) as cursor:
        return await (await cursor.execute(store.statement(name), params)).fetchall()


async def events(conn: Conn, job: Job) -> list[Event]:
    """What the rows still tell of the job's course, in its order.

    Of each part only the latest attempt's times are kept: an earlier one shows as a count.
    """
    steps = [
        Step(*row) for row in await store.every(
            conn, "steps_of", job_id=job.id, limit=LOOKED_AT)
    ]
    troubled = await _parts(conn, "troubled_parts", job_id=job.id, limit=LOOKED_AT)
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
