"""Lists for readers: per site one whole list, page by page of one and the same run."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from vazao.kit.sql import Conn
from vazao.kit.web.paging import AGAIN, CursorInvalid, decode_cursor, encode_cursor
from vazao.relay import store
from vazao.relay.errors import ColumnMissing
from vazao.relay.models import Site, Version


class Rows(msgspec.Struct, frozen=True):
    """A page of rows, each as PostgreSQL wrote its JSON: a number keeps all of its digits.
    ``extracted_at`` is ``None`` where nothing has been transmitted.
    """

    items: list[msgspec.Raw]
    next: str | None
    extracted_at: datetime | None


class Choices(msgspec.Struct, frozen=True):
    """What a page offers to choose from; none where the list has no such column, or too many."""

    teams: list[str]
    units: list[str]


TEAM = ("equipe", "no_equipe", "team", "ine", "nu_ine")
UNIT = ("unidade", "no_unidade_saude", "unit", "cnes", "nu_cnes")
"""Columns that name a row's team and unit, the likeliest first."""
MOST_CHOICES, MOST_ROWS = 500, 1_000_000


def column_of(names: Sequence[str], columns: Sequence[str]) -> str:
    """The first of *names* that the list has.

    Raises:
        ColumnMissing: it has none of them.
    """
    for name in names:
        if name in columns:
            return name
    raise ColumnMissing(names=", ".join(names))


async def choices(conn: Conn, version: Version, site: Site) -> Choices:
    """The teams and units that a site's list names."""
    current = await store.runs.current(conn, site.id, version.list_id)
    if current is None or current.rows > MOST_ROWS:
        return Choices([], [])
    columns = await store.lists.columns(conn, version.list_id)
    found: list[list[str]] = []
    for names in (TEAM, UNIT):
        known = [name for name in names if name in columns]
        values = await store.rows.values(
            conn, current, known[0], limit=MOST_CHOICES + 1
        ) if known else []
        found.append(values if len(values) <= MOST_CHOICES else [])
    return Choices(*found)


async def wanted(
    conn: Conn, version: Version, *, team: str | None, unit: str | None
) -> dict[str, str]:
    """Columns of a list, and the values that rows of a team or unit have in them.

    Raises:
        ColumnMissing: the list has no column of teams, or of units.
    """
    return _wanted(await store.lists.columns(conn, version.list_id), team, unit)


def _wanted(columns: Sequence[str], team: str | None, unit: str | None) -> dict[str, str]:
    return {
        column_of(names, columns): value
        for names, value in ((TEAM, team), (UNIT, unit)) if value
    }


async def read(
    conn: Conn, version: Version, site: Site, *, after: str | None, limit: int,
    team: str | None = None, unit: str | None = None,
) -> Rows:
    """A page of the list of a site; of one team or unit, where the list has such a column.

    A cursor holds on to the run of its first page, so that pages never mix two of them.

    Raises:
        CursorInvalid: *after* is none of this list, or its run's rows are gone.
        ColumnMissing: the list has no column of teams, or of units.
    """
    columns = await store.lists.columns(conn, version.list_id)
    only = _wanted(columns, team, unit)
    current = await store.runs.current(conn, site.id, version.list_id)
    if current is None:
        return Rows([], None, None)
    seq, first_seq, place = current.seq, current.first_seq, store.rows.FIRST
    at, mark = current.extracted_at, _mark(version, site, only)
    if after:
        seq, first_seq, at, block, line = decode_cursor(
            after, mark, int, int, datetime, int, int
        )
        if not current.sweeping_seq <= seq <= current.seq or not (
            0 <= block < 1 << 32 and 0 <= line < 1 << 16
        ):
            raise CursorInvalid(remedy=AGAIN)
        place = f"({block},{line})"
    page = await store.rows.read(
        conn, version.list_id, site.id, columns, seq=seq, first_seq=first_seq, place=place,
        limit=limit, only=only,
    )
    following = None
    if page.more:
        block, line = map(int, page.items[-1].spot.strip("()").split(","))
        following = encode_cursor(mark, seq, first_seq, at, block, line)
    return Rows([msgspec.Raw(each.row.encode()) for each in page.items], following, at)


def _mark(version: Version, site: Site, only: Mapping[str, str]) -> str:
    """Of what a cursor is: another list, site, team or unit has other rows."""
    whose = msgspec.json.encode([version.list_id, site.id, sorted(only.items())])
    return hashlib.sha256(whose).hexdigest()[:16]
