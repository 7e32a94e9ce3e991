"""What the reference says of the routes of an admin's work."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from vazao.accounts import errors
from vazao.accounts.administration.service import Changes, Profile
from vazao.accounts.administration.views import (
    EntryPage,
    NewTokenView,
    OrganizationPage,
    OrganizationView,
    ProfileView,
    SessionList,
    TokenPage,
)
from vazao.accounts.directory.described import ANA, AT
from vazao.accounts.directory.views import UserView
from vazao.kit.web.openapi import (
    JSON,
    NO_STORE,
    PAGED,
    PAGED_REFUSES,
    Answer,
    Body,
    by_path,
    says,
)

READ, WRITE = "users:read", "users:write"
USER_ID = (by_path("id", "The user's id.", "7"),)
TOKEN: dict[str, Any] = {
    "id": 3, "application": "folha", "scopes": ["leads:read"], "created_at": AT,
    "last_used_at": AT, "expires_at": None, "revoked_at": None,
}
MADE = TOKEN | {"last_used_at": None, "token": "vz_…"}
WRONG = (
    errors.NameInvalid, errors.EmailInvalid, errors.EmailTaken, errors.RoleUnknown,
    errors.NamesAskedTooOften,
)
PASSWORD = (errors.PasswordInvalid, errors.PasswordIsUsername, errors.SignInBusy)


class NewUser(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A user to be made; without a password they cannot sign in until one is set."""

    username: str
    email: str | None = None
    name: str = ""
    roles: list[str] = msgspec.field(default_factory=lambda: ["member"])
    password: str | None = None


class NewPassword(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new password for a user."""

    password: str


class OwnPassword(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new password of one's own, and the current one."""

    current: str
    password: str


class NewToken(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A token to be made; without days it is good until it is revoked."""

    application: str
    scopes: list[str]
    days: Annotated[int, msgspec.Meta(ge=1, le=3650)] | None = None


class Rotation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long the old secret stays valid."""

    overlap_hours: Annotated[int, msgspec.Meta(ge=0, le=720)] = 168


class NewOrganization(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An organization to be made."""

    slug: str
    name: str | None = None


CREATE_USER = says(
    Answer(about="The user.", kind=UserView, status=201, example=ANA, headers=(NO_STORE,)),
    bodies=(Body(media=JSON, kind=NewUser, example={
        "username": "ana", "email": "ana@example.com", "name": "Ana Lima", "roles": ["member"],
        "password": "três pratos de trigo",
    }),),
    refuses=(errors.UsernameInvalid, errors.UsernameTaken, *WRONG, *PASSWORD), scope=WRITE,
)
CHANGE_USER = says(
    Answer(about="The user as they are now.", kind=UserView, example=ANA, headers=(NO_STORE,)),
    parameters=USER_ID,
    bodies=(Body(media=JSON, kind=Changes, example={"enabled": False}),),
    refuses=(errors.UserNotFound, errors.LastAdmin, *WRONG), scope=WRITE,
)
SET_PASSWORD = says(
    Answer(about="It is set; the user's sessions have ended.", status=204), parameters=USER_ID,
    bodies=(Body(media=JSON, kind=NewPassword, example={"password": "três pratos de trigo"}),),
    refuses=(errors.UserNotFound, errors.PasswordIsOwn, *PASSWORD), scope=WRITE,
)
END_SESSIONS = says(
    Answer(about="They have ended.", status=204), parameters=USER_ID,
    refuses=(errors.UserNotFound,), scope=WRITE,
)
LIST_TOKENS = says(
    Answer(about="Tokens, newest first.", kind=TokenPage, headers=(NO_STORE,),
           example={"items": [TOKEN], "next": None}),
    parameters=PAGED, refuses=PAGED_REFUSES, admin=True,
)
CREATE_TOKEN = says(
    Answer(about="The token; its secret is shown this once.", kind=NewTokenView, status=201,
           example=MADE, headers=(NO_STORE,)),
    bodies=(Body(media=JSON, kind=NewToken,
                 example={"application": "folha", "scopes": ["leads:read"]}),),
    refuses=(errors.ApplicationInvalid, errors.ScopesMissing, errors.ScopeUnknown), admin=True,
)
TOKEN_ID = (by_path("id", "The token's id.", "3"),)
ROTATE_TOKEN = says(
    Answer(about="A new secret for the same application and scopes.", kind=NewTokenView,
           status=201, example=MADE, headers=(NO_STORE,)),
    parameters=TOKEN_ID,
    bodies=(Body(media=JSON, kind=Rotation, example={"overlap_hours": 24}, required=False),),
    refuses=(errors.TokenNotFound, errors.TokenRotated), admin=True,
)
REVOKE_TOKEN = says(
    Answer(about="It is revoked.", status=204), parameters=TOKEN_ID,
    refuses=(errors.TokenNotFound,), admin=True,
)
AUDIT = says(
    Answer(about="The trail, newest first.", kind=EntryPage, headers=(NO_STORE,), example={
        "items": [{"id": 12, "at": AT, "actor": "Ana", "actor_user_id": 7,
                   "action": "user.changed", "subject": "beto", "details": {"enabled": False}}],
        "next": None,
    }),
    parameters=PAGED, refuses=PAGED_REFUSES, admin=True,
)
ACME = {"id": 2, "slug": "acme", "name": "Acme Ltda", "created_at": AT}
LIST_ORGANIZATIONS = says(
    Answer(about="Organizations by id.", kind=OrganizationPage, headers=(NO_STORE,),
           example={"items": [ACME], "next": None}),
    parameters=PAGED, refuses=PAGED_REFUSES, admin=True,
)
CREATE_ORGANIZATION = says(
    Answer(about="The organization.", kind=OrganizationView, status=201, example=ACME,
           headers=(NO_STORE,)),
    bodies=(Body(media=JSON, kind=NewOrganization,
                 example={"slug": "acme", "name": "Acme Ltda"}),),
    refuses=(errors.SlugInvalid, errors.SlugTaken, errors.NameInvalid), admin=True,
)
CHANGE_PROFILE = says(
    Answer(about="Oneself as one is now.", kind=ProfileView, headers=(NO_STORE,),
           example=ANA | {"language": "pt_BR"}),
    bodies=(Body(media=JSON, kind=Profile, example={"name": "Ana Lima", "language": "pt_BR"}),),
    refuses=(errors.NameInvalid, errors.EmailInvalid, errors.EmailTaken, errors.LanguageUnknown,
             errors.NamesAskedTooOften),
    session=True,
)
CHANGE_PASSWORD = says(
    Answer(about="It is changed; one's other sessions have ended.", status=204),
    bodies=(Body(media=JSON, kind=OwnPassword, example={
        "current": "três pratos", "password": "três pratos de trigo",
    }),),
    refuses=(errors.PasswordWrong, errors.SignInTooOften, *PASSWORD), session=True,
)
LIST_SESSIONS = says(
    Answer(about="One's sessions, newest first.", kind=SessionList, headers=(NO_STORE,),
           example={"items": [{
               "id": "9f86d081", "current": True, "created_at": AT, "last_seen_at": AT,
               "expires_at": AT, "user_agent": "curl/8.5", "address": "192.0.2.7",
           }], "next": None}),
    session=True,
)
END_SESSION = says(
    Answer(about="It has ended.", status=204),
    parameters=(by_path("id", "The session's id.", "9f86d081"),), refuses=(errors.SessionNotFound,),
    session=True,
)
