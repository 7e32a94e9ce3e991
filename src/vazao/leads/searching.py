"""Search and the feed of changes: read models beside the base, written behind imports."""

from __future__ import annotations

from datetime import datetime

from vazao.kit.sql import Conn, Page
from vazao.leads import store
from vazao.leads.models import Change, Import, Lead

PIECE_LEADS = 4_000
"""Leads that one part makes known to search: some tenths of a second."""
SHORT_WALK, LONG_WALK = 5_000, 300_000
"""How many of the newest leads are looked through before the trigram index is asked: always the
first, the second (a tenth of a second) only for what is common. A sheet in alphabetical order has
its commonest name far from its newest lead."""
COMMON = 20_000
"""So many leads must be expected to match for the long walk: else the index is quicker."""


async def pieces_to_index(conn: Conn, record: Import) -> list[dict[str, int]]:
    """The pieces of the import's slices that search does not know yet, a part each."""
    found = await store.search.slices_to_index(conn, record.organization_id, record.id)
    counted = [(turn, number, max(1, -(-leads // PIECE_LEADS))) for turn, number, leads in found]
    return [
        {"round": turn, "number": number, "piece": piece, "pieces": pieces}
        for turn, number, pieces in counted for piece in range(pieces)
    ]


async def index_piece(
    conn: Conn, organization_id: int, import_id: int, piece: dict[str, int]
) -> None:
    """Make the search rows and feed entries of some of a slice's leads."""
    turn, number, pieces = piece["round"], piece["number"], piece["pieces"]
    ids = await store.search.slice_leads(conn, import_id, turn, number)
    size = -(-len(ids) // pieces)
    begin = piece["piece"] * size
    await store.search.index(conn, organization_id, ids[begin:begin + size])
    await store.search.count_piece(conn, import_id, turn, number, pieces=pieces)


async def search(
    conn: Conn, organization_id: int, *, q: str | None = None, tag: str | None = None,
    city: str | None = None, before: int | None = None, limit: int = 50,
) -> Page[Lead]:
    """A page of leads that match every condition, newest first, by keyset."""
    asked = store.search.asked(q, tag, city)
    for walk in SHORT_WALK, LONG_WALK:
        if walk == LONG_WALK and (
            await store.search.estimate(conn, organization_id, asked) < COMMON
        ):
            break
        found = await store.search.walk(
            conn, organization_id, asked, leads=walk, before=before, limit=limit
        )
        # A full page that nothing followed among those: perhaps something does further on.
        if found.more:
            return found
    return await store.search.by_index(
        conn, organization_id, asked, before=before, limit=limit
    )


async def changes(
    conn: Conn, organization_id: int, *, after: tuple[str, int] | None,
    since: datetime | None = None, limit: int = 50, q: str | None = None, tag: str | None = None,
    city: str | None = None,
) -> Page[Change]:
    """A page of the feed of changes.

    Args:
        after: cursor (transaction id, lead id) of the last one seen.
        since: without a cursor, everything that was committed at or after this moment; of what
            was changed shortly before it, some may be among it.
        q, tag, city: only of leads that match them, as in :func:`search`.
    """
    if after is None and since is not None:
        bound = await store.search.epoch_before(conn, organization_id, since)
        after = (bound, -1) if bound else None
    return await store.search.feed(
        conn, organization_id, store.search.asked(q, tag, city), after=after or ("0", -1),
        limit=limit,
    )
