"""Trials of an import: their slices compared, what they would change, and their rows taken in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg.sql import SQL, Composable, Composed, Identifier

from vazao.kit import sql
from vazao.kit.sql import Conn, Page
from vazao.leads.models import Difference, Import, Slice
from vazao.leads.store.base import know_custom_fields
from vazao.leads.store.imports import Q as IMPORTS
from vazao.leads.store.imports import custom_fields
from vazao.leads.store.staging import (
    Span,
    StagingLost,
    changes_of,
    columns_of,
    exists,
    rejections_of,
)

Q = sql.load(__package__, "trials")


@dataclass(frozen=True)
class Comparison:
    """The places of the statements that compare a slice and tell of it, as the rules fill them;
    ``fields`` are those staged besides the e-mail.
    """

    fields: Sequence[str]
    staged: Composable
    differs: Composable
    before: Composable
    made: Composable
    after: Composable


async def prepare(conn: Conn, staging: str, fields: Sequence[str]) -> None:
    """Make the table of what would change, with the stored values of *fields*."""
    await sql.run(conn, Q.create_changes.format(
        changes=Identifier(changes_of(staging)), columns=columns_of(fields)
    ))


async def compare_slice(
    conn: Conn, staging: str, comparison: Comparison, record: Import, number: int,
    emails: Span,
) -> Slice:
    """Compare the slice of *emails*, and record what an import would do with them.

    Raises:
        StagingLost: no row stands there, though the slice began with one.
    """
    names = [Identifier(name) for name in comparison.fields]
    statement = Q.compare_slice.format(
        staging=Identifier(staging), changes=Identifier(changes_of(staging)),
        staged=comparison.staged, differs=comparison.differs,
        stored=Composed([SQL(", l.{}").format(name) for name in names]),
        names=Composed([SQL(", {}").format(name) for name in names]),
    )
    found = await sql.row(
        conn, statement, prepare=False, low=emails.low, high=emails.high,
        organization_id=record.organization_id, import_id=record.id, round=record.round,
        number=number, creates=record.mode != "update", updates=record.mode != "create",
        place=record.email_header,
    )
    assert found is not None
    created, updated, rows = found
    if rows == 0:
        raise StagingLost
    return Slice(created=created, updated=updated, rows=rows)


async def changes(
    conn: Conn, staging: str, comparison: Comparison, *, after: str, created: bool | None,
    limit: int,
) -> Page[Difference] | None:
    """What a trial would make or change behind an e-mail; ``None`` where it is kept no longer.

    Args:
        created: only what it would make, or (false) only what it would change.
    """
    if not await exists(conn, changes_of(staging)):
        return None
    statement: Composed = Q.list_changes.format(
        changes=Identifier(changes_of(staging)), staging=Identifier(staging),
        staged=comparison.staged, before=comparison.before, made=comparison.made,
        after_=comparison.after,
    )
    found = await sql.every(
        conn, Difference, statement, after=after, created=created, limit=limit + 1
    )
    return Page(found[:limit], len(found) > limit)


async def take_over(conn: Conn, record: Import, trial: Import, staging: str) -> None:
    """Let *record* have the rows that *trial* has read, under the name *staging*."""
    assert trial.staging is not None
    old = trial.staging
    await sql.run(conn, Q.rename_staging.format(old=Identifier(old), new=Identifier(staging)))
    await sql.run(conn, Q.drop_changes.format(changes=Identifier(rejections_of(old))))
    await sql.run(conn, Q.drop_changes.format(changes=Identifier(changes_of(old))))
    fields = custom_fields(trial.mapping or {}, trial.types or {})
    await know_custom_fields(conn, record.organization_id, fields)
    await sql.run(conn, Q.take_over, id=record.id, staging=staging)
    await sql.run(conn, Q.take_rejections, id=record.id, trial=trial.id)
    await sql.run(conn, IMPORTS.repeat_warnings, id=record.id, before=trial.id)
    await sql.run(conn, Q.give_staging, trial=trial.id)


async def lock(conn: Conn, trial: Import) -> tuple[int | None, str | None]:
    """The import that applied it, if any, and why its sheet is gone, if it is; nobody else decides
    until the transaction's end.
    """
    found = await sql.row(conn, Q.lock_trial, id=trial.id)
    return (found[0], found[1]) if found else (None, None)


async def set_applied(conn: Conn, trial: Import, by: int) -> None:
    """It has been applied by that import."""
    await sql.run(conn, Q.set_applied, id=trial.id, by=by)
