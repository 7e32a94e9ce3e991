"""Tables: dead rows that stay, room that is never used again, blocks that are read from disk."""

from __future__ import annotations

from datetime import timedelta

from vazao.kit import clock
from vazao.kit.findings import Finding
from vazao.ops import store
from vazao.ops.models import Standing, TableCount
from vazao.ops.sight import Sight

PAGE = 8192
MANY_DEAD = 50_000
DEAD_SHARE = 0.4
"""Of all rows of a table."""
LATE = timedelta(minutes=10)
"""Vacuum comes every quarter of a minute where there is work; a large table takes a while."""
WASTED_BYTES = 128 << 20
WASTED_SHARE = 0.6
READ_BLOCKS = 2_000
"""A second, by all statements: 16 MB."""
MISS_SHARE = 0.3
HELD_SECONDS = 60.0
DEAD = "{table} has {dead} dead rows beside {rows} live ones."


async def dead_rows(sight: Sight) -> list[Finding]:
    """Tables whose dead rows are not cleaned up, and why not."""
    if sight.change is None:
        return []
    bad = [each.now for each in sight.change.tables if _is_dead(each.now)]
    if not bad:
        return []
    standing = await store.server.standing(sight.conn)
    return [found for table in bad if (found := _why(table, standing)) is not None]


def _is_dead(table: TableCount) -> bool:
    return table.dead >= MANY_DEAD and table.dead >= DEAD_SHARE * (table.live + table.dead)


def _why(table: TableCount, standing: Standing) -> Finding | None:
    params = {
        "table": table.name, "dead": table.dead, "rows": table.live,
        "pid": standing.horizon_pid or 0, "application": standing.horizon_kind or "—",
        "seconds": standing.horizon_seconds or 0.0,
    }
    if not table.vacuums:
        return Finding(
            code="dead_rows", subject=table.name, message=DEAD, params=params,
            remedy="Autovacuum is turned off for it. Turn it on and run: vacuum (analyze) {table}",
        )
    held = (standing.horizon_seconds or 0.0) >= HELD_SECONDS
    if held and table.vacuumed_at is not None and clock.now() - table.vacuumed_at < LATE:
        return Finding(
            code="dead_rows", subject=table.name, message=DEAD, params=params,
            remedy="The transaction of session {pid} ({application}), open for {seconds}, keeps "
            "them. End it: select pg_terminate_backend({pid})",
        )
    late = table.vacuumed_at is None or clock.now() - table.vacuumed_at > LATE
    if table.under_way or not late or table.dead < 4 * table.vacuum_from:
        return None
    return Finding(
        code="dead_rows", subject=table.name, message=DEAD, params=params,
        remedy="Autovacuum does not keep up. Run vacuum (analyze) {table}, and raise "
        "autovacuum_vacuum_cost_limit.",
    )


async def wasted_room(sight: Sight) -> list[Finding]:
    """Tables whose file is mostly room that nothing fills."""
    if sight.change is None:
        return []
    large = {t.now.relid: t.now for t in sight.change.tables
             if t.now.pages * PAGE >= WASTED_BYTES and t.now.analyzed_at is not None}
    if not large:
        return []
    widths = await store.counters.widths(sight.conn, list(large))
    return [
        found for relid, (width, filled) in widths.items()
        if (found := _wasted(large[relid], width, filled)) is not None
    ]


def _wasted(table: TableCount, width: float, filled: float) -> Finding | None:
    size = table.pages * PAGE
    wasted = size - table.rows * width / filled
    if wasted < WASTED_BYTES or wasted < WASTED_SHARE * size:
        return None
    return Finding(
        code="table_bloated", subject=table.name,
        message="{table} takes {size_bytes} on the disk, about {wasted_bytes} of it empty: every "
        "full read of it takes longer.",
        remedy="New rows will use the empty space. To give it back, run vacuum full {table} in a "
        "quiet hour (until it ends, the table cannot be used), or pg_repack.",
        params={"table": table.name, "size_bytes": size, "wasted_bytes": int(wasted)},
    )


async def cold_cache(sight: Sight) -> list[Finding]:
    """What is asked for comes from the disk, not from memory."""
    change = sight.change
    if change is None or change.read < READ_BLOCKS * change.seconds:
        return []
    if change.read < MISS_SHARE * (change.read + change.hit) or not change.tables:
        return []
    worst = max(change.tables, key=lambda table: table.read)
    return [Finding(
        code="cache_cold",
        message="{miss_share} of the blocks asked for are not in the database's memory: "
        "{read_bytes} a second are read, most of it of {table}.",
        remedy="After a restart this passes, and sooner with: select pg_prewarm('{table}') "
        "(extension pg_prewarm). If it stays, raise shared_buffers or give the server more memory.",
        params={
            "miss_share": change.read / (change.read + change.hit), "table": worst.now.name,
            "read_bytes": int(change.read * PAGE / change.seconds),
        },
    )]


LOOKS = (dead_rows, wasted_room, cold_cache)
