"""The verbs of events: add and change providers, ask for a sync, find what search may show."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import msgspec

from vazao import jobs
from vazao.events import store
from vazao.events.errors import (
    IntervalInvalid,
    ProviderExists,
    ProviderNameInvalid,
    ProviderNotFound,
)
from vazao.events.feeds import addresses
from vazao.events.models import EVERYONE, NewProvider, Provider
from vazao.kit.sql import Conn
from vazao.kit.times import seconds_of, timezone_of

KIND = "events.sync"
LABELS = {
    "listed": "Events listed", "created": "New events", "changed": "Changed events",
    "left": "Events that left", "aside": "Skipped records",
}
"""What a person reads of a sync's result."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", re.ASCII)
LONGEST_INTERVAL = 7 * 86_400


def interval_of(text: str) -> int:
    """The seconds that ``60s``, ``5m``, ``1h`` or ``60`` say.

    Raises:
        IntervalInvalid: it is none, or out of bounds.
    """
    seconds = seconds_of(text)
    if not 1 <= seconds <= LONGEST_INTERVAL:
        raise IntervalInvalid
    return seconds


def new_provider(
    name: str, url: str, *, every: str = "60s", timezone: str = "UTC", public: bool,
    private_allowed: bool,
) -> NewProvider:
    """A provider to be added, its values checked.

    Args:
        private_allowed: whether its address may lead into a private network.

    Raises:
        ProviderNameInvalid, FeedAddressInvalid, AddressPrivate, IntervalInvalid, TimezoneInvalid:
            one is wrong.
    """
    if not _NAME.fullmatch(name):
        raise ProviderNameInvalid
    place = addresses.parse(url)
    if not private_allowed:
        addresses.refuse_private(place)
    return NewProvider(
        name=name, url=url.strip(), every_seconds=interval_of(every),
        timezone=timezone_of(timezone), public=public, private_allowed=private_allowed,
    )


async def add_provider(conn: Conn, organization_id: int, new: NewProvider) -> Provider:
    """Add a provider to an organization.

    Raises:
        ProviderExists: it has one of that name.
    """
    made = await store.providers.insert(conn, organization_id, new)
    if made is None:
        raise ProviderExists
    return made


async def get_provider(conn: Conn, organization_id: int, name: str) -> Provider:
    """A provider of an organization.

    Raises:
        ProviderNotFound: it has none of that name.
    """
    found = await store.providers.find(conn, organization_id, name)
    if found is None:
        raise ProviderNotFound
    return found


async def ask_sync(
    conn: Conn, provider: Provider, *, requested_by: str | None = None,
    request_id: str | None = None, idempotency: tuple[str, str] | None = None,
) -> jobs.Job:
    """Ask for a sync of *provider*: a job of its organization, in the caller's transaction.

    One that was asked for and has not begun is the same job: it will find what this one would.

    Raises:
        IdempotencyClash: the key came with another request.
    """
    last = await store.providers.lock_turn(conn, provider.id)
    known = (await jobs.by_ids(conn, provider.organization_id, [last])).get(last)
    if known is not None and known.status == "queued" and idempotency is None:
        return known
    job = await jobs.enqueue(
        conn, KIND, organization_id=provider.organization_id,
        payload={"provider": provider.id, "about": provider.name}, requested_by=requested_by,
        request_id=request_id,
        idempotency=idempotency,
    )
    await store.providers.set_turn(conn, provider.id, job.id)
    return job


def audiences(organization_id: int | None) -> list[int]:
    """Whose events a reader may search: everyone's, and those of the reader's organization."""
    return [EVERYONE] if organization_id is None else [EVERYONE, organization_id]


def is_stale(provider: Provider, now: datetime) -> bool:
    """Whether its feed has not been seen for three of its intervals."""
    seen = provider.synced_at or provider.created_at
    return not provider.paused and (
        (now - seen).total_seconds() > max(60, 3 * provider.every_seconds)
    )


async def change_provider(
    conn: Conn, provider: Provider, *, url: str | None = None, every: str | None = None,
    timezone: str | None = None, paused: bool | None = None, private_allowed: bool = False,
) -> Provider:
    """Change how a provider is fetched; what is ``None`` stays.

    Args:
        private_allowed: whether a new address may lead into a private network.

    Raises:
        FeedAddressInvalid, AddressPrivate, IntervalInvalid, TimezoneInvalid: a value is wrong.
        ProviderNotFound: it has gone.
    """
    changed: dict[str, Any] = {}
    if url is not None and url.strip() != provider.url:
        place = addresses.parse(url)
        if not private_allowed:
            addresses.refuse_private(place)
        changed |= {"url": url.strip(), "private_allowed": private_allowed}
    if every is not None:
        changed["every_seconds"] = interval_of(every)
    if timezone is not None:
        changed["timezone"] = timezone_of(timezone)
    if paused is not None:
        changed["paused"] = paused
    after = msgspec.structs.replace(provider, **changed)
    # Other bytes, or the same ones with another meaning: what is known of the feed says nothing.
    anew = (after.url, after.timezone) != (provider.url, provider.timezone)
    kept = await store.providers.change(conn, after, anew=anew)
    if kept is None:
        raise ProviderNotFound
    return kept
