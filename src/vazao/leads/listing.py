"""Lists of leads as people and other systems ask for them: filtered, sorted, counted, by keyset."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from vazao.kit.errors import detail
from vazao.kit.platform import Platform
from vazao.kit.sql import Conn, Page
from vazao.kit.web.paging import AGAIN, CursorInvalid, decode_cursor, encode_cursor, following
from vazao.leads import searching, store
from vazao.leads.errors import SortInvalid, TooManyToSort
from vazao.leads.models import SORTED_BY, SORTS, Lead

COUNTED = 10_000
"""How far matching leads are counted, and how many of them are sorted by a field at most."""
SAMPLED_FROM, HITS = 100_000, 40
EXPORTED = 5_000
ALL = 1 << 62


@dataclass(frozen=True)
class Filters:
    """What the leads of a list must match: pieces of words, a tag, a city."""

    q: str | None = None
    tag: str | None = None
    city: str | None = None

    @property
    def given(self) -> dict[str, str]:
        """Those that were asked for, by name."""
        return {name: value for name, value in vars(self).items() if value}

    @property
    def asked(self) -> store.search.Asked:
        """As conditions of a search."""
        return store.search.asked(self.q, self.tag, self.city)


@dataclass(frozen=True)
class Listing:
    """A page of leads.

    ``count`` says how many there are on all pages, at most :data:`COUNTED` where it is not
    ``exact``; later pages do not count again.
    """

    leads: list[Lead]
    next: str | None
    count: int | None = None
    exact: bool | None = None


async def listed(
    conn: Conn, organization_id: int, filters: Filters, *, sort: str | None = None,
    after: str | None = None, limit: int = 50,
) -> Listing:
    """A page of the leads that match *filters*.

    Args:
        sort: one of :data:`~vazao.leads.models.SORTS`; without it the newest come first.
        after: the cursor of the page before, which had the same *sort*.

    Raises:
        SortInvalid: there is no such order.
        TooManyToSort: more than :data:`COUNTED` leads match, and are to be sorted by a field.
        CursorInvalid: *after* is not of such a list.
    """
    order, after = sort or "newest", after or None
    if order not in SORTS:
        raise SortInvalid(value=order[:40], sorts=", ".join([*SORTS[:2], *SORTED_BY]),
                          details=[detail("sort", order, *SORTS)])
    if order == "newest":
        return await _newest(conn, organization_id, filters, after, limit)
    count, exact = await counted(conn, organization_id, filters)
    if order == "updated":
        leads, following_ = await _updated(
            conn, organization_id, filters, after, limit, few=exact
        )
    elif exact and count <= COUNTED:
        leads, following_ = await _by_field(conn, organization_id, filters, order, after, limit)
    else:
        raise TooManyToSort
    return Listing(leads, following_, *((None, None) if after else (count, exact)))


async def counted(conn: Conn, organization_id: int, filters: Filters) -> tuple[int, bool]:
    """How many leads match, and whether that is exact: the whole base always is."""
    if not filters.given:
        return await store.base.size(conn, organization_id), True
    if await _clearly_more(conn, organization_id, filters):
        return COUNTED, False
    found = await store.search.count(conn, organization_id, filters.asked, most=COUNTED + 1)
    return min(found, COUNTED), found <= COUNTED


async def _clearly_more(conn: Conn, organization_id: int, filters: Filters) -> bool:
    """Whether a sample of a large base leaves no doubt that more match than are counted.

    Three times as many have to be expected: leads that match stand together where one import
    brought them, but a tenth of what is counted covers few of the 500 places that are looked at.
    """
    size = await store.base.size(conn, organization_id)
    if size < SAMPLED_FROM:
        return False
    looked_at, found = await store.search.sampled(conn, organization_id, filters.asked)
    return found >= HITS and found * size >= 3 * COUNTED * looked_at


async def _newest(
    conn: Conn, organization_id: int, filters: Filters, after: str | None, limit: int
) -> Listing:
    place = _place(after, "newest", None)
    before = place[1] if place else None
    if filters.given:
        page = await searching.search(
            conn, organization_id, **vars(filters), before=before, limit=limit
        )
    else:
        page = await store.base.newest(conn, organization_id, before=before, limit=limit)
    count: tuple[int | None, bool | None] = (None, None)
    if after is None:
        # A list that ends on its first page has been counted by reading it.
        count = (len(page.items), True) if not page.more else (
            await counted(conn, organization_id, filters)
        )
    return Listing(list(page.items), following(
        page, lambda lead: encode_cursor("leads newest", None, lead.id)
    ), *count)


async def _updated(
    conn: Conn, organization_id: int, filters: Filters, after: str | None, limit: int, *, few: bool
) -> tuple[list[Lead], str | None]:
    place = _place(after, "updated", str)
    if place is not None and not (place[0].isascii() and place[0].isdigit()):
        raise CursorInvalid(remedy=AGAIN)
    # Where many match, some are soon found among the last changes; else all that match are sorted.
    ways: tuple[int | None, ...] = (searching.LONG_WALK, None) if filters.given else (ALL,)
    for walk in ways[-1:] if few else ways:
        page = await store.search.by_change(
            conn, organization_id, filters.asked, walk=walk, after=place, limit=limit
        )
        if page.more:
            break
    return _sorted(page, "updated")


async def _by_field(
    conn: Conn, organization_id: int, filters: Filters, sort: str, after: str | None, limit: int
) -> tuple[list[Lead], str | None]:
    page = await store.search.by_field(
        conn, organization_id, filters.asked, sort.removeprefix("-"),
        falling=sort.startswith("-"), after=_place(after, sort, str | None), limit=limit,
    )
    return _sorted(page, sort)


def _place(after: str | None, sort: str, kind: Any) -> tuple[Any, int] | None:
    if after is None:
        return None
    key, last = decode_cursor(after, f"leads {sort}", kind, int)
    return key, last


def _sorted(page: Page[tuple[Lead, Any]], sort: str) -> tuple[list[Lead], str | None]:
    following_ = following(page, lambda item: encode_cursor(f"leads {sort}", item[1], item[0].id))
    return [lead for lead, _ in page.items], following_


async def matching(
    platform: Platform, organization_id: int, filters: Filters, since: datetime | None
) -> AsyncGenerator[list[int]]:
    """The ids of all leads that match, a page at a time, each page read for itself.

    Args:
        since: only of leads changed at or after this moment; then in the order of the changes.
    """
    last, cursor = 0, None
    if since is not None:
        async with platform.db.connection() as conn:
            await store.search.mark_epoch(conn, organization_id)
    while True:
        async with platform.db.connection(patient=True) as conn:
            if since is None:
                ids = await store.search.matching_ids(
                    conn, organization_id, filters.asked, after=last, limit=EXPORTED
                )
                more, last = bool(ids), ids[-1] if ids else last
            else:
                page = await searching.changes(
                    conn, organization_id, after=cursor, since=since, limit=EXPORTED,
                    **vars(filters),
                )
                ids = [change.lead_id for change in page.items if change.lead]
                more = page.more
                cursor = (page.items[-1].xid, page.items[-1].lead_id) if page.items else cursor
        if ids:
            yield ids
        if not more:
            return
