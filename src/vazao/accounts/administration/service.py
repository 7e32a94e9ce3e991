"""The verbs of an admin's work; each writes its line of the trail. A connection in, no commit."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import timedelta

import msgspec
from psycopg import errors as pg

from vazao import notices
from vazao.accounts import errors, names, service
from vazao.accounts import store as accounts
from vazao.accounts.administration import store
from vazao.accounts.models import ROLES, USER_CHANGED, Actor, Organization, Token, User
from vazao.kit import clock
from vazao.kit.announcing import changes_with
from vazao.kit.errors import detail
from vazao.kit.i18n import LANGUAGES
from vazao.kit.sql import Conn

OVERLAP = timedelta(days=7)
"""So long the old secret of a rotated token works on."""


class Changes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be changed about a user; what is not there stays."""

    name: str | msgspec.UnsetType = msgspec.UNSET
    email: str | msgspec.UnsetType | None = msgspec.UNSET
    roles: list[str] | msgspec.UnsetType = msgspec.UNSET
    enabled: bool | msgspec.UnsetType = msgspec.UNSET


class Profile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one may change about oneself; what is not there stays.

    ``language`` is ``en`` or ``pt_BR``; null: the browser's.
    """

    name: str | msgspec.UnsetType = msgspec.UNSET
    email: str | msgspec.UnsetType | None = msgspec.UNSET
    language: str | msgspec.UnsetType | None = msgspec.UNSET


async def create_user(
    conn: Conn, actor: Actor, organization_id: int, username: str, *, password_hash: str | None,
    email: str | None = None, name: str = "", roles: Iterable[str] = ("member",),
) -> User:
    """A new user; see :func:`vazao.accounts.service.create_user`."""
    made = await service.create_user(
        conn, organization_id, username, password_hash=password_hash, email=email, name=name,
        roles=roles,
    )
    await accounts.note(
        conn, organization_id, actor, "user.created", made.username, {"roles": made.roles}
    )
    await _tell(conn, made, "created")
    return made


async def change_user(
    conn: Conn, actor: Actor, organization_id: int, id: int, changes: Changes
) -> User:
    """Change a user; one who may no longer sign in has no sessions any more.

    Where nothing changes nothing is written.

    Raises:
        UserNotFound: the organization has no such user.
        LastAdmin: nobody would be left to administer it.
        NameInvalid, EmailInvalid, EmailTaken, RoleUnknown: a value is wrong.
    """
    if changes.roles is not msgspec.UNSET or changes.enabled is not msgspec.UNSET:
        # Two admins who shut each other out must not both find the other there.
        await accounts.lock_admins(conn, organization_id)
    old = await store.lock_user(conn, organization_id, id)
    if old is None:
        raise errors.UserNotFound
    new, email_key = _changed(old, changes)
    if new == old:
        # Others would see a newer updated_at, and no change in the feed.
        return old
    if _administers(old) and not _administers(new) and not (
        await store.has_other_admins(conn, organization_id, id)
    ):
        raise errors.LastAdmin
    try:
        made = await store.update_user(conn, new, email_key=email_key)
    except pg.UniqueViolation:
        raise errors.EmailTaken from None
    # What a person is called and may do is remembered with their sessions.
    sessions = await store.sessions_of(conn, id)
    await changes_with(conn, *(f"credential:{digest.hex()}" for digest in sessions))
    if not made.enabled:
        await accounts.delete_other_sessions(conn, id, None)
    await accounts.note(
        conn, organization_id, actor, "user.changed", made.username, _told(old, made)
    )
    await _tell(conn, made, "changed")
    return made


async def change_profile(
    conn: Conn, actor: Actor, organization_id: int, id: int, given: Profile
) -> User:
    """Change what one may change about oneself.

    Raises:
        LanguageUnknown: the platform does not speak it.
        NameInvalid, EmailInvalid, EmailTaken: a value is wrong.
    """
    made = await change_user(
        conn, actor, organization_id, id, Changes(name=given.name, email=given.email)
    )
    if given.language is msgspec.UNSET:
        return made
    language = given.language and given.language.replace("-", "_")
    if language is not None and language not in LANGUAGES:
        raise errors.LanguageUnknown(details=[detail("language", language, *LANGUAGES)])
    await accounts.set_language(conn, id, language)
    return msgspec.structs.replace(made, language=language)


async def _tell(conn: Conn, user: User, what: str) -> None:
    """Tell the organization that a user was created or changed; not who, and not how."""
    await notices.tell(conn, user.organization_id, USER_CHANGED, f"user:{user.id}", {
        "user": user.id, "change": what, "enabled": user.enabled, "url": f"/v1/users/{user.id}",
        "page": f"/admin/users/{user.id}",
    })


def _administers(user: User) -> bool:
    return user.enabled and "admin" in user.roles


def _changed(old: User, changes: Changes) -> tuple[User, str | None]:
    """The user as they are to be, and the key of their e-mail."""
    email, email_key = names.email_of(
        old.email if changes.email is msgspec.UNSET else changes.email
    )
    roles = old.roles if changes.roles is msgspec.UNSET else sorted(set(changes.roles))
    for role in roles:
        if role not in ROLES:
            raise errors.RoleUnknown(role)
    return msgspec.structs.replace(
        old, email=email, roles=roles,
        name=old.name if changes.name is msgspec.UNSET else names.name_of(changes.name),
        enabled=old.enabled if changes.enabled is msgspec.UNSET else changes.enabled,
    ), email_key


def _told(old: User, new: User) -> dict[str, object]:
    """What the trail tells of a change: of a person's data only that it changed."""
    told: dict[str, object] = {}
    if old.roles != new.roles:
        told["roles"] = [old.roles, new.roles]
    if old.enabled != new.enabled:
        told["enabled"] = new.enabled
    changed = [name for name in ("name", "email") if getattr(old, name) != getattr(new, name)]
    return told | ({"fields": changed} if changed else {})


async def set_password(
    conn: Conn, actor: Actor, organization_id: int, id: int, password_hash: str,
    *, kept_session: bytes | None = None,
) -> User:
    """A new password for a user; their sessions but *kept_session* end.

    Raises:
        UserNotFound: the organization has no such user.
    """
    user = await service.user(conn, organization_id, id)
    await service.set_password(conn, id, password_hash, kept_session=kept_session)
    await accounts.note(conn, organization_id, actor, "user.password_set", user.username)
    return user


async def end_sessions(conn: Conn, actor: Actor, organization_id: int, id: int) -> int:
    """End all sessions of a user; how many there were.

    Raises:
        UserNotFound: the organization has no such user.
    """
    user = await service.user(conn, organization_id, id)
    ended = await accounts.delete_other_sessions(conn, id, None)
    await accounts.note(
        conn, organization_id, actor, "user.sessions_ended", user.username, {"ended": ended}
    )
    return ended


async def create_token(
    conn: Conn, actor: Actor, organization_id: int, *, application: str, scopes: Iterable[str],
    known: Collection[str], life: timedelta | None = None,
) -> tuple[str, Token]:
    """A new token; see :func:`vazao.accounts.service.create_token`."""
    secret, token = await service.create_token(
        conn, organization_id, application=application, scopes=scopes, known=known,
        created_by=actor.user_id, life=life,
    )
    await accounts.note(
        conn, organization_id, actor, "token.created", token.application,
        {"token": token.id, "scopes": token.scopes},
    )
    return secret, token


async def rotate_token(
    conn: Conn, actor: Actor, organization_id: int, id: int, *, known: Collection[str],
    overlap: timedelta = OVERLAP,
) -> tuple[str, Token]:
    """A new secret for the same application and scopes; the old one works on for *overlap*, and
    what that one took the place of ends.

    Raises:
        TokenNotFound: the organization has no such token, or it was revoked.
        TokenRotated: another took its place already.
    """
    old = await store.find_token(conn, organization_id, id)
    if old is None:
        raise errors.TokenNotFound
    if (successor := await store.find_successor(conn, id)) is not None:
        raise errors.TokenRotated(successor)
    life = None if old.expires_at is None else old.expires_at - old.created_at
    secret, token = await service.create_token(
        conn, organization_id, application=old.application, scopes=old.scopes, known=known,
        created_by=actor.user_id, life=life,
    )
    ended = await store.end_predecessors(conn, organization_id, id)
    ended.append(await store.shorten_token(conn, id, clock.now() + overlap, by=token.id))
    await changes_with(conn, *(f"credential:{digest.hex()}" for digest in ended))
    await accounts.note(
        conn, organization_id, actor, "token.rotated", token.application,
        {"token": token.id, "replaces": id},
    )
    return secret, token


async def revoke_token(conn: Conn, actor: Actor, organization_id: int, id: int) -> bytes:
    """Revoke a token; its hash, so that caches can forget it.

    Raises:
        TokenNotFound: the organization has no such token.
    """
    token = await store.find_token(conn, organization_id, id)
    digest = await service.revoke_token(conn, organization_id, id)
    if token is not None:
        await accounts.note(
            conn, organization_id, actor, "token.revoked", token.application, {"token": id}
        )
    return digest


async def create_organization(
    conn: Conn, actor: Actor, own_id: int, slug: str, name: str | None = None
) -> Organization:
    """A new organization, noted in the trail of the platform's own.

    Raises:
        SlugInvalid, SlugTaken, NameInvalid: see :func:`vazao.accounts.service.create_organization`.
    """
    made = await service.create_organization(conn, slug, name)
    await accounts.note(conn, own_id, actor, "organization.created", made.slug)
    return made
