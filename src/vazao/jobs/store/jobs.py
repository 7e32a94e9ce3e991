"""Jobs: asked for, cut into steps, ended, started over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from psycopg.types.json import Jsonb

from vazao.jobs.models import Counts, Job, Keyed, Progress
from vazao.kit import sql
from vazao.kit.sql import Conn, Page

_COLUMNS = tuple(name for name in Job.__struct_fields__ if name != "created")
Q = sql.load(__package__, "jobs", job=sql.columns(Job, without="created"))
_LIST = sql.paged(Q.list_jobs, _COLUMNS)
_LIST_ALL = sql.paged(Q.list_every_job, _COLUMNS)


def job_of(values: Sequence[Any]) -> Job:
    """The job whose columns *values* begins with."""
    found = dict(zip(_COLUMNS, values[:len(_COLUMNS)], strict=True))
    return msgspec.convert(found, Job, strict=False)


def after_job(values: Sequence[Any]) -> Sequence[Any]:
    """What follows a job's columns in *values*."""
    return values[len(_COLUMNS):]


def json_of(value: Any) -> Jsonb | None:
    """*value* as a statement takes it."""
    return None if value is None else Jsonb(msgspec.to_builtins(value))


async def insert(
    conn: Conn, *, token: str, organization_id: int, kind: str, payload: dict[str, Any],
    status: str, cost: float, parts: int, step: str, span: tuple[float, float],
    bytes_total: int | None, rows_total: int | None, request_id: str | None,
    requested_by: str | None, client: int, idempotency: tuple[str, str] | None,
) -> Job | None:
    """A new job; ``None`` where another holds its idempotency key.

    Args:
        parts: how many of it are about to be written.
        client: for the public, who asks (else 0).
        span: where its first step begins on the whole's 0..1, and how much of it it takes.
        idempotency: the key, and a hash of what was asked.
    """
    (base, width), (key, digest) = span, idempotency or (None, None)
    return await sql.one(
        conn, Job, Q.insert_job, token=token, organization_id=organization_id, kind=kind,
        payload=Jsonb(payload), status=status, cost=cost, parts=parts, step=step, base=base,
        span=width, bytes_total=bytes_total, rows_total=rows_total, request_id=request_id,
        requested_by=requested_by, client=client, key=key, hash=digest,
    )


async def find_keyed(conn: Conn, organization_id: int, key: str) -> Keyed | None:
    """The organization's job that holds an idempotency key."""
    found = await sql.row(conn, Q.find_idempotent, organization_id=organization_id, key=key)
    return None if found is None else Keyed(job_of(found), *after_job(found))


async def free_key(conn: Conn, organization_id: int, key: str) -> None:
    """Free an idempotency key that is no longer honoured."""
    await sql.run(conn, Q.drop_idempotency, organization_id=organization_id, key=key)


async def free_keys(conn: Conn) -> None:
    """Free all idempotency keys that are no longer honoured."""
    await sql.run(conn, Q.drop_idempotency, organization_id=None, key=None)


async def hold_key(conn: Conn, job_id: int, key: str, digest: str) -> None:
    """Let the key lead to the job; psycopg's ``UniqueViolation`` where it leads to another."""
    await sql.run(conn, Q.key_job, id=job_id, key=key, hash=digest)


async def find(conn: Conn, organization_id: int, token: str) -> Job | None:
    """The organization's job, hidden or not."""
    return await sql.one(conn, Job, Q.get_job, token=token, organization_id=organization_id)


async def lock(conn: Conn, job_id: int) -> Job | None:
    """The job, held until the commit."""
    return await sql.one(conn, Job, Q.lock_job, id=job_id)


async def newest(
    conn: Conn, organization_id: int, *, limit: int, before: int | None, status: str | None,
    kind: str | None, hidden: Sequence[str] = (),
) -> Page[Job]:
    """A page of the organization's jobs, newest first, with ids below *before*; none of a kind in
    *hidden*.
    """
    return await sql.page(
        conn, Job, _LIST, organization_id=organization_id, limit=limit, before=before,
        status=status, kind=kind, hidden=list(hidden),
    )


async def newest_of_all(
    conn: Conn, *, limit: int, status: str | None, kind: str | None
) -> Page[Job]:
    """The newest jobs, whosever they are."""
    return await sql.page(conn, Job, _LIST_ALL, limit=limit, status=status, kind=kind)


async def by_ids(conn: Conn, organization_id: int, ids: Sequence[int]) -> list[Job]:
    """The organization's jobs among *ids*, in any order."""
    return await sql.every(
        conn, Job, Q.jobs_by_ids, ids=list(ids), organization_id=organization_id
    )


async def at_work(conn: Conn, ids: Sequence[int]) -> set[int]:
    """Which of *ids* have not ended."""
    return {found for (found,) in await sql.rows(conn, Q.jobs_at_work, ids=list(ids))}


async def results(conn: Conn, kind: str, tokens: Sequence[str]) -> list[tuple[int, str, Any]]:
    """Organization, token and result of jobs of *kind*, whosever they are."""
    found = await sql.rows(conn, Q.results_by_token, kind=kind, tokens=list(tokens))
    return [(organization_id, token, result) for organization_id, token, result in found]


async def begin_step(
    conn: Conn, job_id: int, step: str, *, parts: int, join: str | None,
    span: tuple[float, float],
) -> Job | None:
    """The job with so many parts of *step* counted; ``None`` where it has ended."""
    base, width = span
    return await sql.one(
        conn, Job, Q.begin_step, id=job_id, step=step, count=parts, join_step=join, base=base,
        span=width,
    )


async def count_part(conn: Conn, job_id: int) -> Job | None:
    """The job with one part more of its step counted; ``None`` where it has ended."""
    return await sql.one(conn, Job, Q.count_part, id=job_id)


async def seal(
    conn: Conn, job_id: int, *, join: str | None, payload: dict[str, Any],
    bytes_total: int | None,
) -> Job | None:
    """The open job, visible from now on; ``None`` where it is not open."""
    return await sql.one(
        conn, Job, Q.seal_job, id=job_id, join_step=join, payload=Jsonb(payload),
        bytes_total=bytes_total,
    )


async def begin_join(conn: Conn, job_id: int, step: str, span: tuple[float, float]) -> Job | None:
    """The job whose joining step begins."""
    base, width = span
    return await sql.one(conn, Job, Q.begin_join, id=job_id, step=step, base=base, span=width)


async def count_down(
    conn: Conn, job_id: int, step: str, *, seconds: float, progress: Progress, counts: Counts
) -> Job | None:
    """The job with one part less to do, held until the commit; ``None`` where it has ended."""
    return await sql.one(
        conn, Job, Q.count_down, id=job_id, step=step, seconds=seconds, phase=progress.phase,
        rows_total=progress.rows_total, rows_done=progress.rows_done,
        bytes_done=progress.bytes_done, rows_more=counts.rows, bytes_more=counts.bytes,
    )


async def count_attempt(conn: Conn, job_id: int, *, seconds: float) -> None:
    """Count an attempt that another one follows, and what it took."""
    await sql.run(conn, Q.count_attempt, id=job_id, seconds=seconds)


async def end(
    conn: Conn, job_id: int, status: str, *, result: Any, error: dict[str, Any] | None,
    seconds: float,
) -> Job | None:
    """The job that ended just now; ``None`` where it had ended before."""
    return await sql.one(
        conn, Job, Q.end_job, id=job_id, status=status, result=json_of(result),
        error=json_of(error), seconds=seconds,
    )


async def keep_result(conn: Conn, job_id: int, result: Any) -> None:
    """What a job that did not finish has done until then."""
    await sql.run(conn, Q.keep_result, id=job_id, result=json_of(result))


async def restart(
    conn: Conn, job_id: int, step: str, span: tuple[float, float]
) -> Job | None:
    """The failed or cancelled job, queued again; ``None`` where it is neither."""
    base, width = span
    return await sql.one(conn, Job, Q.restart_job, id=job_id, step=step, base=base, span=width)


async def drop_open(conn: Conn, job_id: int) -> None:
    """Remove a job that is still hidden."""
    await sql.run(conn, Q.drop_open_job, id=job_id)


async def forget(
    conn: Conn, organization_id: int, kind: str, *, finished_seconds: float,
    others_seconds: float, limit: int,
) -> int:
    """Delete ended jobs of a kind: finished ones, and others, that ended so long ago; how many."""
    return await sql.run(
        conn, Q.forget_jobs, organization_id=organization_id, kind=kind,
        finished=finished_seconds, others=others_seconds, limit=limit,
    )


async def abandoned(conn: Conn) -> list[int]:
    """Open jobs whose upload never ended."""
    return [found for (found,) in await sql.rows(conn, Q.abandoned_jobs)]


async def set_listened(conn: Conn, organization_id: int) -> None:
    """Note that somebody of an organization wants to be told when its jobs end."""
    await sql.run(conn, Q.insert_listened, organization_id=organization_id)
