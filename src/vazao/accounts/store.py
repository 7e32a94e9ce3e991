"""Runs the queries of accounts: a connection in, models out; never commits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec
from psycopg import AsyncConnection, sql

from vazao.accounts.models import (
    SESSION_IDLE,
    Credentials,
    Organization,
    Session,
    SessionRow,
    Token,
    TokenRow,
    User,
)
from vazao.kit import clock
from vazao.kit.announcing import changed
from vazao.kit.db import rows_of
from vazao.kit.sql import load

Q = load(__package__)
Conn = AsyncConnection[Any]
M = TypeVar("M", bound=msgspec.Struct)
FREE_FAILURES = 5


async def _all(conn: Conn, query: sql.SQL, model: type[M], **values: object) -> list[M]:
    async with conn.cursor(row_factory=rows_of(model)) as cursor:
        await cursor.execute(query, {"now": clock.now(), "idle": SESSION_IDLE, **values})
        return await cursor.fetchall()


async def _one(conn: Conn, query: sql.SQL, model: type[M], **values: object) -> M | None:
    found = await _all(conn, query, model, **values)
    return found[0] if found else None


async def _count(conn: Conn, query: sql.SQL, **values: object) -> int:
    cursor = await conn.execute(query, {"now": clock.now(), **values})
    return cursor.rowcount


async def insert_organization(conn: Conn, slug: str, name: str) -> Organization | None:
    """A new organization, or ``None`` where the slug is taken."""
    return await _one(conn, Q.insert_organization, Organization, slug=slug, name=name)


async def find_organization(conn: Conn, slug: str) -> Organization | None:
    """The organization called *slug*."""
    return await _one(conn, Q.find_organization, Organization, slug=slug)


async def list_organizations(conn: Conn, *, after: int, limit: int) -> list[Organization]:
    """Up to *limit* organizations with ids above *after*."""
    return await _all(conn, Q.list_organizations, Organization, after=after, limit=limit)


async def insert_user(conn: Conn, **columns: object) -> User:
    """A new user; psycopg's ``UniqueViolation`` where a name is taken."""
    user = await _one(conn, Q.insert_user, User, **columns)
    assert user is not None
    return user


async def find_user(conn: Conn, organization_id: int, user_id: int) -> User | None:
    """The user, if of that organization."""
    return await _one(conn, Q.find_user, User, organization_id=organization_id, id=user_id)


async def list_users(conn: Conn, organization_id: int, *, after: int, limit: int) -> list[User]:
    """Up to *limit* users of the organization with ids above *after*."""
    return await _all(
        conn, Q.list_users, User, organization_id=organization_id, after=after, limit=limit
    )


async def update_profile(conn: Conn, **columns: object) -> int:
    """Change name and e-mail; how many rows (0 or 1)."""
    return await _count(conn, Q.update_profile, **columns)


async def update_password(conn: Conn, user_id: int, password_hash: str) -> int:
    """Store a new hash; how many rows (0 or 1)."""
    return await _count(conn, Q.update_password, id=user_id, password_hash=password_hash)


async def find_password(conn: Conn, user_id: int) -> str | None:
    """The stored hash."""
    row = await (await conn.execute(Q.find_password, {"id": user_id})).fetchone()
    return row[0] if row else None


async def find_credentials(conn: Conn, username_key: str | None, pair: bytes) -> Credentials:
    """What a sign-in is checked against; the same work for known and unknown names."""
    found = await _one(
        conn, Q.find_credentials, Credentials,
        username_key=username_key, pair=pair, free=FREE_FAILURES,
    )
    assert found is not None
    return found


async def count_failure(conn: Conn, pair: bytes) -> None:
    """Count a failed sign-in."""
    await _count(conn, Q.count_failure, pair=pair)


async def forget_failures(conn: Conn, pair: bytes) -> None:
    """Forget the failed ones before a success."""
    await _count(conn, Q.forget_failures, pair=pair)


async def start_session(conn: Conn, **columns: object) -> int:
    """A new session and its sign-in; 0 where the user is gone or disabled meanwhile."""
    return await _count(conn, Q.start_session, **columns)


async def find_session(conn: Conn, token: bytes) -> SessionRow | None:
    """The valid session with that hash."""
    return await _one(conn, Q.find_session, SessionRow, token=token)


async def list_sessions(conn: Conn, user_id: int) -> list[Session]:
    """A user's valid sessions, newest first."""
    return await _all(conn, Q.list_sessions, Session, user_id=user_id)


async def delete_session(conn: Conn, user_id: int, token: bytes) -> int:
    """End one session of the user; how many (0 or 1)."""
    return await _revoke(conn, Q.delete_session, user_id=user_id, token=token)


async def delete_other_sessions(conn: Conn, user_id: int, kept: bytes | None) -> int:
    """End all sessions of the user but *kept*; how many."""
    return await _revoke(conn, Q.delete_other_sessions, user_id=user_id, kept=kept)


async def _revoke(conn: Conn, query: sql.SQL, **values: object) -> int:
    """Run a statement that ends credentials and returns their hashes; how many."""
    found = await (await conn.execute(query, {"now": clock.now(), **values})).fetchall()
    changed(conn, *(f"credential:{digest.hex()}" for (digest,) in found))
    return len(found)


async def find_sign_in(conn: Conn, user_id: int) -> tuple[datetime | None, datetime | None]:
    """When the user signed in last, and the time before that."""
    row = await (await conn.execute(Q.find_sign_in, {"user_id": user_id})).fetchone()
    return (row[0], row[1]) if row else (None, None)


async def insert_token(
    conn: Conn, organization_id: int, *, application: str, secret: bytes,
    scopes: Sequence[str], created_by: int | None, life: timedelta | None,
) -> Token:
    """A new token; *life* of ``None`` never ends."""
    token = await _one(
        conn, Q.insert_token, Token, organization_id=organization_id, application=application,
        secret=secret, scopes=list(scopes), created_by=created_by,
        expires_at=clock.now() + life if life else None,
    )
    assert token is not None
    return token


async def find_token(conn: Conn, secret: bytes) -> TokenRow | None:
    """The valid token with that hash."""
    return await _one(conn, Q.find_token, TokenRow, secret=secret)


async def list_tokens(conn: Conn, organization_id: int, *, before: int, limit: int) -> list[Token]:
    """Up to *limit* tokens with ids below *before*, newest first."""
    return await _all(
        conn, Q.list_tokens, Token, organization_id=organization_id, before=before, limit=limit
    )


async def revoke_token(conn: Conn, organization_id: int, token_id: int) -> bytes | None:
    """Revoke; the token's hash, or ``None`` where the organization has no such token."""
    cursor = await conn.execute(
        Q.revoke_token, {"now": clock.now(), "id": token_id, "organization_id": organization_id}
    )
    row = await cursor.fetchone()
    if row is None:
        return None
    changed(conn, f"credential:{row[0].hex()}")
    return row[0]


async def purge(conn: Conn, limit: int) -> int:
    """Delete up to *limit* expired sessions and as many old failures; how many in all."""
    sessions = await _count(conn, Q.purge_sessions, limit=limit)
    return sessions + await _count(conn, Q.purge_throttle, limit=limit)
