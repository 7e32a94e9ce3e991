"""What must hold before this process can work: the database answers, at the right revision."""

from __future__ import annotations

import os

import psycopg

from vazao.kit.errors import DatabaseUnavailable, Unavailable
from vazao.kit.platform import Platform

EXPECT_WORKERS = "VAZAO_EXPECT_WORKERS"
"""Set by who runs web and workers of a host together: no worker then means not ready."""


def workers_expected() -> bool:
    """Whether workers belong to this host."""
    return bool(os.environ.get(EXPECT_WORKERS))


class MigrationsMissing(Unavailable):
    """The database stands at migration {found}, and this program needs {wanted}."""

    code = "migrations_missing"


async def check_database(platform: Platform) -> str:
    """The revision that the database stands at.

    Raises:
        DatabaseUnavailable: it gave no connection or refused the query.
        MigrationsMissing: it stands at another revision than ``registry.schema_head``.
    """
    wanted = platform.registry.schema_head
    found = "none"
    try:
        async with platform.db.connection() as conn:
            cursor = await conn.execute("select version_num from public.alembic_version")
            row = await cursor.fetchone()
            found = row[0] if row else found
    except psycopg.errors.UndefinedTable:
        found = "none"
    except psycopg.Error as error:
        raise DatabaseUnavailable from error
    if wanted and found != wanted:
        raise MigrationsMissing(
            remedy="Run: vazao migrate", found=found, wanted=wanted,
        )
    return found
