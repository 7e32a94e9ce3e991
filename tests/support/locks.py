"""Another writer beside the one that a test looks at, and waiting until somebody waits for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg

from tests.support.waiting import eventually
from vazao.kit.platform import Platform


@asynccontextmanager
async def writer(platform: Platform) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    """Another writer's connection, inside a transaction that the test ends."""
    conn = await psycopg.AsyncConnection.connect(platform.database_url)
    try:
        yield conn
    finally:
        await conn.rollback()
        await conn.close()


async def waits_for_lock(platform: Platform, count: int = 1, *, on: str = "") -> None:
    """Until *count* sessions of this database wait for a lock, in statements that name *on*."""
    async def look() -> bool:
        async with platform.db.connection() as conn:
            found = await conn.execute(
                "select count(*) from pg_stat_activity where datname = current_database() "
                "and wait_event_type = 'Lock' and query like %s", [f"%{on}%"]
            )
            return (await found.fetchone() or (0,))[0] >= count

    await eventually(look)
