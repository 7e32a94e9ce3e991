"""Parts: written, begun, ended, given up, and those that are stuck."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
import psycopg

from vazao.jobs.errors import Fenced
from vazao.jobs.models import Attempt, Counts, Job, NewPart, Part, Progress, Stuck
from vazao.jobs.store.jobs import after_job, job_of, json_of
from vazao.kit import sql
from vazao.kit.sql import Conn

_COLUMNS = Part.__struct_fields__
Q = sql.load(
    __package__, "parts", part_of=sql.columns(Part, "(b.part)."),
    job_of=sql.columns(Job, "(b.job).", without="created"),
    job_alone=sql.columns(Job, "j.", without="created"),
)


async def insert(
    conn: Conn, job: Job, step: str, parts: Sequence[NewPart], *, unit_seconds: float,
    background: bool,
) -> None:
    """Write *parts* of *step*, held, numbered after those that are there.

    Args:
        unit_seconds: what one unit of their cost takes, until it has been measured.
    """
    await sql.run(
        conn, Q.insert_parts, job_id=job.id, organization_id=job.organization_id, kind=job.kind,
        step=step, parts=json_of(parts), unit_seconds=unit_seconds, background=background,
    )


async def fetch(
    conn: Conn, queues: Sequence[str], queue_worker_id: int | None, worker_id: int
) -> tuple[int, tuple[Part, Job, UUID] | None] | None:
    """The id of the next queue row, and the part and job that it begins with their run token.

    ``None`` where nothing waits; no part where the row was stale.
    """
    row = await sql.row(
        conn, Q.fetch_part, queues=list(queues), queue_worker_id=queue_worker_id,
        worker_id=worker_id,
    )
    if row is None:
        return None
    if row[1] is None:
        return row[0], None
    job_from = 2 + len(_COLUMNS)
    found = dict(zip(_COLUMNS, row[2:job_from], strict=True))
    part = msgspec.convert(found, Part, strict=False)
    return row[0], (part, job_of(row[job_from:]), row[1])


async def drop_queue_row(conn: Conn, row_id: int) -> None:
    """Remove a fetched queue row whose part was stale."""
    await sql.run(conn, Q.drop_queue_row, id=row_id)


async def is_current(conn: Conn, attempt: Attempt) -> bool:
    """Whether the attempt may still commit."""
    found = await sql.row(
        conn, Q.part_is_current, job_id=attempt.job_id, number=attempt.number,
        run_token=attempt.token,
    )
    return bool(found and found[0])


async def report(conn: Conn, attempt: Attempt, progress: Progress) -> bool:
    """Show how far the attempt is; false where it is no longer current."""
    return await sql.row(
        conn, Q.report_progress, job_id=attempt.job_id, number=attempt.number,
        run_token=attempt.token, phase=progress.phase, rows_total=progress.rows_total,
        rows_done=progress.rows_done, bytes_done=progress.bytes_done, fraction=progress.fraction,
    ) is not None


async def end_alone(
    conn: Conn, attempt: Attempt, *, result: Any, seconds: float, charge: float,
    queue_id: int | None, progress: Progress, counts: Counts,
) -> tuple[Job, bool, bool] | None:
    """End a job of one part; the job, whether its organization has parts held, and has a cap.

    ``None`` where the job is more than that, or the attempt is not current.

    Raises:
        Fenced: the part was taken back at that very moment.
    """
    try:
        row = await sql.row(
            conn, Q.end_alone, job_id=attempt.job_id, number=attempt.number,
            run_token=attempt.token, result=json_of(result), seconds=seconds, charge=charge,
            queue_id=queue_id, phase=progress.phase, rows_total=progress.rows_total,
            rows_done=progress.rows_done, bytes_done=progress.bytes_done, rows_more=counts.rows,
            bytes_more=counts.bytes,
        )
    except psycopg.Error as error:
        if error.sqlstate == "VZ001":
            raise Fenced from error
        raise
    if row is None:
        return None
    held, capped, _ = after_job(row)
    return job_of(row), held, capped


async def end(
    conn: Conn, attempt: Attempt, state: str, *, result: Any, seconds: float, charge: float,
    queue_id: int | None, relaxed: bool,
) -> bool:
    """End the part as ``done`` or ``failed``; false where the attempt is not current.

    Args:
        charge: seconds that its organization pays beyond what was expected.
        relaxed: whether the commit need not wait for the disk.
    """
    return await sql.row(
        conn, Q.end_part, job_id=attempt.job_id, number=attempt.number, run_token=attempt.token,
        state=state, result=json_of(result), seconds=seconds, charge=charge, queue_id=queue_id,
        relaxed=relaxed,
    ) is not None


async def hold(
    conn: Conn, attempt: Attempt, *, errors: int, lost: int, delay: float, charge: float,
    queue_id: int | None,
) -> bool:
    """Give the attempt up for another one, *delay* seconds later; false where it is not current."""
    return await sql.row(
        conn, Q.hold_part, job_id=attempt.job_id, number=attempt.number, run_token=attempt.token,
        errors=errors, lost=lost, delay=delay, charge=charge, queue_id=queue_id,
    ) is not None


async def cancel_all(conn: Conn, job_id: int) -> None:
    """Cancel what the job still has open."""
    await sql.run(conn, Q.cancel_parts, job_id=job_id)


async def delete_all(conn: Conn, job_id: int) -> None:
    """Remove the job's parts."""
    await sql.run(conn, Q.delete_parts, job_id=job_id)


async def results(conn: Conn, job_id: int, step: str) -> list[Any]:
    """What the finished parts of *step* found, in the order of the parts."""
    return [found for (found,) in await sql.rows(conn, Q.results_of, job_id=job_id, step=step)]


async def results_after(
    conn: Conn, job_id: int, step: str, *, after: int, limit: int
) -> list[tuple[int, Any]]:
    """A page of what finished parts of *step* found: number (above *after*) and result."""
    found = await sql.rows(
        conn, Q.results_after, job_id=job_id, step=step, after=after, limit=limit
    )
    return [(number, result) for number, result in found]


async def mark_stuck(conn: Conn, least_seconds: float) -> list[Stuck]:
    """Parts that show no progress, each returned once."""
    return await sql.every(conn, Stuck, Q.mark_stuck, least_seconds=least_seconds)


async def to_stop(conn: Conn, limit_seconds: float) -> list[int]:
    """The jobs of parts that have been stuck for too long."""
    found = await sql.rows(conn, Q.parts_to_stop, limit_seconds=limit_seconds)
    return [job_id for (job_id,) in found]
