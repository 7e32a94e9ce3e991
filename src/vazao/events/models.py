"""What events speak of: providers, their syncs, events, their versions, records put aside."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

EVERYONE = 0
"""The audience of events that everybody may search; any other is an organization's id."""


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """A partner's feed and its health; see the comment of ``events.provider``."""

    id: int
    organization_id: int
    name: str
    url: str
    every_seconds: int
    timezone: str
    public: bool
    private_allowed: bool
    paused: bool
    created_at: datetime
    next_at: datetime
    applied_xid: str | None
    etag: str | None
    last_modified: str | None
    digest: bytes | None
    fetched_at: datetime | None
    attempted_at: datetime | None
    synced_at: datetime | None
    changed_at: datetime | None
    failures: int
    error: dict[str, Any] | None
    listed: int
    aside: int
    lost_at: datetime | None
    lost_from: int

    @property
    def audience(self) -> int:
        """Who may search its events."""
        return EVERYONE if self.public else self.organization_id


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """What narrows a search: words of the title, prices that the event's range meets, a provider
    by name, whether there is something to buy.
    """

    words: tuple[str, ...] = ()
    min_price: float | None = None
    max_price: float | None = None
    provider: str | None = None
    available: bool | None = None


class NewProvider(msgspec.Struct, frozen=True, kw_only=True):
    """A provider to be added."""

    name: str
    url: str
    every_seconds: int
    timezone: str
    public: bool
    private_allowed: bool


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """What a sync found and did, in events; ``left`` are those that the feed no longer lists."""

    listed: int = 0
    created: int = 0
    changed: int = 0
    left: int = 0
    returned: int = 0
    aside: int = 0


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What reading a feed found: its dialect, its bases, its records, and those put aside."""

    dialect: str
    bases: int
    records: int
    zones: int
    aside: int


class Sync(msgspec.Struct, frozen=True, kw_only=True):
    """A sync that changed something or failed."""

    id: int
    job: str | None
    began_at: datetime
    seconds: float
    outcome: str
    bytes: int | None
    counts: dict[str, Any] | None
    error: dict[str, Any] | None


class Aside(msgspec.Struct, frozen=True, kw_only=True):
    """A record of a provider's latest feed that was put aside: its number from 1, and why."""

    record: int
    base_id: str | None
    event_id: str | None
    code: str
    attribute: str
    value: str | None


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """An event as it is, or as one of its versions was: times with an offset, and local ones.

    ``held_until`` is when a version ended; ``listed``: the provider's feed had it then.
    """

    id: UUID
    version: int
    provider_id: int
    base_id: str
    event_id: str
    title: str | None
    shown: str
    starts_at: datetime
    ends_at: datetime
    starts_local: datetime
    ends_local: datetime
    min_price: float | None
    max_price: float | None
    sell_from: datetime | None
    sell_to: datetime | None
    sold_out: bool
    online: bool
    listed: bool
    zones: bytes
    first_online_at: datetime | None
    first_seen_at: datetime
    last_seen_at: datetime
    held_from: datetime
    held_until: datetime | None = None


class Changed(Event, frozen=True, kw_only=True):
    """An event in the feed of changes, with the transaction that changed it last."""

    xid: str


class BaseState(msgspec.Struct, frozen=True):
    """Whether a base is on sale online, and since when its events are in search."""

    online: bool
    first_online_at: datetime | None
