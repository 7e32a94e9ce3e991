"""Trials (dry runs): what one would change, and its application. Nothing here commits."""

from __future__ import annotations

from vazao import jobs
from vazao.kit.sql import Page
from vazao.kit.web.idempotency import Idempotency
from vazao.leads import merging, service, store
from vazao.leads.errors import (
    SEND_WITHOUT,
    ChangesGone,
    NotATrial,
    SheetErased,
    TrialApplied,
    TrialEnded,
    TrialNotFinished,
)
from vazao.leads.models import Difference, Import, Options
from vazao.leads.service import Connection

APPLIED = "The import that it made: {token}."


async def apply(
    conn: Connection, organization_id: int, token: str, *, requested_by: str | None = None,
    request_id: str | None = None, idempotency: Idempotency | None = None,
) -> tuple[Import, jobs.Job]:
    """Take in what a trial has read: another import, which reads nothing again.

    Args:
        idempotency: as :func:`jobs.enqueue` has it.

    Raises:
        IdempotencyClash: the key came with another request.
        ImportNotFound: there is none by that id in this organization.
        NotATrial, TrialNotFinished, TrialEnded, TrialApplied: it cannot be applied.
        SheetErased: a person who is erased stood in its sheet.
    """
    trial, job = await service.get(conn, organization_id, token)
    if not trial.dry_run:
        raise NotATrial
    _ended(job)
    applied, gone = await store.trials.lock(conn, trial)
    held = await jobs.held_by(conn, organization_id, idempotency, "leads.import")
    if held is not None and (made_before := await store.imports.get(conn, held.id)) is not None:
        return made_before, held
    if applied is not None:
        into = await store.imports.get(conn, applied)
        raise TrialApplied(remedy=APPLIED if into else None, token=into.token if into else "")
    if gone == "erased":
        raise SheetErased(remedy=SEND_WITHOUT)
    made = await jobs.enqueue(
        conn, "leads.import", organization_id=organization_id,
        payload={"upload": trial.upload, "applies": trial.token, "about": trial.filename}, cost=1,
        bytes_total=job.bytes_total, request_id=request_id, requested_by=requested_by,
        idempotency=idempotency,
    )
    return await _record(conn, trial, made, requested_by), made


async def _record(
    conn: Connection, trial: Import, made: jobs.Job, requested_by: str | None
) -> Import:
    """The import that applies *trial* by the job *made*."""
    options = Options(
        mode=trial.mode, empty=trial.empty, sheet=trial.sheet, header_row=trial.header_row,
        delimiter=trial.delimiter, encoding=trial.encoding, mapping=trial.mapping,
        strict=trial.strict, types=trial.new_types,
    )
    record = await store.imports.insert(
        conn, id=made.id, token=made.token, organization_id=made.organization_id,
        upload=trial.upload, filename=trial.filename, options=options, requested_by=requested_by,
        applies=trial.id,
    )
    await store.trials.set_applied(conn, trial, record.id)
    return record


def _ended(trial: jobs.Job) -> None:
    """Raises TrialNotFinished, or TrialEnded where it never will have."""
    if trial.status in ("failed", "cancelled"):
        raise TrialEnded
    if trial.status != "finished":
        raise TrialNotFinished


async def changes(
    conn: Connection, organization_id: int, token: str, *, after: str = "",
    created: bool | None = None, limit: int,
) -> Page[Difference]:
    """What a trial would make or change behind the e-mail *after*; see `store.trials.changes`.

    Raises:
        ImportNotFound: there is none by that id in this organization.
        NotATrial, TrialNotFinished, TrialEnded: there is nothing to compare.
        ChangesGone: it was applied, or is kept no longer.
    """
    trial, job = await service.get(conn, organization_id, token)
    if not trial.dry_run:
        raise NotATrial
    _ended(job)
    found = await _changes(conn, trial, after, created, limit)
    if found is None:
        raise ChangesGone
    return found


async def _changes(
    conn: Connection, trial: Import, after: str, created: bool | None, limit: int
) -> Page[Difference] | None:
    if trial.staging is None:
        return None
    return await store.trials.changes(
        conn, trial.staging, merging.compare(trial), after=after, created=created, limit=limit
    )


async def first_changes(conn: Connection, record: Import, limit: int) -> list[Difference]:
    """The first things that a finished trial would do; none where they are kept no longer."""
    found = await _changes(conn, record, "", None, limit)
    return found.items if found else []
