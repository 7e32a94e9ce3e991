"""A person is forgotten: whatever holds their values, by their e-mails."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from psycopg.sql import Identifier
from psycopg.types.json import Jsonb

from vazao.kit import sql
from vazao.kit.sql import Conn

Q = sql.load(__package__, "erasing")


class Person(NamedTuple):
    """A lead of one of the e-mails; ``live`` unless it is only kept to be restored."""

    id: int
    email: str
    opted_out: bool
    live: bool


class Purge(NamedTuple):
    """Whom a job forgets; ``expired``: nobody asked; ``done``: what attempts before removed."""

    emails: list[str]
    expired: bool
    done: dict[str, Any]


async def create(
    conn: Conn, job_id: int, organization_id: int, emails: Sequence[str], *, expired: bool
) -> None:
    """Whom a job is to forget; *expired*: they were deleted for long, and nobody asked."""
    await sql.run(
        conn, Q.create_purge, id=job_id, organization_id=organization_id, emails=list(emails),
        expired=expired,
    )


async def spare_those_back(conn: Conn, job_id: int) -> None:
    """Who was only deleted for long, and has come back, is no longer meant."""
    await sql.run(conn, Q.spare_those_back, id=job_id)


async def take_expired(
    conn: Conn, *, kept: timedelta, limit: int
) -> list[tuple[int, list[str]]]:
    """Remove so many of those that were deleted longer ago than *kept*: organization, e-mails."""
    found = await sql.rows(conn, Q.take_expired, kept=kept, limit=limit)
    return [(organization_id, emails) for organization_id, emails in found]


async def stop(conn: Conn, job_id: int, done: dict[str, Any]) -> None:
    """It did not finish: keep whom it forgets, and what it has removed."""
    await sql.run(conn, Q.stop_purge, id=job_id, done=Jsonb(done))


async def resume(conn: Conn, job_id: int) -> bool:
    """It starts over; false where it is no longer known whom it was to forget."""
    return await sql.row(conn, Q.resume_purge, id=job_id) is not None


async def forget_stopped(conn: Conn, *, kept: timedelta) -> None:
    """Forget whom jobs were to forget that ended longer ago than *kept*, unfinished."""
    await sql.run(conn, Q.forget_stopped, kept=kept)


async def whom(conn: Conn, job_id: int) -> Purge:
    """Whom this job forgets; nobody where that is known no longer."""
    found = await sql.row(conn, Q.find_purge, id=job_id)
    return Purge(found[0], found[1], found[2] or {}) if found else Purge([], False, {})


async def known(conn: Conn, ids: Sequence[int]) -> set[int]:
    """Of which of these jobs it is known whom they forget."""
    return {id for (id,) in await sql.rows(conn, Q.known_purges, ids=list(ids))}


async def forget(conn: Conn, job_id: int) -> None:
    """Nobody needs to know whom it forgot."""
    await sql.run(conn, Q.forget_purge, id=job_id)


async def people(conn: Conn, organization_id: int, emails: Sequence[str]) -> list[Person]:
    """Their leads, and those that can still be restored; locked."""
    found = await sql.rows(
        conn, Q.find_people, organization_id=organization_id, emails=list(emails)
    )
    return [Person(*each) for each in found]


async def leads(conn: Conn, organization_id: int, ids: Sequence[int]) -> None:
    """Erase the leads, what can be restored of them, and what was done to them."""
    await sql.run(conn, Q.erase_leads, organization_id=organization_id, ids=list(ids))


async def told(conn: Conn, organization_id: int, emails: Sequence[str]) -> int:
    """Clear what imports have told that holds one of the e-mails; how many values."""
    where: dict[str, Any] = {
        "organization_id": organization_id, "patterns": sql.containing(emails),
    }
    await sql.run(conn, Q.clear_headers, **where)
    named = await sql.row(conn, Q.clear_names, **where)
    found = await sql.row(conn, Q.clear_told, **where)
    return (named or (0,))[0] + (found or (0,))[0]


async def mentions(
    conn: Conn, organization_id: int, emails: Sequence[str], *, after: int, limit: int
) -> tuple[int | None, int]:
    """How many of the next *limit* leads mention one of the e-mails beside their own, and the
    last one's id; ``None`` where none follows.
    """
    found = await sql.row(
        conn, Q.count_mentions, organization_id=organization_id, emails=list(emails), after=after,
        limit=limit, patterns=sql.containing(emails), exactly=[_exactly(e) for e in emails],
    )
    return found if found else (None, 0)


def _exactly(email: str) -> str:
    """What PostgreSQL finds an address by, but not as a piece of a longer one."""
    plain = re.sub(r"([^\w@])", r"\\\1", email)
    before, behind = r"(^|[^[:alnum:]._%+-])", r"($|[^[:alnum:]._-]|[.]($|[^[:alnum:]]))"
    return f"{before}{plain}{behind}"


async def staged(conn: Conn, organization_id: int, emails: Sequence[str]) -> None:
    """Erase their rows from what is staged."""
    tables = await sql.rows(conn, Q.staging_of, organization_id=organization_id)
    for table, tells, finished in tables:
        if tells:
            await sql.run(
                conn, Q.clear_refused.format(rejections=Identifier(table)),
                finished=bool(finished), patterns=sql.containing(emails),
            )
            continue
        await sql.run(
            conn, Q.erase_staged.format(staging=Identifier(table)), emails=list(emails)
        )


async def late_sheets(
    conn: Conn, *, kept: timedelta, limit: int
) -> list[tuple[int, str, list[int]]]:
    """Sheets whose last import was asked for longer ago than *kept*: organization, upload, jobs."""
    found = await sql.rows(conn, Q.late_sheets, kept=kept, limit=limit)
    return [(organization_id, upload, ids) for organization_id, upload, ids in found]


async def clear_sheet(conn: Conn, organization_id: int, upload: str) -> None:
    """Clear what was told of any row of a sheet."""
    await sql.run(conn, Q.clear_sheet, organization_id=organization_id, upload=upload)


async def lose_sheet(
    conn: Conn, organization_id: int, upload: str, why: str
) -> list[tuple[str, bool]]:
    """Note why a stored sheet is gone; the public ids of its imports, and which have read it."""
    found = await sql.rows(
        conn, Q.lose_sheet, organization_id=organization_id, upload=upload, why=why
    )
    return [(token, read) for token, read in found]


async def why_gone(conn: Conn, organization_id: int, upload: str) -> str | None:
    """Why a stored sheet is gone, if its imports say so."""
    found = await sql.row(conn, Q.why_gone, organization_id=organization_id, upload=upload)
    return found[0] if found else None
