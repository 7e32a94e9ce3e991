"""Deliveries of events to webhooks."""

from __future__ import annotations

from datetime import datetime

from vazao.kit import sql
from vazao.kit.sql import Conn, Page
from vazao.notices.models import Delivery, Due, Outcome, Told

_EVENT = {"event": 'e.token as "event"', "type": "e.type"}
_SHOWN = ", ".join(_EVENT.get(n, f'd."{n}"') for n in Delivery.__struct_fields__)
Q = sql.load(
    __package__, "deliveries", e_due=sql.columns(Told, "e."),
    d_due=", ".join(
        f'd."{n}"' for n in Due.__struct_fields__ if n not in Told.__struct_fields__
    ), shown=_SHOWN,
)
EVERY = sql.paged(Q.list_deliveries, Delivery, order="id desc")
LAST = (1 << 63) - 1


async def due(conn: Conn, webhook_id: int, *, objects: int, behind: int) -> list[list[Due]]:
    """What may be sent now: chains of deliveries of one object each, in their order.

    Args:
        objects: how many chains at most.
        behind: how long each may be.
    """
    found = await sql.every(
        conn, Due, Q.due_deliveries, webhook_id=webhook_id, objects=objects, behind=behind
    )
    chains: dict[str, list[Due]] = {}
    for each in found:
        chains.setdefault(each.object, []).append(each)
    return [sorted(chain, key=lambda each: each.id) for chain in chains.values()]


async def end(conn: Conn, id: int, state: str, outcome: Outcome) -> bool:
    """It was taken (``delivered``) or ``failed``; false where it does not wait any more."""
    return bool(await sql.run(
        conn, Q.note_ended, id=id, state=state, outcome=outcome.name, status=outcome.status,
        answer=outcome.answer, seconds=outcome.seconds,
    ))


async def again(
    conn: Conn, id: int, outcome: Outcome, *, wait: float, refused: bool = False
) -> None:
    """It is tried again in *wait* seconds."""
    await sql.run(
        conn, Q.note_again, id=id, outcome=outcome.name, status=outcome.status,
        answer=outcome.answer, seconds=outcome.seconds, wait=wait, refusals=int(refused),
    )


async def give_up(conn: Conn, webhook_id: int, *, limit: int) -> int:
    """Let a slice of those that wait fail; how many."""
    return await sql.run(conn, Q.give_up, webhook_id=webhook_id, limit=limit)


async def find(conn: Conn, webhook_id: int, id: int) -> Delivery | None:
    """One of a webhook."""
    return await sql.one(conn, Delivery, Q.find_delivery, webhook_id=webhook_id, id=id)


async def page(
    conn: Conn, webhook_id: int, *, before: int = LAST, limit: int, state: str | None = None
) -> Page[Delivery]:
    """A page of those of a webhook, newest first."""
    return await sql.page(
        conn, Delivery, EVERY, webhook_id=webhook_id, before=before, limit=limit, state=state
    )


async def waiting(conn: Conn, webhook_id: int, *, limit: int) -> int:
    """How many wait; *limit* where there are more."""
    found = await sql.row(conn, Q.count_waiting, webhook_id=webhook_id, limit=limit)
    return found[0] if found else 0


async def replay(conn: Conn, webhook_id: int, id: int) -> int:
    """Send one again; how many there were."""
    return await sql.run(conn, Q.replay_one, webhook_id=webhook_id, id=id)


async def replay_since(
    conn: Conn, webhook_id: int, since: datetime, *, limit: int
) -> int:
    """Send a slice of those again that were told since then; how many."""
    return await sql.run(conn, Q.replay_since, webhook_id=webhook_id, since=since, limit=limit)


async def sweep(conn: Conn, *, days: float, limit: int) -> int:
    """Forget a slice of those that ended long ago, or whose webhook was removed; and let a slice of
    those fail whose webhook was turned off. How many there were of the slice that had most.
    """
    return max(
        await sql.run(conn, Q.sweep_deliveries, days=days, limit=limit),
        await sql.run(conn, Q.sweep_removed, limit=limit),
        await sql.run(conn, Q.sweep_off, limit=limit),
    )
