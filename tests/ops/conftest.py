"""A platform that looks for what is wrong, over the test's own database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest

from tests.support.jobs import make_platform
from vazao import ops
from vazao.kit.platform import Platform


@pytest.fixture
def counted(database_url: str, server_url: str) -> str:
    """The test's database, its statements counted."""
    name = psycopg.conninfo.conninfo_to_dict(database_url)["dbname"]
    address = psycopg.conninfo.make_conninfo(server_url, dbname=str(name))
    with psycopg.connect(address, autocommit=True) as conn:
        role = psycopg.sql.Identifier(
            str(psycopg.conninfo.conninfo_to_dict(database_url)["user"])
        )
        conn.execute("create extension pg_stat_statements")
        conn.execute(psycopg.sql.SQL("grant pg_monitor to {}").format(role))
    return database_url


@pytest.fixture
async def platform(counted: str, data_dir: Path) -> AsyncIterator[Platform]:
    made = make_platform(counted, data_dir, disk_floor_bytes=0)
    ops.register(made.registry)
    await made.open()
    yield made
    await made.close()
