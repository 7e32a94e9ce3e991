"""How requests are refused: every error in the platform's one shape, as JSON or as a page."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import psycopg
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException

from vazao.kit import errors
from vazao.kit.i18n import translate
from vazao.kit.logging import get
from vazao.kit.web.language import path_of, way_back
from vazao.kit.web.leaving import go_on
from vazao.kit.web.pages import language_of, page
from vazao.kit.web.sending import SentAlready

log = get("web")
SAID_ON_THE_PAGE = (400, 409, 422, 429)
"""Refusals of actions that their page says after a redirect: a reload of it sends nothing again. Of
what may not be seen, or is not there, there is no such page."""
RETRY_SECONDS = 5
"""What 429 and 503 ask to wait where nobody knows better."""


def wants_html(request: Request[Any, Any, Any]) -> bool:
    """Whether the reader is a browser's page load rather than a program."""
    return "text/html" in request.headers.get("accept", "")


def answer_error(request: Request[Any, Any, Any], error: errors.VazaoError) -> Response[Any]:
    """One of our errors in the one shape, in the reader's language; pages get a page."""
    if wants_html(request):
        language = language_of(request)
        if error.status == 401 and request.method == "GET":
            target = quote(path_of(request), safe="/")
            return Response(None, status_code=303, headers={"Location": f"/login?next={target}"})
        if (target := _page_of(request)) and error.status in SAID_ON_THE_PAGE:
            return go_on(request, target, error.message(language), kind="bad")
        return page(
            request, "error.html", status=error.status, headers=_error_headers(error),
            # How a program signs in is of no use to a person.
            message=error.message(language) if not isinstance(error, errors.CredentialMissing)
            else translate(error.template, language), refused=error.status,
            remedied=error.remedy is not None,
            retry_after=_error_headers(error).get("Retry-After"),
            request_id=request.scope["state"].get("request_id", ""), signed_out=error.status == 401,
            back=way_back(request.headers.get("referer"), request.headers.get("host", "")),
        )
    return Response(
        error.body(language_of(request)), status_code=error.status, headers=_error_headers(error),
        media_type="application/json",
    )


def _page_of(request: Request[Any, Any, Any]) -> str | None:
    """The page that an action belongs to, as its handler's ``opt`` names it."""
    handler: Any = request.scope.get("route_handler")
    if request.method != "POST" or handler is None or "back" not in handler.opt:
        return None
    named = {name: quote(str(value)) for name, value in request.path_params.items()}
    return str(handler.opt["back"]).format(**named)


def _error_headers(error: errors.VazaoError) -> dict[str, str]:
    seconds = error.retry_after
    if seconds is None and error.status in (429, 503):
        seconds = RETRY_SECONDS
    return {**error.headers, **({} if seconds is None else {"Retry-After": str(seconds)})}


_BY_STATUS: dict[int, type[errors.VazaoError]] = {
    400: errors.BadRequest, 401: errors.Unauthenticated, 403: errors.Forbidden,
    404: errors.NotFound, 413: errors.TooLarge, 429: errors.TooManyRequests,
}


class MethodNotAllowed(errors.VazaoError):
    """This method is not allowed here."""

    code = "method_not_allowed"
    status = 405


def answer_framework(
    request: Request[Any, Any, Any], error: HTTPException
) -> Response[Any]:
    """The framework's own refusals, in the one shape."""
    if error.status_code == 405:
        refused = answer_error(request, MethodNotAllowed())
        refused.headers.update(error.headers or {})
        return refused
    kind = _BY_STATUS.get(error.status_code, errors.BadRequest)
    details: list[Any] = []
    if isinstance(error, ValidationException) and isinstance(error.extra, list):
        details = [
            {"place": e.get("key"), "message": e.get("message")}
            for e in error.extra if isinstance(e, dict)
        ]
    if error.status_code >= 500:
        return answer_unexpected(request, error)
    if error.status_code == 413 and (limit := _limit_of(request)) is not None:
        return answer_error(request, errors.TooLarge.than(limit))
    return answer_error(request, kind(details=details))


def _limit_of(request: Request[Any, Any, Any]) -> int | None:
    handler: Any = request.scope.get("route_handler")
    return None if handler is None else handler.resolve_request_max_body_size()


# Classes of SQLSTATE: no connection, no room for more, the server is stopping.
_GONE = ("08", "53", "57P")


def answer_database(
    request: Request[Any, Any, Any], error: psycopg.OperationalError
) -> Response[Any]:
    """A database that went away or is overcharged: try again, and the log knows why."""
    state = error.sqlstate or ""
    log.warning("database", error_type=type(error).__name__, sqlstate=state or None)
    kind = errors.DatabaseUnavailable if not state or state.startswith(_GONE) else (
        errors.Unavailable
    )
    return answer_error(request, kind(retry_after=5))


def answer_data(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """A NUL byte in a text, a number out of range, JSON nested a thousand deep: refused, and
    logged with its traceback in case that it was we who made it up.

    Nothing can be called by a name with a NUL character: such an address leads nowhere.
    """
    if any("\0" in str(value) for value in request.path_params.values()):
        return answer_error(request, errors.NotFound())
    log.warning("value refused", error_type=type(error).__name__, exc_info=error)
    return answer_error(request, errors.ValueRefused())


def answer_sent(request: Request[Any, Any, Any], sent: SentAlready) -> Response[Any]:
    """A form that was sent before: to the page that the first led to, which says so."""
    return go_on(request, sent.target, sent.said, kind="warn")


def answer_unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """Whatever nobody foresaw: logged with its traceback, answered without it."""
    log.error("unexpected", error_type=type(error).__name__, exc_info=error)
    return answer_error(request, errors.VazaoError())
