"""What PostgreSQL's statistics say, as rows."""

from __future__ import annotations

from datetime import datetime

import msgspec

from vazao.kit.findings import Finding

RAISED, SOLVED = "alarm.raised", "alarm.solved"
"""What is told through the outbox when something goes wrong, and when it is over."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A row of one of the statistics."""


class Holder(Row, frozen=True, kw_only=True):
    """A session that others wait for: *waiting* of them, the longest for *seconds*."""

    pid: int
    application: str
    state: str
    waiting: int
    relation: str
    seconds: float


class Transaction(Row, frozen=True, kw_only=True):
    """A transaction that is open for long: at work since *seconds*, or idle since."""

    pid: int
    application: str
    active: bool
    seconds: float
    blocked: bool


class Connections(Row, frozen=True, kw_only=True):
    """The server's *room* for connections, and who has most of those *taken*."""

    room: int
    taken: int
    application: str
    sessions: int
    idle: int


class Load(Row, frozen=True, kw_only=True):
    """Sessions at work: on the processor, waiting for the disk, for a lock, for others."""

    cpu: int
    io: int
    lock: int
    other: int


class TableCount(Row, frozen=True, kw_only=True):
    """A table's counters since the statistics began, and its size by the catalogue."""

    relid: int
    name: str
    rows: int
    pages: int
    live: int
    dead: int
    changed: int
    seq_scans: int
    seq_rows: int
    read: int
    hit: int
    vacuumed_at: datetime | None
    analyzed_at: datetime | None
    vacuums: bool
    vacuum_from: float
    under_way: bool


class StatementCount(Row, frozen=True, kw_only=True):
    """A statement's counters since the statistics began; times in milliseconds."""

    queryid: int
    calls: int
    ms: float
    rows: int
    hit: int
    read: int


class DatabaseCount(Row, frozen=True, kw_only=True):
    """The database's counters: blocks, milliseconds spent reading, commits, WAL bytes."""

    hit: int
    read: int
    read_ms: float
    commits: int
    rollbacks: int
    deadlocks: int
    temp_bytes: int


class Usual(Row, frozen=True, kw_only=True):
    """How long a statement usually takes, and by which plan; *readings* tell how sure that is."""

    queryid: int
    usual_ms: float
    readings: int
    plan: str | None = None
    seen_at: datetime | None = None


class Standing(Row, frozen=True, kw_only=True):
    """What a server has near a limit."""

    xid_age: int
    xid_limit: int
    oldest_name: str
    slots: list[dict[str, object]]
    replicas: list[dict[str, object]]
    horizon_seconds: float | None
    horizon_pid: int | None
    horizon_kind: str | None


class Alarm(Finding, frozen=True, kw_only=True):
    """A finding as it was kept: *since* when, and until when if it is over."""

    id: int
    seen_at: datetime
    ended_at: datetime | None = None


class Sample(Row, frozen=True, kw_only=True):
    """Mean figures of a minute or more, by name, that began *at* (seconds since the epoch)."""

    at: float
    figures: dict[str, float]


class Spent(Row, frozen=True, kw_only=True):
    """What a statement took lately; *usual_ms* and *plan* where they were learnt."""

    queryid: int
    calls: int
    ms: float
    blocks: int
    text: str
    usual_ms: float | None
    plan: str | None


class TableSize(Row, frozen=True, kw_only=True):
    """A table with its indexes: bytes, rows, dead rows, and how often it was read whole."""

    name: str
    bytes: int
    rows: int
    dead: int
    seq_scans: int
    vacuumed_at: datetime | None


class UnusedIndex(Row, frozen=True, kw_only=True):
    """An index that no statement has used since the statistics began."""

    name: str
    table: str
    bytes: int
