"""What the engine speaks of: kinds of work, jobs, and their parts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from psycopg import AsyncConnection

    from vazao.jobs.parts import PartRun

Handler = Callable[["PartRun"], Awaitable[Any]]
JobHook = Callable[["AsyncConnection[Any]", "Job"], Awaitable[None]]

OPEN = ("receiving", "queued", "running")
ENDED = ("finished", "failed", "cancelled")
# Those that may be asked for: what is being received is not to be seen yet.
STATUSES = ("queued", "running", *ENDED)


@dataclass(frozen=True)
class Kind:
    """A kind of work that a feature registered.

    Attributes:
        name: ``noun.verb``, stored with each job.
        title: message id of what a person reads.
        first_step: the step of a new job's only part.
        steps: what runs the parts of each step, in the order in which steps follow; handlers
            are idempotent functions of (payload, part).
        on_end: called in the transaction in which the job ends, whichever way; it may run
            while a cancelled part is still busy (that part can no longer commit).
        on_retry: called before an ended job starts over; raises to refuse.
        weights: the expected share of the whole time of each step, for ``progress``; equal
            where not given.
        backoff_seconds: the wait before the second, third … attempt of a part that erred; its
            length plus one is the number of attempts.
        unit_seconds: what one unit of a part's cost takes, by step, until it has been measured;
            a quarter of a second where not given.
        background: nobody waits for it: it comes after all else that its organization asked for.
        result_path: where the outcome is to be had, with ``{token}`` for the job's public id.
        result_type: the media type of what is there: pages show a picture as one.
    """

    name: str
    title: str
    first_step: str
    steps: Mapping[str, Handler]
    on_end: JobHook | None = None
    on_retry: JobHook | None = None
    weights: Mapping[str, float] = field(default_factory=dict)
    backoff_seconds: tuple[float, ...] = (1.0, 5.0)
    unit_seconds: Mapping[str, float] = field(default_factory=dict)
    background: bool = False
    result_path: str | None = None
    result_type: str = "text/html"

    def span(self, step: str) -> tuple[float, float]:
        """Where *step* begins on the whole's 0..1, and how much of it it takes."""
        weights = {name: self.weights.get(name, 1.0) for name in self.steps}
        total = sum(weights.values()) or 1.0
        base = 0.0
        for name, weight in weights.items():
            if name == step:
                return base / total, weight / total
            base += weight
        return 0.0, 1.0


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of long work of one organization.

    ``token`` is its public id. ``status``: receiving (hidden) → queued → running → finished |
    failed | cancelled; ``phase`` is the feature's finer word. Seconds are wall-clock;
    ``execution_seconds`` adds up what workers spent. ``created`` is false where an idempotency
    key led to a job that was there already.
    """

    id: int
    token: str
    organization_id: int
    kind: str
    payload: dict[str, Any]
    status: str
    phase: str | None
    error: dict[str, Any] | None
    result: Any
    cost: float
    attempts: int
    requested_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    execution_seconds: float
    parts_total: int
    parts_done: int
    pending: int
    step: str
    join_step: str | None
    step_total: int
    step_done: int
    progress: float
    progress_base: float
    progress_span: float
    bytes_total: int | None
    bytes_done: int
    rows_total: int | None
    rows_done: int
    request_id: str | None
    requested_by: str | None
    created: bool = True

    @property
    def ended(self) -> bool:
        """Whether nothing more happens to it by itself."""
        return self.status in ENDED


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """What one worker does in one go: part ``number`` (from 1) of a job, for one step."""

    job_id: int
    number: int
    organization_id: int
    kind: str
    step: str
    payload: dict[str, Any]
    state: str
    attempts: int
    errors: int
    lost: int
    cost: float
    expected_seconds: float | None = None
    background: bool = False
    queue_id: int | None = None
    result: Any = None


class PartRow(msgspec.Struct, frozen=True, kw_only=True):
    """A part as a job's page shows it; times are those of its latest attempt."""

    number: int
    step: str
    state: str
    attempts: int
    errors: int
    lost: int
    expected_seconds: float | None
    cost_actual: float | None
    requested_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @property
    def queue_seconds(self) -> float | None:
        """From when the part was written to the start of its latest attempt."""
        return between(self.requested_at, self.started_at)

    @property
    def execution_seconds(self) -> float | None:
        """How long its latest attempt took."""
        return None if self.started_at is None else between(self.started_at, self.finished_at)


class NewPart(msgspec.Struct, frozen=True):
    """A part to be written: its payload and expected cost."""

    payload: dict[str, Any]
    cost: float = 1.0



def between(begin: datetime, finish: datetime | None) -> float | None:
    """Seconds from *begin* to *finish*, never negative; ``None`` where it has not come."""
    return None if finish is None else round(max(0.0, (finish - begin).total_seconds()), 6)
