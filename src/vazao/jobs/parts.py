"""A part being run: what its handler holds, and the one transaction in which it ends."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from vazao.jobs import ending, fairness, service, store
from vazao.jobs.errors import Fenced, JobCancelled
from vazao.jobs.known import kind_of
from vazao.jobs.models import Attempt, Counts, Job, Part, Progress
from vazao.jobs.telling import tell
from vazao.kit.platform import Platform
from vazao.kit.sql import Conn

THROTTLE_SECONDS = 0.25


class PartRun:
    """One attempt at one part.

    A handler ends its part in one short transaction (:meth:`finishing`), or returns a value,
    which then is the part's result. It may be run again after any crash: only the attempt that
    holds the current token commits.

    Attributes:
        platform: database, blobs, settings.
        job: the job as it stood when the attempt began.
        part: the part, with its payload.
        result: what the part found, JSON-able; set it inside :meth:`finishing`.
        ended: whether this attempt has ended the part.
        ended_job: the job, where this attempt has ended it too.
    """

    def __init__(
        self, platform: Platform, job: Job, part: Part, token: UUID,
        ledger: fairness.Ledger | None = None,
    ) -> None:
        self.platform = platform
        self._ledger = ledger or fairness.Ledger()
        self.job = job
        self.part = part
        self.token = token
        self.result: Any = None
        self.ended = False
        self.ended_job: Job | None = None
        self._finish = False
        self._began = time.perf_counter()
        self._finishing = False
        self._next_report = 0.0
        self._progress = Progress()
        self._counts = Counts()

    @property
    def payload(self) -> dict[str, Any]:
        """The part's payload."""
        return self.part.payload

    @property
    def seconds(self) -> float:
        """How long this attempt has been at work."""
        return time.perf_counter() - self._began

    @property
    def attempt(self) -> Attempt:
        """This attempt, as the store knows it."""
        return Attempt(self.job.id, self.part.number, self.token)

    async def is_current(self, conn: Conn) -> bool:
        """Whether this attempt still holds the part: nobody took it back, its job goes on."""
        return await store.parts.is_current(conn, self.attempt)

    @asynccontextmanager
    async def finishing(self) -> AsyncGenerator[Conn]:
        """The part's one short transaction: all that is done on the connection commits together
        with the part's end, or not at all.

        A part's end becomes durable with its job's at the latest: what it needed (a stored file,
        say) is to be removed at the job's end, not at its own.

        Lock order: the job's row is locked at the end (or by :meth:`split`); rows that parts of
        the same job share should be touched last, or not here but in the joining step.

        Raises:
            Fenced: the part was taken back or its job has ended; nothing is committed.
        """
        if self.ended or self._finishing:
            raise RuntimeError("a part ends once")
        self._finishing, counted = True, self._counts
        try:
            async with self.platform.db.transaction() as conn:
                if not await self.is_current(conn):
                    raise Fenced
                yield conn
                ended_job = await self._end(conn)
            self.ended, self.ended_job = True, ended_job
        except BaseException:
            # What was rolled back may be tried again, and then counts once.
            self._counts = counted
            raise
        finally:
            self._finishing = False

    async def _end(self, conn: Conn) -> Job | None:
        seconds = self.seconds
        job = await store.jobs.count_down(
            conn, self.job.id, self.part.step, seconds=seconds, progress=self._progress,
            counts=self._counts,
        )
        if job is None:
            raise Fenced
        tell(conn, job)
        last = self._finish or (job.pending == 0 and job.join_step is None)
        charge = self.charge(seconds)
        if not await store.parts.end(
            conn, self.attempt, "done", result=self.result, seconds=seconds,
            charge=0.0 if last else charge, queue_id=self.part.queue_id, relaxed=not last,
        ):
            raise Fenced
        if self._finish:
            job = await ending.end(conn, job, "finished", result=self.result) or job
        elif job.pending == 0 and job.status != "receiving":
            # What the last of several parts found is not what the job found.
            alone = job.step_total == 1
            job = await ending.complete(conn, job, self.result if alone else None)
        if last:
            await fairness.charge(conn, job.organization_id, charge)
        held, capped = await store.order.any_held(conn, job.organization_id)
        if self._ledger.due(self.part, held, capped):
            await fairness.release(conn, job.organization_id)
        return job if job.ended else None

    def charge(self, seconds: float) -> float:
        """What its organization is charged now for an attempt that took *seconds*."""
        return self._ledger.charge(
            self.part.organization_id, self.part.expected_seconds, seconds
        )

    async def end_with(self, value: Any) -> None:
        """End the part with what its handler returned: in one statement where it is its whole job.

        Raises:
            Fenced: as :meth:`finishing`.
        """
        self.result = value if self.result is None else self.result
        if kind_of(self.job.kind).on_end is not None or self.job.parts_total != 1:
            async with self.finishing():
                return
        seconds = self.seconds
        async with self.platform.db.connection() as conn:
            ended = await store.parts.end_alone(
                conn, self.attempt, result=self.result, seconds=seconds,
                charge=self.charge(seconds), queue_id=self.part.queue_id,
                progress=self._progress, counts=self._counts,
            )
            if ended is not None:
                self.ended, self.ended_job = True, ended[0]
                tell(conn, ended[0])
                if self._ledger.due(self.part, *ended[1:]):
                    await fairness.release(conn, self.part.organization_id)
        if ended is None:
            async with self.finishing():
                return

    async def split(
        self, conn: Conn, step: str, payloads: Sequence[dict[str, Any]], *, join: str | None,
        costs: Sequence[float] | None = None,
    ) -> None:
        """Let parts of *step* follow, one a payload; the last to end enqueues *join*.

        To be called inside :meth:`finishing`, with its connection. With no *join* the job ends
        with the last part; with no payloads *join* follows at once.
        """
        await service.split(conn, self.job, step, payloads, join=join, costs=costs)

    async def add_part(
        self, conn: Conn, step: str, payload: dict[str, Any], cost: float = 1.0
    ) -> None:
        """Add one part of *step*; inside :meth:`finishing`, with its connection."""
        await service.add_part(conn, self.job, step, payload, cost)

    async def finish(self, conn: Conn, result: Any) -> None:
        """Let the job finish with *result* at this part's end, whatever else is open."""
        self.result, self._finish = result, True

    def count(self, *, rows: int = 0, bytes: int = 0) -> None:
        """Add to the job's rows and bytes done, once this part has ended."""
        self._counts = Counts(self._counts.rows + rows, self._counts.bytes + bytes)

    async def progress(
        self, fraction: float | None = None, *, phase: str | None = None,
        rows_total: int | None = None, rows_done: int | None = None,
        bytes_done: int | None = None,
    ) -> None:
        """Say how far the part is; cheap, at most one statement per 0.25 s (or a new phase).

        Args:
            fraction: 0..1 of this step, where the step has one part.
            phase: the feature's finer word for the status.
            rows_total, rows_done, bytes_done: of the whole job so far.

        Inside :meth:`finishing` the values are kept and written with the part's end.

        Raises:
            JobCancelled: the job was cancelled or the part taken back: stop.
        """
        given = {"fraction": fraction, "phase": phase, "rows_total": rows_total,
                 "rows_done": rows_done, "bytes_done": bytes_done}
        changed = phase is not None and phase != self._progress.phase
        for name, value in given.items():
            if value is not None:
                setattr(self._progress, name, value)
        now = time.monotonic()
        if self._finishing or (now < self._next_report and not changed):
            return
        self._next_report = now + THROTTLE_SECONDS
        async with self.platform.db.connection() as conn:
            if not await store.parts.report(conn, self.attempt, self._progress):
                raise JobCancelled
            tell(conn, self.job)
