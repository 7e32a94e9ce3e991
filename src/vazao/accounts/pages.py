"""HTML routes of everybody: signing in and out, the home page, one's own account."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

import psycopg
from litestar import Request, Response, get, post
from litestar.datastructures import Cookie

from vazao.accounts import authentication, errors, store
from vazao.accounts.models import SESSION_LIFE, SIGN_IN_BYTES, SignedIn
from vazao.accounts.sign_in import Place, end_session
from vazao.accounts.sign_in import sign_in as start_session
from vazao.kit.errors import VazaoError
from vazao.kit.logging import get as logger
from vazao.kit.platform import Platform, Principal
from vazao.kit.proxies import client_address, is_https
from vazao.kit.registry import Figure
from vazao.kit.web import csrf
from vazao.kit.web.frame import ThePlatform, wants_html
from vazao.kit.web.pages import language_of, page

Asking = Request[Any, Any, Any]
log = logger("accounts")
VISITOR_COOKIE = "vazao_visitor"
SIGN_IN_FIELDS = ("next", "ticket", "username", "password")


def safe_next(target: str | None) -> str:
    """*target* if it is a path of this site that every browser reads as one, else ``/``.

    Browsers read ``//host`` and ``/\\host`` as another site, and drop tabs and newlines first.
    """
    text = target or ""
    plain = all("!" <= c <= "~" and c != "\\" for c in text)
    if not plain or len(text) > 2000 or not text.startswith("/") or text.startswith("//"):
        return "/"
    return text


def redirect(target: str, *, status: int = 303) -> Response[Any]:
    """Go to *target*, a path of ours."""
    return Response(
        None, status_code=status, headers={"Location": target, "Cache-Control": "no-store"}
    )


def place_of(request: Asking, platform: Platform) -> Place:
    """Where the request comes from."""
    return Place(
        client_address(request, platform.settings), request.headers.get("user-agent", "")
    )


def messages_of(error: VazaoError | None, language: str) -> list[tuple[str, str]]:
    """*error* as what the base page shows above its content."""
    return [("bad", error.message(language))] if error else []


async def field(request: Asking, name: str) -> str:
    """A field of the request's small form, ``""`` where it is missing or a file."""
    value = (await request.form()).get(name)
    return value if isinstance(value, str) else ""


def _cookie(
    request: Asking, platform: Platform, name: str, value: str, *, max_age: int | None = None
) -> Cookie:
    return Cookie(
        key=authentication.prefixed(name, request, platform), value=value, max_age=max_age,
        httponly=True, samesite="lax", path="/", secure=is_https(request, platform.settings),
    )


def _visitor(request: Asking, platform: Platform) -> str | None:
    return request.cookies.get(authentication.prefixed(VISITOR_COOKIE, request, platform))


def _visitor_csrf(platform: Platform, visitor: str) -> str:
    return csrf.value_for(platform.secret, b"visitor\0" + visitor.encode("utf-8", "replace"))


def _login_page(
    request: Asking, platform: Platform, *, target: str, error: VazaoError | None = None,
    username: str = "",
) -> Response[str]:
    """The form, with what was typed before and the ticket of a refusal, but no password."""
    visitor = _visitor(request, platform) or secrets.token_urlsafe(16)
    request.state.csrf = _visitor_csrf(platform, visitor)
    response = page(
        request, "accounts/login.html", status=error.status if error else 200, target=target,
        username=username, ticket=error.more.get("ticket", "") if error else "",
        messages=messages_of(error, language_of(request)), headers={"Cache-Control": "no-store"},
    )
    if error is not None and error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    response.cookies.append(_cookie(request, platform, VISITOR_COOKIE, visitor))
    return response


@get("/login", opt={"public": True}, include_in_schema=False)
async def show_login(request: Asking, platform: ThePlatform) -> Response[Any]:
    """The form; who is signed in already goes on."""
    target = safe_next(request.query_params.get("next"))
    if _person(request) is not None:
        return redirect("/" if target.startswith("/login") else target)
    return _login_page(request, platform, target=target)


@post(
    "/login", opt={"public": True, "csrf": "handler", "fields": SIGN_IN_FIELDS},
    include_in_schema=False, request_max_body_size=SIGN_IN_BYTES, status_code=303,
)
async def sign_in(request: Asking, platform: ThePlatform) -> Response[Any]:
    """Sign in (303), or show the form again with one message (401, 403, 429 or 503).

    The page's script, which waits and sends the form again, gets errors as programs do.
    """
    target = safe_next(await field(request, "next"))
    username = await field(request, "username")
    try:
        csrf.check_origin(request)
        visitor = _visitor(request, platform)
        if not visitor:
            raise csrf.CsrfFailed
        csrf.check(_visitor_csrf(platform, visitor), await field(request, "csrf"))
        signed = await start_session(
            platform, username, await field(request, "password"), place_of(request, platform),
            await field(request, "ticket"),
        )
    except (
        csrf.CsrfFailed, errors.SignInRefused, errors.SignInTooOften, errors.SignInBusy
    ) as error:
        if not wants_html(request):
            raise
        return _login_page(request, platform, target=target, error=error, username=username)
    return _signed_in(request, platform, signed, target)


def _signed_in(
    request: Asking, platform: Platform, signed: SignedIn, target: str
) -> Response[Any]:
    response = redirect(target)
    life = int(SESSION_LIFE.total_seconds())
    response.cookies.append(
        _cookie(request, platform, authentication.COOKIE, signed.secret, max_age=life)
    )
    return response


@post("/logout", opt={"public": True}, include_in_schema=False)
async def sign_out(request: Asking, platform: ThePlatform) -> Response[Any]:
    """End the session, if there still is one, and go to the form."""
    person = _person(request)
    if person is not None:
        await end_session(platform, person, person.session_id or "")
    response = redirect("/login")
    # A browser keeps a __Host- cookie that is deleted without the attributes it was set with.
    response.cookies.append(_cookie(request, platform, authentication.COOKIE, "", max_age=0))
    return response


def _person(request: Asking) -> Principal | None:
    """Whom the cookie names; a token is nobody's browser."""
    principal: Principal | None = request.state.get("principal")
    return principal if principal is not None and principal.csrf is not None else None


@get("/", opt={"public": True}, include_in_schema=False)
async def show_home(request: Asking, platform: ThePlatform) -> Response[Any]:
    """Greeting, role, last sign-in and the organization's live figures; 304 if unchanged."""
    person = _person(request)
    if person is None:
        return redirect("/login")
    async with platform.db.connection() as conn:
        last_at, previous_at = await store.find_sign_in(conn, person.user_id or 0)
        figures = [
            {"label": figure.label, "path": figure.path,
             "value": await _read(figure, conn, person)}
            for figure in sorted(platform.registry.figures, key=lambda f: f.order)
        ]
    response = page(
        request, "accounts/home.html", figures=figures, first=previous_at is None,
        last=previous_at or last_at,
    )
    return tagged(request, response)


async def _read(figure: Figure, conn: store.Conn, person: Principal) -> int | float | None:
    try:
        return await figure.read(conn, person.organization_id)
    except psycopg.Error as error:
        # One feature's trouble must not take everybody's home page away; it shows as a dash.
        log.warning("figure_failed", figure=figure.label, error_type=type(error).__name__)
        return None


def tagged(request: Asking, response: Response[str]) -> Response[Any]:
    """*response* with an ETag, or 304 where the reader has the same already."""
    body = response.content.encode()
    etag = f'W/"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    response.headers["ETag"] = etag
    held = {tag.strip() for tag in request.headers.get("if-none-match", "").split(",")}
    if etag in held or etag.removeprefix("W/") in held or "*" in held:
        return Response(None, status_code=304, headers=dict(response.headers))
    return response


@get("/userInfo", opt={"public": True}, include_in_schema=False)
async def old_account(request: Asking) -> Response[Any]:
    """The account page's former address."""
    return redirect("/account", status=301)


ROUTES: list[Any] = [show_login, sign_in, sign_out, show_home, old_account]
