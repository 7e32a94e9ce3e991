"""Events as people look for them: by the day on which they start where they are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

import msgspec

from vazao.events import store, views
from vazao.events.forms import FORMS
from vazao.events.models import Event, Filters
from vazao.events.searching import after_of
from vazao.events.store.events import After, Found
from vazao.events.windows import EPOCH, MICROSECOND, Bound, Window
from vazao.kit import clock
from vazao.kit.sql import Conn
from vazao.kit.web.paging import CursorInvalid

LAST = Bound((datetime(9999, 12, 31) - EPOCH) // MICROSECOND, local=True)


class Entry(msgspec.Struct, frozen=True):
    """An event of the calendar: whether it can be bought, and where its clock is."""

    event: Event
    available: bool
    timezone: str


class Calendar(msgspec.Struct, frozen=True):
    """Days with their events, and the place behind the last one where others follow."""

    days: list[tuple[date, list[Entry]]]
    next: After | None


def place_of(cursor: str | None) -> After | None:
    """The place that a page's address names; one that is none begins anew."""
    try:
        return after_of(cursor) if cursor else None
    except CursorInvalid:
        return None


async def today(conn: Conn, audiences: Sequence[int]) -> date:
    """The day that it is where the events are that one of *audiences* sees; the earliest of them.

    In UTC it may be tomorrow while tonight's events have not begun.
    """
    now = clock.now()
    zones = await store.providers.timezones(conn, audiences)
    return min((now.astimezone(ZoneInfo(zone)).date() for zone in zones), default=now.date())


async def read(
    conn: Conn, audiences: Sequence[int], first: date, last: date, filters: Filters, *,
    after: After | None, limit: int,
) -> Calendar:
    """Events that start from the day *first* to the day *last*, both included."""
    begin = Bound((datetime.combine(first, time()) - EPOCH) // MICROSECOND, local=True)
    until = datetime.combine(last, time()) + timedelta(days=1) if last < date.max else None
    found = [each async for each in store.events.search(
        conn, audiences, Window(begin, LAST), filters, after=after, limit=limit + 1,
        starts_before=until,
    )]
    more, found = len(found) > limit, found[:limit]
    events = await store.events.by_ids(conn, [each.id for each in found])
    known = await store.providers.by_ids(conn, {each.provider_id for each in events.values()})
    now = clock.now()
    entries = [
        Entry(event, views.is_available(event, now), known[event.provider_id].timezone)
        for event in (events[each.id] for each in found if each.id in events)
    ]
    # In several time zones the days of instants in a row may go back and forth.
    entries.sort(key=_day)
    days = [(day, list(group)) for day, group in groupby(entries, key=_day)]
    return Calendar(days, After(found[-1].starts_at, found[-1].id) if more else None)


def _day(entry: Entry) -> date:
    return entry.event.starts_local.date()


def calendar(events: Sequence[Event]) -> bytes:
    """Events as an iCalendar file."""
    form = FORMS["ics"]
    lines = [form.write(Found(
        each.id, each.starts_at, each.ends_at, f'{{"id":"{each.id}",{each.shown}'.encode(), 0,
        each.version, each.held_from,
    )) for each in events]
    return form.prefix + b"".join(lines) + form.suffix
