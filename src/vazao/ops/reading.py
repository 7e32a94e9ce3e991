"""What happened between two readings of PostgreSQL's counters."""

from __future__ import annotations

import time
from typing import NamedTuple

import psycopg

from vazao.kit.sql import Conn
from vazao.ops import store
from vazao.ops.models import DatabaseCount, StatementCount, TableCount

NOTHING = StatementCount(queryid=0, calls=0, ms=0.0, rows=0, hit=0, read=0)


class Reading(NamedTuple):
    """All counters at one moment (*at*, in seconds of the monotonic clock)."""

    at: float
    database: DatabaseCount
    tables: dict[int, TableCount]
    statements: dict[int, StatementCount] | None
    """``None`` where the server does not count statements."""
    schema: str | None
    """Where the extension that counts them is."""


class TableChange(NamedTuple):
    """A table as it is now, and what was done to it: scans, rows and blocks since."""

    now: TableCount
    seq_scans: int
    seq_rows: int
    read: int
    hit: int
    changed: int


class StatementChange(NamedTuple):
    """What a statement did since: *calls* that took *ms* in all, blocks found and read."""

    queryid: int
    calls: int
    ms: float
    hit: int
    read: int

    @property
    def mean_ms(self) -> float:
        """How long a call took."""
        return self.ms / self.calls if self.calls else 0.0

    @property
    def blocks(self) -> float:
        """Blocks that a call looked at."""
        return (self.hit + self.read) / self.calls if self.calls else 0.0


class Change(NamedTuple):
    """What happened in *seconds*, by table and by statement; *schema* as in :class:`Reading`."""

    seconds: float
    tables: list[TableChange]
    statements: list[StatementChange]
    hit: int
    read: int
    schema: str | None


async def read(conn: Conn) -> Reading:
    """The counters now."""
    schema = await store.counters.schema_of_statements(conn)
    statements: dict[int, StatementCount] | None = None
    if schema is not None:
        try:
            counted = await store.counters.statements(conn, schema)
        except psycopg.Error:
            # The server was started without the library, or this role may not ask.
            schema = None
        else:
            statements = {each.queryid: each for each in counted}
    database = await store.counters.database(conn)
    tables = {each.relid: each for each in await store.counters.tables(conn)}
    return Reading(time.monotonic(), database, tables, statements, schema)


def between(old: Reading, new: Reading) -> Change:
    """What happened from *old* to *new*; counters that began anew count from zero."""
    tables = [
        TableChange(
            now, _since(then.seq_scans, now.seq_scans), _since(then.seq_rows, now.seq_rows),
            _since(then.read, now.read), _since(then.hit, now.hit),
            _since(then.changed, now.changed),
        )
        for relid, now in new.tables.items() if (then := old.tables.get(relid, now))
    ]
    before = old.statements or {}
    statements = [
        StatementChange(now.queryid, now.calls - then.calls, now.ms - then.ms,
                        now.hit - then.hit, now.read - then.read)
        for queryid, now in (new.statements or {}).items()
        if (then := before.get(queryid, NOTHING)).calls < now.calls
    ] if old.statements is not None else []
    return Change(
        new.at - old.at, tables, statements, _since(old.database.hit, new.database.hit),
        _since(old.database.read, new.database.read), new.schema,
    )


def _since(old: int, new: int) -> int:
    return new - old if new >= old else new
