"""Events: search, one event and its history, the feed of changes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from psycopg.sql import SQL, Composable, Placeholder

from vazao.events.blocks import SIZE, Block, Row
from vazao.events.models import BaseState, Changed, Event, Filters
from vazao.events.windows import SECOND, Bound, Window
from vazao.kit import sql
from vazao.kit.sql import Conn, Page

STABLE = ("id", "provider_id", "base_id", "event_id", "first_online_at", "first_seen_at",
          "last_seen_at")
"""What an event's versions share."""
VERSIONED = tuple(n for n in Event.__struct_fields__ if n not in (*STABLE, "held_until"))


def _names(names: Sequence[str], prefix: str = "") -> str:
    return ", ".join(f'{prefix}"{name}"' for name in names)


Q = sql.load(
    __package__, "events", event=sql.columns(Event, "e.", without="held_until"),
    stable=_names(STABLE, "e."), stable_then=_names(STABLE[:-1], "e."),
    version=_names(VERSIONED), c_version=_names(VERSIONED, "c."),
    p_version=_names(VERSIONED, "p."),
)
VERSIONS = sql.paged(Q.list_versions, Event, order="version desc")
CHANGES = sql.paged(Q.list_changes, Changed, order="xid::xid8, id")
FIRST_UUID = UUID(int=0)
LAST_VERSION = (1 << 31) - 1
ALL = Filters()
NO_LIMIT = 1 << 62
DRIFT = 15 * 3600 * SECOND
"""No wall clock lies further from its instant."""
AND = SQL(" and ")


class Found(NamedTuple):
    """An event that was found; ``json`` is what search shows of it, ``hash`` of 64 bits."""

    id: UUID
    starts_at: datetime
    ends_at: datetime
    json: bytes
    hash: int
    version: int
    held_from: datetime


class After(NamedTuple):
    """The place of an event in the order of search."""

    starts_at: datetime
    id: UUID


def _within(window: Window) -> tuple[Composable, dict[str, object]]:
    """The condition of a window; wall clocks are also bounded by what the index is ordered by."""
    starts, ends = window
    low = SQL("e.starts_local >= %(starts)s") if starts.local else SQL("e.starts_at >= %(starts)s")
    high = SQL("e.ends_local <= %(ends)s") if ends.local else SQL("e.ends_at <= %(ends)s")
    index = SQL("e.starts_at between %(from)s and %(until)s")
    return AND.join((low, high, index)), {
        "starts": starts.moment, "ends": ends.moment,
        "from": Bound(starts.at - DRIFT * starts.local, False).moment,
        "until": Bound(ends.at + DRIFT * ends.local, False).moment,
    }


def _narrowed(filters: Filters, as_of: datetime | None) -> tuple[Composable, dict[str, object]]:
    """The condition of the filters; ``true`` where there are none."""
    parts: list[Composable] = [SQL("true")]
    values: dict[str, object] = {}
    if filters.words:
        named = {f"word_{n}": word for n, word in enumerate(filters.words)}
        words = [Q.has_word.format(word=Placeholder(name)) for name in named]
        parts.append(Q.with_words.format(words=AND.join(words)))
        values |= named
    if filters.min_price is not None:
        parts.append(SQL("e.max_price >= %(min_price)s"))
        values["min_price"] = filters.min_price
    if filters.max_price is not None:
        parts.append(SQL("e.min_price <= %(max_price)s"))
        values["max_price"] = filters.max_price
    if filters.provider is not None:
        parts.append(Q.of_provider)
        values["provider"] = filters.provider
    if filters.available is not None:
        now = SQL("kit.now()") if as_of is None else SQL("%(as_of)s")
        sold = Q.is_available.format(now=now)
        parts.append(sold if filters.available else SQL("not ") + sold)
    return AND.join(parts), values


async def search(
    conn: Conn, audiences: Sequence[int], window: Window, filters: Filters = ALL, *,
    after: After | None = None, as_of: datetime | None = None,
    starts_before: datetime | None = None, limit: int = NO_LIMIT,
) -> AsyncGenerator[Found]:
    """Events in search within *window* that one of *audiences* may see, as they come.

    To be closed by who does not take all of them: it holds the connection.

    Args:
        after: only those behind this place.
        as_of: as it would have been at that time.
        starts_before: only those that start before this wall clock.
    """
    within, values = _within(window)
    narrowed, more = _narrowed(filters, as_of)
    conditions = [within, narrowed]
    if after is not None:
        conditions.append(SQL("(e.starts_at, e.id) > (%(after_start)s, %(after_id)s)"))
        more |= {"after_start": after.starts_at, "after_id": after.id}
    if starts_before is not None:
        conditions.append(SQL("e.starts_local < %(starts_before)s"))
        more["starts_before"] = starts_before
    if as_of is not None:
        more["as_of"] = as_of
    statement = Q.search.format(
        source=Q.of_now if as_of is None else Q.of_then, conditions=AND.join(conditions)
    )
    async with conn.cursor(binary=True) as cursor:
        async for found in cursor.stream(
            statement, {"audiences": list(audiences), "limit": limit, **values, **more}
        ):
            yield Found(*found)


async def get(
    conn: Conn, audiences: Sequence[int], id: UUID, *, as_of: datetime | None = None
) -> Event | None:
    """One event that was ever in search, as it is, or as it was at a time."""
    values: dict[str, object] = {"audiences": list(audiences), "id": id}
    if as_of is None:
        return await sql.one(conn, Event, Q.get_event, **values)
    return await sql.one(conn, Event, Q.get_event_then, **values, as_of=as_of)


async def by_ids(conn: Conn, ids: Sequence[UUID]) -> dict[UUID, Event]:
    """Events by their ids."""
    found = await sql.every(conn, Event, Q.events_by_ids, ids=list(ids))
    return {event.id: event for event in found}


async def versions(
    conn: Conn, id: UUID, *, before: int | None = None, limit: int = 50
) -> Page[Event]:
    """A page of an event's versions, newest first, with numbers below *before*."""
    return await sql.page(
        conn, Event, VERSIONS, id=id, before=before or LAST_VERSION, limit=limit
    )


async def changes(
    conn: Conn, audiences: Sequence[int], *, after: tuple[str, UUID] | None = None,
    limit: int = 50,
) -> Page[Changed]:
    """A page of the feed of changes, behind (transaction, event)."""
    xid, id = after or ("0", FIRST_UUID)
    return await sql.page(
        conn, Changed, CHANGES, audiences=list(audiences), xid=xid, after=id, limit=limit
    )


async def find(conn: Conn, provider_id: int, base_id: str, event_id: str) -> Event | None:
    """An event by what its provider calls it, whether it is in search or not."""
    return await sql.one(
        conn, Event, Q.find_event, provider_id=provider_id, base_id=base_id, event_id=event_id
    )


async def base(conn: Conn, provider_id: int, base_id: str) -> BaseState | None:
    """A base of a provider."""
    return await sql.one(
        conn, BaseState, Q.get_base, provider_id=provider_id, base_id=base_id
    )


async def begin_reading(conn: Conn) -> None:
    """Let the transaction that just began read one snapshot, and write nothing."""
    await sql.run(conn, Q.begin_reading)


async def snapshot(conn: Conn) -> str:
    """What the transaction of *conn* sees, as PostgreSQL writes it."""
    found = await sql.row(conn, Q.snapshot)
    return found[0] if found else ""


async def changed_starts(conn: Conn, since: str, *, most: int) -> list[int] | None:
    """When events start, or started before, that changed after the snapshot *since*.

    ``None`` where there are more than *most*, or where *since* is of another history (a database
    that was restored): then everything is to be read anew.
    """
    (later,) = await sql.row(conn, Q.is_later, since=since) or (False,)
    if not later:
        return None
    found = await sql.rows(conn, Q.changed_starts, since=since, most=most + 1)
    return None if len(found) > most else [start for (start,) in found]


async def load_blocks(
    conn: Conn, audiences: Sequence[int], begin: int | None, end: int | None
) -> AsyncGenerator[Block]:
    """The blocks of events in search that start from *begin* to before *end*, in their order.

    To be closed by who does not take all of them: it holds the connection.
    """
    values = {
        "audiences": list(audiences), "size": SIZE,
        "from": "-infinity" if begin is None else Bound(begin, False).moment,
        "until": "infinity" if end is None else Bound(end, False).moment,
    }
    async with conn.cursor(binary=True) as cursor:
        async for found in cursor.stream(Q.load_blocks, values):
            yield Block(Row(*found))
