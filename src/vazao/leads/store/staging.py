"""Staging of imports: loaded, cut into slices, merged into the base, dropped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from psycopg.sql import SQL, Composable, Composed, Identifier

from vazao.kit import sql
from vazao.kit.sql import Conn
from vazao.leads.models import Import, Slice
from vazao.leads.store.base import raise_base

Q = sql.load(__package__, "staging")
EXACT = 100_000
"""Fewer staged rows than these are cut into slices by looking at all of them."""
STAGED_TYPES = {"tags": "text[]", "custom": "jsonb", "opted_out": "boolean"}


class StagingLost(RuntimeError):
    """The server crashed and emptied the import's unlogged staging."""


class EdgesGone(RuntimeError):
    """Nothing says any more which e-mails a slice has: its import has ended."""


@dataclass(frozen=True)
class Span:
    """The e-mails of a slice, from *low* up to *high*, which is the next one's (the last has no
    end).
    """

    low: str
    high: str | None


@dataclass(frozen=True)
class Merge:
    """The places of the statement that merges a slice, as the rules of its fields fill them."""

    staged: Composable
    columns: Composable
    values: Composable
    differs: Composable
    assignments: Composable
    conflict: Composable
    found: Composable


def rejections_of(staging: str) -> str:
    """The table of an attempt's refused rows."""
    return f"{staging}_r"


def changes_of(staging: str) -> str:
    """The table of what a trial would change."""
    return f"{staging}_c"


def columns_of(fields: Sequence[str]) -> Composed:
    """The definitions of columns for *fields*, each with a comma before it."""
    return Composed([
        sql.trusted(f", {{f}} {STAGED_TYPES.get(field, 'text')}").format(f=Identifier(field))
        for field in fields
    ])


async def create(conn: Conn, staging: str, fields: Sequence[str]) -> None:
    """Make an attempt's tables, for *fields* besides the e-mail and for refused rows."""
    await sql.run(conn, Q.create_staging.format(
        staging=Identifier(staging), columns=columns_of(fields)
    ))
    await sql.run(conn, Q.create_staged_rejections.format(
        rejections=Identifier(rejections_of(staging))
    ))


async def copy_rows(conn: Conn, staging: str, fields: Sequence[str], body: bytes) -> None:
    """Add valid rows: CSV of ``row``, ``email`` and *fields*, in that order."""
    names = [Identifier(name) for name in ("row", "email", *fields)]
    await _copy(conn, Q.copy_staging.format(
        staging=Identifier(staging), columns=SQL(", ").join(names)
    ), body)


async def copy_rejections(conn: Conn, staging: str, body: bytes) -> None:
    """Add refused rows: CSV of row, column, code and value."""
    await _copy(conn, Q.copy_rejections.format(
        rejections=Identifier(rejections_of(staging))
    ), body)


async def _copy(conn: Conn, statement: Composed, body: bytes) -> None:
    if body:
        async with conn.cursor() as cursor, cursor.copy(statement) as sink:
            await sink.write(body)


async def index(conn: Conn, staging: str) -> None:
    """After loading: let slices find their rows."""
    await sql.run(conn, Q.index_staging.format(staging=Identifier(staging)))


async def slices(conn: Conn, staging: str, rows: int, slice_rows: int) -> list[Span]:
    """Cut *rows* staged rows into slices of about *slice_rows* rows, by e-mail."""
    if not rows:
        return []
    table = Identifier(staging)
    first = await sql.row(conn, Q.first_email.format(staging=table))
    found = await sql.rows(
        conn, Q.slice_edges.format(staging=table), slices=max(1, round(rows / slice_rows)),
        percent=100 if rows < EXACT else 10,
    )
    sampled = [email for (email,) in found]
    edges = list(dict.fromkeys([*(first or ()), *sampled[1:]]))
    return [Span(low, high) for low, high in zip(edges, [*edges[1:], None], strict=True)]


async def save_edges(conn: Conn, import_id: int, slices: Sequence[Span]) -> list[dict[str, int]]:
    """Keep where the slices of an import begin; a payload a slice, which holds no e-mail."""
    await forget_edges(conn, import_id)
    await sql.run(conn, Q.save_edges, import_id=import_id, emails=[each.low for each in slices])
    return [{"slice": number} for number in range(1, len(slices) + 1)]


async def span(conn: Conn, import_id: int, payload: Mapping[str, Any]) -> Span:
    """The e-mails of the slice that *payload* names.

    Raises:
        EdgesGone: the import has ended, or begun anew.
    """
    if "low" in payload:
        # Of an import that an earlier version of the platform began.
        return Span(payload["low"], payload["high"])
    found = await sql.row(conn, Q.slice_span, import_id=import_id, number=payload["slice"])
    if found is None:
        raise EdgesGone
    return Span(*found)


async def forget_edges(conn: Conn, import_id: int) -> None:
    """Once an import has ended: no e-mail of it stays behind."""
    await sql.run(conn, Q.forget_edges, import_id=import_id)


async def exists(conn: Conn, name: str) -> bool:
    """Whether a table of that name is there."""
    found = await sql.row(conn, Q.staging_exists, name=f"leads_staging.{name}")
    return found == (True,)


async def count(conn: Conn, staging: str) -> int:
    """How many rows wait in *staging*; -1 when the table is gone."""
    if not await exists(conn, staging):
        return -1
    found = await sql.row(conn, Q.count_staging.format(staging=Identifier(staging)))
    return found[0] if found else 0


async def lock(conn: Conn, import_id: int) -> None:
    """Wait for other parts that read this import's staging again; until the transaction ends."""
    await sql.run(conn, Q.lock_staging, id=import_id)


async def drop(conn: Conn, staging: str) -> None:
    """Remove an attempt's tables, where they are."""
    await sql.run(conn, Q.drop_staging.format(
        staging=Identifier(staging), rejections=Identifier(rejections_of(staging)),
        changes=Identifier(changes_of(staging)),
    ))


async def tables(conn: Conn, *, kept: timedelta) -> list[tuple[str, int]]:
    """Every staging table and the job of its import.

    Args:
        kept: for how long those of trials are no matter, since they may still be applied.
    """
    return [(name, job_id) for name, job_id in await sql.rows(conn, Q.staging_tables, kept=kept)]


async def prepare_slice(conn: Conn) -> None:
    """Planner settings of a slice's transaction."""
    await sql.run(conn, Q.slice_settings)


async def has_repeated(conn: Conn, staging: str, emails: Span) -> bool:
    """Whether an e-mail stands in several rows of the slice."""
    found = await sql.row(
        conn, Q.has_repeated.format(staging=Identifier(staging)), low=emails.low,
        high=emails.high,
    )
    return bool(found and found[0])


def rows_alone() -> Composed:
    """The rows of a slice in which no e-mail stands twice."""
    return Q.rows_alone.format()


def rows_folded(*, columns: Composable, folds: Composable) -> Composed:
    """The rows of a slice, those of one e-mail folded into one.

    Args:
        columns: all columns of the staging table.
        folds: the same, over the lines of one e-mail.
    """
    return Q.rows_folded.format(columns=columns, folds=folds)


def merging(staging: str, merge: Merge) -> Composed:
    """The statement that merges one slice of *staging*."""
    return Q.merge_slice.format(
        staging=Identifier(staging), staged=merge.staged, columns=merge.columns,
        values=merge.values,
        differs=merge.differs, assignments=merge.assignments, conflict=merge.conflict,
        found=merge.found,
    )


async def merge_slice(
    conn: Conn, staging: str, merge: Merge, record: Import, number: int,
    emails: Span, gone: Sequence[str] = (),
) -> Slice | None:
    """Merge and record the slice of *emails*, and raise the base's version.

    ``None`` when another writer got in between: undo, and try again. Rows of those who are *gone*
    are refused.

    Raises:
        StagingLost: no row stands there, though the slice began with one.
    """
    creates, updates = record.mode != "update", record.mode != "create"
    row = await sql.row(
        conn, merging(staging, merge), prepare=False, low=emails.low, high=emails.high,
        organization_id=record.organization_id, import_id=record.id, round=record.round,
        number=number, creates=creates, updates=updates, gone=list(gone),
        place=record.email_header,
    )
    assert row is not None
    created, updated, rows, missing, differing = row
    if rows == 0:
        raise StagingLost
    if (creates and created != missing) or (updates and updated != differing):
        return None
    if created or updated:
        await raise_base(conn, record.organization_id, created)
    return Slice(created=created, updated=updated, rows=rows)
