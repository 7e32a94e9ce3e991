"""Runs the statements of an admin's work: connection in, models out; commits nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from vazao.accounts import names
from vazao.accounts.models import Token, User
from vazao.kit import clock, sql
from vazao.kit.sql import Conn, Page


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the trail."""

    id: int
    at: datetime
    actor: str
    actor_user_id: int | None
    action: str
    subject: str
    details: dict[str, Any]


Q = sql.load(__package__, user=sql.columns(User, "u."))
AUDIT = sql.paged(Q.list_audit, Entry)


async def search_users(
    conn: Conn, organization_id: int, text: str, *, newest: int, limit: int
) -> list[User]:
    """Up to *limit* users whose username or e-mail is *text*, or, among so many of the *newest*,
    has it in it, or whose name does.
    """
    return await sql.every(
        conn, User, Q.search_users, organization_id=organization_id, key=names.fold(text),
        newest=newest, limit=limit,
    )


async def last_sign_ins(conn: Conn, ids: Sequence[int]) -> dict[int, datetime]:
    """When users signed in last, by their ids; without those who never did."""
    return dict(await sql.rows(conn, Q.last_sign_ins, ids=list(ids)))


async def lock_user(conn: Conn, organization_id: int, id: int) -> User | None:
    """A user, whom nobody else changes until the transaction ends."""
    return await sql.one(conn, User, Q.lock_user, organization_id=organization_id, id=id)


async def update_user(
    conn: Conn, user: User, *, email_key: str | None
) -> User:
    """The user, who is locked, with the values of *user*."""
    found = await sql.one(
        conn, User, Q.update_user, organization_id=user.organization_id, id=user.id,
        name=user.name, email=user.email, email_key=email_key, roles=user.roles,
        enabled=user.enabled, now=clock.now(),
    )
    assert found is not None
    return found


async def has_other_admins(conn: Conn, organization_id: int, id: int) -> bool:
    """Whether somebody but this user can administer the organization."""
    found = await sql.row(conn, Q.count_admins, organization_id=organization_id, id=id)
    return bool(found and found[0])


async def sessions_of(conn: Conn, user_id: int) -> list[bytes]:
    """The hashes of a user's sessions."""
    return [token for (token,) in await sql.rows(conn, Q.list_credentials, user_id=user_id)]


async def find_token(conn: Conn, organization_id: int, id: int) -> Token | None:
    """A token that was not revoked, which nobody else changes until the transaction ends."""
    return await sql.one(conn, Token, Q.find_token, organization_id=organization_id, id=id)


async def find_successor(conn: Conn, id: int) -> int | None:
    """The token that a rotation made of this one."""
    found = await sql.row(conn, Q.find_successor, id=id)
    return found[0] if found else None


async def end_predecessors(conn: Conn, organization_id: int, id: int) -> list[bytes]:
    """End those that a token took the place of; their hashes."""
    rows = await sql.rows(
        conn, Q.end_predecessors, organization_id=organization_id, id=id, now=clock.now()
    )
    return [secret for (secret,) in rows]


async def shorten_token(conn: Conn, id: int, until: datetime, *, by: int) -> bytes:
    """Let a token whose place *by* takes end at a time, if it would not end before; its hash."""
    found = await sql.row(conn, Q.shorten_token, id=id, until=until, by=by)
    assert found is not None
    return found[0]


async def audit(
    conn: Conn, organization_id: int, *, before: int, limit: int, above: int = 0,
    actor: str | None = None, action: str | None = None, subject: str | None = None,
) -> Page[Entry]:
    """A page of the trail, newest first, with ids below *before*: all of it from *above* on, or
    what *actor* did, what was done, what became of *subject*.
    """
    return await sql.page(
        conn, Entry, AUDIT, organization_id=organization_id, before=before, above=above,
        actor=actor, action=action, subject=subject, limit=limit,
    )


async def end_of_look(
    conn: Conn, organization_id: int, *, before: int, lines: int
) -> int | None:
    """The last of so many *lines* of the trail below *before*; ``None`` where there are fewer."""
    found = await sql.row(
        conn, Q.end_of_look, organization_id=organization_id, before=before, lines=lines
    )
    return found[0] if found else None


