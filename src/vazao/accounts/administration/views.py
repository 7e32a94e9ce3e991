"""What an admin's work looks like in JSON."""

from __future__ import annotations

from typing import Any, TypedDict

from vazao.accounts.administration.store import Entry
from vazao.accounts.directory.views import UserView
from vazao.accounts.models import Organization, Session, Token
from vazao.kit import clock
from vazao.kit.web.openapi import Moment


class TokenView(TypedDict):
    """A token of the organization, without its secret."""

    id: int
    application: str
    scopes: list[str]
    created_at: Moment
    last_used_at: Moment | None
    expires_at: Moment | None
    revoked_at: Moment | None


class NewTokenView(TokenView):
    """A token with its secret, which is shown this once."""

    token: str


class TokenPage(TypedDict):
    """Tokens, newest first."""

    items: list[TokenView]
    next: str | None


class SessionView(TypedDict):
    """A session of the person who asks; ``current`` is the one that asks."""

    id: str
    current: bool
    created_at: Moment
    last_seen_at: Moment
    expires_at: Moment
    user_agent: str
    address: str | None


class SessionList(TypedDict):
    """All of them, newest first."""

    items: list[SessionView]
    next: None


class OrganizationView(TypedDict):
    """An organization."""

    id: int
    slug: str
    name: str
    created_at: Moment


class OrganizationPage(TypedDict):
    """Organizations by id."""

    items: list[OrganizationView]
    next: str | None


class ProfileView(UserView):
    """Oneself; ``language`` is null while the browser's holds."""

    language: str | None


class EntryView(TypedDict):
    """A line of the trail: who changed what."""

    id: int
    at: Moment
    actor: str
    actor_user_id: int | None
    action: str
    subject: str
    details: dict[str, Any]


class EntryPage(TypedDict):
    """The trail, newest first."""

    items: list[EntryView]
    next: str | None


def _stamped(value: Any) -> Any:
    return None if value is None else clock.stamp(value)


def token_view(token: Token) -> TokenView:
    """A token."""
    return {
        "id": token.id, "application": token.application, "scopes": token.scopes,
        "created_at": clock.stamp(token.created_at), "last_used_at": _stamped(token.last_used_at),
        "expires_at": _stamped(token.expires_at), "revoked_at": _stamped(token.revoked_at),
    }


def new_token_view(token: Token, secret: str) -> NewTokenView:
    """A token that was just made."""
    return {**token_view(token), "token": secret}


def session_view(session: Session, current: str | None) -> SessionView:
    """A session."""
    return {
        "id": session.id, "current": session.id == current,
        "created_at": clock.stamp(session.created_at),
        "last_seen_at": clock.stamp(session.last_seen_at),
        "expires_at": clock.stamp(session.expires_at), "user_agent": session.user_agent,
        "address": session.address,
    }


def organization_view(organization: Organization) -> OrganizationView:
    """An organization."""
    return {"id": organization.id, "slug": organization.slug, "name": organization.name,
            "created_at": clock.stamp(organization.created_at)}


def entry_view(entry: Entry) -> EntryView:
    """A line of the trail."""
    return {
        "id": entry.id, "at": clock.stamp(entry.at), "actor": entry.actor,
        "actor_user_id": entry.actor_user_id, "action": entry.action, "subject": entry.subject,
        "details": entry.details,
    }
