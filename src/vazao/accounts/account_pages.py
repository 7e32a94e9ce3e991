"""HTML routes of one's own account: profile, password, sessions."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath

from vazao.accounts import authentication, errors, service, store
from vazao.accounts.administration.api import renew_password, renew_profile
from vazao.accounts.administration.service import Profile
from vazao.accounts.browsers import program_of
from vazao.accounts.models import SIGN_IN_BYTES
from vazao.accounts.pages import Asking, again_after, field, messages_of, redirect
from vazao.accounts.sign_in import end_session
from vazao.kit.errors import VazaoError
from vazao.kit.platform import Platform, Principal
from vazao.kit.web import language
from vazao.kit.web.frame import Asker, ThePlatform
from vazao.kit.web.leaving import go_on
from vazao.kit.web.pages import page

TO_SESSIONS: dict[str, Any] = {"session": True, "back": "/account/sessions"}
PROFILE = ("name", "email", "language")


async def _account_page(
    request: Asking, platform: Platform, person: Principal, *,
    error: VazaoError | None = None, typed: dict[str, str] | None = None,
) -> Response[str]:
    async with platform.db.connection() as conn:
        user = await service.user(conn, person.organization_id, person.user_id or 0)
    return page(
        request, "accounts/account.html", status=error.status if error else 200, user=user,
        typed=typed or {"name": user.name, "email": user.email, "language": user.language},
        messages=messages_of(request, error), headers=again_after(error),
    )


@get("/account", opt={"session": True}, include_in_schema=False)
async def show_account(
    request: Asking, platform: ThePlatform, principal: Asker
) -> Response[str]:
    """Profile, password, and the way to the sessions."""
    return await _account_page(request, platform, principal)


@post(
    "/account/profile", opt={"session": True, "fields": PROFILE},
    include_in_schema=False,
)
async def change_profile(
    request: Asking, platform: ThePlatform, principal: Asker
) -> Response[Any]:
    """Change name, e-mail and language (303), or show the page again with what is wrong."""
    given = Profile(
        name=await field(request, "name"), email=await field(request, "email"),
        language=await field(request, "language") or None,
    )
    try:
        user = await renew_profile(platform, principal, given)
    except (
        errors.NameInvalid, errors.EmailInvalid, errors.EmailTaken, errors.LanguageUnknown,
        errors.NamesAskedTooOften,
    ) as error:
        typed = {name: await field(request, name) for name in PROFILE}
        return await _account_page(request, platform, principal, error=error, typed=typed)
    response = go_on(request, "/account", "Your profile was saved.")
    response.cookies.append(
        language.cookie_of(request, platform.settings, user.language or "")
    )
    return response


@post(
    "/account/password", opt={"session": True, "fields": ("current", "new")},
    include_in_schema=False,
    request_max_body_size=SIGN_IN_BYTES,
)
async def change_password(
    request: Asking, platform: ThePlatform, principal: Asker
) -> Response[Any]:
    """Change the password and end the other sessions (303), or say what is wrong."""
    try:
        await renew_password(
            request, platform, principal, await field(request, "current"),
            await field(request, "new"),
        )
    except (
        errors.PasswordInvalid, errors.PasswordIsUsername, errors.PasswordWrong,
        errors.SignInTooOften, errors.SignInBusy,
    ) as error:
        return await _account_page(request, platform, principal, error=error)
    return go_on(
        request, "/account", "Your password was changed, and your other sessions were ended."
    )


@get(["/account/profile", "/account/password"], opt={"session": True}, include_in_schema=False)
async def show_form_again() -> Response[Any]:
    """Where a form was refused; a link that leads back there shows it anew."""
    return redirect("/account")


@get("/account/sessions", opt={"session": True}, include_in_schema=False)
async def show_sessions(
    request: Asking, platform: ThePlatform, principal: Asker
) -> Response[str]:
    """The person's sessions, newest first."""
    async with platform.db.connection() as conn:
        sessions = await store.list_sessions(conn, principal.user_id or 0)
    return page(
        request, "accounts/sessions.html", sessions=sessions, current=principal.session_id,
        program_of=program_of,
    )


@post("/account/sessions/{session_id:str}/revoke", opt=TO_SESSIONS, include_in_schema=False)
async def revoke_session(
    request: Asking, platform: ThePlatform, principal: Asker, session_id: FromPath[str]
) -> Response[Any]:
    """End one of one's sessions; one's current one too."""
    await end_session(platform, principal, session_id)
    if session_id == principal.session_id:
        return go_on(request, "/login", "You signed out.")
    return go_on(request, "/account/sessions", "The session was ended.")


@post("/account/sessions/revoke-others", opt=TO_SESSIONS, include_in_schema=False)
async def revoke_others(
    request: Asking, platform: ThePlatform, principal: Asker
) -> Response[Any]:
    """End all of one's sessions but this one."""
    user_id, kept = principal.user_id or 0, bytes.fromhex(principal.session_id or "")
    async with platform.db.transaction() as conn:
        await store.delete_other_sessions(conn, user_id, kept)
    authentication.forget_user(platform, user_id, kept=kept)
    return go_on(request, "/account/sessions", "You signed out of all your other sessions.")


ROUTES: list[Any] = [
    show_account, show_form_again, change_profile, change_password,
    show_sessions, revoke_session, revoke_others,
]
