"""Background work: the queue library's one task, which runs the part that a queue row names."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

import psycopg
import structlog
from procrastinate import App, JobContext, PsycopgConnector
from procrastinate.jobs import Job as QueueRow
from procrastinate.jobs import Status
from procrastinate.manager import JobManager
from procrastinate.worker import Worker as QueueWorker
from psycopg import AsyncConnection

from vazao.jobs import ending, fairness, store
from vazao.jobs.errors import Fenced, HandBack, JobFailed, KindUnknown, PartSignal
from vazao.jobs.known import kind_of
from vazao.jobs.models import Job, Part
from vazao.jobs.parts import PartRun
from vazao.jobs.recovery import LOST_LIMIT
from vazao.jobs.store.order import QUEUE, QUICK, TASK
from vazao.jobs.telling import tell
from vazao.kit.errors import DatabaseUnavailable, StorageFull, Unavailable, VazaoError
from vazao.kit.logging import get
from vazao.kit.platform import Platform

T = TypeVar("T")
log = get("jobs.worker")
PERSIST_SECONDS = 5.0
_TRANSIENT = (psycopg.OperationalError, psycopg.InterfaceError, DatabaseUnavailable, HandBack)


class Manager(JobManager):
    """The library's manager, which lets us know a worker's id before its first fetch, and finds
    no fault with a queue row that is gone: the part's own transaction deletes it.
    """

    def __init__(self, connector: PsycopgConnector, runner: Runner) -> None:
        super().__init__(connector)
        self.runner = runner
        self.platform = runner.platform

    async def register_worker(self) -> int:
        """Register with the library once for all slots, and note its id in our row."""
        async with self.runner.registering:
            if self.runner.queue_worker_id is None:
                queue_worker_id = await super().register_worker()
                async with self.platform.db.connection() as conn:
                    await store.workers.name_in_queue(
                        conn, self.runner.worker_id, queue_worker_id
                    )
                self.runner.queue_worker_id = queue_worker_id
        return self.runner.queue_worker_id

    async def unregister_worker(self, worker_id: int) -> None:
        """Nothing: signing off removes both registrations, once no slot is left."""

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> QueueRow | None:
        """The next part, begun already; stale queue rows go."""
        while True:
            async with self.platform.db.connection() as conn:
                fetched = await store.parts.fetch(
                    conn, list(queues or ()), worker_id, self.runner.worker_id
                )
                if fetched is None:
                    return None
                row_id, begun = fetched
                if begun is None:
                    await store.parts.drop_queue_row(conn, row_id)
                    continue
                tell(conn, begun[1])
            self.runner.begun[row_id] = begun
            return QueueRow(
                id=row_id, queue=QUEUE, lock=None, queueing_lock=None, task_name=TASK,
                worker_id=worker_id,
            )

    async def finish_job(self, job: QueueRow, status: Status, delete_job: bool) -> None:
        """Nothing: whatever ended the attempt has deleted the queue row in its transaction."""


class Runner:
    """What one life of a worker runs: it begins parts, holds them, and ends or gives them back.

    Args:
        worker_id: this life's row in ``jobs.worker``.

    ``broken`` is set when something could not be recorded: only the end of this life, whose
    parts are then taken back, makes up for it.
    """

    def __init__(self, platform: Platform, worker_id: int) -> None:
        self.platform = platform
        self.worker_id = worker_id
        self.running: dict[UUID, tuple[PartRun, asyncio.Task[Any]]] = {}
        self.fenced: set[UUID] = set()
        self.begun: dict[int, tuple[Part, Job, UUID]] = {}
        self.ledger = fairness.Ledger()
        self.queue_worker_id: int | None = None
        self.registering = asyncio.Lock()
        self.broken = asyncio.Event()

    def queue_worker(self, connector: PsycopgConnector, *, spare: bool = False) -> QueueWorker:
        """The library's worker over this runner's task.

        Args:
            spare: one more slot, which takes quick parts only.
        """
        settings = self.platform.settings
        app = App(connector=connector)
        app.job_manager = Manager(connector, self)
        app.task(name=TASK, queue=QUEUE, pass_context=True)(self.execute)
        return QueueWorker(
            app, queues=[QUICK] if spare else [QUEUE, QUICK],
            concurrency=1 if spare else settings.worker_concurrency,
            delete_jobs="always", install_signal_handlers=False,
            fetch_job_polling_interval=2.0, abort_job_polling_interval=3600.0,
            shutdown_graceful_timeout=settings.worker_stop_seconds,
            update_heartbeat_interval=settings.worker_beat_seconds,
            stalled_worker_timeout=settings.worker_lost_seconds,
        )

    async def execute(self, context: JobContext) -> None:
        """Run the part that was begun with a queue row; never raises for what the part did."""
        part, job, token = self.begun.pop(context.job.id or 0)
        run = PartRun(self.platform, job, part, token, self.ledger)
        task = asyncio.current_task()
        assert task is not None
        self.running[token] = (run, task)
        structlog.contextvars.bind_contextvars(request_id=run.job.request_id, job=run.job.token)
        try:
            await self._attempt(run)
        except asyncio.CancelledError:
            if token not in self.fenced:
                await asyncio.shield(self._give_back(run, lost=0, delay=0.0))
                raise
            task.uncancel()
        except Exception as error:
            log.error("attempt not recorded: this worker begins anew", exc_info=error)
            self.broken.set()
        finally:
            self.running.pop(token, None)
            self.fenced.discard(token)
        if run.ended_job is not None:
            ending.record(run.ended_job)

    async def _attempt(self, run: PartRun) -> None:
        try:
            handler = kind_of(run.job.kind).steps[run.part.step]
            value = await handler(run)
            if not run.ended:
                await run.end_with(value)
            self.ledger.measure(run.job.kind, run.part.step, run.part.cost, run.seconds)
        except PartSignal as signal:
            log.info("part dropped", reason=type(signal).__name__, number=run.part.number)
        except (KindUnknown, *_TRANSIENT) as error:
            log.warning("part given back", error=repr(error), number=run.part.number)
            if run.part.lost + 1 < LOST_LIMIT:
                await self._give_back(run, lost=1, delay=min(5.0, 0.1 * 2**run.part.lost))
            else:
                await self._settle(run, given_up(run, LOST_LIMIT))
        except (Unavailable, StorageFull) as error:
            if isinstance(error, StorageFull) and type(error) is not StorageFull:
                # A quota: room on the disk would not help.
                await self._settle(run, error)
                return
            log.warning("part put off", error=repr(error), number=run.part.number)
            await self._put_off(run, error, outage=True)
        except VazaoError as error:
            await self._settle(run, error)
        except Exception as error:
            log.error("part erred", number=run.part.number, kind=run.job.kind, exc_info=error)
            await self._put_off(run, given_up(run, run.part.errors + 1))

    async def _put_off(self, run: PartRun, error: VazaoError, *, outage: bool = False) -> None:
        """Try the part again after a wait; behind the last attempt fail it with *error*.

        Args:
            outage: the file store or the disk was what failed: that may take minutes.
        """
        kind = kind_of(run.job.kind)
        waits = kind.backoff_seconds + (kind.outage_seconds if outage else ())
        if run.part.errors < len(waits):
            delay = waits[run.part.errors]
            await self.persist(partial(self._hold, run, errors=1, lost=0, delay=delay))
        else:
            await self._settle(run, error)

    async def _settle(self, run: PartRun, error: VazaoError) -> None:
        """Fail the part with *error*, or at least fail it (a value that cannot be stored, say)."""
        try:
            await self.persist(partial(self._fail, run, error))
        except Exception as failure:
            log.error("error not stored", error=repr(error), exc_info=failure)
            await self.persist(partial(self._fail, run, given_up(run, run.part.errors + 1)))

    async def _give_back(self, run: PartRun, *, lost: int, delay: float) -> None:
        await self.persist(partial(self._hold, run, errors=0, lost=lost, delay=delay))

    async def persist(self, action: Callable[[], Awaitable[T]]) -> T | None:
        """Do what must be recorded, across a restart of the database; else this life is over."""
        deadline = asyncio.get_running_loop().time() + PERSIST_SECONDS
        wait = 0.05
        while True:
            try:
                return await action()
            except Fenced:
                return None
            except _TRANSIENT as error:
                if asyncio.get_running_loop().time() + wait > deadline:
                    log.error("not recorded: this worker begins anew", error=repr(error))
                    self.broken.set()
                    return None
            await asyncio.sleep(wait)
            wait *= 2

    async def _hold(self, run: PartRun, *, errors: int, lost: int, delay: float) -> None:
        async with self.platform.db.transaction() as conn:
            await store.jobs.count_attempt(conn, run.job.id, seconds=run.seconds)
            if not await store.parts.hold(
                conn, run.attempt, errors=errors, lost=lost, delay=delay,
                queue_id=run.part.queue_id, charge=run.charge(run.seconds),
            ):
                raise Fenced
            tell(conn, run.job)
            if delay <= 0:
                await fairness.release(conn, run.job.organization_id)

    async def _fail(self, run: PartRun, error: VazaoError) -> None:
        async with self.platform.db.transaction() as conn:
            run.ended_job = await fail_part(conn, run, error)


def given_up(run: PartRun, attempts: int) -> JobFailed:
    """What a person reads of a job whose part kept failing: where the log tells more."""
    return JobFailed(
        "The job failed after {attempts} attempts.",
        remedy="The log has the details under the request id {request_id}.",
        attempts=attempts, request_id=run.job.request_id or run.job.token,
    )


async def fail_part(conn: AsyncConnection[Any], run: PartRun, error: VazaoError) -> Job | None:
    """Fail a part, and with it its job and siblings; ``None`` where the job had ended.

    Raises:
        Fenced: the attempt is no longer current.
    """
    job = await store.jobs.lock(conn, run.job.id)
    failed = await store.parts.end(
        conn, run.attempt, "failed", result=None, seconds=run.seconds, charge=0.0,
        queue_id=run.part.queue_id, relaxed=False,
    )
    if job is None or not failed:
        raise Fenced
    ended = await ending.end(conn, job, "failed", error=error, seconds=run.seconds)
    # The share last: the ending locks siblings, uploads and whatever its hook touches.
    await fairness.charge(conn, job.organization_id, run.charge(run.seconds))
    return ended
