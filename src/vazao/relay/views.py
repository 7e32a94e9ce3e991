"""What the API shows of relay."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, TypedDict

import msgspec

from vazao.kit import clock
from vazao.kit.web.openapi import Moment, Seconds
from vazao.relay.health import STATES, Health
from vazao.relay.models import Entry, Look, Site, Told, Version


class Hello(TypedDict):
    """The format that the hub speaks."""

    format: int


class EnrolBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an agent enrols with; ``public_key`` is 32 bytes in base64."""

    token: str
    public_key: str
    version: str
    machine: str
    ibge: str | None = None


class Enrolled(TypedDict):
    """An identity; ``publisher`` is the public key of lists, in base64."""

    agent: int
    site: str
    organization: str
    publisher: str


class EntryBody(msgspec.Struct, frozen=True):
    """An entry of an agent's journal; ``when`` in seconds since the epoch."""

    number: Annotated[int, msgspec.Meta(ge=1, le=(1 << 63) - 1)]
    when: Annotated[float, msgspec.Meta(ge=0, lt=1 << 35)]
    what: Annotated[str, msgspec.Meta(max_length=20)]
    cause: Annotated[str, msgspec.Meta(max_length=30)] = ""
    list: Annotated[str, msgspec.Meta(max_length=60)] = ""
    message: Annotated[str, msgspec.Meta(max_length=1000)] = ""
    details: dict[str, Any] = {}


class CheckInBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an agent says when it checks in. ``busy``: it only says that it is alive; nothing is
    asked of it then. ``known``: the digests of documents that need not come again.
    """

    version: str
    busy: bool = False
    known: Annotated[list[str], msgspec.Meta(max_length=1000)] = []
    journal: list[EntryBody] = []
    facts: dict[str, Any] = {}


class ColumnsBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The columns that a list gives which declares none."""

    name: str
    version: Annotated[int, msgspec.Meta(ge=1, le=(1 << 31) - 1)]
    columns: Annotated[list[str], msgspec.Meta(max_length=1000)]


class Columns(TypedDict):
    """The columns of a list, each of text."""

    columns: list[str]


class OrderView(TypedDict):
    """A list for an agent; document and signature are in base64, and empty where the agent has
    them: ``digest`` is the document's SHA-256. ``columns``: those of a list that declares none,
    once they are known.
    """

    digest: str
    document: str
    signature: str
    columns: list[str] | None
    current: str | None
    due: bool


class Upgrade(TypedDict):
    """A newer agent; both in base64."""

    document: str
    signature: str


class Orders(TypedDict):
    """What there is to do; ``now`` in seconds since the epoch, ``next``: seconds until the agent
    checks in again; ``ibge``: the municipality that the source must be of; ``publisher``: the
    public key of lists, in base64; ``upgrade``: a newer agent; ``asked``: when somebody last asked
    for the lists.
    """

    now: float
    next: Seconds
    ibge: str | None
    asked: float | None
    restart: bool
    diagnose: bool
    publisher: str
    upgrade: Upgrade | None
    lists: list[OrderView]


class RunTold(TypedDict):
    """A run as its agent is told of it."""

    run: str
    state: str
    error: dict[str, Any] | None


class Offered(RunTold):
    """The same, with the numbers of the chunks that have not come; ``wait``: seconds after which
    to offer the run again, 0 where its chunks may be sent now.
    """

    missing: list[int]
    wait: Seconds


class NewSiteBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A site to be added."""

    name: str
    timezone: str = "America/Sao_Paulo"
    ibge: str | None = None


class NewSite(TypedDict):
    """A site that was added, and the token that enrols its agent, shown once."""

    name: str
    token: str


class EnrolmentToken(TypedDict):
    """A token that enrols one agent within seven days, shown once."""

    token: str


class PlaceView(TypedDict):
    """How a list is at a site: its state, the cause where it is late or the last try failed (or the
    likeliest, where the agent is silent), the evidence in words, and its age hop by hop.
    ``doubles``: rows that share the list's key with another one.
    """

    site: str
    list: str | None
    state: Annotated[str, msgspec.Meta(pattern=f"^({'|'.join(STATES)})$")]
    cause: str
    evidence: list[str]
    late_since: Moment | None
    processed_at: Moment | None
    extracted_at: Moment | None
    current_at: Moment | None
    seen_at: Moment | None
    rows: int | None
    doubles: int | None


class PlacePage(TypedDict):
    """The fleet."""

    items: list[PlaceView]
    next: str | None


class RunView(TypedDict):
    """A transmission; ``rows`` are those of the whole list."""

    run: str
    site: str
    list: str
    version: int
    state: str
    whole: bool
    rows: int
    raw_bytes: int
    extracted_at: Moment
    extract_seconds: Seconds
    offered_at: Moment
    refused: int
    granted_at: Moment | None
    committed_at: Moment | None
    ended_at: Moment | None
    error: dict[str, Any] | None


class RunPage(TypedDict):
    """Transmissions, newest first."""

    items: list[RunView]
    next: str | None


def journal_of(site: Site) -> str:
    """Of which list the cursors of a site's journal are."""
    return f"relay.journal {site.id}"


class JournalEntry(TypedDict):
    """What happened at a site, as its agent wrote it down or the hub saw it."""

    at: Moment
    by: Literal["agent", "hub"]
    what: str
    cause: str
    list: str
    message: str
    details: dict[str, Any]


class JournalPage(TypedDict):
    """A journal, newest first."""

    items: list[JournalEntry]
    next: str | None


class LookView(TypedDict):
    """A line of the audit log."""

    at: Moment
    actor: str
    what: str
    site: str | None
    list: str | None


class LookPage(TypedDict):
    """The audit log, newest first."""

    items: list[LookView]
    next: str | None


class SignedBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What ``vazao relay sign`` prints: a version of a list; the first three in base64."""

    publisher: str
    document: Annotated[str, msgspec.Meta(max_length=2_000_000)]
    signature: str
    every: str = "24h"
    window: str = "00:00-24:00"


class ListView(TypedDict):
    """A list in its newest version. ``columns`` is ``None`` until an agent has said what they are;
    the window is in minutes of the day, by the clock of each site.
    """

    name: str
    version: int
    columns: list[str] | None
    key: list[str]
    volatile: list[str]
    every_seconds: Seconds
    window: list[int]
    published_at: Moment


class ListPage(TypedDict):
    """Lists, by name."""

    items: list[ListView]
    next: str | None


class RowsPage(TypedDict):
    """Rows of a list at a site, each an object by its columns."""

    items: list[dict[str, Any]]
    next: str | None
    extracted_at: Moment | None


def moment(at: datetime | None) -> Moment | None:
    """A time as JSON has it."""
    return None if at is None else clock.stamp(at)


def place_view(found: Health, language: str) -> PlaceView:
    """How a list is at a site."""
    return {
        "site": found.site, "list": found.list, "state": found.state,
        "cause": found.cause, "evidence": [each.text(language) for each in found.evidence],
        "late_since": moment(found.since), "processed_at": moment(found.processed_at),
        "extracted_at": moment(found.extracted_at), "current_at": moment(found.swapped_at),
        "seen_at": moment(found.seen_at), "rows": found.rows, "doubles": found.doubles,
    }


def list_view(version: Version) -> ListView:
    """A list."""
    publication = version.publication()
    return {
        "name": version.name, "version": version.version, "columns": version.columns,
        "key": list(publication.key), "volatile": list(publication.volatile),
        "every_seconds": float(version.every_seconds), "window": [version.opens, version.closes],
        "published_at": clock.stamp(version.published_at),
    }


def run_view(run: Told) -> RunView:
    """A transmission."""
    return {
        "run": run.token.hex, "site": run.site, "list": run.list, "version": run.version,
        "state": run.state, "whole": run.base_seq is None, "rows": run.rows,
        "raw_bytes": run.raw, "extracted_at": clock.stamp(run.began_at),
        "extract_seconds": run.extract_seconds, "offered_at": clock.stamp(run.offered_at),
        "refused": run.refused, "granted_at": moment(run.granted_at),
        "committed_at": moment(run.committed_at), "ended_at": moment(run.ended_at),
        "error": run.error,
    }


def entry_view(entry: Entry) -> JournalEntry:
    """An entry of a journal."""
    return {
        "at": clock.stamp(entry.at), "by": "hub" if entry.number is None else "agent",
        "what": entry.what, "cause": entry.cause, "list": entry.list, "message": entry.message,
        "details": entry.details,
    }


def look_view(look: Look) -> LookView:
    """A line of the audit log."""
    return {"at": clock.stamp(look.at), "actor": look.actor, "what": look.what,
            "site": look.site, "list": look.list}
