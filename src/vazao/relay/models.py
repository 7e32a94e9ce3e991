"""What relay speaks of: sites, agents, lists, runs and their chunks."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec

from vazao_agent import wire

Days = list[date]
Names = list[str]
"""Where a field is named list, the type cannot be."""
RUN_STATES = (
    "waiting", "sending", "loading", "held", "finished", "failed", "replaced",
)
LIST_HELD = "list.held"
"""What is told through the outbox when a list is held back."""
OPEN = ("waiting", "sending", "loading", "held")


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """A remote database; ``agent_id`` is the agent that may speak for it now."""

    id: int
    organization_id: int
    name: str
    timezone: str
    ibge: str | None
    holidays: Days
    created_at: datetime
    agent_id: int | None
    paused_at: datetime | None
    asked_at: datetime | None
    resend_at: datetime | None
    restart_at: datetime | None
    diagnose_at: datetime | None
    purged_at: datetime | None


class Agent(msgspec.Struct, frozen=True, kw_only=True):
    """An agent; ``stamp`` is that of its last request, ``ended_at`` from when it may not speak."""

    id: int
    site_id: int
    organization_id: int
    site: str
    public_key: bytes
    version: str
    machine: str
    facts: dict[str, Any]
    enrolled_at: datetime
    ended_at: datetime | None
    seen_at: datetime
    stamp: int


class Speaker(msgspec.Struct, frozen=True, kw_only=True):
    """What never changes of an agent and of its site, but that it may have ``ended``."""

    id: int
    site_id: int
    organization_id: int
    site: str
    public_key: bytes
    ended: bool


class Attended(Site, frozen=True, kw_only=True):
    """A site whose agent checks in, with its publisher's key and the agent that it is to run."""

    publisher: bytes | None
    release_version: str | None
    release_document: bytes | None
    release_signature: bytes | None


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a list: the bytes that its publisher signed.

    ``columns``: their names; ``None`` while an agent has to say what they are.
    """

    list_id: int
    organization_id: int
    name: str
    version: int
    document: bytes
    signature: bytes
    columns: Names | None
    every_seconds: int
    opens: int
    closes: int
    published_at: datetime

    def publication(self) -> wire.Publication:
        """What was signed, with the columns that an agent proposed where it declares none."""
        found = wire.Publication.of(self.document)
        return found if found.columns else found.with_columns(self.columns or ())


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A list as an agent is told of it: ``current`` is the run whose rows the hub shows,
    ``held`` whether one waits for somebody to release it.
    """

    list_id: int
    name: str
    version: int
    document: bytes
    signature: bytes
    columns: Names | None
    every_seconds: int
    opens: int
    closes: int
    published_at: datetime
    current: UUID | None
    current_version: int | None
    extracted_at: datetime | None
    held: bool


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A transmission of a list of a site; see the comment of ``relay.run``.

    ``state``: waiting → sending → loading → finished | held | failed; ``replaced`` where another
    came first.
    """

    id: int
    token: UUID
    site_id: int
    list_id: int
    version: int
    agent_id: int
    seq: int
    base_seq: int | None
    state: str
    encoding: str
    rows: int
    digest: int
    began_at: datetime
    extract_seconds: float
    raw: int
    offered_at: datetime
    refused: int
    return_at: datetime | None
    granted_at: datetime | None
    touched_at: datetime
    committed_at: datetime | None
    ended_at: datetime | None
    job_id: int | None
    error: dict[str, Any] | None


class Told(Run, frozen=True, kw_only=True):
    """A run with the names of its site and its list."""

    site: str
    list: str


class Chunk(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of a run; ``packed`` and ``raw`` are its bytes as they came and unpacked."""

    run_id: int
    number: int
    kind: str
    sha256: bytes
    packed: int
    raw: int
    rows: int
    stored_at: datetime | None


class Current(msgspec.Struct, frozen=True, kw_only=True):
    """What readers see of a list at a site; see the comment of ``relay.current``."""

    list_id: int
    site_id: int
    seq: int
    first_seq: int
    run_id: int
    rows: int
    digest: int
    extracted_at: datetime
    swapped_at: datetime
    sweeping_seq: int
    swept_seq: int
    doubles: int | None
    counted_seq: int | None


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a look at rows counted: how many, the sum of their hashes (a number of any size), and
    those that are not what their hash says.
    """

    rows: int
    digest: str
    wrong: int


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A row of a list: where it lies, and its values by the names of the columns, as JSON."""

    spot: str
    row: str


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """What the database takes (see the comment of ``relay.pace``), the bytes at hand, and those of
    runs that wait before the one that asks.
    """

    bytes: float
    seconds: float
    ease: float
    at_work: float
    before: float


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of the journal of a site: ``number`` is the agent's own, none: the hub saw it."""

    id: int
    site_id: int
    agent_id: int | None
    number: int | None
    at: datetime
    received_at: datetime
    what: str
    cause: str
    list: str
    message: str
    details: dict[str, Any]


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the audit log."""

    id: int
    at: datetime
    actor: str
    what: str
    site: str | None
    list: str | None
    details: dict[str, Any]


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a list at a site on a day, by the site's clock."""

    day: date
    list_id: int
    arrived: bool
    held: bool
    failed: bool


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A list at a site, with all by which one sees how it is; without lists a site stands alone."""

    site_id: int
    site: str
    timezone: str
    holidays: Days
    created_at: datetime
    paused_at: datetime | None
    agent_id: int | None
    revoked_at: datetime | None
    seen_at: datetime | None
    enrolled_at: datetime | None
    facts: dict[str, Any] | None
    agent_version: str | None
    list_id: int | None
    list: str | None
    every_seconds: int | None
    opens: int | None
    closes: int | None
    published_at: datetime | None
    extracted_at: datetime | None
    swapped_at: datetime | None
    rows: int | None
    doubles: int | None
    open_state: str | None
    open_at: datetime | None
    open_rows: int | None
    failed: dict[str, Any] | None
    failed_at: datetime | None
    cause: str | None
    message: str | None
    caused_at: datetime | None
