"""Search and the feed of changes: read models beside the base, written behind imports."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg import AsyncConnection, sql

from vazao.kit.db import rows_of
from vazao.kit.sql import load
from vazao.leads.models import Import, Lead

Q = load(__package__)
Connection = AsyncConnection[Any]
WORDS_AT_MOST = 6
PIECE_LEADS = 4_000
"""Leads that one part makes known to search: some tenths of a second."""
SHORT_WALK, LONG_WALK = 5_000, 300_000
"""How many of the newest leads are looked through before the trigram index is asked: always the
first, the second (a tenth of a second) only for what is common. A sheet in alphabetical order has
its commonest name far from its newest lead."""
COMMON = 20_000
"""So many leads must be expected to match for the long walk: else the index is quicker."""
MATCHING = """and exists (
    select from leads.document d
    where d.organization_id = f.organization_id and d.lead_id = f.lead_id {conditions}
)"""
# Escaped after folding, which makes plain signs of wide ones: ％ would be a wildcard.
LIKE = r"and d.words like '%%' || regexp_replace(kit.fold({}), '[\\%%_]', '\\\&', 'g') || '%%'"


async def pieces_to_index(conn: Connection, record: Import) -> list[dict[str, int]]:
    """The pieces of the import's slices that search does not know yet, a part each."""
    values = {"organization_id": record.organization_id, "import_id": record.id}
    found = await (await conn.execute(Q.slices_to_index, values)).fetchall()
    counted = [(turn, number, max(1, -(-leads // PIECE_LEADS))) for turn, number, leads in found]
    return [
        {"round": turn, "number": number, "piece": piece, "pieces": pieces}
        for turn, number, pieces in counted for piece in range(pieces)
    ]


async def begin_indexing(conn: Connection, record: Import) -> None:
    """Before the pieces: none of them is counted yet."""
    await conn.execute(
        Q.begin_indexing, {"organization_id": record.organization_id, "import_id": record.id}
    )


async def index_piece(
    conn: Connection, organization_id: int, import_id: int, piece: dict[str, int]
) -> None:
    """Make the search rows and feed entries of some of a slice's leads."""
    key = {"import_id": import_id, **piece}
    found = await (await conn.execute(Q.slice_ids, key)).fetchone()
    if found:
        size = -(-len(found[0]) // piece["pieces"])
        begin = piece["piece"] * size
        await index_leads(conn, organization_id, found[0][begin:begin + size])
    await conn.execute(Q.piece_indexed, key)


async def index_leads(conn: Connection, organization_id: int, ids: list[int]) -> None:
    """Make the search rows and feed entries of these leads."""
    (oldest,) = await (await conn.execute(Q.oldest_running)).fetchone() or ("3",)
    values = {"organization_id": organization_id, "ids": ids, "oldest": oldest}
    await conn.execute(Q.index_documents, values)
    await conn.execute(Q.index_again, values)
    await conn.execute(Q.forget_orphans, values)
    await conn.execute(Q.index_feed, values)


async def forget(conn: Connection, organization_id: int, id: int) -> None:
    """A lead was deleted."""
    values = {"organization_id": organization_id, "id": id}
    await conn.execute(Q.forget_document, values)
    await conn.execute(Q.feed_deletion, values)


async def mark(conn: Connection, organization_id: int) -> None:
    """Note which transactions had ended by now; to be called when changes were committed.

    Without it ``updated_since`` shows changes from before that time again, never fewer.
    """
    await conn.execute(Q.mark_epoch, {"organization_id": organization_id})


async def thin(conn: Connection) -> None:
    """Keep one mark a minute of those that are older than a few."""
    await conn.execute(Q.thin_epochs)


async def behind(conn: Connection, organization_id: int) -> int:
    """How many leads search does not know yet."""
    found = await conn.execute(Q.leads_behind, {"organization_id": organization_id})
    return (await found.fetchone() or (0,))[0]


def conditions(
    q: str | None, tag: str | None, city: str | None
) -> tuple[sql.Composable, dict[str, str]]:
    """The SQL of a search and its values.

    Every word of *q* must occur somewhere; one of fewer than three letters, for which no
    trigram exists, must begin a word.
    """
    parts: list[sql.Composable] = []
    values: dict[str, str] = {}
    for n, word in enumerate((q or "").split()[:WORDS_AT_MOST]):
        values[f"word{n}"] = _storable(f" {word}" if len(word) < 3 else word)
        parts.append(sql.SQL(LIKE).format(sql.Placeholder(f"word{n}")))
    for name, value in (("tag", tag), ("city", city)):
        if value:
            values[name] = _storable(f"{name}:{value}")
            parts.append(
                sql.SQL("and d.labels @> array[kit.fold({}::text)]").format(sql.Placeholder(name))
            )
    return sql.SQL(" ").join(parts), values


def _storable(text: str) -> str:
    """*text* as PostgreSQL takes it; what has a NUL occurs nowhere, and so does its stand-in."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


async def search(
    conn: Connection, organization_id: int, *, q: str | None = None, tag: str | None = None,
    city: str | None = None, before: int | None = None, limit: int = 50,
) -> list[Lead]:
    """Leads that match every condition, newest first, by keyset."""
    clauses, values = conditions(q, tag, city)
    given = values | {
        "organization_id": organization_id, "before": before or (1 << 63) - 1, "limit": limit,
    }
    found: list[Lead] = []
    async with conn.cursor(row_factory=rows_of(Lead)) as cursor:
        for walk in SHORT_WALK, LONG_WALK:
            if walk == LONG_WALK and await _expected(conn, clauses, given) < COMMON:
                break
            # Nothing here is prepared: a generic plan could not tell a common name from a rare one.
            walking = Q.walk_leads.format(conditions=clauses)
            await cursor.execute(walking, given | {"walk": walk}, prepare=False)
            found = await cursor.fetchall()
            if len(found) == limit:
                return found
        await cursor.execute(Q.search_leads.format(conditions=clauses), given, prepare=False)
        return await cursor.fetchall()


async def _expected(conn: Connection, clauses: sql.Composable, values: dict[str, Any]) -> float:
    statement = Q.estimate_leads.format(conditions=clauses)
    row = await (await conn.execute(statement, values, prepare=False)).fetchone()
    return row[0][0]["Plan"]["Plan Rows"] if row else 0


async def changes(
    conn: Connection, organization_id: int, *, after: tuple[str, int] | None,
    since: datetime | None = None, limit: int = 50, q: str | None = None, tag: str | None = None,
    city: str | None = None,
) -> list[dict[str, Any]]:
    """A page of the feed: ``xid``, ``lead_id``, ``deleted``, ``changed_at`` and the lead or None.

    Args:
        after: cursor (transaction id, lead id) of the last one seen.
        since: without a cursor, everything that was committed at or after this moment; of what
            was changed shortly before it, some may be among it.
        q, tag, city: only of leads that match them, as in :func:`search`.
    """
    if after is None and since is not None:
        found = await conn.execute(
            Q.epoch_before, {"organization_id": organization_id, "since": since}
        )
        bound = await found.fetchone()
        after = (bound[0], -1) if bound else None
    xid, lead_id = after or ("0", -1)
    clauses, values = conditions(q, tag, city)
    matching = sql.SQL(MATCHING).format(conditions=clauses) if values else sql.SQL("")
    place = {"organization_id": organization_id, "xid": xid, "lead_id": lead_id, "limit": limit}
    found = await conn.execute(Q.feed_page.format(conditions=matching), place | values)
    names = [c.name for c in found.description or ()][4:]
    page = []
    for xid, lead_id, deleted, at, *rest in await found.fetchall():
        lead = dict(zip(names, rest, strict=True))
        page.append({"xid": xid, "lead_id": lead_id, "deleted": deleted, "changed_at": at,
                     "lead": None if lead["id"] is None else lead})
    return page
