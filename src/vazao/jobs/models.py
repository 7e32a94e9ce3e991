"""What the engine speaks of: kinds of work, jobs, and their parts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

import msgspec

from vazao.kit.errors import VazaoError

if TYPE_CHECKING:
    from psycopg import AsyncConnection

JobHook = Callable[["AsyncConnection[Any]", "Job"], Awaitable[None]]
Barring = Callable[
    ["AsyncConnection[Any]", "Sequence[Job]"], Awaitable[Mapping[int, VazaoError]]
]
KeptHook = Callable[["AsyncConnection[Any]", "Job"], Awaitable[datetime | None]]
Teller = Callable[["Job", str], list[str]]
UNIT_SECONDS = 0.25

OPEN = ("receiving", "queued", "running")
ENDED = ("finished", "failed", "cancelled")
# Those that may be asked for: what is being received is not to be seen yet.
STATUSES = ("queued", "running", *ENDED)


class Handler(Protocol):
    """Runs the parts of a step; *run* is a :class:`~vazao.jobs.parts.PartRun`."""

    def __call__(self, run: Any, /) -> Awaitable[Any]:
        """Do one part's work; what it returns is the part's result."""
        ...


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
        bars: by their ids, why ended jobs of one organization cannot start over; those that can
            are left out. Changes nothing: pages do not offer then what would be refused.
        on_retry: called before an ended job starts over; raises to refuse.
        weights: the expected share of the whole time of each step, for ``progress``; equal
            where not given.
        backoff_seconds: the wait before the second, third … attempt of a part that erred; its
            length plus one is the number of attempts.
        outage_seconds: the waits after those, where the file store or room on the disk is what
            was missing: its job goes on by itself once they are back.
        unit_seconds: what one unit of a part's cost takes, by step, until it has been measured;
            :data:`UNIT_SECONDS` where not given.
        background: nobody waits for it: it comes after all else that its organization asked for.
        recurring: it comes by itself, again and again: the home page does not list it.
        result_path: where the outcome is to be had, with ``{token}`` for the job's public id.
        reports: its outcome is a report, which is shown with the job itself, also where it did not
            finish: ``on_end`` may keep what was done until then (:func:`vazao.jobs.keep_result`).
        tells: what an ended job's result means, in a language: sentences for people. They stand
            on its page, and in its report if it has one.
        admin: of those who are signed in only administrators begin it, so only they may cancel it
            or let it start over; tokens go by their scopes.
        result_type: the media type of what is there: pages show a picture as one.
        labels: message ids of what a person reads of a result, by its fields; pages show no other.
        kept: until when the file that a finished job made can be downloaded, ``None`` where it
            stays; raises NotFound once it is gone.
    """

    name: str
    title: str
    first_step: str
    steps: Mapping[str, Handler]
    on_end: JobHook | None = None
    bars: Barring | None = None
    on_retry: JobHook | None = None
    weights: Mapping[str, float] = field(default_factory=dict)
    backoff_seconds: tuple[float, ...] = (1.0, 5.0)
    outage_seconds: tuple[float, ...] = (15.0, 30.0, *(60.0,) * 10)
    unit_seconds: Mapping[str, float] = field(default_factory=dict)
    background: bool = False
    recurring: bool = False
    result_path: str | None = None
    result_type: str = "text/html"
    reports: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    kept: KeptHook | None = None
    tells: Teller | None = None
    admin: bool = False

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
    def about(self) -> str | None:
        """What it works on, as people call it: the name of a file, of a provider."""
        return self.payload.get("about")

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

    @classmethod
    def first(cls, payload: dict[str, Any], cost: float) -> NewPart:
        """A job's first part. What a file is called stays with the job, where erasing finds it."""
        return cls({name: value for name, value in payload.items() if name != "about"}, cost)


class Attempt(msgspec.Struct, frozen=True):
    """One attempt at a part: only the one whose token the part holds may commit."""

    job_id: int
    number: int
    token: UUID


class Progress(msgspec.Struct, kw_only=True):
    """How far a job is, by one of its parts: *fraction* (0..1) of the step, the rest of the whole.

    What is ``None`` leaves as it is.
    """

    phase: str | None = None
    rows_total: int | None = None
    rows_done: int | None = None
    bytes_done: int | None = None
    fraction: float | None = None


class Counts(msgspec.Struct, frozen=True):
    """Rows and bytes that a part's end adds to those done."""

    rows: int = 0
    bytes: int = 0


class Keyed(msgspec.Struct, frozen=True):
    """A job that holds an idempotency key: the request's hash, and whether the key still counts."""

    job: Job
    digest: str | None
    honoured: bool


class Waiting(msgspec.Struct, frozen=True):
    """What a job's first part waits for: see :func:`vazao.jobs.fairness.waits_for`."""

    state: str
    run_at: datetime | None
    parts_cap: int | None
    in_hand: int
    ahead: int


class Freed(msgspec.Struct, frozen=True):
    """A part that was taken back, and how often it was lost."""

    job_id: int
    number: int
    organization_id: int
    lost: int


class Stuck(msgspec.Struct, frozen=True):
    """A running part that shows no progress."""

    job_id: int
    number: int
    organization_id: int
    kind: str
    step: str
    expected_seconds: float | None


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A job as a list shows it: the fields of :class:`Job` of the same names.

    ``about`` is what it works on, as people call it: the name of a file, of a provider.
    """

    id: int
    token: str
    kind: str
    status: str
    phase: str | None
    progress: float
    requested_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    execution_seconds: float
    bytes_total: int | None
    bytes_done: int
    rows_total: int | None
    rows_done: int
    parts_total: int
    parts_done: int
    error: dict[str, Any] | None
    requested_by: str | None
    about: str | None

    @property
    def lead_seconds(self) -> float | None:
        """From the request to the end."""
        return between(self.requested_at, self.finished_at)

    @property
    def queue_seconds(self) -> float | None:
        """From the request to the first part's start."""
        return between(self.requested_at, self.started_at)


class Step(msgspec.Struct, frozen=True):
    """A step of a job: its parts, those done, its first begin and its last end."""

    name: str
    parts: int
    done: int
    started_at: datetime | None
    finished_at: datetime | None


class Times(msgspec.Struct, frozen=True):
    """Of a kind's finished jobs: how many, and (median, 95th percentile) of seconds."""

    kind: str
    count: int
    queue: list[float]
    execution: list[float]
    lead: list[float]


def between(begin: datetime, finish: datetime | None) -> float | None:
    """Seconds from *begin* to *finish*, never negative; ``None`` where it has not come."""
    return None if finish is None else round(max(0.0, (finish - begin).total_seconds()), 6)


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """Parts by state, counted up to 100,000, and how long the oldest has waited, in seconds."""

    held: int
    queued: int
    running: int
    oldest_seconds: float


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Parts that wait, up to two thousand; workers that live; whether pages are served."""

    waiting: int
    workers: int
    served: bool


class Starved(msgspec.Struct, frozen=True, kw_only=True):
    """An organization that waits with nothing at work, and who holds the workers meanwhile."""

    organization_id: int
    waiting: int
    seconds: float
    running: int
    most_id: int | None
    most: int
    held_seconds: float


class Failing(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of whose lately *ended* jobs many *failed*."""

    kind: str
    failed: int
    ended: int


class Busy(msgspec.Struct, frozen=True, kw_only=True):
    """An organization's open work: parts that wait, since when the oldest, and parts at work."""

    organization_id: int
    waiting: int
    running: int
    since: datetime | None
    weight: float
    parts_cap: int | None
