"""What the reference says of the routes of events."""

from __future__ import annotations

from typing import Annotated, Any, TypedDict

import msgspec

from vazao.events import errors, views
from vazao.events.views import Found
from vazao.jobs import IdempotencyClash, JobView
from vazao.kit.errors import Forbidden, VazaoError
from vazao.kit.times import TimezoneInvalid
from vazao.kit.web.idempotency import IdempotencyKeyInvalid
from vazao.kit.web.openapi import (
    AFTER,
    IDEMPOTENCY_KEY,
    LIMIT,
    PAGED,
    PAGED_REFUSES,
    TEXT,
    Answer,
    Body,
    Header,
    Parameter,
    Shape,
    by_path,
    location,
    says,
)
from vazao.kit.web.paging import encode_cursor

READ, WRITE = "events:read", "events:write"
ID = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
class _FoundEvents(TypedDict, total=False):
    next: str | None


class FoundEvents(_FoundEvents):
    """Events by their start; ``next`` only where a page was asked for."""

    events: list[Found]


class SearchAnswer(TypedDict):
    """What search found."""

    data: FoundEvents
    error: None


class SearchErrorDetail(TypedDict):
    """Why search refused: the status as a text, and a sentence."""

    code: str
    message: str


class SearchError(TypedDict):
    """A refusal of search."""

    error: SearchErrorDetail
    data: None


EVENT: dict[str, Any] = {
    "id": ID, "title": "Noite de Fado", "start_date": "2026-03-14", "start_time": "21:00:00",
    "end_date": "2026-03-14", "end_time": "22:30:00", "min_price": 15.0, "max_price": 30.0,
}


def refused(status: int, message: str) -> dict[str, Any]:
    """The body of a refusal of search."""
    return {"error": {"code": str(status), "message": message}, "data": None}


SHAPE = Shape(kind=SearchError, status=lambda status: min(status, 500), body=refused)
"""Whatever fails on our side is 500 to those who search."""
CACHED = (
    Header(name="ETag", about="Equal as long as the answer is.", example='"1-9f86d081884c"'),
    Header(name="Cache-Control", about="How long caches may keep it.",
           example="public, max-age=1, stale-if-error=86400"),
    Header(name="Vary", about="What the answer depends on.", example="Authorization"),
    Header(name="Age", about="Only while the database is away: for how many seconds the answer may "
           "lack changes.", example="12", kind=int, always=False),
    Header(name="Vazao-Next", about="The cursor of the page behind this one.", example="WzQyXQ",
           always=False),
)
PRICE = Annotated[float, msgspec.Meta(ge=0, lt=1e15)]
AT = {"type": "string", "format": "date-time"}

SEARCH = says(
    Answer(about="The events.", kind=SearchAnswer, headers=CACHED,
           example={"data": {"events": [EVENT]}, "error": None}),
    Answer(about="The same, one JSON a line.", kind=TEXT, media="application/x-ndjson",
           example='{"id": "3fa85f64", "title": "Noite de Fado"}\n'),
    Answer(about="The same as a calendar.", kind=TEXT, media="text/calendar",
           example="BEGIN:VCALENDAR\r\n"),
    Answer(about="The answer is the one you have.", status=304, headers=CACHED),
    parameters=(
        Parameter(name="starts_at", about="Only events that start then or later.", kind=AT,
                  example="2026-03-14T00:00:00Z", required=True),
        Parameter(name="ends_at", about="Only events that end then or earlier.", kind=AT,
                  example="2026-03-15T00:00:00Z", required=True),
        Parameter(name="limit", about="At most so many events, as a page; all where not given.",
                  kind=LIMIT.kind, example=50),
        msgspec.structs.replace(AFTER, example=encode_cursor("search", 826833600000000, ID)),
        Parameter(name="q", about="Pieces of words of the title, all of which must occur.",
                  example="fado"),
        Parameter(name="min_price", about="Only events with a price of so much or more.",
                  kind=PRICE, example=10.0),
        Parameter(name="max_price", about="Only events with a price of so much or less.",
                  kind=PRICE, example=50.0),
        Parameter(name="provider", about="Only events of the provider of this name.",
                  example="demo"),
        Parameter(name="available", about="Only events that can (`true`) or cannot be bought now.",
                  kind={"type": "string", "enum": ["true", "false"]}, example="true"),
        Parameter(name="format", about="JSON, one JSON a line, or a calendar.",
                  kind={"type": "string", "enum": ["json", "ndjson", "ics"]}, example="ics"),
        Parameter(name="as_of", about="Answer as it would have been then.", kind=AT,
                  example="2026-03-01T00:00:00Z"),
    ),
    refuses=(
        errors.BoundMissing, errors.BoundInvalid, errors.BoundTwice, errors.BoundsReversed,
        errors.FilterInvalid, errors.PriceInvalid, errors.TooMuchFound, *PAGED_REFUSES,
        Forbidden, VazaoError,
    ),
    shape=SHAPE, public=True, optional=True,
)


MOMENT = "2026-11-25T08:00:00.000000Z"
WHOLE = EVENT | {
    "starts_at": "2026-03-14T20:00:00.000000Z", "ends_at": "2026-03-14T21:30:00.000000Z",
    "timezone": "Europe/Madrid", "provider": "demo", "base_id": "810", "event_id": "810",
    "available": True, "sold_out": False, "online": True, "listed": True,
    "sell_from": MOMENT, "sell_to": None, "version": 1, "held_from": MOMENT, "held_until": None,
    "first_seen_at": MOMENT, "last_seen_at": MOMENT,
    "zones": [{"id": "1", "name": "Plateia", "price": 15.0, "capacity": 240, "numbered": True}],
}
PROVIDER = {
    "name": "demo", "address": "https://partner.example/feed.xml", "every_seconds": 60,
    "timezone": "Europe/Madrid", "public": True, "paused": False, "health": "good",
    "synced_at": MOMENT, "changed_at": MOMENT, "next_at": MOMENT, "age_seconds": 12,
    "failures": 0, "error": None, "listed": 40, "put_aside": 3, "lost_at": None,
    "lost_from": None,
}
RECORD = {
    "record": 4, "base_id": "812", "event_id": "812", "code": "date_impossible",
    "place": "event_start_date", "value": "2026-09-31T10:00:00",
    "message": "This date and time does not exist.",
    "remedy": "The provider must write a date of the calendar, such as 2026-09-30T20:00:00.",
}
SYNCED = {
    "job": "5e0f2a9c41d94b7e8a3c6d1f00b7e2aa", "began_at": MOMENT, "seconds": 0.2,
    "outcome": "applied", "bytes": 31024, "error": None, "listed": 40, "created": 1, "changed": 12,
    "left": 1, "returned": 0, "aside": 3,
}
SYNC_JOB: dict[str, Any] = {
    "id": "5e0f2a9c41d94b7e8a3c6d1f00b7e2aa", "status": "queued", "phase": None,
    "kind": "events.sync", "progress": 0.0, "eta_seconds": None, "lead_time_seconds": None,
    "queue_time_seconds": None, "execution_time_seconds": 0.0, "cost": 1.0, "attempts": 0,
    "parts_total": 1, "parts_done": 0, "bytes_total": None, "bytes_done": 0, "rows_total": None,
    "rows_done": 0, "requested_at": MOMENT, "started_at": None, "finished_at": None,
    "requested_by": "Ana", "request_id": "9f86d081884c7d65", "error": None,
}
EVENT_ID = by_path("id", "The event's id.", ID)
NAME = by_path("name", "The provider's name.", "demo")
AS_OF = Parameter(name="as_of", about="As it was then.", kind=AT, example="2026-03-01T00:00:00Z")
GET_EVENT = says(
    Answer(about="The event.", kind=views.EventView, example=WHOLE), parameters=(EVENT_ID, AS_OF),
    refuses=(errors.EventNotFound, errors.BoundMissing, errors.BoundInvalid, Forbidden),
    public=True, optional=True,
)
GET_HISTORY = says(
    Answer(about="Its versions, newest first.", kind=views.EventPage,
           example={"items": [WHOLE], "next": None}),
    parameters=(EVENT_ID, *PAGED), refuses=(errors.EventNotFound, *PAGED_REFUSES, Forbidden),
    public=True, optional=True,
)
LIST_CHANGES = says(
    Answer(about="A piece of the feed; `next` is never null, so that you can ask again for what "
           "came since.", kind=views.EventPage, example={"items": [WHOLE], "next": "WyI4MDYiLDFd"}),
    parameters=(
        LIMIT, msgspec.structs.replace(AFTER, example=encode_cursor("changes", 806, ID)),
    ),
    refuses=(*PAGED_REFUSES, Forbidden), public=True, optional=True,
)
EXPLAIN = says(
    Answer(about="The reasons.", kind=views.Explanation, example={
        "shown": False, "event": None,
        "reasons": [{"code": "never_online",
                     "message": "Its base was never on sale online."}],
    }),
    parameters=(
        Parameter(name="provider", about="The provider's name.", example="demo", required=True),
        Parameter(name="base_id", about="The base's id in its feed.", example="812", required=True),
        Parameter(name="event_id", about="The event's id in its feed.", example="812",
                  required=True),
        Parameter(name="starts_at", about="With `ends_at`: whether it lies between.", kind=AT,
                  example="2026-03-14T00:00:00Z"),
        Parameter(name="ends_at", about="With `starts_at`.", kind=AT,
                  example="2026-03-15T00:00:00Z"),
    ),
    refuses=(
        errors.ProviderNotFound, errors.ParameterMissing, errors.BoundMissing, errors.BoundInvalid,
        errors.BoundsReversed,
    ),
    scope=READ,
)
LIST_PROVIDERS = says(
    Answer(about="The providers, by name.", kind=views.ProviderPage,
           example={"items": [PROVIDER], "next": None}), scope=READ,
)
ADD_PROVIDER = says(
    Answer(about="It was added; its first sync begins at once.", status=201,
           kind=views.ProviderView, example=PROVIDER,
           headers=(location("/v1/events/providers/demo"),)),
    bodies=(Body(media="application/json", kind=views.NewProviderBody, example={
        "name": "demo", "url": "https://partner.example/feed.xml", "timezone": "Europe/Madrid",
    }),),
    refuses=(
        errors.ProviderNameInvalid, errors.FeedAddressInvalid, errors.IntervalInvalid,
        TimezoneInvalid, errors.ProviderExists, errors.AddressPrivate,
    ),
    scope=WRITE,
)
GET_PROVIDER = says(
    Answer(about="The provider.", kind=views.ProviderView, example=PROVIDER), parameters=(NAME,),
    refuses=(errors.ProviderNotFound,), scope=READ,
)
CHANGE_PROVIDER = says(
    Answer(about="The provider as it is now.", kind=views.ProviderView, example=PROVIDER),
    parameters=(NAME,),
    bodies=(Body(media="application/json", kind=views.ChangedProviderBody,
                 example={"every": "5m", "paused": False}),),
    refuses=(
        errors.ProviderNotFound, errors.FeedAddressInvalid, errors.IntervalInvalid,
        TimezoneInvalid, errors.AddressPrivate,
    ),
    scope=WRITE,
)
SYNC_PROVIDER = says(
    Answer(about="The sync is queued: a job.", status=202, kind=JobView, example=SYNC_JOB,
           headers=(location(f"/v1/jobs/{SYNC_JOB['id']}"),)),
    parameters=(NAME, IDEMPOTENCY_KEY),
    refuses=(errors.ProviderNotFound, IdempotencyKeyInvalid, IdempotencyClash), scope=WRITE,
)
LIST_RECORDS = says(
    Answer(about="Records of its latest feed that were put aside, and why.",
           kind=views.RecordPage, example={"items": [RECORD], "next": None}),
    parameters=(NAME, *PAGED), refuses=(errors.ProviderNotFound, *PAGED_REFUSES), scope=READ,
)
LIST_SYNCS = says(
    Answer(about="Its syncs that changed something or failed, newest first.", kind=views.SyncPage,
           example={"items": [SYNCED], "next": None}),
    parameters=(NAME, *PAGED), refuses=(errors.ProviderNotFound, *PAGED_REFUSES), scope=READ,
)
