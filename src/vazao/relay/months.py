"""A site's months: for each day, whether its lists arrived."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from vazao.kit import clock
from vazao.kit.sql import Conn
from vazao.relay import store
from vazao.relay.models import Day, Site

LABELS: Final = {
    "arrived": "Every list arrived", "some": "Some lists arrived", "held": "A list was held back",
    "failed": "Nothing arrived: a transmission failed", "nothing": "Nothing arrived",
    "holiday": "Municipal holiday",
}
SHOWN = 6
"""Months, with this one."""


class Square(msgspec.Struct, frozen=True):
    """A day of the calendar; ``state`` is empty where there is nothing to say."""

    day: date
    state: str
    arrived: int


class Month(msgspec.Struct, frozen=True):
    """A month, and its days."""

    first: date
    squares: list[Square]


async def months_of(conn: Conn, site: Site) -> list[Month]:
    """The last months of a site, the newest first, by its clock."""
    zone = ZoneInfo(site.timezone)
    found: dict[date, list[Day]] = {}
    for each in await store.health.days(conn, site.id, site.timezone):
        found.setdefault(each.day, []).append(each)
    births = [
        each.astimezone(zone).date()
        for each in await store.health.births(conn, site.organization_id)
    ]
    today = clock.now().astimezone(zone).date()
    born = site.created_at.astimezone(zone).date()
    first, made = today.replace(day=1), []
    while len(made) < SHOWN and (not made or first >= born.replace(day=1)):
        after = (first + timedelta(days=32)).replace(day=1)
        days = [first + timedelta(days=n) for n in range((after - first).days)]
        made.append(Month(first, [
            Square(day, _state(found.get(day, ()), site, day, sum(b <= day for b in births))
                   if born <= day < today or day in found else "",
                   sum(each.arrived for each in found.get(day, ())))
            for day in days
        ]))
        first = (first - timedelta(days=1)).replace(day=1)
    return made


def _state(lists: Sequence[Day], site: Site, day: date, expected: int) -> str:
    """One of :data:`LABELS`; so many lists were *expected*."""
    arrived = sum(each.arrived for each in lists)
    if arrived and arrived >= expected and all(each.arrived for each in lists if each.list_id):
        return "arrived"
    if arrived:
        return "some"
    if any(each.held for each in lists):
        return "held"
    if any(each.failed for each in lists):
        return "failed"
    return "holiday" if day in site.holidays else "nothing"
