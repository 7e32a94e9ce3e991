"""HTML routes of everybody: signing in and out, the home page, one's own account."""

from __future__ import annotations

import secrets
from typing import Any

from litestar import Request, Response, get, post

from vazao.accounts import authentication, entering, errors
from vazao.accounts.entering import VISITOR_COOKIE, cookie, safe_next
from vazao.accounts.home import home_of, is_held
from vazao.accounts.models import SIGN_IN_BYTES, SignedIn
from vazao.accounts.sign_in import end_session
from vazao.kit.errors import VazaoError
from vazao.kit.platform import Platform, Principal
from vazao.kit.web import csrf
from vazao.kit.web.frame import ThePlatform
from vazao.kit.web.leaving import go_on
from vazao.kit.web.pages import PRIVATE, language_of, page
from vazao.kit.web.refusing import wants_html

Asking = Request[Any, Any, Any]


def redirect(target: str, *, status: int = 303) -> Response[Any]:
    """Go to *target*, a path of ours."""
    return Response(
        None, status_code=status, headers={"Location": target, "Cache-Control": "no-store"}
    )


def messages_of(request: Asking, error: VazaoError | None) -> list[tuple[str, str]]:
    """What the base page shows above its content of an action that was refused."""
    return [] if error is None else [("bad", error.message(language_of(request)))]


def again_after(error: VazaoError | None) -> dict[str, str]:
    """The header that says when trying again makes sense, where *error* knows it."""
    if error is None or error.retry_after is None:
        return {}
    return {"Retry-After": str(error.retry_after)}


async def field(request: Asking, name: str) -> str:
    """A field of the request's small form, ``""`` where it is missing or a file."""
    value = (await request.form()).get(name)
    return value if isinstance(value, str) else ""


def _login_page(
    request: Asking, platform: Platform, *, target: str, error: VazaoError | None = None,
    username: str = "",
) -> Response[str]:
    """The form, with what was typed before and the ticket of a refusal, but no password."""
    visitor = entering.visitor(request, platform) or secrets.token_urlsafe(16)
    request.state.csrf = entering.visitor_csrf(platform, visitor)[0]
    response = page(
        request, "accounts/login.html", status=error.status if error else 200, target=target,
        username=username, ticket=error.more.get("ticket", "") if error else "",
        messages=messages_of(request, error),
        headers={"Cache-Control": "no-store"} | again_after(error),
    )
    response.cookies.append(cookie(request, platform, VISITOR_COOKIE, visitor))
    return response


@get("/login", opt={"public": True}, include_in_schema=False)
async def show_login(request: Asking, platform: ThePlatform) -> Response[Any]:
    """The form; who is signed in already goes on."""
    target = safe_next(request.query_params.get("next"))
    if _person(request) is not None:
        return redirect("/" if target.startswith("/login") else target)
    return _login_page(request, platform, target=target)


@post(
    "/login", opt={"public": True, "csrf": "handler", "fields": entering.FIELDS},
    include_in_schema=False, request_max_body_size=SIGN_IN_BYTES, status_code=303,
)
async def sign_in(request: Asking, platform: ThePlatform) -> Response[Any]:
    """Sign in (303), or show the form again with one message (401, 403, 429 or 503).

    The page's script, which waits and sends the form again, gets errors as programs do.
    """
    target = safe_next(await field(request, "next"))
    username = await field(request, "username")
    try:
        form = {name: await field(request, name) for name in (*entering.FIELDS, "csrf")}
        arrival = entering.begin(request, platform, form)
        signed = await entering.enter(request, platform, form, arrival)
    except (
        csrf.CsrfFailed, errors.SignInRefused, errors.SignInTooOften, errors.SignInBusy
    ) as error:
        if not wants_html(request):
            raise
        return _login_page(request, platform, target=target, error=error, username=username)
    return _signed_in(request, platform, signed, target, form)


def _signed_in(
    request: Asking, platform: Platform, signed: SignedIn, target: str, form: dict[str, str]
) -> Response[Any]:
    response = redirect(target)
    response.cookies.extend(entering.cookies_of(request, platform, form, signed))
    return response


@post("/logout", opt={"public": True}, include_in_schema=False)
async def sign_out(request: Asking, platform: ThePlatform) -> Response[Any]:
    """End the session, if there still is one, and go to the form."""
    person = _person(request)
    if person is not None:
        await end_session(platform, person, person.session_id or "")
    response = go_on(request, "/login", "You signed out.")
    # A browser keeps a __Host- cookie that is deleted without the attributes it was set with.
    response.cookies.append(cookie(request, platform, authentication.COOKIE, "", max_age=0))
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
    home = home_of(platform)
    body, etag = home.write(
        person, person.csrf or "", language_of(request), await home.learnt(person)
    )
    headers = PRIVATE | {"ETag": etag.decode()}
    if is_held(request.headers.get("if-none-match", "").encode("latin-1"), etag):
        return Response(None, status_code=304, headers=headers, media_type="text/html")
    return Response(body, headers=headers, media_type="text/html")


@get("/userInfo", opt={"public": True}, include_in_schema=False)
async def old_account(request: Asking) -> Response[Any]:
    """The account page's former address."""
    return redirect("/account", status=301)


ROUTES: list[Any] = [show_login, sign_in, sign_out, show_home, old_account]
