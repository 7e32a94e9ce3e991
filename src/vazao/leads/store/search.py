"""Search and the feed of changes: read models beside the base."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from psycopg.sql import SQL, Composable, Identifier, Placeholder

from vazao.kit import sql
from vazao.kit.sql import Conn, Page
from vazao.leads.models import Change, Lead
from vazao.leads.store.base import LAST

Q = sql.load(__package__, "search")
WORDS_AT_MOST = 6
RULES = 2
"""To be raised with every change of what a search row holds: all are then made anew."""
WALK, BY_INDEX = sql.paged(Q.walk_leads, Lead), sql.paged(Q.search_leads, Lead)
_ENTRY = ("changed_xid", "lead_id", "deleted", "changed_at")
_BY_CHANGE = [*Lead.__struct_fields__, "changed_xid"]
WALK_CHANGES = sql.paged(Q.walk_changes, _BY_CHANGE, order="changed_xid desc, id desc")
SEARCH_CHANGES = sql.paged(Q.search_changes, _BY_CHANGE, order="changed_xid desc, id desc")
_MATCHES = sql.paged(Q.export_matching, Lead, order="id")
_RISING = "(sort_key is null), coalesce(sort_key, ''), id"
_FALLING = "(sort_key is not null) desc, coalesce(sort_key, '') desc, id desc"
_FEED = sql.paged(
    Q.feed_page, [*_ENTRY, *Lead.__struct_fields__], order="changed_xid, lead_id"
)
_MATCHING = SQL("""and exists (
    select from leads.document d
    where d.organization_id = f.organization_id and d.lead_id = f.lead_id {conditions}
)""")
# Escaped after folding, which makes plain signs of wide ones: ％ would be a wildcard.
_LIKE = SQL(
    r"d.words like '%%' || regexp_replace(kit.fold({}), '[\\%%_]', '\\\&', 'g') || '%%'"
)
_LABEL = SQL("and d.labels @> array[kit.fold({}::text)]")
_NUMBER = re.compile(r"\s*[+(]?[0-9][0-9\s()./\-]{2,30}")


@dataclass(frozen=True)
class Asked:
    """What a search asks for: its conditions on a document ``d``, and their values."""

    conditions: Composable
    values: dict[str, str]


def asked(q: str | None, tag: str | None, city: str | None) -> Asked:
    """The conditions of a search.

    Every word of *q* must occur somewhere; one of fewer than three letters, for which no
    trigram exists, must begin a word. What is written like a phone is also looked for by its
    digits.
    """
    parts: list[Composable] = []
    values: dict[str, str] = {}
    for n, word in enumerate((q or "").split()[:WORDS_AT_MOST]):
        values[f"word{n}"] = _storable(f" {word}" if len(word) < 3 else word)
        parts.append(_LIKE.format(Placeholder(f"word{n}")))
    if parts:
        words: Composable = SQL(" and ").join(parts)
        if digits := digits_of(q or ""):
            values["digits"] = digits
            words = SQL("({} or {})").format(words, _LIKE.format(Placeholder("digits")))
        parts = [SQL("and ") + words]
    for name, value in (("tag", tag), ("city", city)):
        if value:
            values[name] = _storable(f"{name}:{value}")
            parts.append(_LABEL.format(Placeholder(name)))
    return Asked(SQL(" ").join(parts), values)


def digits_of(q: str) -> str | None:
    """What *q* asks for where it is written like a phone: its digits, without what may be missing
    in front of the stored number or of this one (the trunk's 0, Brazil's 55)."""
    if not _NUMBER.fullmatch(q):
        return None
    digits = re.sub(r"[^0-9]", "", q).lstrip("0")
    if q.strip().startswith("+") or len(digits) in (12, 13):
        digits = digits.removeprefix("55").lstrip("0")
    return digits if len(digits) >= 4 else None


def _storable(text: str) -> str:
    """*text* as PostgreSQL takes it; what has a NUL occurs nowhere, and so does its stand-in."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


async def walk(
    conn: Conn, organization_id: int, search: Asked, *, leads: int, before: int | None, limit: int
) -> Page[Lead]:
    """Matching leads among so many of the newest below id *before*, newest first."""
    # Nothing here is prepared: a generic plan could not tell a common name from a rare one.
    return await sql.page(
        conn, Lead, WALK.format(conditions=search.conditions), prepare=False,
        organization_id=organization_id, walk=leads, before=before or LAST, limit=limit,
        **search.values,
    )


async def estimate(conn: Conn, organization_id: int, search: Asked) -> float:
    """How many leads the planner expects to match."""
    found = await sql.row(
        conn, Q.estimate_leads.format(conditions=search.conditions), prepare=False,
        organization_id=organization_id, **search.values,
    )
    return found[0][0]["Plan"]["Plan Rows"] if found else 0


async def by_index(
    conn: Conn, organization_id: int, search: Asked, *, before: int | None, limit: int
) -> Page[Lead]:
    """Matching leads below id *before*, newest first, by the index of words and labels."""
    return await sql.page(
        conn, Lead, BY_INDEX.format(conditions=search.conditions), prepare=False,
        organization_id=organization_id, before=before or LAST, limit=limit, **search.values,
    )


async def count(conn: Conn, organization_id: int, search: Asked, *, most: int) -> int:
    """How many leads match; no further than *most* is counted."""
    found = await sql.row(
        conn, Q.count_leads.format(conditions=search.conditions), prepare=False,
        organization_id=organization_id, most=most, **search.values,
    )
    return found[0] if found else 0


async def sampled(conn: Conn, organization_id: int, search: Asked) -> tuple[int, int]:
    """How many leads of an even sample there are, and how many of them match; some milliseconds."""
    found = await sql.row(
        conn, Q.sample_leads.format(conditions=search.conditions), prepare=False,
        organization_id=organization_id, **search.values,
    )
    return (found[0], found[1]) if found else (0, 0)


async def by_field(
    conn: Conn, organization_id: int, search: Asked, field: str, *, falling: bool,
    after: tuple[str | None, int] | None, limit: int,
) -> Page[tuple[Lead, str | None]]:
    """Matching leads in the order of a text *field*, empty ones last; each with its sort key.

    Args:
        after: sort key and id of the last one seen.
    """
    order = _FALLING if falling else _RISING
    beyond, place = SQL("true"), {}
    if after is not None:
        key, last = after
        place = {"unset": (key is not None) if falling else (key is None), "key": key or "",
                 "last": last}
        row = "(sort_key is not null, coalesce(sort_key, ''), id) <" if falling else (
            "(sort_key is null, coalesce(sort_key, ''), id) >")
        beyond = sql.trusted(f"{row} (%(unset)s, %(key)s, %(last)s)")
    statement = sql.paged(
        Q.sort_leads, [*Lead.__struct_fields__, "sort_key"], order=order
    ).format(
        conditions=search.conditions, key=Identifier("l", field), beyond=beyond,
        order=sql.trusted(order),
    )
    return await sql.page_by(
        conn, lambda found: (_lead(found), found["sort_key"]), statement, prepare=False,
        organization_id=organization_id, limit=limit, **search.values, **place,
    )


async def by_change(
    conn: Conn, organization_id: int, search: Asked, *, walk: int | None,
    after: tuple[str, int] | None, limit: int,
) -> Page[tuple[Lead, str]]:
    """Matching leads, those changed last first; each with the transaction that changed it.

    Args:
        walk: look through so many of the last changes only; ``None``: by the index of words and
            labels.
        after: transaction and id of the last one seen.
    """
    statement = SEARCH_CHANGES if walk is None else WALK_CHANGES
    xid, last = after or (str(LAST), LAST)
    more = {} if walk is None else {"walk": walk}
    return await sql.page_by(
        conn, lambda found: (_lead(found), str(found["changed_xid"])),
        statement.format(conditions=search.conditions), prepare=False,
        organization_id=organization_id, xid=xid, lead_id=last, limit=limit, **more,
        **search.values,
    )


async def matching_ids(
    conn: Conn, organization_id: int, search: Asked, *, after: int, limit: int
) -> list[int]:
    """The ids of the next matching leads above id *after*, rising; none behind the last.

    A page ends after *limit* leads or :data:`~vazao.kit.sql.PAGE_BYTES`.
    """
    found = await sql.row(
        conn, Q.ids_of.format(page=_MATCHES.format(conditions=search.conditions)), prepare=False,
        organization_id=organization_id, after=after, limit=limit + 1,
        page_bytes=sql.PAGE_BYTES, **search.values,
    )
    return found[0] if found else []


async def outdated(conn: Conn) -> tuple[int, int] | None:
    """An organization whose search rows were made by older rules, and the last lead made anew."""
    found = await sql.row(conn, Q.next_outdated, rules=RULES)
    return (found[0], found[1]) if found else None


async def make_anew(conn: Conn, organization_id: int, *, after: int, limit: int) -> int:
    """Make the search rows of the next leads above id *after* by the present rules.

    Returns how many leads were looked at.
    """
    found = await sql.row(
        conn, Q.next_leads, organization_id=organization_id, after=after, limit=limit
    )
    ids: list[int] = found[0] if found else []
    await _write_words(conn, organization_id, ids)
    await sql.run(
        conn, Q.words_made, organization_id=organization_id, rules=RULES,
        reached=ids[-1] if ids else None,
    )
    return len(ids)


async def slices_to_index(
    conn: Conn, organization_id: int, import_id: int
) -> list[tuple[int, int, int]]:
    """Slices of the import that search does not know yet: round, number, leads."""
    found = await sql.rows(
        conn, Q.slices_to_index, organization_id=organization_id, import_id=import_id
    )
    return [(turn, number, leads) for turn, number, leads in found]


async def begin_indexing(conn: Conn, organization_id: int, import_id: int) -> None:
    """Count the pieces of those slices anew."""
    await sql.run(conn, Q.begin_indexing, organization_id=organization_id, import_id=import_id)


async def slice_leads(conn: Conn, import_id: int, turn: int, number: int) -> list[int]:
    """The leads that a slice made or changed."""
    found = await sql.row(conn, Q.slice_ids, import_id=import_id, round=turn, number=number)
    return found[0] if found else []


async def count_piece(
    conn: Conn, import_id: int, turn: int, number: int, *, pieces: int
) -> None:
    """One of the slice's pieces is done."""
    await sql.run(
        conn, Q.piece_indexed, import_id=import_id, round=turn, number=number, pieces=pieces
    )


async def index(conn: Conn, organization_id: int, ids: list[int]) -> None:
    """Make the search rows and feed entries of these leads."""
    await _write_words(conn, organization_id, ids)
    await sql.run(conn, Q.index_feed, organization_id=organization_id, ids=ids)


async def _write_words(conn: Conn, organization_id: int, ids: list[int]) -> None:
    (oldest,) = await sql.row(conn, Q.oldest_running) or ("3",)
    values = {"organization_id": organization_id, "ids": ids}
    await sql.run(conn, Q.index_documents, **values)
    await sql.run(conn, Q.index_again, **values, oldest=oldest)
    await sql.run(conn, Q.forget_orphans, **values)


async def forget(conn: Conn, organization_id: int, ids: Sequence[int]) -> None:
    """Leads were deleted: they are found no more, and the feed tells so."""
    await sql.run(conn, Q.forget_documents, organization_id=organization_id, ids=list(ids))
    await sql.run(conn, Q.feed_deletions, organization_id=organization_id, ids=list(ids))


async def behind(conn: Conn, organization_id: int) -> int:
    """How many leads search does not know yet."""
    found = await sql.row(conn, Q.leads_behind, organization_id=organization_id)
    return found[0] if found else 0


async def mark_epoch(conn: Conn, organization_id: int) -> None:
    """Note which transactions had ended by now; to be called when changes were committed.

    Without it ``updated_since`` shows changes from before that time again, never fewer.
    """
    await sql.run(conn, Q.mark_epoch, organization_id=organization_id)


async def thin_epochs(conn: Conn) -> None:
    """Keep one mark a minute of those that are older than a few."""
    await sql.run(conn, Q.thin_epochs)


async def epoch_before(conn: Conn, organization_id: int, since: datetime) -> str | None:
    """The first transaction that may have been committed at *since* or later."""
    found = await sql.row(conn, Q.epoch_before, organization_id=organization_id, since=since)
    return found[0] if found else None


async def feed(
    conn: Conn, organization_id: int, search: Asked, *, after: tuple[str, int], limit: int
) -> Page[Change]:
    """A page of the feed behind (transaction, lead), of leads that match *search*."""
    matching = _MATCHING.format(conditions=search.conditions) if search.values else SQL("")
    xid, lead_id = after
    return await sql.page_by(
        conn, _change, _FEED.format(conditions=matching), organization_id=organization_id, xid=xid,
        lead_id=lead_id, limit=limit, prepare=None, **search.values,
    )


def _lead(found: dict[str, Any]) -> Lead:
    return msgspec.convert(found, Lead, strict=False)


def _change(found: dict[str, Any]) -> Change:
    lead = None if found["id"] is None else _lead(found)
    return Change(
        xid=str(found["changed_xid"]), lead_id=found["lead_id"], deleted=found["deleted"],
        changed_at=found["changed_at"], lead=lead,
    )
