"""A person is forgotten: whatever holds their values, by their e-mails."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from psycopg.sql import Identifier

from vazao.kit import sql
from vazao.kit.sql import Conn

Q = sql.load(__package__, "erasing")


class Person(NamedTuple):
    """A lead of one of the e-mails; ``live`` unless it is only kept to be restored."""

    id: int
    email: str
    opted_out: bool
    live: bool


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


async def emails(conn: Conn, job_id: int) -> list[str]:
    """Whom this job forgets."""
    found = await sql.row(conn, Q.find_purge, id=job_id)
    return found[0] if found else []


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
    patterns = _patterns(emails)
    await sql.run(conn, Q.clear_headers, organization_id=organization_id, patterns=patterns)
    found = await sql.row(
        conn, Q.clear_told, organization_id=organization_id, patterns=patterns
    )
    return found[0] if found else 0


def _patterns(emails: Sequence[str]) -> list[str]:
    """What LIKE finds them by, wherever they stand in a text."""
    bare = (e.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_") for e in emails)
    return [f"%{each}%" for each in bare]


async def staged(conn: Conn, organization_id: int, emails: Sequence[str]) -> None:
    """Erase their rows from what is staged."""
    tables = await sql.rows(conn, Q.staging_of, organization_id=organization_id)
    for table, tells, finished in tables:
        if tells:
            await sql.run(
                conn, Q.clear_refused.format(rejections=Identifier(table)),
                finished=bool(finished), patterns=_patterns(emails),
            )
            continue
        await sql.run(
            conn, Q.erase_staged.format(staging=Identifier(table)), emails=list(emails)
        )


async def rows(conn: Conn, organization_id: int, upload: str, numbers: Sequence[int]) -> None:
    """Clear what was told of these rows of a sheet."""
    await sql.run(
        conn, Q.clear_rows, organization_id=organization_id, upload=upload, rows=list(numbers)
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


async def lose_sheet(conn: Conn, organization_id: int, upload: str, why: str) -> list[str]:
    """Note why a stored sheet is gone; the public ids of imports that have not read it yet."""
    found = await sql.rows(
        conn, Q.lose_sheet, organization_id=organization_id, upload=upload, why=why
    )
    return [token for (token,) in found]
