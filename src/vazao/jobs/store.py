"""Runs the statements of ``queries.sql``: connection in, models out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from psycopg import AsyncConnection, sql
from psycopg.types.json import Jsonb

from vazao.jobs.errors import Fenced
from vazao.jobs.known import kind_of
from vazao.jobs.models import Job, NewPart, Part, PartRow
from vazao.kit.db import rows_of
from vazao.kit.sql import load, trusted

Q = load(__package__ or "vazao.jobs")
Conn = AsyncConnection[Any]
UNIT_SECONDS = 0.25
_PART = Part.__struct_fields__
_JOB = tuple(n for n in Job.__struct_fields__ if n != "created")

QUEUE = "vazao"
QUICK = "vazao.quick"
TASK = "vazao.part"


def _columns(model: type[msgspec.Struct], prefix: str = "") -> sql.Composed:
    dot = trusted(prefix)
    names = (n for n in model.__struct_fields__ if n != "created")
    return sql.SQL(", ").join(dot + sql.Identifier(n) for n in names)


@cache
def statement(name: str) -> bytes:
    """The statement *name* with the models' columns filled in, composed once."""
    composed: sql.Composed = getattr(Q, name).format(
        job=_columns(Job), part=_columns(Part),
        part_of=_columns(Part, "(b.part)."), job_of=_columns(Job, "(b.job)."),
        job_alone=_columns(Job, "j."), part_row=_columns(PartRow),
    )
    return composed.as_bytes(None)


async def run(conn: Conn, name: str, /, **params: object) -> int:
    """Run a statement; returns how many rows it touched."""
    return (await conn.execute(statement(name), params)).rowcount


async def one(conn: Conn, name: str, /, **params: object) -> tuple[Any, ...] | None:
    """The first row of a statement's answer, as a tuple."""
    return await (await conn.execute(statement(name), params)).fetchone()


async def every(conn: Conn, name: str, /, **params: object) -> list[tuple[Any, ...]]:
    """All rows of a statement's answer, as tuples."""
    return await (await conn.execute(statement(name), params)).fetchall()


async def job(conn: Conn, name: str, /, **params: object) -> Job | None:
    """A statement's answer as a job."""
    async with conn.cursor(row_factory=rows_of(Job)) as cursor:
        return await (await cursor.execute(statement(name), params)).fetchone()


async def jobs(conn: Conn, name: str, /, **params: object) -> list[Job]:
    """A statement's answer as jobs."""
    async with conn.cursor(row_factory=rows_of(Job)) as cursor:
        return await (await cursor.execute(statement(name), params)).fetchall()


async def write_parts(conn: Conn, job: Job, step: str, parts: Sequence[NewPart]) -> None:
    """Write *parts* of *step*, held, numbered after those that are there."""
    kind = kind_of(job.kind)
    await run(
        conn, "insert_parts", job_id=job.id, organization_id=job.organization_id, kind=job.kind,
        step=step, parts=Jsonb(msgspec.to_builtins(parts)),
        unit_seconds=kind.unit_seconds.get(step, UNIT_SECONDS), background=kind.background,
    )


async def fetch(
    conn: Conn, queues: Sequence[str], queue_worker_id: int | None, worker_id: int
) -> tuple[int, tuple[Part, Job, UUID] | None] | None:
    """The id of the next queue row, and the part and job that it begins with their run token.

    ``None`` where nothing waits; no part where the row was stale.
    """
    cursor = await conn.execute(
        statement("fetch_part"),
        {"queues": list(queues), "queue_worker_id": queue_worker_id, "worker_id": worker_id},
    )
    row = await cursor.fetchone()
    if row is None:
        return None
    if row[1] is None:
        return row[0], None
    job_from = 2 + len(_PART)
    part = msgspec.convert(dict(zip(_PART, row[2:job_from], strict=True)), Part, strict=False)
    found = dict(zip(_JOB, row[job_from:job_from + len(_JOB)], strict=True))
    return row[0], (part, msgspec.convert(found, Job, strict=False), row[1])


async def end_alone(conn: Conn, **params: object) -> tuple[Job, bool, bool] | None:
    """End a job of one part; the job, whether its organization has parts held, and has a cap.

    ``None`` where the job is more than that, or the attempt is not current.

    Raises:
        Fenced: the part was taken back at that very moment.
    """
    try:
        row = await one(conn, "end_alone", **params)
    except psycopg.Error as error:
        if error.sqlstate == "VZ001":
            raise Fenced from error
        raise
    if row is None:
        return None
    found = dict(zip(_JOB, row[:len(_JOB)], strict=True))
    return msgspec.convert(found, Job, strict=False), *row[len(_JOB):len(_JOB) + 2]
