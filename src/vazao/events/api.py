"""JSON routes of events: one event, its history, the feed of changes, providers."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from litestar import Controller, Request, Response, get, patch, post
from litestar.params import FromPath, FromQuery

from vazao import jobs
from vazao.events import described, searching, service, store, views
from vazao.events.errors import EventNotFound, ParameterMissing
from vazao.events.explaining import explain
from vazao.events.models import Event
from vazao.events.windows import window
from vazao.jobs import JobView
from vazao.kit import clock
from vazao.kit.errors import Forbidden
from vazao.kit.platform import Principal
from vazao.kit.sql import Conn
from vazao.kit.web.frame import Asker, ThePlatform
from vazao.kit.web.idempotency import idempotency_of
from vazao.kit.web.pages import language_of
from vazao.kit.web.paging import (
    AGAIN,
    CursorInvalid,
    decode_cursor,
    encode_cursor,
    following,
    limit_of,
)
from vazao.kit.web.parameters import json_of

CURSOR = "changes"


def audiences_of(request: Request[Any, Any, Any]) -> list[int]:
    """Whose events this request may see.

    Raises:
        Forbidden: its token lacks the scope.
    """
    principal: Principal | None = request.state.get("principal")
    if principal is not None and not principal.may(described.READ):
        raise Forbidden("This needs the scope {scope}.", scope=described.READ,
                        remedy="Ask an admin of your organization.")
    return service.audiences(None if principal is None else principal.organization_id)


def event_id(text: str) -> UUID:
    """The id of an event.

    Raises:
        EventNotFound: it is none that an event could have.
    """
    try:
        return UUID(text)
    except ValueError:
        raise EventNotFound from None


def _place(cursor: str) -> tuple[str, UUID]:
    """The transaction and the event that a cursor of the feed of changes names.

    Raises:
        CursorInvalid: it is none of this feed.
    """
    xid, id = decode_cursor(cursor, CURSOR, int, str)
    try:
        if xid < 0:
            raise ValueError
        return str(xid), UUID(id)
    except ValueError:
        raise CursorInvalid(remedy=AGAIN) from None


async def shown(conn: Conn, events: list[Event]) -> list[views.EventView]:
    """Events as the API shows them, each with its provider."""
    known = await store.providers.by_ids(conn, {event.provider_id for event in events})
    now = clock.now()
    return [views.event_view(event, known[event.provider_id], now) for event in events]


class Events(Controller):
    """``/v1/events``."""

    path = "/v1/events"
    tags = ("events",)

    @get("/changes", operation_id="listEventChanges", summary="Read the feed of changes",
         opt=described.LIST_CHANGES)
    async def changes(
        self, platform: ThePlatform, request: Request[Any, Any, Any],
        limit: FromQuery[str | None] = None, after: FromQuery[str | None] = None,
    ) -> views.EventPage:
        """Events in search that are new or changed, in the order of the transactions."""
        place = None
        if after:
            place = _place(after)
        async with platform.db.connection() as conn:
            page = await store.events.changes(
                conn, audiences_of(request), after=place, limit=limit_of(limit)
            )
            items = await shown(conn, list(page.items))
        place = (page.items[-1].xid, page.items[-1].id) if page.items else place
        xid, id = place or ("0", store.events.FIRST_UUID)
        return {"items": items, "next": encode_cursor(CURSOR, int(xid), str(id))}

    @get("/explain", operation_id="explainEvent", summary="Explain an event",
         opt=described.EXPLAIN)
    async def why(
        self, platform: ThePlatform, principal: Asker, request: Request[Any, Any, Any]
    ) -> views.Explanation:
        """Why an event of one of your providers is in search, or is not."""
        given = request.query_params
        for name in ("provider", "base_id", "event_id"):
            if not given.get(name):
                raise ParameterMissing(name=name)
        asked = None
        if given.get("starts_at") or given.get("ends_at"):
            asked = window(given.get("starts_at"), given.get("ends_at"))
        async with platform.db.connection() as conn:
            provider = await service.get_provider(
                conn, principal.organization_id, given["provider"]
            )
            return await explain(
                conn, provider, given["base_id"], given["event_id"], window=asked,
                language=language_of(request),
            )

    @get("/{id:str}", operation_id="getEvent", summary="Show an event", opt=described.GET_EVENT)
    async def show(
        self, platform: ThePlatform, request: Request[Any, Any, Any], id: FromPath[str]
    ) -> views.EventView:
        """One event with its zones, its provider, and whether it can be bought."""
        as_of = searching.moment_of(request.query_params, "as_of")
        async with platform.db.connection() as conn:
            event = await store.events.get(
                conn, audiences_of(request), event_id(id), as_of=as_of
            )
            if event is None:
                raise EventNotFound
            (view,) = await shown(conn, [event])
        return view

    @get("/{id:str}/history", operation_id="getEventHistory", summary="Show an event's versions",
         opt=described.GET_HISTORY)
    async def history(
        self, platform: ThePlatform, request: Request[Any, Any, Any], id: FromPath[str],
        limit: FromQuery[str | None] = None, after: FromQuery[str | None] = None,
    ) -> views.EventPage:
        """Every version of an event with the time from which it held, newest first."""
        async with platform.db.connection() as conn:
            known = await store.events.get(conn, audiences_of(request), event_id(id))
            if known is None:
                raise EventNotFound
            of = f"events.history {known.id}"
            before = decode_cursor(after, of, int)[0] if after else None
            page = await store.events.versions(
                conn, known.id, before=before, limit=limit_of(limit)
            )
            items = await shown(conn, page.items)
        return {"items": items, "next": following(page, lambda e: encode_cursor(of, e.version))}


class Providers(Controller):
    """``/v1/events/providers``."""

    path = "/v1/events/providers"
    tags = ("events",)

    @get("/", operation_id="listProviders", summary="List the providers",
         opt=described.LIST_PROVIDERS)
    async def index(
        self, platform: ThePlatform, principal: Asker, request: Request[Any, Any, Any]
    ) -> views.ProviderPage:
        """Your organization's providers and how they are."""
        async with platform.db.connection() as conn:
            found = await store.providers.every(conn, principal.organization_id)
        language = language_of(request)
        return {"items": [views.provider_view(p, language) for p in found], "next": None}

    @post("/", operation_id="addProvider", summary="Add a provider", status_code=201,
          opt=described.ADD_PROVIDER)
    async def add(
        self, platform: ThePlatform, principal: Asker, request: Request[Any, Any, Any]
    ) -> Response[views.ProviderView]:
        """Add a partner's feed; its address must be a public one."""
        body = await json_of(request, views.NewProviderBody)
        new = service.new_provider(
            body.name, body.url, every=body.every, timezone=body.timezone, public=body.public,
            private_allowed=False,
        )
        async with platform.db.transaction() as conn:
            made = await service.add_provider(conn, principal.organization_id, new)
        return Response(
            views.provider_view(made, language_of(request)), status_code=201,
            headers={"Location": f"/v1/events/providers/{made.name}"},
        )

    @get("/{name:str}", operation_id="getProvider", summary="Show a provider",
         opt=described.GET_PROVIDER)
    async def show(
        self, platform: ThePlatform, principal: Asker, request: Request[Any, Any, Any],
        name: FromPath[str],
    ) -> views.ProviderView:
        """One provider and how it is."""
        async with platform.db.connection() as conn:
            found = await service.get_provider(conn, principal.organization_id, name)
        return views.provider_view(found, language_of(request))

    @patch("/{name:str}", operation_id="changeProvider", summary="Change a provider",
           opt=described.CHANGE_PROVIDER)
    async def change(
        self, platform: ThePlatform, principal: Asker, request: Request[Any, Any, Any],
        name: FromPath[str],
    ) -> views.ProviderView:
        """Change its address, interval or time zone, or let it rest."""
        body = await json_of(request, views.ChangedProviderBody)
        async with platform.db.transaction() as conn:
            known = await service.get_provider(conn, principal.organization_id, name)
            after = await service.change_provider(
                conn, known, url=body.url, every=body.every, timezone=body.timezone,
                paused=body.paused,
            )
        return views.provider_view(after, language_of(request))

    @post("/{name:str}/sync", operation_id="syncProvider", summary="Sync a provider now",
          status_code=202, opt=described.SYNC_PROVIDER)
    async def sync(
        self, platform: ThePlatform, principal: Asker, request: Request[Any, Any, Any],
        name: FromPath[str],
    ) -> Response[JobView]:
        """Fetch its feed now, whatever its interval says."""
        async with platform.db.transaction() as conn:
            known = await service.get_provider(conn, principal.organization_id, name)
            job = await service.ask_sync(
                conn, known, requested_by=principal.name,
                request_id=request.scope["state"].get("request_id"),
                idempotency=idempotency_of(request, f"sync {known.id}"),
            )
        return Response(
            jobs.view(job, language_of(request)), status_code=202,
            headers={"Location": f"/v1/jobs/{job.token}"},
        )

    @get("/{name:str}/records", operation_id="listAsideRecords",
         summary="List records that were put aside", opt=described.LIST_RECORDS)
    async def records(
        self, platform: ThePlatform, principal: Asker, request: Request[Any, Any, Any],
        name: FromPath[str], limit: FromQuery[str | None] = None,
        after: FromQuery[str | None] = None,
    ) -> views.RecordPage:
        """Records of its latest feed that were put aside, with their reasons."""
        of = f"events.records {name}"
        behind = decode_cursor(after, of, int)[0] if after else 0
        async with platform.db.connection() as conn:
            known = await service.get_provider(conn, principal.organization_id, name)
            page = await store.providers.aside(
                conn, known.id, after=behind, limit=limit_of(limit)
            )
        language = language_of(request)
        return {"items": [views.record_view(each, language) for each in page.items],
                "next": following(page, lambda each: encode_cursor(of, each.record))}

    @get("/{name:str}/syncs", operation_id="listProviderSyncs", summary="List its syncs",
         opt=described.LIST_SYNCS)
    async def syncs(
        self, platform: ThePlatform, principal: Asker, request: Request[Any, Any, Any],
        name: FromPath[str], limit: FromQuery[str | None] = None,
        after: FromQuery[str | None] = None,
    ) -> views.SyncPage:
        """Its syncs that changed something or failed."""
        of = f"events.syncs {name}"
        before = decode_cursor(after, of, int)[0] if after else None
        async with platform.db.connection() as conn:
            known = await service.get_provider(conn, principal.organization_id, name)
            page = await store.providers.syncs(
                conn, known.id, before=before, limit=limit_of(limit)
            )
        language = language_of(request)
        return {"items": [views.sync_view(each, language) for each in page.items],
                "next": following(page, lambda each: encode_cursor(of, each.id))}


routes: list[Any] = [Events, Providers]
