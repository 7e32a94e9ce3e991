"""``GET /search``: the events between two times, in the shape that existing clients read."""

from __future__ import annotations

from typing import Any

import psycopg
from litestar import Request, Response, get
from litestar.exceptions import HTTPException
from litestar.response import Stream

from vazao.events import answers, described, searching, service
from vazao.events.forms import FORMS
from vazao.events.keeping import keeper_of
from vazao.events.searching import Answer, Asked
from vazao.events.settings import EventSettings
from vazao.kit import errors
from vazao.kit.logging import get as get_log
from vazao.kit.platform import Platform, Principal
from vazao.kit.web.frame import ThePlatform
from vazao.kit.web.pages import language_of

log = get_log("events.search")


FAILURES = (
    errors.VazaoError, HTTPException, psycopg.OperationalError, psycopg.DataError, RecursionError,
    Exception,
)
"""All that the application answers elsewhere has this route's shape here."""


def answer_error(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """A refusal, or our own failure, in the shape of this route."""
    if isinstance(error, HTTPException) and error.status_code < 500:
        error = errors.BadRequest()
    if isinstance(error, psycopg.OperationalError):
        error = errors.DatabaseUnavailable()
    if isinstance(error, psycopg.DataError | RecursionError):
        error = errors.ValueRefused()
    if not isinstance(error, errors.VazaoError):
        log.error("unexpected", error_type=type(error).__name__, exc_info=error)
        error = errors.VazaoError()
    status = described.SHAPE.status(error.status)
    body = described.refused(status, error.message(language_of(request)))
    headers = dict(error.headers) | {"Cache-Control": "no-store"}
    return Response(body, status_code=status, media_type="application/json", headers=headers)


@get("/search", operation_id="searchEvents", summary="Search events by date", tags=["events"],
     opt=described.SEARCH, exception_handlers=dict.fromkeys(FAILURES, answer_error))
async def search(request: Request[Any, Any, Any], platform: ThePlatform) -> Response[Any]:
    """The events ever on sale online that start at or after `starts_at` and end at or before
    `ends_at`, by their start. A bound with `Z` or an offset compares instants; one without compares
    the wall clock where the event is.
    """
    asked = searching.asked_of(request.query_params.multi_items())
    principal: Principal | None = request.state.get("principal")
    if principal is not None and not principal.may("events:read"):
        raise errors.Forbidden("This needs the scope {scope}.", scope="events:read",
                               remedy="Ask an admin of your organization.")
    found = await _found(platform, asked, principal)
    headers = _headers(platform, found, principal)
    if known(found.etag, request.headers.get("if-none-match", "")):
        found.close()
        return Response(None, status_code=304, headers=headers)
    media = FORMS[asked.form].media
    if found.size <= answers.WHOLE_BYTES:
        body = b"".join([piece async for piece in found.pieces()])
        return Response(body, media_type=media, headers=headers)
    headers["Content-Length"] = str(found.size)
    if request.scope["state"].get("head"):
        found.close()
        return Response(None, media_type=media, headers=headers)
    return Stream(found.pieces(), media_type=media, headers=headers)


def known(etag: str, given: str) -> bool:
    """Whether ``If-None-Match`` names the answer; a cache may have marked it as weak."""
    tags = {each.strip().removeprefix("W/") for each in given.split(",")}
    return etag in tags or "*" in tags


async def _found(platform: Platform, asked: Asked, principal: Principal | None) -> Answer:
    settings, keeper = platform.settings.of(EventSettings), keeper_of(platform)
    audience = None if principal is None else principal.organization_id
    if audience is not None:
        keeper.want(audience)
    held = searching.from_memory(keeper, asked, audience, settings.most_found)
    if held is not None:
        return held
    async with platform.db.transaction(patient=True) as conn:
        return await searching.from_database(
            conn, asked, service.audiences(audience), platform.settings.folder,
            settings.most_found,
        )


def _headers(platform: Platform, found: Answer, principal: Principal | None) -> dict[str, str]:
    seconds = platform.settings.of(EventSettings).cache_seconds
    headers = {
        "ETag": found.etag, "Vary": answers.VARY,
        "Cache-Control": answers.cache_control(seconds, public=principal is None),
    }
    if (age := keeper_of(platform).age) is not None:
        headers["Age"] = str(age)
    if found.cursor is not None:
        headers["Vazao-Next"] = found.cursor
    return headers


routes: list[Any] = [search]
