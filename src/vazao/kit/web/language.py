"""The reader's choice of language: a link in the footer that sets a cookie and goes back."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from litestar import Request, Response, get
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie
from litestar.params import FromPath

from vazao.kit.errors import NotFound
from vazao.kit.i18n import LANGUAGES
from vazao.kit.proxies import is_https
from vazao.kit.settings import Settings

Connection = ASGIConnection[Any, Any, Any, Any]
YEAR = 365 * 24 * 3600


def way_back(referer: str | None, host: str) -> str:
    """The path to return to: the referer's, if it is a page of *host*; otherwise the home page.

    Only path and query are taken, and never one that a browser would read as another host.
    """
    parts = urlsplit(referer or "")
    path = parts.path
    if parts.netloc != host or not path.startswith("/"):
        return "/"
    if path.startswith("//") or "\\" in path or path.startswith("/language/"):
        return "/"
    return f"{path}?{parts.query}" if parts.query else path


def path_of(request: Request[Any, Any, Any]) -> str:
    """Path and query by which a browser comes back to this page, as it wrote them; of an action
    those of the page that it was sent from.
    """
    if request.method not in ("GET", "HEAD"):
        return way_back(request.headers.get("referer"), request.headers.get("host", ""))
    path = (request.scope.get("raw_path") or b"").decode("latin-1") or request.url.path
    return f"{path}?{request.url.query}" if request.url.query else path


def cookie_of(connection: Connection, settings: Settings, code: str) -> Cookie:
    """The cookie that says which language is chosen; of none it ends the choice."""
    return Cookie(
        key="language", value=code, max_age=YEAR if code else 0, path="/", samesite="lax",
        httponly=True, secure=is_https(connection, settings),
    )


@get(
    "/language/{code:str}", opt={"public": True, "anonymous": True}, include_in_schema=False,
    status_code=303,
)
async def choose_language(
    request: Request[Any, Any, Any], code: FromPath[str]
) -> Response[None]:
    """Remember the language *code* (``en`` or ``pt_BR``) for a year and go back (303).

    Raises:
        NotFound: the platform does not speak it.
    """
    if code not in LANGUAGES:
        raise NotFound
    cookie = cookie_of(request, request.app.state.platform.settings, code)
    target = way_back(request.headers.get("referer"), request.headers.get("host", ""))
    return Response(
        None, status_code=303, cookies=[cookie],
        headers={"Location": target, "Cache-Control": "no-store"},
    )


routes: list[Any] = [choose_language]
