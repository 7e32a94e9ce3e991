"""What every test may ask for: a server, a database of its own, and a check for leaks after it.

The server is the one of ``VAZAO_TEST_DATABASE_URL`` (an administrative address), or an embedded
PostgreSQL that lives as long as the test run. Each test gets a database cloned from a template
that was migrated once.
"""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.support.databases import address
from vazao.migrations import migrate

pytest_plugins = ["tests.support.required"]


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The tests' event loop is asyncio's."""
    return "asyncio"


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """The administrative address of a running PostgreSQL."""
    given = os.environ.get("VAZAO_TEST_DATABASE_URL")
    if given:
        yield given
        return
    from tests.support.servers import shared_server

    with shared_server() as url:
        yield url


@pytest.fixture(scope="session")
def template_database(server_url: str) -> Iterator[str]:
    """The name of a migrated database that tests clone; one a test process."""
    name = f"template_{secrets.token_hex(4)}"
    with psycopg.connect(server_url, autocommit=True) as conn:
        conn.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        migrate(address(server_url, name))
        yield name
        conn.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
def database_url(server_url: str, template_database: str) -> Iterator[str]:
    """The address of this test's own database; connections left open fail the test."""
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(server_url, autocommit=True) as conn:
        conn.execute(
            sql.SQL("create database {} template {}").format(
                sql.Identifier(name), sql.Identifier(template_database)
            )
        )
        yield address(server_url, name)
        left = conn.execute(
            "select count(*) from pg_stat_activity where datname = %s and backend_type = "
            "'client backend' and state <> 'idle'", [name]
        ).fetchone()
        conn.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
        assert left == (0,), "the test left a connection at work"



@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A data folder of this test's own."""
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def oldest() -> Iterator[str]:
    """The address of an empty database on PostgreSQL 15, the oldest that is supported."""
    from tests.support.servers import oldest_server

    with oldest_server() as url:
        yield url


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = os.geteuid() == 0 and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "none", str(folder)], capture_output=True
    ).returncode == 0
    if not mounted:
        if os.environ.get("VAZAO_REQUIRE_ALL") == "1":
            pytest.fail("a full disk needs a mount, and this user may not mount")
        pytest.skip("NOT TESTED: a full disk (needs root and mount)")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)
