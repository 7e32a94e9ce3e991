"""The merge of a feed that was read."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path

from vazao.events.models import Counts, Provider
from vazao.kit import sql
from vazao.kit.sql import Conn

Q = sql.load(__package__, "merging")
BLOCK = 1 << 20


async def stage(conn: Conn, path: Path) -> None:
    """Bring the rows that reading wrote into *path* before the merge, in the same transaction."""
    await sql.run(conn, Q.create_staged)
    async with conn.cursor() as cursor, cursor.copy(Q.copy_staged) as copy:
        with path.open("rb") as file:
            while block := await asyncio.to_thread(file.read, BLOCK):
                await copy.write(block)
    await sql.run(conn, Q.index_staged)
    await sql.run(conn, Q.analyze_staged)


async def merge(conn: Conn, provider: Provider, *, now: datetime, aside: int) -> Counts:
    """Apply what was staged: bases, versions that end, events that change, and new ones.

    Nothing is deleted, whatever the feed lacks. *provider* is locked by the caller.

    Args:
        now: the time from which new versions hold.
        aside: how many records were put aside.
    """
    owner = {"provider_id": provider.id}
    await sql.run(conn, Q.forget_repeated)
    await sql.run(conn, Q.merge_bases, **owner)
    await sql.run(conn, Q.close_bases, **owner)
    await sql.run(conn, Q.find_changing, **owner)
    listed, changed, left, returned = await sql.row(conn, Q.count_changes) or (0, 0, 0, 0)
    if await sql.run(conn, Q.keep_past, now=now):
        await sql.run(conn, Q.change_values, now=now)
        await sql.run(conn, Q.change_states, now=now, seen=provider.synced_at or now)
    created = await sql.run(
        conn, Q.insert_events, **owner, audience=provider.audience, now=now
    )
    await sql.run(conn, Q.forget_aside, **owner)
    await sql.run(conn, Q.keep_aside, **owner)
    return Counts(
        listed=listed, created=created, changed=changed, left=left, returned=returned, aside=aside
    )


async def transaction(conn: Conn) -> str:
    """The number of the transaction that *conn* is in."""
    found = await sql.row(conn, Q.transaction)
    return found[0] if found else ""
