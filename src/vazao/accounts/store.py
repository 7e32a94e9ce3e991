"""Runs the statements of accounts: connection in, models out; never commits."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from psycopg.types.json import Jsonb

from vazao.accounts import names
from vazao.accounts.models import (
    SESSION_IDLE,
    Actor,
    Addressee,
    Credentials,
    Organization,
    Session,
    SessionRow,
    Taken,
    Token,
    TokenRow,
    User,
)
from vazao.kit import clock, sql
from vazao.kit.announcing import changes_with
from vazao.kit.sql import Conn

Q = sql.load(__package__)


async def insert_organization(conn: Conn, slug: str, name: str) -> Organization | None:
    """A new organization, or ``None`` where the slug is taken."""
    return await sql.one(
        conn, Organization, Q.insert_organization, slug=slug, name=name, now=clock.now()
    )


async def find_organization(conn: Conn, slug: str) -> Organization | None:
    """The organization called *slug*."""
    return await sql.one(conn, Organization, Q.find_organization, slug=slug)


async def list_organizations(conn: Conn, *, after: int, limit: int) -> list[Organization]:
    """Up to *limit* organizations with ids above *after*."""
    return await sql.every(conn, Organization, Q.list_organizations, after=after, limit=limit)


async def insert_user(
    conn: Conn, *, organization_id: int, username: str, username_key: str, email: str | None,
    email_key: str | None, name: str, password_hash: str | None, roles: Sequence[str],
) -> User:
    """A new user; psycopg's ``UniqueViolation`` where a name is taken."""
    user = await sql.one(
        conn, User, Q.insert_user, organization_id=organization_id, username=username,
        username_key=username_key, email=email, email_key=email_key, name=name,
        password_hash=password_hash, roles=list(roles), now=clock.now(),
    )
    assert user is not None
    return user


async def slugs(conn: Conn, ids: Collection[int]) -> dict[int, str]:
    """The short names of organizations by their ids."""
    return dict(await sql.rows(conn, Q.list_slugs, ids=list(ids)))


async def find_user(conn: Conn, organization_id: int, user_id: int) -> User | None:
    """The user, if of that organization."""
    return await sql.one(conn, User, Q.find_user, organization_id=organization_id, id=user_id)


async def list_users(conn: Conn, organization_id: int, *, after: int, limit: int) -> list[User]:
    """Up to *limit* users of the organization with ids above *after*."""
    return await sql.every(
        conn, User, Q.list_users, organization_id=organization_id, after=after, limit=limit
    )


async def addressees(
    conn: Conn, organization_id: int, ids: Collection[int]
) -> list[Addressee]:
    """Of some users of an organization those who may be written to."""
    return await sql.every(
        conn, Addressee, Q.list_addressees, organization_id=organization_id, ids=list(ids)
    )


async def admins(conn: Conn, organization_id: int, *, limit: int) -> list[int]:
    """The ids of those who administer an organization."""
    found = await sql.rows(conn, Q.list_admins, organization_id=organization_id, limit=limit)
    return [id for (id,) in found]


async def find_by_name(conn: Conn, organization_id: int, username: str) -> User | None:
    """A user of the organization by their username."""
    return await sql.one(
        conn, User, Q.find_by_name, organization_id=organization_id,
        username_key=names.lookup_key(username),
    )


async def find_taken(
    conn: Conn, username_key: str | None, email_key: str | None
) -> Taken:
    """Who has a username and an e-mail already, on the whole platform."""
    found = await sql.one(
        conn, Taken, Q.find_taken, username_key=username_key, email_key=email_key
    )
    assert found is not None
    return found


async def update_password(conn: Conn, user_id: int, password_hash: str) -> bool:
    """Store a new hash; false where there is no such user."""
    if not await sql.run(conn, Q.update_password, id=user_id, password_hash=password_hash):
        return False
    await sql.run(conn, Q.forget_foreign, id=user_id)
    return True


async def upgrade_password(conn: Conn, user_id: int, *, checked: str, made: str) -> bool:
    """Store the hash *made* in the place of *checked*; false where that is no longer there."""
    if not await sql.run(conn, Q.upgrade_password, id=user_id, checked=checked, made=made):
        return False
    await sql.run(conn, Q.forget_foreign, id=user_id)
    return True


async def schemes_in_use(conn: Conn) -> list[tuple[str, str]]:
    """Kinds of other systems' hashes that somebody still has, each with a sample."""
    return [(kind, sample) for kind, sample in await sql.rows(conn, Q.list_schemes)]


async def find_password(conn: Conn, user_id: int) -> str | None:
    """The stored hash."""
    found = await sql.row(conn, Q.find_password, id=user_id)
    return found[0] if found else None


async def find_credentials(
    conn: Conn, username_key: str | None, keys: Sequence[bytes]
) -> Credentials:
    """What a sign-in is checked against; the same work for known and unknown names."""
    found = await sql.one(
        conn, Credentials, Q.find_credentials, username_key=username_key, keys=list(keys),
        now=clock.now(),
    )
    assert found is not None
    return found


async def count_failures(conn: Conn, keys: Sequence[bytes], failures: int) -> None:
    """Count so many failed sign-ins under each key."""
    await sql.run(conn, Q.count_failures, keys=list(keys), failures=failures, now=clock.now())


async def claim_tries(
    conn: Conn, key: bytes, *, free: int, longest: float, tries: int
) -> int | None:
    """Count tries as failed, before they are decided.

    Args:
        free: how many failures wait for nothing.
        longest: the longest wait, in seconds.

    Returns:
        How many failures there were before; ``None`` where it is too early.
    """
    found = await sql.row(
        conn, Q.claim_tries, key=key, now=clock.now(), free=free, longest=longest, tries=tries
    )
    return None if found is None else found[0] - tries


async def give_back_try(conn: Conn, pair: bytes) -> None:
    """It was not decided after all."""
    await sql.run(conn, Q.give_back_try, pair=pair)


async def forget_failures(conn: Conn, pair: bytes) -> None:
    """Forget the failed ones before a success."""
    await sql.run(conn, Q.forget_failures, pair=pair)


async def start_session(
    conn: Conn, *, token: bytes, user_id: int, checked: str, expires_at: datetime,
    user_agent: str, address: str | None, most: int,
) -> tuple[str | None] | None:
    """A new session and its sign-in; the oldest end where the user had *most* of them already.

    Returns the user's language (``None``: none chosen) in a tuple, or
    ``None`` where the user is gone or disabled meanwhile, or their password's hash is no longer
    *checked*.
    """
    found = await sql.row(
        conn, Q.start_session, token=token, user_id=user_id, checked=checked, expires_at=expires_at,
        user_agent=user_agent, address=address, now=clock.now(), most=most,
    )
    if found is None:
        return None
    language, ended = found
    if ended:
        await changes_with(conn, *(f"credential:{digest.hex()}" for digest in ended))
    return (language,)


async def find_session(conn: Conn, token: bytes) -> SessionRow | None:
    """The valid session with that hash."""
    return await sql.one(
        conn, SessionRow, Q.find_session, token=token, now=clock.now(), idle=SESSION_IDLE
    )


async def list_sessions(conn: Conn, user_id: int) -> list[Session]:
    """A user's valid sessions, newest first."""
    return await sql.every(
        conn, Session, Q.list_sessions, user_id=user_id, now=clock.now(), idle=SESSION_IDLE
    )


async def delete_session(conn: Conn, user_id: int, token: bytes) -> bool:
    """End one session of the user; false where there is no such session."""
    return await _revoke(conn, Q.delete_session, user_id=user_id, token=token) > 0


async def delete_other_sessions(conn: Conn, user_id: int, kept: bytes | None) -> int:
    """End all sessions of the user but *kept*; how many."""
    return await _revoke(conn, Q.delete_other_sessions, user_id=user_id, kept=kept)


async def _revoke(conn: Conn, statement: sql.Statement, **values: object) -> int:
    """Run a statement that ends credentials and returns their hashes; how many."""
    found = await sql.rows(conn, statement, **values)
    # With the commit: a process that ends right after it must not leave others in the dark.
    await changes_with(conn, *(f"credential:{digest.hex()}" for (digest,) in found))
    return len(found)


async def find_sign_in(conn: Conn, user_id: int) -> tuple[datetime | None, datetime | None]:
    """When the user signed in last, and the time before that."""
    found = await sql.row(conn, Q.find_sign_in, user_id=user_id)
    return (found[0], found[1]) if found else (None, None)


async def insert_token(
    conn: Conn, organization_id: int, *, application: str, secret: bytes,
    scopes: Sequence[str], created_by: int | None, life: timedelta | None,
) -> Token:
    """A new token; *life* of ``None`` never ends."""
    now = clock.now()
    token = await sql.one(
        conn, Token, Q.insert_token, organization_id=organization_id, application=application,
        secret=secret, scopes=list(scopes), created_by=created_by, now=now,
        expires_at=now + life if life else None,
    )
    assert token is not None
    return token


async def find_token(conn: Conn, secret: bytes) -> TokenRow | None:
    """The valid token with that hash."""
    return await sql.one(conn, TokenRow, Q.find_token, secret=secret, now=clock.now())


async def list_tokens(conn: Conn, organization_id: int, *, before: int, limit: int) -> list[Token]:
    """Up to *limit* tokens with ids below *before*, newest first."""
    return await sql.every(
        conn, Token, Q.list_tokens, organization_id=organization_id, before=before, limit=limit
    )


async def revoke_token(conn: Conn, organization_id: int, token_id: int) -> bytes | None:
    """Revoke; the token's hash, or ``None`` where the organization has no such token."""
    found = await sql.row(
        conn, Q.revoke_token, id=token_id, organization_id=organization_id, now=clock.now()
    )
    if found is None:
        return None
    await changes_with(conn, f"credential:{found[0].hex()}")
    return found[0]


async def purge(conn: Conn, limit: int) -> int:
    """Delete up to *limit* expired sessions and as many old failures; how many in all."""
    now = clock.now()
    sessions = await sql.run(conn, Q.purge_sessions, limit=limit, now=now)
    return sessions + await sql.run(conn, Q.purge_throttle, limit=limit, now=now)


async def set_language(conn: Conn, id: int, language: str | None) -> None:
    """Remember in which language a user reads pages; ``None``: in the browser's."""
    await sql.run(conn, Q.set_language, id=id, language=language)


async def lock_admins(conn: Conn, organization_id: int) -> None:
    """Let nobody else change who administers the organization until the transaction ends."""
    await sql.run(conn, Q.lock_admins, organization_id=organization_id)


async def note(
    conn: Conn, organization_id: int, actor: Actor, action: str, subject: str,
    details: Mapping[str, object] | None = None,
) -> None:
    """Write a line of the trail."""
    await sql.run(
        conn, Q.note, organization_id=organization_id, now=clock.now(), actor=actor.name,
        actor_user_id=actor.user_id, action=action, subject=subject,
        details=Jsonb(dict(details or {})),
    )
