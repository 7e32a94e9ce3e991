"""Search and the feed of changes: read models beside the base."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from psycopg.sql import SQL, Composable, Placeholder

from vazao.kit import sql
from vazao.kit.sql import Conn, Page
from vazao.leads.models import Change, Lead
from vazao.leads.store.base import LAST

Q = sql.load(__package__, "search")
WORDS_AT_MOST = 6
WALK, BY_INDEX = sql.paged(Q.walk_leads, Lead), sql.paged(Q.search_leads, Lead)
_ENTRY = ("changed_xid", "lead_id", "deleted", "changed_at")
_FEED = sql.paged(
    Q.feed_page, [*_ENTRY, *Lead.__struct_fields__], order="changed_xid, lead_id"
)
_MATCHING = SQL("""and exists (
    select from leads.document d
    where d.organization_id = f.organization_id and d.lead_id = f.lead_id {conditions}
)""")
# Escaped after folding, which makes plain signs of wide ones: ％ would be a wildcard.
_LIKE = SQL(
    r"and d.words like '%%' || regexp_replace(kit.fold({}), '[\\%%_]', '\\\&', 'g') || '%%'"
)
_LABEL = SQL("and d.labels @> array[kit.fold({}::text)]")


@dataclass(frozen=True)
class Asked:
    """What a search asks for: its conditions on a document ``d``, and their values."""

    conditions: Composable
    values: dict[str, str]


def asked(q: str | None, tag: str | None, city: str | None) -> Asked:
    """The conditions of a search.

    Every word of *q* must occur somewhere; one of fewer than three letters, for which no
    trigram exists, must begin a word.
    """
    parts: list[Composable] = []
    values: dict[str, str] = {}
    for n, word in enumerate((q or "").split()[:WORDS_AT_MOST]):
        values[f"word{n}"] = _storable(f" {word}" if len(word) < 3 else word)
        parts.append(_LIKE.format(Placeholder(f"word{n}")))
    for name, value in (("tag", tag), ("city", city)):
        if value:
            values[name] = _storable(f"{name}:{value}")
            parts.append(_LABEL.format(Placeholder(name)))
    return Asked(SQL(" ").join(parts), values)


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
    (oldest,) = await sql.row(conn, Q.oldest_running) or ("3",)
    values = {"organization_id": organization_id, "ids": ids}
    await sql.run(conn, Q.index_documents, **values)
    await sql.run(conn, Q.index_again, **values, oldest=oldest)
    await sql.run(conn, Q.forget_orphans, **values)
    await sql.run(conn, Q.index_feed, **values)


async def forget(conn: Conn, organization_id: int, id: int) -> None:
    """A lead was deleted: it is found no more, and the feed tells so."""
    await sql.run(conn, Q.forget_document, organization_id=organization_id, id=id)
    await sql.run(conn, Q.feed_deletion, organization_id=organization_id, id=id)


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


def _change(found: dict[str, Any]) -> Change:
    lead = None if found["id"] is None else msgspec.convert(found, Lead, strict=False)
    return Change(
        xid=str(found["changed_xid"]), lead_id=found["lead_id"], deleted=found["deleted"],
        changed_at=found["changed_at"], lead=lead,
    )
