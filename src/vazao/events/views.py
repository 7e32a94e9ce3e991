"""Events and providers as the API shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, NotRequired, TypedDict, cast

import msgspec

from vazao import jobs
from vazao.events import service
from vazao.events.feeds import zones
from vazao.events.models import Aside, Event, Provider, Sync
from vazao.events.reasons import REASONS
from vazao.kit import clock
from vazao.kit.addresses import masked
from vazao.kit.i18n import translate
from vazao.kit.web.openapi import Count, Moment, Seconds

Health = Literal["new", "good", "stale", "failing", "paused"]
DATE = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date"})]
TIME = Annotated[str, msgspec.Meta(pattern=r"^\d\d:\d\d:\d\d$")]


class Found(TypedDict):
    """An event as search shows it; dates and times are the provider's local ones."""

    id: str
    title: str | None
    start_date: DATE
    start_time: TIME
    end_date: DATE
    end_time: TIME
    min_price: float | None
    max_price: float | None


class ZoneView(TypedDict):
    """A zone of an event; ``capacity`` is what is left of it."""

    id: str
    name: str | None
    price: float
    capacity: Count
    numbered: bool | None


class EventView(Found):
    """An event, whole. ``available``: it can be bought now. ``held_from`` is when this version
    began to hold, ``held_until`` when it ended (null: it holds).
    """

    starts_at: Moment
    ends_at: Moment
    timezone: str
    provider: str
    base_id: str
    event_id: str
    available: bool
    sold_out: bool
    online: bool
    listed: bool
    sell_from: Moment | None
    sell_to: Moment | None
    version: Count
    held_from: Moment
    held_until: Moment | None
    first_seen_at: Moment
    last_seen_at: Moment
    zones: list[ZoneView]


class EventPage(TypedDict):
    """Versions of an event, or events that changed; ``next`` leads on."""

    items: list[EventView]
    next: str | None


class RecordView(TypedDict):
    """A record of a feed that was put aside: what is wrong where, and what puts it right."""

    record: Count
    base_id: str | None
    event_id: str | None
    code: str
    place: str
    value: str | None
    message: str
    remedy: str


class RecordPage(TypedDict):
    """Records that were put aside, in the order of the feed."""

    items: list[RecordView]
    next: str | None


class ProblemView(TypedDict):
    """What went wrong with a sync."""

    code: str
    message: str


class ProviderView(TypedDict):
    """A provider and its health; ``address`` shows neither a password nor a query.

    ``age_seconds``: since when its events may lack what changed. ``lost_at``: since when its feed
    has less than half of the ``lost_from`` events that it had.
    """

    name: str
    address: str
    every_seconds: Count
    timezone: str
    public: bool
    paused: bool
    health: Health
    synced_at: Moment | None
    changed_at: Moment | None
    next_at: Moment
    age_seconds: Count | None
    failures: Count
    error: ProblemView | None
    listed: Count
    put_aside: Count
    lost_at: Moment | None
    lost_from: Count | None


class NewProviderBody(msgspec.Struct, forbid_unknown_fields=True):
    """A provider to be added; ``every`` is an interval such as 60s, 5m or 1h."""

    name: str
    url: str
    every: str = "60s"
    timezone: str = "UTC"
    public: bool = False


class ChangedProviderBody(msgspec.Struct, forbid_unknown_fields=True):
    """What changes of a provider; what is left out stays."""

    url: str | None = None
    every: str | None = None
    timezone: str | None = None
    paused: bool | None = None


class ProviderPage(TypedDict):
    """All providers of an organization."""

    items: list[ProviderView]
    next: None


class SyncView(TypedDict):
    """A sync that changed something (its counts are of events), or failed."""

    job: str | None
    began_at: Moment
    seconds: Seconds
    outcome: Literal["applied", "failed"]
    bytes: Count | None
    error: ProblemView | None
    listed: NotRequired[Count]
    created: NotRequired[Count]
    changed: NotRequired[Count]
    left: NotRequired[Count]
    returned: NotRequired[Count]
    aside: NotRequired[Count]


class SyncPage(TypedDict):
    """Syncs, newest first."""

    items: list[SyncView]
    next: str | None


class Explanation(TypedDict):
    """Why an event is in search or not: each reason with a code and a sentence."""

    shown: bool
    event: str | None
    reasons: list[ProblemView]


def _stamp(moment: datetime | None) -> str | None:
    return None if moment is None else clock.stamp(moment)


def is_available(event: Event, now: datetime) -> bool:
    """Whether the event can be bought at *now*: listed, on sale online, not sold out."""
    return (
        event.listed and event.online and not event.sold_out
        and (event.sell_from is None or event.sell_from <= now)
        and (event.sell_to is None or event.sell_to > now)
    )


def event_view(event: Event, provider: Provider, now: datetime) -> EventView:
    """An event, or one of its versions as it was at *now*."""
    found = msgspec.json.decode(f'{{"id":"{event.id}",{event.shown}')
    seen = provider.synced_at if event.listed and event.held_until is None else None
    return {
        **found, "starts_at": clock.stamp(event.starts_at), "ends_at": clock.stamp(event.ends_at),
        "timezone": provider.timezone, "provider": provider.name, "base_id": event.base_id,
        "event_id": event.event_id, "available": is_available(event, now),
        "sold_out": event.sold_out, "online": event.online, "listed": event.listed,
        "sell_from": _stamp(event.sell_from), "sell_to": _stamp(event.sell_to),
        "version": event.version, "held_from": clock.stamp(event.held_from),
        "held_until": _stamp(event.held_until), "first_seen_at": clock.stamp(event.first_seen_at),
        "last_seen_at": clock.stamp(seen or event.last_seen_at),
        "zones": msgspec.to_builtins(zones.unpack(event.zones)),
    }


def record_view(aside: Aside, language: str) -> RecordView:
    """A record that was put aside, in *language*."""
    message, remedy = REASONS.get(aside.code, (aside.code, ""))
    return {
        "record": aside.record, "base_id": aside.base_id, "event_id": aside.event_id,
        "code": aside.code, "place": aside.attribute, "value": aside.value,
        "message": translate(message, language), "remedy": translate(remedy, language),
    }


def problem(error: dict[str, Any] | None, language: str) -> ProblemView | None:
    """A kept error, in *language*."""
    said = jobs.error_view(error, language)
    return None if said is None else {"code": said["code"], "message": said["message"]}


def health_of(provider: Provider, now: datetime) -> Health:
    """How a provider is."""
    if provider.paused:
        return "paused"
    if provider.failures:
        return "failing"
    if service.is_stale(provider, now):
        return "stale"
    return "good" if provider.synced_at else "new"


def provider_view(provider: Provider, language: str) -> ProviderView:
    """A provider and its health, in *language*."""
    now = clock.now()
    seen = provider.synced_at
    return {
        "name": provider.name, "address": masked(provider.url),
        "every_seconds": provider.every_seconds, "timezone": provider.timezone,
        "public": provider.public, "paused": provider.paused,
        "health": health_of(provider, now), "synced_at": _stamp(seen),
        "changed_at": _stamp(provider.changed_at), "next_at": clock.stamp(provider.next_at),
        "age_seconds": None if seen is None else max(0, round((now - seen).total_seconds())),
        "failures": provider.failures, "error": problem(provider.error, language),
        "listed": provider.listed, "put_aside": provider.aside, "lost_at": _stamp(provider.lost_at),
        "lost_from": provider.lost_from if provider.lost_at else None,
    }


def sync_view(sync: Sync, language: str) -> SyncView:
    """A sync, in *language*."""
    return cast(SyncView, {
        "job": sync.job, "began_at": clock.stamp(sync.began_at), "seconds": round(sync.seconds, 3),
        "outcome": sync.outcome, "bytes": sync.bytes, "error": problem(sync.error, language),
        **(sync.counts or {}),
    })
