"""What accounts are made of: organizations, users, sessions, tokens, and what each may do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import msgspec

from vazao.kit.platform import Principal

ROLES = ("admin", "member")
USER_CHANGED = "user.changed"
"""What is told through the outbox of users: that they were created or changed, never how."""

SESSION_LIFE = timedelta(days=14)
SESSION_IDLE = timedelta(days=3)
SIGN_IN_BYTES = 32 << 10
"""A body that brings a password: as many wait for the hasher, none may be large."""


def scopes_of(roles: Iterable[str], known: Mapping[str, bool]) -> frozenset[str]:
    """The scopes that a session with *roles* carries.

    Args:
        known: all scopes, and whether members have each: those that features registered.
    """
    held = set(roles)
    if "admin" in held:
        return frozenset(known)
    return frozenset(name for name, of_members in known.items() if of_members and "member" in held)


class Organization(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant. ``weight`` is its share of the workers relative to others' (1 by default)."""

    id: int
    slug: str
    name: str
    weight: float
    created_at: datetime


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A person of one organization, without anything secret."""

    id: int
    organization_id: int
    username: str
    email: str | None
    name: str
    roles: list[str]
    enabled: bool
    language: str | None
    created_at: datetime
    updated_at: datetime


class Addressee(msgspec.Struct, frozen=True, kw_only=True):
    """A user as far as others write to them."""

    id: int
    email: str
    name: str
    roles: list[str]
    language: str | None


class Actor(msgspec.Struct, frozen=True):
    """Who changes something: a person, another system's token, or the command line."""

    name: str
    user_id: int | None = None


def actor_of(principal: Principal) -> Actor:
    """Who a principal is in the trail: by their username, for a name can be anybody's."""
    return Actor(principal.username or principal.name, principal.user_id)


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """What a sign-in is checked against; the user's are ``None`` for nobody.

    ``failures`` and ``ages`` (seconds since the last) are of the keys that were asked for, in
    their order.
    """

    user_id: int | None
    password_hash: str | None
    failures: list[int]
    ages: list[float]


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """Who has a username and an e-mail: ids of organizations, and of the e-mail's user; ``None``
    where nobody has it.
    """

    username_in: int | None
    email_in: int | None
    email_user: int | None


class SessionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A valid session with its user and organization, for one request."""

    user_id: int
    organization_id: int
    slug: str
    username: str
    name: str
    roles: list[str]
    expires_at: datetime


class TokenRow(msgspec.Struct, frozen=True, kw_only=True):
    """A valid token with its organization, for one request."""

    id: int
    organization_id: int
    slug: str
    application: str
    scopes: list[str]
    expires_at: datetime | None


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A session as its owner sees it; ``id`` is the hash of its secret, in hex, and no secret.

    ``last_seen_at`` is at most five minutes behind.
    """

    id: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    user_agent: str
    address: str | None


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A token as an admin sees it; ``last_used_at`` is at most ten minutes behind."""

    id: int
    application: str
    scopes: list[str]
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None


class SignedIn(msgspec.Struct, frozen=True, kw_only=True):
    """A sign-in that succeeded; ``secret`` is the session's, for its owner alone.

    ``language`` is the one that they chose in their profile, if they did.
    """

    secret: str
    expires_at: datetime
    user_id: int
    language: str | None = None
