"""HTML of events: the calendar, one event, the providers and how they are."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.params import FromPath, FromQuery

from vazao.events import api, calendars, described, pictures, service, store, views
from vazao.events.errors import DayInvalid, EventNotFound
from vazao.events.feeds import zones
from vazao.events.models import Filters, Provider
from vazao.events.reasons import LABELS, REASONS
from vazao.events.searching import TRUE, cursor_of, price_of
from vazao.kit import clock
from vazao.kit.addresses import masked
from vazao.kit.errors import VazaoError
from vazao.kit.platform import Platform
from vazao.kit.sql import Conn
from vazao.kit.web import sending
from vazao.kit.web.frame import Asker, ThePlatform
from vazao.kit.web.leaving import go_on
from vazao.kit.web.pages import language_of, page
from vazao.kit.web.paging import decode_cursor, encode_cursor, following

PAGE, VERSIONS, DAYS = 50, 200, 30
Asked = Request[Any, Any, Any]


def day_of(text: str | None) -> date | None:
    """The day that a form says; ``None`` where it says none.

    Raises:
        DayInvalid: there is no such day.
    """
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise DayInvalid(value=(text or "")[:40]) from None


@get("/events", opt={"public": True}, include_in_schema=False)
async def show_events(request: Asked, platform: ThePlatform) -> Response[str]:
    """The calendar: events by their day, with conditions."""
    given = request.query_params
    audiences = api.audiences_of(request)
    messages: list[tuple[str, str]] = []
    filters, first, until = Filters(), None, None
    try:
        first, until = day_of(given.get("from")), day_of(given.get("until"))
        filters = Filters(
            words=tuple(given.get("q", "").replace("\0", " ").split()),
            min_price=price_of(given, "min_price"), max_price=price_of(given, "max_price"),
            provider=given.get("provider") or None,
            available=True if given.get("available", "") in TRUE else None,
        )
    except VazaoError as error:
        messages = [("bad", error.message(language_of(request)))]
    after = calendars.place_of(given.get("after"))
    async with platform.db.connection(patient=True) as conn:
        today = await calendars.today(conn, audiences)
        first = first or today
        later = date.fromordinal(min(first.toordinal() + DAYS, date.max.toordinal()))
        last = max(first, until or later)
        found = await calendars.read(
            conn, audiences, first, last, filters, after=after, limit=PAGE
        )
    kept = {k: v for k, v in given.items() if k != "after" and v}
    return page(
        request, "events/list.html", days=found.days, first=first, last=last, given=given,
        filters=kept, after=given.get("after"), messages=messages, today=today,
        next=cursor_of(found.next) if found.next else None,
    )


async def _event(request: Asked, conn: Conn, id: str) -> Any:
    event = await store.events.get(conn, api.audiences_of(request), api.event_id(id))
    if event is None:
        raise EventNotFound
    return event


@get("/events/{id:uuid}", opt={"public": True}, include_in_schema=False)
async def show_event(request: Asked, platform: ThePlatform, id: FromPath[UUID]) -> Response[str]:
    """One event: when, its zones, and what its prices were."""
    async with platform.db.connection(patient=True) as conn:
        event = await _event(request, conn, str(id))
        provider = await store.providers.get(conn, event.provider_id)
        versions = (await store.events.versions(conn, event.id, limit=VERSIONS)).items
    now = clock.now()
    return page(
        request, "events/event.html", event=event, provider=provider,
        zones=zones.unpack(event.zones), available=views.is_available(event, now),
        over=event.ends_at < now, versions=versions[:PAGE],
        picture=pictures.of_prices(versions, now),
    )


@get("/events/{id:uuid}/calendar.ics", opt={"public": True}, include_in_schema=False)
async def show_calendar(request: Asked, platform: ThePlatform, id: FromPath[UUID]) -> (
    Response[bytes]
):
    """One event as a calendar."""
    async with platform.db.connection(patient=True) as conn:
        event = await _event(request, conn, str(id))
    return Response(
        calendars.calendar([event]), media_type="text/calendar",
        headers={"Content-Disposition": 'attachment; filename="event.ics"'},
    )


@get("/events/providers", opt={"scope": described.READ}, include_in_schema=False)
async def show_providers(
    request: Asked, platform: ThePlatform, principal: Asker
) -> Response[str]:
    """The organization's providers and how they are; where one is added."""
    return await _providers_page(request, platform, principal.organization_id)


async def _providers_page(
    request: Asked, platform: Platform, organization_id: int, error: VazaoError | None = None,
    given: dict[str, str] | None = None,
) -> Response[str]:
    async with platform.db.connection() as conn:
        found = await store.providers.every(conn, organization_id)
    language = language_of(request)
    return page(
        request, "events/providers.html", status=error.status if error else 200,
        providers=[_shown(each, language) for each in found], given=given or {}, labels=LABELS,
        messages=[("bad", error.message(language))] if error else [],
    )


def _shown(provider: Provider, language: str) -> dict[str, Any]:
    now = clock.now()
    return {
        "provider": provider, "address": masked(provider.url),
        "health": views.health_of(provider, now),
        "error": views.problem(provider.error, language),
        "age": None if provider.synced_at is None else (now - provider.synced_at).total_seconds(),
    }


@post("/events/providers", include_in_schema=False,
      opt={"scope": described.WRITE,
           "fields": ("name", "url", "every", "timezone", "public", "once")})
async def add_provider(
    request: Asked, platform: ThePlatform, principal: Asker
) -> Response[Any]:
    """Add a provider from the page; its address must be a public one."""
    form = await request.form()
    given = {k: v for k, v in form.items() if isinstance(v, str)}
    try:
        new = service.new_provider(
            given.get("name", "").strip(), given.get("url", ""),
            every=given.get("every") or "60s", timezone=given.get("timezone") or "UTC",
            public="public" in given, private_allowed=False,
        )
        sent = await sending.key_of(request)
        async with platform.db.transaction() as conn:
            await sending.claim(conn, sent, f"/events/providers/{new.name}")
            made = await service.add_provider(conn, principal.organization_id, new)
    except VazaoError as error:
        return await _providers_page(
            request, platform, principal.organization_id, error, given
        )
    return go_on(
        request, f"/events/providers/{made.name}", "The provider {name} was added.", name=made.name
    )


@get("/events/providers/{name:str}", opt={"scope": described.READ}, include_in_schema=False)
async def show_provider(
    request: Asked, platform: ThePlatform, principal: Asker, name: FromPath[str],
    after: FromQuery[str | None] = None,
) -> Response[str]:
    """A provider: how it is, its syncs, and the records that were put aside."""
    behind = decode_cursor(after, f"events.records {name}", int)[0] if after else 0
    language = language_of(request)
    async with platform.db.connection() as conn:
        found = await service.get_provider(conn, principal.organization_id, name)
        aside = await store.providers.aside(conn, found.id, after=behind, limit=PAGE)
        syncs = (await store.providers.syncs(conn, found.id, limit=20)).items
    return page(
        request, "events/provider.html", shown=_shown(found, language), labels=LABELS,
        reasons=REASONS, aside=aside.items, after=after,
        next=following(aside, lambda each: encode_cursor(f"events.records {name}", each.record)),
        syncs=[(sync, views.problem(sync.error, language)) for sync in syncs],
    )


@post("/events/providers/{name:str}/sync", include_in_schema=False,
      opt={"scope": described.WRITE, "back": "/events/providers/{name}"})
async def sync(
    request: Asked, platform: ThePlatform, principal: Asker, name: FromPath[str]
) -> Response[None]:
    """Sync from the page, and follow the job."""
    async with platform.db.transaction() as conn:
        found = await service.get_provider(conn, principal.organization_id, name)
        job = await service.ask_sync(
            conn, found, requested_by=principal.name,
            request_id=request.scope["state"].get("request_id"),
        )
    return go_on(request, f"/jobs/{job.token}", "The sync was started.")


@post("/events/providers/{name:str}/pause", include_in_schema=False,
      opt={"scope": described.WRITE, "fields": ("paused",), "back": "/events/providers/{name}"})
async def pause(
    request: Asked, platform: ThePlatform, principal: Asker, name: FromPath[str]
) -> Response[None]:
    """Let a provider rest, or go on."""
    paused = (await request.form()).get("paused") == "true"
    async with platform.db.transaction() as conn:
        found = await service.get_provider(conn, principal.organization_id, name)
        await service.change_provider(conn, found, paused=paused)
    return go_on(
        request, f"/events/providers/{name}",
        "The provider is paused until you resume it." if paused else "The provider was resumed.",
    )


routes: list[Any] = [
    show_events, show_event, show_calendar, show_providers, add_provider, show_provider, sync,
    pause,
]
