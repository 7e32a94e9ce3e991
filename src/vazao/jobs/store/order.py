"""The fair order: what is released into the queue, and what organizations are charged."""

from __future__ import annotations

from collections.abc import Mapping

from vazao.jobs.models import Load, Waiting
from vazao.kit import sql
from vazao.kit.sql import Conn

Q = sql.load(__package__, "order")

QUEUE = "vazao"
QUICK = "vazao.quick"
TASK = "vazao.part"


async def release(
    conn: Conn, organization_id: int, *, limit: int, background: int, quick_seconds: float
) -> int | None:
    """Queue the organization's next held parts; how many, ``None`` where it has no share yet.

    Args:
        limit: parts that it may have in the queue.
        background: those among them that nobody waits for.
        quick_seconds: what is expected to take less stands in the quick queue.
    """
    found = await sql.row(
        conn, Q.release_parts, organization_id=organization_id, limit=limit,
        background=background, quick_seconds=quick_seconds, queue=QUEUE, quick=QUICK, task=TASK,
    )
    return None if found is None else found[0]


async def make_share(conn: Conn, organization_id: int) -> None:
    """Give the organization its place in the order."""
    await sql.run(conn, Q.make_share, organization_id=organization_id)


async def any_held(conn: Conn, organization_id: int) -> tuple[bool, bool]:
    """Whether the organization has a part that could be released now, and whether it has a cap."""
    found = await sql.row(conn, Q.any_held, organization_id=organization_id)
    return (found[0], found[1]) if found else (False, False)


async def organizations_held(conn: Conn) -> list[int]:
    """The organizations with parts that could be released now."""
    return [found for (found,) in await sql.rows(conn, Q.organizations_held)]


async def charge(conn: Conn, owed: Mapping[int, float]) -> None:
    """Charge organizations the seconds that each owes; locks their shares."""
    organizations = sorted(owed)
    await sql.run(
        conn, Q.settle_charges, organizations=organizations,
        seconds=[owed[each] for each in organizations],
    )


async def measure_rate(
    conn: Conn, kind: str, step: str, *, seconds: float, units: float, keep: float
) -> None:
    """Remember what so many units of a step's cost took; *keep* is the weight of what was known."""
    await sql.run(
        conn, Q.measure_rate, kind=kind, step=step, seconds=seconds, units=units, keep=keep
    )


async def set_share(
    conn: Conn, organization_id: int, *, weight: float | None, parts_cap: int | None
) -> tuple[float, int | None]:
    """The organization's weight and cap, as they are from now on; ``None`` leaves one, 0 no cap."""
    found = await sql.row(
        conn, Q.set_share, organization_id=organization_id, weight=weight, parts_cap=parts_cap
    )
    assert found is not None
    return found[0], found[1]


async def waits(conn: Conn, job_id: int) -> Waiting | None:
    """What stands before the job's first part; ``None`` where none waits."""
    found = await sql.row(conn, Q.job_waits, job_id=job_id)
    return None if found is None else Waiting(*found)


async def rebase(conn: Conn, past: int) -> None:
    """Let priorities begin anew where nothing waits, or *past* so many microseconds."""
    await sql.run(conn, Q.rebase_clock, past=past)
    await sql.run(conn, Q.repair_priorities)


async def load(conn: Conn) -> Load:
    """How much there is to do."""
    found = await sql.one(conn, Load, Q.load)
    assert found is not None
    return found


async def waiting(
    conn: Conn, organization_id: int, client: int, limit: int
) -> tuple[int, int]:
    """Parts of the organization that wait, counted up to *limit*, and those of its client."""
    found = await sql.row(
        conn, Q.waiting_parts, organization_id=organization_id, client=client, limit=limit
    )
    assert found is not None
    return found[0], found[1]


async def most_waiting(conn: Conn, limit: int) -> int:
    """Parts that the organization has waiting that has most, among the first *limit* of all."""
    return (await sql.row(conn, Q.most_waiting, limit=limit) or (0,))[0]
