"""HTML routes of an organization's admins: its users and its tokens."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath

from vazao.accounts import authentication, errors, store, taken
from vazao.accounts import service as verbs
from vazao.accounts.administration import service
from vazao.accounts.administration import store as trail
from vazao.accounts.administration.api import give_password, renew_user
from vazao.accounts.administration.service import Changes
from vazao.accounts.browsers import program_of
from vazao.accounts.models import SIGN_IN_BYTES, actor_of
from vazao.accounts.pages import Asking, again_after, field, messages_of, redirect
from vazao.accounts.passwords import check_new, hash_new, hasher_of
from vazao.kit import clock
from vazao.kit.errors import VazaoError
from vazao.kit.i18n import translate
from vazao.kit.platform import Platform, Principal
from vazao.kit.web import hosts, sending
from vazao.kit.web.frame import Asker, ThePlatform
from vazao.kit.web.leaving import go_on, once_for
from vazao.kit.web.pages import language_of, page

PAGE, TOKENS, SEARCHED = 50, "/admin/tokens", 5000
_WRONG = (
    errors.UsernameInvalid, errors.UsernameTaken, errors.EmailInvalid, errors.EmailTaken,
    errors.NameInvalid, errors.RoleUnknown, errors.PasswordInvalid, errors.PasswordIsUsername,
    errors.SignInBusy, errors.NamesAskedTooOften,
)
LABELS = {
    "user.created": "User created", "user.changed": "User changed",
    "user.password_set": "Password set", "user.sessions_ended": "Sessions ended",
    "token.created": "Token created", "token.rotated": "Token rotated",
    "token.revoked": "Token revoked", "organization.created": "Organization created",
    "users.imported": "Users imported",
}
DONE = {
    "token": "This was sent already. If you did not see the token's secret, revoke the token and "
    "create another one.",
}
_LIVES = {"30": timedelta(days=30), "90": timedelta(days=90), "365": timedelta(days=365)}
SOON = timedelta(days=14)
"""From when on a token is said to end soon: its system needs a new secret before that."""
ADMIN: dict[str, Any] = {"admin": True}
TO_TOKENS = ADMIN | {"back": TOKENS}
USER_FIELDS = ("username", "name", "email", "role", "password")


def _cursor(request: Asking, name: str, default: int) -> int:
    text = request.query_params.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else default


async def _users_page(
    request: Asking, platform: Platform, principal: Principal, *,
    error: VazaoError | None = None, typed: dict[str, str] | None = None,
) -> Response[str]:
    after = _cursor(request, "after", 0)
    text = request.query_params.get("q", "").replace("\0", "").strip()
    async with platform.db.connection() as conn:
        users = await (trail.search_users(
            conn, principal.organization_id, text, newest=SEARCHED, limit=PAGE + 1
        ) if text else store.list_users(
            conn, principal.organization_id, after=after, limit=PAGE + 1
        ))
        last = await trail.last_sign_ins(conn, [user.id for user in users[:PAGE]])
    more = len(users) > PAGE
    return page(
        request, "accounts/users.html", status=error.status if error else 200,
        users=users[:PAGE], last=last, q=text, searched=SEARCHED, more=more and bool(text),
        next=users[PAGE - 1].id if more and not text else None, after=after,
        typed=typed or {}, messages=messages_of(request, error),
        headers=again_after(error),
    )


@get("/admin", opt=ADMIN, include_in_schema=False)
async def show_admin() -> Response[Any]:
    """The admin's pages begin with the users."""
    return redirect("/admin/users")


@get("/admin/users", opt=ADMIN, include_in_schema=False)
async def show_users(
    request: Asking, platform: ThePlatform, principal: Asker
) -> Response[str]:
    """The organization's users, a page at a time, and the form for a new one."""
    return await _users_page(request, platform, principal)


@post("/admin/users", opt=ADMIN | {"fields": (*USER_FIELDS, "once")}, include_in_schema=False)
async def create_user(
    request: Asking, platform: ThePlatform, principal: Asker
) -> Response[Any]:
    """Create a user (303), or show the form again with what is wrong."""
    typed = {
        name: (await field(request, name)).strip()
        for name in ("username", "name", "email", "role")
    }
    password, sent = await field(request, "password"), await sending.key_of(request)
    async with platform.db.connection() as conn:
        await sending.look(conn, sent)
    try:
        check_new(password, typed["username"])
        async with taken.asking(
            platform, principal, username=typed["username"], email=typed["email"]
        ):
            hashed = await hash_new(hasher_of(platform), password)
            async with platform.db.transaction() as conn:
                await sending.claim(conn, sent, "/admin/users")
                await service.create_user(
                    conn, actor_of(principal), principal.organization_id, typed["username"],
                    password_hash=hashed, email=typed["email"], name=typed["name"],
                    roles=[typed["role"]],
                )
    except _WRONG as error:
        return await _users_page(request, platform, principal, error=error, typed=typed)
    return go_on(
        request, "/admin/users", "The user {name} was created.", name=typed["username"]
    )


def _lives(language: str) -> list[tuple[str, str]]:
    text = translate("{days} days", language)
    return [(days, text.format(days=days)) for days in _LIVES]


async def _tokens_page(
    request: Asking, platform: Platform, principal: Principal, *,
    error: VazaoError | None = None, application: str = "", scopes: Sequence[str] = (),
    days: str = "",
) -> Response[str]:
    before = _cursor(request, "before", (1 << 63) - 1)
    async with platform.db.connection() as conn:
        tokens = await store.list_tokens(
            conn, principal.organization_id, before=before, limit=PAGE + 1
        )
    return page(
        request, "accounts/tokens.html", status=error.status if error else 200,
        tokens=tokens[:PAGE], next=tokens[PAGE - 1].id if len(tokens) > PAGE else None,
        scopes=platform.registry.scopes, scope_texts=platform.registry.scope_texts,
        lives=_lives(language_of(request)),
        made=once_for(request), address=hosts.address_of(request, platform.settings),
        application=application, chosen=scopes, days=days, now=clock.now(),
        soon=clock.now() + SOON,
        messages=messages_of(request, error),
        headers={"Cache-Control": "no-store"},
    )


@get("/admin/tokens", opt=ADMIN, include_in_schema=False)
async def show_tokens(
    request: Asking, platform: ThePlatform, principal: Asker
) -> Response[str]:
    """The organization's tokens, newest first, and the form for a new one."""
    return await _tokens_page(request, platform, principal)


@post(
    "/admin/tokens", opt=ADMIN | {"fields": ("application", "scope", "days", "once")},
    include_in_schema=False,
)
async def create_token(
    request: Asking, platform: ThePlatform, principal: Asker
) -> Response[Any]:
    """Create a token (303), which the next page shows once; or say what is wrong."""
    application = await field(request, "application")
    scopes = [str(scope) for scope in (await request.form()).getall("scope", [])]
    days, sent = await field(request, "days"), await sending.key_of(request)
    try:
        async with platform.db.transaction() as conn:
            await sending.claim(conn, sent, TOKENS, DONE["token"])
            secret, _ = await service.create_token(
                conn, actor_of(principal), principal.organization_id, application=application,
                scopes=scopes, known=platform.registry.scopes, life=_LIVES.get(days),
            )
    except (errors.ApplicationInvalid, errors.ScopesMissing, errors.ScopeUnknown) as error:
        return await _tokens_page(
            request, platform, principal, error=error, application=application, scopes=scopes,
            days=days,
        )
    return go_on(
        request, TOKENS, "The token was created.",
        once={"secret": secret, "application": application},
    )


@post("/admin/tokens/{token_id:int}/revoke", opt=TO_TOKENS, include_in_schema=False)
async def revoke_token(
    request: Asking, platform: ThePlatform, principal: Asker, token_id: FromPath[int]
) -> Response[Any]:
    """Revoke one of the organization's tokens."""
    async with platform.db.transaction() as conn:
        digest = await service.revoke_token(
            conn, actor_of(principal), principal.organization_id, token_id
        )
    authentication.forget(platform, digest)
    return go_on(request, TOKENS, "The token was revoked.")


@post("/admin/tokens/{token_id:int}/rotate", opt=TO_TOKENS, include_in_schema=False)
async def rotate_token(
    request: Asking, platform: ThePlatform, principal: Asker, token_id: FromPath[int]
) -> Response[Any]:
    """A new secret (303), which the next page shows once; the old one works on for a week."""
    async with platform.db.transaction() as conn:
        secret, token = await service.rotate_token(
            conn, actor_of(principal), principal.organization_id, token_id,
            known=platform.registry.scopes,
        )
    return go_on(
        request, TOKENS, "The token has a new secret. The old one works for another week.",
        once={"secret": secret, "application": token.application},
    )


async def _user_page(
    request: Asking, platform: Platform, principal: Principal, user_id: int, *,
    error: VazaoError | None = None, typed: dict[str, str] | None = None,
) -> Response[str]:
    async with platform.db.connection() as conn:
        user = await verbs.user(conn, principal.organization_id, user_id)
        sessions = await store.list_sessions(conn, user_id)
        last = await trail.last_sign_ins(conn, [user_id])
    return page(
        request, "accounts/user.html", status=error.status if error else 200, user=user,
        last=last.get(user_id), sessions=sessions, program_of=program_of,
        messages=messages_of(request, error), headers=again_after(error), typed=typed or {
            "name": user.name, "email": user.email, "enabled": user.enabled,
            "role": "admin" if "admin" in user.roles else "member",
        },
    )


@get("/admin/users/{user_id:int}", opt=ADMIN, include_in_schema=False)
async def show_user(
    request: Asking, platform: ThePlatform, principal: Asker, user_id: FromPath[int]
) -> Response[str]:
    """One user: name, role, whether they may sign in, password, sessions."""
    return await _user_page(request, platform, principal, user_id)


@post("/admin/users/{user_id:int}", opt=ADMIN | {"fields": ("name", "email", "role", "enabled")},
      include_in_schema=False)
async def change_user(
    request: Asking, platform: ThePlatform, principal: Asker, user_id: FromPath[int]
) -> Response[Any]:
    """Change a user (303), or show the page again with what is wrong."""
    typed = {name: await field(request, name) for name in ("name", "email", "role", "enabled")}
    given = Changes(
        name=typed["name"], email=typed["email"], roles=[typed["role"]],
        enabled=bool(typed["enabled"]),
    )
    try:
        await renew_user(platform, principal, user_id, given)
    except (errors.LastAdmin, *_WRONG) as error:
        return await _user_page(request, platform, principal, user_id, error=error, typed=typed)
    return go_on(request, f"/admin/users/{user_id}", "The user was saved.")


@post("/admin/users/{user_id:int}/password", opt=ADMIN | {"fields": ("password",)},
      include_in_schema=False, request_max_body_size=SIGN_IN_BYTES)
async def set_password(
    request: Asking, platform: ThePlatform, principal: Asker, user_id: FromPath[int]
) -> Response[Any]:
    """A new password for a user, whose sessions end."""
    try:
        await give_password(platform, principal, user_id, await field(request, "password"))
    except (errors.PasswordIsOwn, *_WRONG) as error:
        return await _user_page(request, platform, principal, user_id, error=error)
    return go_on(
        request, f"/admin/users/{user_id}", "The password was set, and the user's sessions were "
        "ended."
    )


@post("/admin/users/{user_id:int}/sessions", opt=ADMIN | {"back": "/admin/users/{user_id}"},
      include_in_schema=False)
async def end_sessions(
    request: Asking, platform: ThePlatform, principal: Asker, user_id: FromPath[int]
) -> Response[Any]:
    """End all of a user's sessions."""
    async with platform.db.transaction() as conn:
        await service.end_sessions(
            conn, actor_of(principal), principal.organization_id, user_id
        )
    authentication.forget_user(platform, user_id)
    return go_on(request, f"/admin/users/{user_id}", "The user's sessions were ended.")


@get([f"/admin/users/{{user_id:int}}/{name}" for name in ("password", "sessions")], opt=ADMIN,
     include_in_schema=False)
async def show_user_again(user_id: FromPath[int]) -> Response[Any]:
    """Where a form was refused; a link that leads back there shows the user anew."""
    return redirect(f"/admin/users/{user_id}")


@get([f"/admin/tokens/{{token_id:int}}/{name}" for name in ("rotate", "revoke")], opt=ADMIN,
     include_in_schema=False)
async def show_tokens_again(token_id: FromPath[int]) -> Response[Any]:
    """The same for tokens."""
    return redirect("/admin/tokens")


@get("/admin/audit", opt=ADMIN, include_in_schema=False)
async def show_audit(
    request: Asking, platform: ThePlatform, principal: Asker
) -> Response[str]:
    """Who changed what, newest first; a search looks at so many lines a page, and goes on."""
    before = _cursor(request, "before", (1 << 63) - 1)
    given = {
        name: request.query_params.get(name, "").replace("\0", "").strip()
        for name in ("actor", "action", "subject")
    }
    asked, end = {name: value for name, value in given.items() if value}, None
    async with platform.db.connection() as conn:
        if asked:
            end = await trail.end_of_look(
                conn, principal.organization_id, before=before, lines=SEARCHED
            )
        found = await trail.audit(
            conn, principal.organization_id, before=before, limit=PAGE, above=end or 0, **asked
        )
    return page(
        request, "accounts/audit.html", entries=found.items, actions=LABELS, asked=asked,
        further=end is not None and not found.more,
        next=found.items[-1].id if found.more else end,
    )


ROUTES: list[Any] = [
    show_admin, show_users, create_user, show_user, change_user, set_password, end_sessions,
    show_tokens, create_token, rotate_token, revoke_token, show_audit, show_user_again,
    show_tokens_again,
]
