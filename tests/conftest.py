"""What every test may ask for: a server, a database of its own, and a check for leaks after it.

The server is the one of ``VAZAO_TEST_DATABASE_URL`` (an administrative address), or an embedded
PostgreSQL that lives as long as the test run. A test gets a database of its own, or shares one with
its module where its tests do not disturb each other; both are cloned from a template that was
migrated once. They belong to the platform's role, which is no superuser.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.databases import cloned, plain_role

pytest_plugins = ["tests.support.required", "tests.support.budget", "tests.support.fuzzing"]


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

    with shared_server() as server:
        url = server.admin_url()
        assert url
        yield url


@pytest.fixture(scope="session")
def admin(server_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection that makes and drops databases."""
    with psycopg.connect(server_url, autocommit=True) as conn:
        yield conn


@pytest.fixture(scope="session")
def role_url(server_url: str, admin: psycopg.Connection[Any]) -> Iterator[str]:
    """The same server for the platform's role, which is no superuser and owns its databases."""
    if os.environ.get("VAZAO_TEST_DATABASE_URL"):
        with plain_role(admin, server_url) as url:
            yield url
        return
    from tests.support.servers import shared_server

    with shared_server() as server:
        yield server.url() or ""


@pytest.fixture(scope="session")
def template_database(role_url: str, admin: psycopg.Connection[Any]) -> Iterator[str]:
    """The name of a migrated database that tests clone; one a run where the server is ours."""
    from tests.support.servers import template

    with template(role_url, admin) as name:
        yield name


@pytest.fixture
def database_url(
    role_url: str, template_database: str, admin: psycopg.Connection[Any]
) -> Iterator[str]:
    """The address of this test's own database; connections left at work fail the test."""
    with cloned(admin, role_url, template_database) as url:
        yield url


@pytest.fixture(scope="module")
def module_database(
    role_url: str, template_database: str, admin: psycopg.Connection[Any]
) -> Iterator[str]:
    """A database that the tests of one module share, each with an organization of its own."""
    with cloned(admin, role_url, template_database) as url:
        yield url


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
