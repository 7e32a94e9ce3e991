"""What the pages of jobs show; reads only, each bounded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg.sql import Composed

from vazao.jobs.models import PartRow, Row, Step, Times
from vazao.kit import sql
from vazao.kit.sql import Conn, Page

Q = sql.load(__package__, "pages", part_row=sql.columns(PartRow))
_LIST, _PARTS = sql.paged(Q.list_rows, Row), sql.paged(Q.list_parts, PartRow, order="number")
_FILTERS = {
    "status": sql.trusted("and status = %(status)s "),
    "kind": sql.trusted("and kind = %(kind)s "),
    "before": sql.trusted("and id < %(before)s "),
    "hidden": sql.trusted("and kind <> all (%(hidden)s::text[]) "),
    "token": sql.trusted("and token = %(token)s "),
    "by": sql.trusted("and lower(requested_by) = lower(%(by)s) "),
    # Names from before they were kept composed (NFC) may not be: macOS takes letters apart.
    "about": sql.trusted(
        "and strpos(lower(normalize(payload ->> 'about')), lower(normalize(%(about)s))) > 0 "
    ),
    "above": sql.trusted("and id > %(above)s "),
}
# Those without an index of their own.
_SEARCHED = ("by", "about")


def listing(asked: Sequence[str]) -> Composed:
    """The statement of a list with the filters *asked* for."""
    return _LIST.format(filters=Composed([_FILTERS[name] for name in asked]))


async def rows(
    conn: Conn, organization_id: int, *, limit: int, before: int | None, status: str | None,
    kind: str | None, hidden: Sequence[str] = (), token: str | None = None, by: str | None = None,
    about: str | None = None, newest: int = 0,
) -> Page[Row]:
    """A page of the organization's jobs, newest first, with ids below *before*; none of a kind in
    *hidden*. By whom they were asked for (*by*), and a piece of what they work on (*about*), are
    looked for among the *newest*.
    """
    values: dict[str, Any] = {
        "status": status, "kind": kind, "before": before, "hidden": list(hidden) or None,
        "token": token, "by": by, "about": about,
    }
    asked = {name: value for name, value in values.items() if value is not None}
    if any(name in asked for name in _SEARCHED):
        last = await sql.row(
            conn, Q.nth_newest, organization_id=organization_id, newest=newest
        )
        asked["above"] = last[0] if last else 0
    return await sql.page(
        conn, Row, listing(list(asked)), organization_id=organization_id, limit=limit, **asked
    )


async def latest(
    conn: Conn, organization_id: int, kinds: Sequence[str], *, limit: int
) -> list[Row]:
    """The newest jobs of these kinds."""
    return await sql.every(
        conn, Row, Q.latest_of_kinds, organization_id=organization_id, kinds=list(kinds),
        limit=limit,
    )


async def times(
    conn: Conn, organization_id: int, kinds: Sequence[str], *, limit: int
) -> list[Times]:
    """How long each of *kinds* took lately, out of so many of its newest jobs."""
    found = await sql.rows(
        conn, Q.times_of_kinds, organization_id=organization_id, kinds=list(kinds), limit=limit
    )
    return [Times(*each) for each in found]


async def count_open(conn: Conn, organization_id: int, limit: int) -> int:
    """How many jobs of the organization wait or run, counted up to *limit*."""
    found = await sql.row(conn, Q.count_open, organization_id=organization_id, limit=limit)
    return found[0] if found else 0


async def parts(conn: Conn, job_id: int, *, after: int, limit: int) -> Page[PartRow]:
    """A page of the job's parts with numbers above *after*."""
    return await sql.page(conn, PartRow, _PARTS, job_id=job_id, after=after, limit=limit)


async def parts_at(conn: Conn, job_id: int, numbers: Sequence[int]) -> list[PartRow]:
    """The job's parts of these numbers."""
    return await sql.every(conn, PartRow, Q.parts_at, job_id=job_id, numbers=list(numbers))


async def steps(conn: Conn, job_id: int, limit: int) -> list[Step]:
    """The steps of the job's first parts, in their order."""
    found = await sql.rows(conn, Q.steps_of, job_id=job_id, limit=limit)
    return [Step(*each) for each in found]


async def troubled(conn: Conn, job_id: int, limit: int) -> list[PartRow]:
    """Those of the job's first parts that needed more than one attempt."""
    return await sql.every(conn, PartRow, Q.troubled_parts, job_id=job_id, limit=limit)
