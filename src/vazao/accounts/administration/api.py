"""JSON routes of an admin's work, and of what everybody may do about themselves."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from litestar import Request, Response, delete, get, patch, post
from litestar.params import FromPath, FromQuery

from vazao.accounts import authentication, errors, taken
from vazao.accounts import service as verbs
from vazao.accounts import store as accounts
from vazao.accounts.administration import described, service, store, views
from vazao.accounts.administration.service import Changes
from vazao.accounts.directory.store import Shown
from vazao.accounts.directory.views import UserView, user_view
from vazao.accounts.entering import place_of
from vazao.accounts.models import SIGN_IN_BYTES, User, actor_of
from vazao.accounts.names import token_id_of, user_id_of
from vazao.accounts.passwords import check_new, hash_new, hasher_of
from vazao.accounts.sign_in import confirm_password, end_session
from vazao.kit.platform import Platform, Principal
from vazao.kit.web.frame import Asker, ThePlatform
from vazao.kit.web.paging import decode_cursor, encode_cursor, following, limit_of
from vazao.kit.web.parameters import json_of

Asked = Request[Any, Any, Any]
NO_STORE = {"Cache-Control": "no-store"}
LAST = (1 << 63) - 1
TAGS = ["accounts"]


def _shown(user: User) -> UserView:
    return user_view(Shown(**{name: getattr(user, name) for name in Shown.__struct_fields__}))


def _before(name: str, after: str | None) -> int:
    return decode_cursor(after, name, int)[0] if after else LAST


@post("/v1/users", tags=TAGS, operation_id="createUser", summary="Create a user",
      opt=described.CREATE_USER, request_max_body_size=SIGN_IN_BYTES)
async def create_user(
    request: Asked, platform: ThePlatform, principal: Asker
) -> Response[UserView]:
    """A new user of the organization."""
    given = await json_of(request, described.NewUser)
    hashed = None
    if given.password is not None:
        check_new(given.password, given.username)
    async with taken.asking(
        platform, principal, username=given.username, email=given.email
    ):
        if given.password is not None:
            hashed = await hash_new(hasher_of(platform), given.password)
        async with platform.db.transaction() as conn:
            made = await service.create_user(
                conn, actor_of(principal), principal.organization_id, given.username,
                password_hash=hashed, email=given.email, name=given.name, roles=given.roles,
            )
    return Response(_shown(made), headers=NO_STORE)


@patch("/v1/users/{id:str}", tags=TAGS, operation_id="changeUser", summary="Change a user",
       opt=described.CHANGE_USER)
async def change_user(
    request: Asked, platform: ThePlatform, principal: Asker, id: FromPath[str]
) -> Response[UserView]:
    """Name, e-mail, roles, and whether they may sign in."""
    made = await renew_user(platform, principal, user_id_of(id), await json_of(request, Changes))
    return Response(_shown(made), headers=NO_STORE)


async def renew_user(
    platform: Platform, principal: Principal, user_id: int, given: Changes
) -> User:
    """Change a user of the organization.

    Raises:
        UserNotFound, LastAdmin, NameInvalid, EmailInvalid, EmailTaken, RoleUnknown: see
            :func:`vazao.accounts.administration.service.change_user`.
        NamesAskedTooOften: it is too early to ask for another's e-mail.
    """
    async with (
        taken.asking(platform, principal, email=given.email or None, user_id=user_id),
        platform.db.transaction() as conn,
    ):
        user = await service.change_user(
            conn, actor_of(principal), principal.organization_id, user_id, given
        )
    authentication.forget_user(platform, user_id)
    return user


@post("/v1/users/{id:str}/password", tags=TAGS, operation_id="setUserPassword",
      summary="Set a user's password", opt=described.SET_PASSWORD, status_code=204,
      request_max_body_size=SIGN_IN_BYTES)
async def set_password(
    request: Asked, platform: ThePlatform, principal: Asker, id: FromPath[str]
) -> None:
    """A new password for a user, whose sessions end."""
    given = await json_of(request, described.NewPassword)
    await give_password(platform, principal, user_id_of(id), given.password)


async def give_password(
    platform: Platform, principal: Principal, user_id: int, password: str
) -> None:
    """Set another's password; their sessions end.

    Raises:
        PasswordIsOwn: it is one's own: a session left open is no place to change it from.
        UserNotFound: the organization has no such user.
        PasswordInvalid, PasswordIsUsername, SignInBusy: not so, or not now.
    """
    if user_id == principal.user_id:
        raise errors.PasswordIsOwn
    async with platform.db.connection() as conn:
        user = await verbs.user(conn, principal.organization_id, user_id)
    check_new(password, user.username)
    hashed = await hash_new(hasher_of(platform), password)
    async with platform.db.transaction() as conn:
        await service.set_password(
            conn, actor_of(principal), principal.organization_id, user_id, hashed
        )
    authentication.forget_user(platform, user_id)


@delete("/v1/users/{id:str}/sessions", tags=TAGS, operation_id="endUserSessions",
        summary="End a user's sessions", opt=described.END_SESSIONS)
async def end_sessions(platform: ThePlatform, principal: Asker, id: FromPath[str]) -> None:
    """All sessions of a user."""
    user_id = user_id_of(id)
    async with platform.db.transaction() as conn:
        await service.end_sessions(
            conn, actor_of(principal), principal.organization_id, user_id
        )
    authentication.forget_user(platform, user_id)


@get("/v1/tokens", tags=TAGS, operation_id="listTokens", summary="List tokens",
     opt=described.LIST_TOKENS)
async def list_tokens(
    platform: ThePlatform, principal: Asker, limit: FromQuery[str | None] = None,
    after: FromQuery[str | None] = None,
) -> Response[views.TokenPage]:
    """The organization's tokens, newest first."""
    size, before = limit_of(limit), _before("tokens", after)
    async with platform.db.connection() as conn:
        found = await accounts.list_tokens(
            conn, principal.organization_id, before=before, limit=size + 1
        )
    made: views.TokenPage = {
        "items": [views.token_view(each) for each in found[:size]],
        "next": encode_cursor("tokens", found[size - 1].id) if len(found) > size else None,
    }
    return Response(made, headers=NO_STORE)


@post("/v1/tokens", tags=TAGS, operation_id="createToken", summary="Create a token",
      opt=described.CREATE_TOKEN)
async def create_token(
    request: Asked, platform: ThePlatform, principal: Asker
) -> Response[views.NewTokenView]:
    """A token for another system."""
    given = await json_of(request, described.NewToken)
    async with platform.db.transaction() as conn:
        secret, token = await service.create_token(
            conn, actor_of(principal), principal.organization_id, application=given.application,
            scopes=given.scopes, known=platform.registry.scopes,
            life=None if given.days is None else timedelta(days=given.days),
        )
    return Response(views.new_token_view(token, secret), headers=NO_STORE)


@post("/v1/tokens/{id:str}/rotate", tags=TAGS, operation_id="rotateToken",
      summary="Rotate a token", opt=described.ROTATE_TOKEN)
async def rotate_token(
    request: Asked, platform: ThePlatform, principal: Asker, id: FromPath[str]
) -> Response[views.NewTokenView]:
    """A new secret; the old one works on for a while."""
    body = await request.body()
    given = await json_of(request, described.Rotation) if body else described.Rotation()
    async with platform.db.transaction() as conn:
        secret, token = await service.rotate_token(
            conn, actor_of(principal), principal.organization_id, token_id_of(id),
            known=platform.registry.scopes, overlap=timedelta(hours=given.overlap_hours),
        )
    return Response(views.new_token_view(token, secret), headers=NO_STORE)


@delete("/v1/tokens/{id:str}", tags=TAGS, operation_id="revokeToken",
        summary="Revoke a token", opt=described.REVOKE_TOKEN)
async def revoke_token(platform: ThePlatform, principal: Asker, id: FromPath[str]) -> None:
    """It is good for nothing any more."""
    async with platform.db.transaction() as conn:
        digest = await service.revoke_token(
            conn, actor_of(principal), principal.organization_id, token_id_of(id)
        )
    authentication.forget(platform, digest)


@get("/v1/audit", tags=TAGS, operation_id="listAudit", summary="Read the trail of changes",
     opt=described.AUDIT)
async def list_audit(
    platform: ThePlatform, principal: Asker, limit: FromQuery[str | None] = None,
    after: FromQuery[str | None] = None,
) -> Response[views.EntryPage]:
    """Who changed what, newest first."""
    size, before = limit_of(limit), _before("audit", after)
    async with platform.db.connection() as conn:
        page = await store.audit(conn, principal.organization_id, before=before, limit=size)
    made: views.EntryPage = {
        "items": [views.entry_view(each) for each in page.items],
        "next": following(page, lambda each: encode_cursor("audit", each.id)),
    }
    return Response(made, headers=NO_STORE)


@get("/v1/organizations", tags=TAGS, operation_id="listOrganizations",
     summary="List organizations", opt=described.LIST_ORGANIZATIONS)
async def list_organizations(
    platform: ThePlatform, principal: Asker, limit: FromQuery[str | None] = None,
    after: FromQuery[str | None] = None,
) -> Response[views.OrganizationPage]:
    """All of the platform, for its admins."""
    principal.check_runs_platform()
    size = limit_of(limit)
    behind = decode_cursor(after, "organizations", int)[0] if after else 0
    async with platform.db.connection() as conn:
        found = await accounts.list_organizations(conn, after=behind, limit=size + 1)
    made: views.OrganizationPage = {
        "items": [views.organization_view(each) for each in found[:size]],
        "next": encode_cursor("organizations", found[size - 1].id) if len(found) > size else None,
    }
    return Response(made, headers=NO_STORE)


@post("/v1/organizations", tags=TAGS, operation_id="createOrganization",
      summary="Create an organization", opt=described.CREATE_ORGANIZATION)
async def create_organization(
    request: Asked, platform: ThePlatform, principal: Asker
) -> Response[views.OrganizationView]:
    """A new tenant of the platform."""
    principal.check_runs_platform()
    given = await json_of(request, described.NewOrganization)
    async with platform.db.transaction() as conn:
        made = await service.create_organization(
            conn, actor_of(principal), principal.organization_id, given.slug, given.name
        )
    return Response(views.organization_view(made), headers=NO_STORE)


@patch("/v1/me", tags=TAGS, operation_id="changeMe", summary="Change one's profile",
       opt=described.CHANGE_PROFILE)
async def change_profile(
    request: Asked, platform: ThePlatform, principal: Asker
) -> Response[views.ProfileView]:
    """One's own name, e-mail and language."""
    user = await renew_profile(platform, principal, await json_of(request, service.Profile))
    made: views.ProfileView = {**_shown(user), "language": user.language}
    return Response(made, headers=NO_STORE)


async def renew_profile(
    platform: Platform, principal: Principal, given: service.Profile
) -> User:
    """Change one's own profile.

    Raises:
        NameInvalid, EmailInvalid, EmailTaken, LanguageUnknown: a value is wrong.
        NamesAskedTooOften: it is too early to ask for another's e-mail.
    """
    user_id = principal.user_id or 0
    async with (
        taken.asking(platform, principal, email=given.email or None, user_id=user_id),
        platform.db.transaction() as conn,
    ):
        user = await service.change_profile(
            conn, actor_of(principal), principal.organization_id, user_id, given
        )
    authentication.forget_user(platform, user_id)
    return user


@post("/v1/me/password", tags=TAGS, operation_id="changePassword",
      summary="Change one's password", opt=described.CHANGE_PASSWORD, status_code=204,
      request_max_body_size=SIGN_IN_BYTES)
async def change_password(request: Asked, platform: ThePlatform, principal: Asker) -> None:
    """The current one must be right; one's other sessions end."""
    given = await json_of(request, described.OwnPassword)
    await renew_password(request, platform, principal, given.current, given.password)


async def renew_password(
    request: Asked, platform: Platform, principal: Principal, current: str, new: str
) -> None:
    """Change one's own password.

    Raises:
        PasswordWrong, PasswordInvalid, PasswordIsUsername, SignInTooOften, SignInBusy: not so.
    """
    user_id = principal.user_id or 0
    async with platform.db.connection() as conn:
        user = await verbs.user(conn, principal.organization_id, user_id)
    check_new(new, user.username)
    await confirm_password(platform, user_id, current, place_of(request, platform))
    hashed = await hash_new(hasher_of(platform), new)
    kept = bytes.fromhex(principal.session_id or "")
    async with platform.db.transaction() as conn:
        await service.set_password(
            conn, actor_of(principal), principal.organization_id, user_id, hashed,
            kept_session=kept,
        )
    authentication.forget_user(platform, user_id, kept=kept)


@get("/v1/me/sessions", tags=TAGS, operation_id="listMySessions",
     summary="List one's sessions", opt=described.LIST_SESSIONS)
async def list_sessions(
    platform: ThePlatform, principal: Asker
) -> Response[views.SessionList]:
    """One's sessions, newest first."""
    async with platform.db.connection() as conn:
        found = await accounts.list_sessions(conn, principal.user_id or 0)
    made: views.SessionList = {
        "items": [views.session_view(each, principal.session_id) for each in found], "next": None,
    }
    return Response(made, headers=NO_STORE)


@delete("/v1/me/sessions/{id:str}", tags=TAGS, operation_id="endMySession",
        summary="End one of one's sessions", opt=described.END_SESSION)
async def end_one(platform: ThePlatform, principal: Asker, id: FromPath[str]) -> None:
    """A session of one's own."""
    await end_session(platform, principal, id)


ROUTES: list[Any] = [
    create_user, change_user, set_password, end_sessions, list_tokens, create_token,
    rotate_token, revoke_token, list_audit, list_organizations, create_organization,
    change_profile, change_password, list_sessions, end_one,
]
