"""Runs the statements of ``queries.sql``: connection in, models out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any
from uuid import UUID

import msgspec
from psycopg import AsyncConnection, sql
from psycopg.types.json import Jsonb

from vazao.jobs.models import Job, NewPart, Part, Upload
from vazao.kit.db import rows_of
from vazao.kit.sql import load, trusted

Q = load(__package__ or "vazao.jobs")
Conn = AsyncConnection[Any]

QUEUE = "vazao"
TASK = "vazao.part"
QUEUE_LIMIT = 200


def _columns(model: type[msgspec.Struct], prefix: str = "", label: str = "") -> sql.Composed:
    names = [n for n in model.__struct_fields__ if n != "created"]
    dot = trusted(prefix)
    return sql.SQL(", ").join(
        dot + sql.Identifier(n) + (sql.SQL(" as ") + sql.Identifier(label + n) if label else
                                   sql.SQL(""))
        for n in names
    )


@cache
def statement(name: str) -> bytes:
    """The statement *name* with the models' columns filled in, composed once."""
    composed: sql.Composed = getattr(Q, name).format(
        job=_columns(Job), part=_columns(Part), upload=_columns(Upload),
        begun=_columns(Part, "begun.", "part_"), job_of=_columns(Job, "j.", "job_"),
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


async def uploads(conn: Conn, name: str, /, **params: object) -> list[Upload]:
    """A statement's answer as uploads."""
    async with conn.cursor(row_factory=rows_of(Upload)) as cursor:
        return await (await cursor.execute(statement(name), params)).fetchall()


async def write_parts(conn: Conn, job: Job, step: str, parts: Sequence[NewPart]) -> None:
    """Write *parts* of *step*, held, numbered after those that are there."""
    await run(
        conn, "insert_parts", job_id=job.id, organization_id=job.organization_id, kind=job.kind,
        step=step, parts=Jsonb(msgspec.to_builtins(parts)),
    )


async def release(conn: Conn, organization_id: int, limit: int = QUEUE_LIMIT) -> int:
    """Put the organization's next held parts into the queue; returns how many."""
    return await run(
        conn, "release_parts", organization_id=organization_id, limit=limit, queue=QUEUE,
        task=TASK, priority=0,
    )


async def begin(
    conn: Conn, job_id: int, number: int, release: int, run_token: UUID, worker_id: int
) -> tuple[Part, Job] | None:
    """Take a released part for an attempt; ``None`` where the queue's row was stale."""
    cursor = await conn.execute(
        statement("begin_part"),
        {"job_id": job_id, "number": number, "release": release, "run_token": run_token,
         "worker_id": worker_id},
    )
    row = await cursor.fetchone()
    if row is None:
        return None
    named = dict(zip((c.name for c in cursor.description or ()), row, strict=True))
    part = {n: named[f"part_{n}"] for n in Part.__struct_fields__}
    found = {n: named[f"job_{n}"] for n in Job.__struct_fields__ if n != "created"}
    return msgspec.convert(part, Part, strict=False), msgspec.convert(found, Job, strict=False)
