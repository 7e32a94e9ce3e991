"""Providers, their health, the records that were put aside, and their syncs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import msgspec
from psycopg.types.json import Jsonb

from vazao.events.feeds.fetching import Fetched
from vazao.events.models import Aside, Counts, NewProvider, Provider, Sync
from vazao.kit import sql
from vazao.kit.sql import Conn, Page

Q = sql.load(
    __package__, "providers", provider=sql.columns(Provider),
    p_provider=sql.columns(Provider, "p."), sync=sql.columns(Sync), aside=sql.columns(Aside),
)
SYNCS = sql.paged(Q.list_syncs, Sync, order="id desc")
ASIDE = sql.paged(Q.list_aside, Aside, order="record")
LAST = (1 << 63) - 1


async def insert(conn: Conn, organization_id: int, new: NewProvider) -> Provider | None:
    """Add a provider; ``None`` where the organization has one of that name."""
    values = msgspec.structs.asdict(new)
    return await sql.one(
        conn, Provider, Q.insert_provider, organization_id=organization_id, **values
    )


async def get(conn: Conn, id: int) -> Provider | None:
    """One by its number."""
    return await sql.one(conn, Provider, Q.get_provider, id=id)


async def by_ids(conn: Conn, ids: Collection[int]) -> dict[int, Provider]:
    """Some of them, by their numbers."""
    found = await sql.every(conn, Provider, Q.providers_by_ids, ids=list(ids))
    return {each.id: each for each in found}


async def lock(conn: Conn, id: int) -> Provider | None:
    """One by its number, which nobody else syncs until the transaction ends."""
    return await sql.one(conn, Provider, Q.lock_provider, id=id)


async def find(conn: Conn, organization_id: int, name: str) -> Provider | None:
    """One of an organization by its name."""
    return await sql.one(
        conn, Provider, Q.find_provider, organization_id=organization_id, name=name
    )


async def every(
    conn: Conn, organization_id: int | None = None, name: str | None = None
) -> list[Provider]:
    """Those of an organization, or of all, by name."""
    return await sql.every(
        conn, Provider, Q.list_providers, organization_id=organization_id, name=name
    )


async def change(conn: Conn, provider: Provider, *, anew: bool) -> Provider | None:
    """Keep the address, interval, time zone and pause of *provider*.

    Args:
        anew: forget what is known of its feed, so that the next sync reads it whole.
    """
    return await sql.one(
        conn, Provider, Q.change_provider, id=provider.id, url=provider.url,
        every_seconds=provider.every_seconds, timezone=provider.timezone,
        paused=provider.paused, private_allowed=provider.private_allowed, anew=anew,
    )


async def take_due(conn: Conn, *, limit: int) -> list[Provider]:
    """Take those whose time has come, and set their next time."""
    return await sql.every(conn, Provider, Q.take_due, limit=limit)


async def lock_turn(conn: Conn, id: int) -> int:
    """The job that was asked for last to sync it (0: none yet), locked until the transaction ends.

    To be called before a job is asked for: the organization's share is locked after it.
    """
    found = await sql.row(conn, Q.lock_turn, id=id)
    return found[0] if found else 0


async def set_turn(conn: Conn, id: int, job_id: int) -> None:
    """Remember the job that syncs it."""
    await sql.run(conn, Q.set_turn, id=id, job_id=job_id)


async def note_unchanged(
    conn: Conn, id: int, *, fetched_at: datetime, etag: str | None, last_modified: str | None
) -> None:
    """Its feed is as it was applied."""
    await sql.run(
        conn, Q.note_unchanged, id=id, fetched_at=fetched_at, etag=etag,
        last_modified=last_modified,
    )


async def note_failure(
    conn: Conn, id: int, *, error: dict[str, Any], longest_seconds: int, wait_seconds: int
) -> None:
    """It failed once more; the next try waits longer, up to *longest_seconds*, and not less than
    *wait_seconds*.
    """
    await sql.run(
        conn, Q.note_failure, id=id, error=Jsonb(error), longest=longest_seconds,
        wait=wait_seconds,
    )


async def note_applied(
    conn: Conn, id: int, *, fetched_at: datetime, fetched: Fetched, counts: Counts
) -> None:
    """Its feed was applied."""
    await sql.run(
        conn, Q.note_applied, id=id, fetched_at=fetched_at, etag=fetched.etag,
        last_modified=fetched.last_modified, digest=fetched.digest, listed=counts.listed,
        aside=counts.aside,
    )


async def note_sync(
    conn: Conn, provider_id: int, *, job: str | None, began_at: datetime, seconds: float,
    outcome: str, bytes: int | None = None, counts: Counts | None = None,
    error: dict[str, Any] | None = None,
) -> None:
    """Keep what a sync did: *outcome* is ``applied`` or ``failed``."""
    await sql.run(
        conn, Q.insert_sync, provider_id=provider_id, job=job, began_at=began_at,
        seconds=seconds, outcome=outcome, bytes=bytes,
        counts=None if counts is None else Jsonb(msgspec.to_builtins(counts)),
        error=None if error is None else Jsonb(error),
    )


async def syncs(
    conn: Conn, provider_id: int, *, before: int | None = None, limit: int = 50
) -> Page[Sync]:
    """A page of its syncs, newest first, with ids below *before*."""
    return await sql.page(
        conn, Sync, SYNCS, provider_id=provider_id, before=before or LAST, limit=limit
    )


async def thin(conn: Conn, *, kept: int) -> None:
    """Forget all but the latest *kept* syncs of each provider."""
    await sql.run(conn, Q.thin_syncs, kept=kept)


async def aside(
    conn: Conn, provider_id: int, *, after: int = 0, limit: int = 50
) -> Page[Aside]:
    """A page of the records put aside, behind the record *after*."""
    return await sql.page(
        conn, Aside, ASIDE, provider_id=provider_id, after=after, limit=limit
    )


async def find_aside(
    conn: Conn, provider_id: int, base_id: str, event_id: str
) -> Aside | None:
    """Why the latest feed's record of an event was put aside."""
    return await sql.one(
        conn, Aside, Q.find_aside, provider_id=provider_id, base_id=base_id, event_id=event_id
    )


class Health(msgspec.Struct, frozen=True):
    """How a provider is, for the metrics."""

    id: int
    age_seconds: float
    failures: int
    listed: int
    aside: int
    lost: bool


async def health(conn: Conn, *, limit: int) -> list[Health]:
    """How providers that are not paused are, those not seen for longest first."""
    return await sql.every(conn, Health, Q.list_health, limit=limit)


async def timezones(conn: Conn, audiences: Sequence[int]) -> list[str]:
    """The time zones of providers whose events one of *audiences* may search."""
    found = await sql.rows(conn, Q.list_timezones, audiences=list(audiences))
    return [zone for (zone,) in found]


async def listed(conn: Conn, organization_id: int) -> int:
    """How many events an organization's providers list."""
    found = await sql.row(conn, Q.count_listed, organization_id=organization_id)
    return found[0] if found else 0
