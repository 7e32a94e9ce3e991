"""All that is wrong now: every room's looks, one after the other, on one connection.

It never makes things worse: one connection, statements that end after two seconds, no locks waited
for; a look that fails is left out, and named.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import NamedTuple

import psycopg
from psycopg.conninfo import make_conninfo

from vazao.kit.db import Connection, reach_of
from vazao.kit.errors import VazaoError
from vazao.kit.findings import Finding
from vazao.kit.logging import get
from vazao.kit.platform import Platform
from vazao.kit.sql import Conn
from vazao.ops import reading, server, sessions, statements, tables
from vazao.ops.sight import Sight

log = get("ops")
SECONDS_APART = 5.0
"""Between the two readings of who looks once."""
SESSION = (
    b"set statement_timeout = '2s'", b"set lock_timeout = '100ms'", b"set jit = off",
    b"set idle_session_timeout = 0", b"set default_transaction_read_only = on",
)
NAME = "vazao-ops"
LOOKS = (*sessions.LOOKS, *tables.LOOKS, *statements.LOOKS, *server.LOOKS)


class Found(NamedTuple):
    """What is wrong, the worst first, and the names of looks that failed."""

    findings: list[Finding]
    failed: list[str]


@asynccontextmanager
async def connected(platform: Platform) -> AsyncGenerator[Connection]:
    """A session of its own for looks, past any pooler: it reads only, and waits for nothing long.

    Raises:
        psycopg.OperationalError: the server gives no connection.
    """
    url = platform.settings.database_direct_url or platform.database_url
    reached = make_conninfo(url, application_name=NAME, **reach_of(url))
    async with await Connection.connect(reached, autocommit=True) as conn:
        for statement in SESSION:
            await conn.execute(statement)
        yield conn


async def look(platform: Platform, conn: Conn, change: reading.Change | None) -> Found:
    """What is wrong now.

    Args:
        platform: whose registry's looks are asked as well.
        conn: of :func:`connected`.
        change: what happened lately; without it, what only differences tell is not seen.
    """
    sight = Sight(platform, conn, change)
    asked: list[tuple[str, Callable[[], Awaitable[list[Finding]]]]] = [
        (each.__name__, partial(each, sight)) for each in LOOKS
    ]
    asked += [(each.name, partial(each.run, platform, conn)) for each in platform.registry.looks]
    findings: list[Finding] = []
    failed: list[str] = []
    for name, ask in asked:
        try:
            findings += await ask()
        except (psycopg.Error, VazaoError, OSError) as error:
            if conn.closed:
                raise
            log.warning("a look failed", look=name, error_type=type(error).__name__)
            failed.append(name)
    findings.sort(key=lambda found: (found.level != "critical", found.identity))
    return Found(findings, failed)


async def once(platform: Platform) -> list[Finding]:
    """What is wrong now, for who has not looked before: takes some five seconds."""
    async with connected(platform) as conn:
        before = await reading.read(conn)
        await asyncio.sleep(SECONDS_APART)
        change = reading.between(before, await reading.read(conn))
        return (await look(platform, conn, change)).findings
