"""Users by the million, and sessions of some of them, put into a base by COPY."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator

import psycopg
from argon2 import PasswordHasher

from served import Served
from vazao.accounts.credentials import SESSION, digest

PASSWORD = "três pratos de trigo"
PIECE = 20_000
USERS = """
copy accounts."user" (organization_id, username, username_key, email, email_key, name,
    password_hash, created_at, updated_at) from stdin
"""
SESSIONS = """
copy accounts.session (token, user_id, organization_id, created_at, last_seen_at, expires_at)
from stdin
"""


def argon2() -> PasswordHasher:
    """With the parameters of the platform."""
    return PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def lines(users: int, organization: int, stored: str) -> Iterator[str]:
    """Rows of users in pieces; the first is ``user0``."""
    made = "2026-01-01T00:00:00Z"
    for first in range(0, users, PIECE):
        yield "".join(
            f"{organization}\tuser{n}\tuser{n}\tuser{n}@example.com\tuser{n}@example.com\t"
            f"Pessoa {n}\t{stored}\t{made}\t{made}\n"
            for n in range(first, min(users, first + PIECE))
        )


def fill(made: Served, users: int) -> float:
    """So many users in the organization ``bench``; seconds that it took."""
    began = time.perf_counter()
    stored = argon2().hash(PASSWORD)
    with psycopg.connect(made.url, autocommit=True) as conn:
        found = conn.execute("select id from accounts.organization where slug = 'bench'").fetchone()
        assert found
        with conn.cursor() as cursor, cursor.copy(USERS) as copy:
            for piece in lines(users, found[0], stored):
                copy.write(piece)
        seconds = time.perf_counter() - began
        conn.execute('vacuum analyze accounts."user"')
        conn.execute("vacuum analyze accounts.user_change")
        conn.execute("checkpoint")
    return seconds


def sessions(made: Served, count: int) -> dict[str, str]:
    """Secrets of new sessions, each of another user, and that user's name."""
    found = {}
    with psycopg.connect(made.url, autocommit=True) as conn:
        users = conn.execute(
            'select id, organization_id, name from accounts."user" order by id desc limit %s',
            [count],
        ).fetchall()
        with conn.cursor() as cursor, cursor.copy(SESSIONS) as copy:
            for user, organization, name in users:
                secret = SESSION + secrets.token_urlsafe(32)
                found[secret] = name
                copy.write(f"\\\\x{digest(secret).hex()}\t{user}\t{organization}\tnow\tnow\t"
                           "2099-01-01T00:00:00Z\n")
        conn.execute("analyze accounts.session")
    return found
