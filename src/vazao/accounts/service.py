"""The verbs of accounts: organizations, users, passwords, tokens. A connection in, no commit."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import timedelta

from psycopg import errors as pg

from vazao.accounts import credentials, errors, names, store
from vazao.accounts.models import ROLES, Organization, Token, User
from vazao.kit.sql import Conn


async def create_organization(conn: Conn, slug: str, name: str | None = None) -> Organization:
    """A new organization; its name is the slug unless given.

    Raises:
        SlugInvalid, NameInvalid: a name cannot be one.
        SlugTaken: there is one already.
    """
    made = await store.insert_organization(
        conn, names.slug_of(slug), names.name_of(name or "") or slug
    )
    if made is None:
        raise errors.SlugTaken(slug=slug)
    return made


async def organization(conn: Conn, slug: str) -> Organization:
    """The organization called *slug*.

    Raises:
        OrganizationUnknown: there is none.
    """
    found = await store.find_organization(conn, slug) if names.visible(slug) else None
    if found is None:
        raise errors.OrganizationUnknown(slug)
    return found


async def create_user(
    conn: Conn, organization_id: int, username: str, *, password_hash: str | None,
    email: str | None = None, name: str = "", roles: Iterable[str] = ("member",),
) -> User:
    """A new user; without a hash they cannot sign in with a password.

    Raises:
        UsernameInvalid, EmailInvalid, NameInvalid, RoleUnknown: something is none of these.
        UsernameTaken, EmailTaken: anybody on the platform has it already.
    """
    typed, key = names.username_of(username)
    address, address_key = names.email_of(email)
    held = sorted(set(roles))
    for role in held:
        if role not in ROLES:
            raise errors.RoleUnknown(role)
    try:
        return await store.insert_user(
            conn, organization_id=organization_id, username=typed, username_key=key,
            email=address, email_key=address_key, name=names.name_of(name),
            password_hash=password_hash, roles=held,
        )
    except pg.UniqueViolation as error:
        raise _taken(error) from None


async def user(conn: Conn, organization_id: int, user_id: int) -> User:
    """A user of the organization.

    Raises:
        UserNotFound: there is none, or they are of another organization.
    """
    found = await store.find_user(conn, organization_id, user_id)
    if found is None:
        raise errors.UserNotFound
    return found


async def set_password(
    conn: Conn, user_id: int, password_hash: str, *, kept_session: bytes | None = None
) -> None:
    """Store a new password's hash and end every session but *kept_session*.

    Raises:
        UserNotFound: the user is gone.
    """
    if not await store.update_password(conn, user_id, password_hash):
        raise errors.UserNotFound
    await store.delete_other_sessions(conn, user_id, kept_session)


async def create_token(
    conn: Conn, organization_id: int, *, application: str, scopes: Iterable[str],
    known: Collection[str], created_by: int | None = None, life: timedelta | None = None,
) -> tuple[str, Token]:
    """A new token: its secret, which is shown once and stored nowhere, and what is kept of it.

    Args:
        known: the scopes that there are.

    Raises:
        ApplicationInvalid: the application's name cannot travel in a header.
        ScopesMissing, ScopeUnknown: no scope, or one that does not exist.
    """
    wanted = list(dict.fromkeys(scopes))
    if not wanted:
        raise errors.ScopesMissing(remedy="Choose among: {known}.", known=", ".join(known))
    for scope in wanted:
        if scope not in known:
            raise errors.ScopeUnknown(scope, known)
    secret = credentials.make(credentials.TOKEN)
    token = await store.insert_token(
        conn, organization_id, application=names.application_of(application),
        secret=credentials.digest(secret), scopes=wanted, created_by=created_by, life=life,
    )
    return secret, token


async def revoke_token(conn: Conn, organization_id: int, token_id: int) -> bytes:
    """Revoke a token; its hash, so that caches can forget it.

    Raises:
        TokenNotFound: the organization has no such token.
    """
    digest = await store.revoke_token(conn, organization_id, token_id)
    if digest is None:
        raise errors.TokenNotFound
    return digest


def _taken(error: pg.UniqueViolation) -> errors.UsernameTaken | errors.EmailTaken:
    if error.diag.constraint_name == "user_email_key":
        return errors.EmailTaken()
    return errors.UsernameTaken()
