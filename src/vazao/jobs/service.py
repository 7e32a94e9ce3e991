"""The verbs: enqueue, split, add, seal, cancel, retry. No commit; they join the caller's."""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from psycopg.errors import DeadlockDetected

from vazao.jobs import ending, fairness, store
from vazao.jobs.admission import led_to
from vazao.jobs.errors import (
    IdempotencyClash,
    JobEnded,
    JobFinished,
    JobNeedsAdmin,
    JobNotEnded,
    JobNotFound,
)
from vazao.jobs.known import find_kind, kind_of, may_begin
from vazao.jobs.models import Job, NewPart
from vazao.jobs.telling import tell
from vazao.kit.errors import Conflict, VazaoError
from vazao.kit.platform import Principal
from vazao.kit.sql import Conn, Page
from vazao.kit.web.idempotency import Idempotency


async def enqueue(
    conn: Conn, kind: str, *, organization_id: int, payload: dict[str, Any], cost: float = 1.0,
    bytes_total: int | None = None, rows_total: int | None = None,
    request_id: str | None = None, requested_by: str | None = None, client: int = 0,
    idempotency: Idempotency | None = None,
) -> Job:
    """Ask for work of *kind*: a job and the part of its first step, in the caller's transaction.

    Args:
        organization_id: who pays, and the only one that sees it.
        payload: JSON-able, handed to the first step as the job's and the part's payload; its
            ``about`` is what people call what the job works on: the name of a file, say.
        cost: expected cost of the first part.
        client: who asks as the public (:attr:`Principal.client`), else 0.
        bytes_total, rows_total: sizes where known, shown with the progress.
        idempotency: (key, hash of the request): the same pair within 24 hours gives the same
            job, with ``created`` false.

    Raises:
        IdempotencyClash: the key came with another request.
        KindUnknown: nobody registered *kind*.
    """
    found = await _insert(
        conn, kind, status="queued", organization_id=organization_id, payload=payload, cost=cost,
        bytes_total=bytes_total, rows_total=rows_total, request_id=request_id,
        requested_by=requested_by, client=client, idempotency=idempotency,
    )
    if found.created:
        await fairness.add(conn, found, found.step, [NewPart.first(payload, cost)])
    return found


async def open_job(
    conn: Conn, kind: str, *, organization_id: int, payload: dict[str, Any],
    request_id: str | None = None, requested_by: str | None = None, client: int = 0,
    idempotency: Idempotency | None = None,
) -> Job:
    """Begin a job whose parts come in one by one (:func:`add_part`); hidden until :func:`seal`.

    Raises:
        IdempotencyClash, KindUnknown: as :func:`enqueue`.
    """
    return await _insert(
        conn, kind, status="receiving", organization_id=organization_id, payload=payload,
        cost=1.0, bytes_total=None, rows_total=None, request_id=request_id,
        requested_by=requested_by, client=client, idempotency=idempotency,
    )


async def _insert(
    conn: Conn, kind: str, *, status: str, organization_id: int, payload: dict[str, Any],
    idempotency: Idempotency | None, **more: Any,
) -> Job:
    known = kind_of(kind)
    key, digest = idempotency or ("", "")
    for _ in range(3):
        made = await store.jobs.insert(
            conn, token=secrets.token_hex(16), organization_id=organization_id, kind=kind,
            payload=payload, status=status, step=known.first_step,
            span=known.span(known.first_step), parts=int(status == "queued"),
            idempotency=idempotency, **more,
        )
        if made is not None:
            tell(conn, made)
            return made
        held = await held_by(conn, organization_id, (key, digest), kind)
        if held is not None:
            return held
    raise IdempotencyClash


async def held_by(
    conn: Conn, organization_id: int, idempotency: tuple[str, str] | None, kind: str
) -> Job | None:
    """The job that an idempotency key led to within 24 hours, with ``created`` false.

    Args:
        idempotency: the key, with a hash of all that is asked; none leads nowhere.

    Raises:
        IdempotencyClash: the key belongs to another request.
    """
    if idempotency is None:
        return None
    key, digest = idempotency
    found = await store.jobs.find_keyed(conn, organization_id, key)
    if found is None:
        return None
    if not found.honoured:
        await store.jobs.free_key(conn, organization_id, key)
        return None
    return led_to(found, digest, kind)


async def split(
    conn: Conn, job: Job, step: str, payloads: Sequence[dict[str, Any]], *, join: str | None,
    costs: Sequence[float] | None = None,
) -> None:
    """Write one part of *step* for each payload; the last to end enqueues *join* (or ends the job).

    Raises:
        JobEnded: the job has ended meanwhile.
    """
    counted = await store.jobs.begin_step(
        conn, job.id, step, parts=len(payloads), join=join, span=kind_of(job.kind).span(step)
    )
    if counted is None:
        raise JobEnded
    tell(conn, counted)
    parts = [
        NewPart(payload, cost)
        for payload, cost in zip(payloads, costs or [1.0] * len(payloads), strict=True)
    ]
    await fairness.add(conn, job, step, parts)


async def add_part(
    conn: Conn, job: Job, step: str, payload: dict[str, Any], cost: float = 1.0
) -> None:
    """Add one part of *step* while others run (a file still being uploaded).

    Raises:
        JobEnded: the job has ended meanwhile.
    """
    if await store.jobs.count_part(conn, job.id) is None:
        raise JobEnded
    await fairness.add(conn, job, step, [NewPart(payload, cost)])


async def seal(
    conn: Conn, job: Job, *, join: str | None, payload: dict[str, Any] | None = None,
    bytes_total: int | None = None,
) -> Job:
    """Close an open job: no part will be added, and from now on it is visible.

    Args:
        join: the step that the last part's end enqueues.
        payload: added to the job's payload.

    Raises:
        JobEnded: it was swept or cancelled meanwhile.
    """
    sealed = await store.jobs.seal(
        conn, job.id, join=join, payload=payload or {}, bytes_total=bytes_total
    )
    if sealed is None:
        raise JobEnded
    tell(conn, sealed)
    return await ending.complete(conn, sealed) if sealed.pending == 0 else sealed


async def hold_key(conn: Conn, job: Job, key: str, digest: str) -> None:
    """Let an idempotency key lead to a job whose request was not known when it was opened.

    Raises:
        UniqueViolation: psycopg's, where another job of the organization holds the key.
    """
    await store.jobs.hold_key(conn, job.id, key, digest)


async def discard_open(conn: Conn, job: Job) -> None:
    """Let a job whose body was cut off never have been; only while it is hidden."""
    await store.jobs.lock(conn, job.id)
    await store.parts.cancel_all(conn, job.id)
    await store.jobs.drop_open(conn, job.id)


async def get_job(
    conn: Conn, organization_id: int, token: str, *, hidden: Sequence[str] = ()
) -> Job:
    """The organization's job by its public id.

    Args:
        hidden: kinds that who asks is told nothing of.

    Raises:
        JobNotFound: there is none, or it is another organization's, or still being received.
    """
    found = await store.jobs.find(conn, organization_id, token)
    if found is None or found.status == "receiving" or found.kind in hidden:
        raise JobNotFound
    return found


async def list_jobs(
    conn: Conn, organization_id: int, *, limit: int = 50, before: int | None = None,
    status: str | None = None, kind: str | None = None, hidden: Sequence[str] = (),
) -> Page[Job]:
    """A page of the organization's jobs, newest first.

    Args:
        before: the last page's last id.
        hidden: kinds that who asks is told nothing of.
    """
    return await store.jobs.newest(
        conn, organization_id, limit=limit, before=before, status=status, kind=kind, hidden=hidden
    )


async def list_every(
    conn: Conn, *, limit: int = 50, status: str | None = None, kind: str | None = None
) -> Page[Job]:
    """The newest jobs of all organizations: for operators alone."""
    return await store.jobs.newest_of_all(conn, limit=limit, status=status, kind=kind)


async def by_ids(conn: Conn, organization_id: int, ids: Sequence[int]) -> dict[int, Job]:
    """The organization's jobs among *ids*, by id."""
    return {job.id: job for job in await store.jobs.by_ids(conn, organization_id, ids)}


async def at_work(conn: Conn, ids: Sequence[int]) -> set[int]:
    """Which of *ids* are jobs that have not ended."""
    return await store.jobs.at_work(conn, ids)


async def results_of(conn: Conn, job_id: int, step: str) -> list[Any]:
    """What the finished parts of *step* returned, in the order of the parts."""
    return await store.parts.results(conn, job_id, step)


async def results_after(
    conn: Conn, job_id: int, step: str, *, after: int, limit: int
) -> list[tuple[int, Any]]:
    """A page of what finished parts of *step* returned: (number, result), numbers above *after*."""
    return await store.parts.results_after(conn, job_id, step, after=after, limit=limit)


async def results_by_token(
    conn: Conn, kind: str, tokens: Sequence[str]
) -> dict[tuple[int, str], Any]:
    """The results of jobs of *kind* among *tokens*, by organization and token."""
    found = await store.jobs.results(conn, kind, tokens)
    return {(organization_id, token): result for organization_id, token, result in found}


def _permit(job: Job, by: Principal | None) -> None:
    if by is not None and not may_begin(job.kind, by):
        raise JobNeedsAdmin


async def listen(conn: Conn, organization_id: int) -> None:
    """Let ``registry.when_jobs_end`` hear of all jobs of an organization: without it jobs of one
    part end in one statement, which calls nobody.
    """
    await store.jobs.set_listened(conn, organization_id)


async def keep_result(conn: Conn, job_id: int, result: Any) -> None:
    """What a job that did not finish has done until then; for hooks of its end."""
    await store.jobs.keep_result(conn, job_id, result)


async def cancel(
    conn: Conn, organization_id: int, token: str, *, by: Principal | None = None,
    hidden: Sequence[str] = (),
) -> Job:
    """End a job now; its running parts can no longer commit and stop within a second or so.

    A job that is cancelled already stays so, without an error.

    Args:
        by: who asks; ``None``: the platform itself.

    Raises:
        JobNotFound: as :func:`get_job`.
        JobNeedsAdmin: *by* may not begin work of its kind.
        JobEnded: it finished or failed.
    """
    found = await get_job(conn, organization_id, token, hidden=hidden)
    _permit(found, by)
    for attempt in range(5):
        try:
            async with conn.transaction():
                ended = await ending.end(conn, found, "cancelled")
            break
        except DeadlockDetected:
            # A part's transaction may lock the feature's own rows before the job's.
            if attempt == 4:
                raise
    if ended is not None:
        ending.record(ended)
        return ended
    now = await get_job(conn, organization_id, token)
    if now.status != "cancelled":
        raise JobEnded
    return now


async def forget(
    conn: Conn, organization_id: int, kind: str, *, finished_seconds: float,
    others_seconds: float, limit: int = 5000,
) -> int:
    """Delete ended jobs of *kind*, the oldest first; how many. For kinds that come by the minute.

    Args:
        finished_seconds: how long those are kept that finished.
        others_seconds: how long those are kept that failed or were cancelled.
    """
    return await store.jobs.forget(
        conn, organization_id, kind, finished_seconds=finished_seconds,
        others_seconds=others_seconds, limit=limit,
    )


async def retry(
    conn: Conn, organization_id: int, token: str, *, by: Principal | None = None,
    hidden: Sequence[str] = (),
) -> Job:
    """Let a failed or cancelled job start over from its first step, under the same id.

    Raises:
        JobNotFound: as :func:`get_job`.
        JobNeedsAdmin: as :func:`cancel`.
        JobNotEnded: it is still at work.
        JobFinished: it did what it was asked for.
        VazaoError: its kind bars it, as where its file is gone.
    """
    known_job = await get_job(conn, organization_id, token, hidden=hidden)
    _permit(known_job, by)
    found = await store.jobs.lock(conn, known_job.id)
    if found is not None and found.status == "finished":
        raise JobFinished
    if found is None or found.status not in ("failed", "cancelled"):
        raise JobNotEnded
    known = kind_of(found.kind)
    if refusal := (await barred(conn, [found])).get(found.id):
        raise refusal
    if known.on_retry is not None:
        await known.on_retry(conn, found)
    await store.parts.delete_all(conn, found.id)
    again = await store.jobs.restart(
        conn, found.id, known.first_step, known.span(known.first_step)
    )
    if again is None:
        raise Conflict
    tell(conn, again)
    await fairness.add(conn, again, known.first_step, [NewPart.first(found.payload, found.cost)])
    return again


async def barred(conn: Conn, jobs: Iterable[Job]) -> dict[int, VazaoError]:
    """By their ids, why failed and cancelled jobs of an organization cannot start over."""
    ended: dict[str, list[Job]] = defaultdict(list)
    for job in jobs:
        if job.status in ("failed", "cancelled"):
            ended[job.kind].append(job)
    found: dict[int, VazaoError] = {}
    for name, mine in ended.items():
        kind = find_kind(name)
        if kind is not None and kind.bars is not None:
            found |= await kind.bars(conn, mine)
    return found
