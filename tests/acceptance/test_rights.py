"""The whole platform as a database role that is no superuser."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest
from psycopg import sql

from tests.support import old_clusters
from tests.support.commands import vazao
from tests.support.databases import address, owned, plain_role, role_of
from tests.support.running import Running, running_platform
from tests.support.servers import memory_folder
from vazao.kit.embedded.server import EmbeddedPostgres
from vazao.migrations import head, migrate

SESSIONS = """
select count(*), bool_or(rolsuper), array_agg(distinct usename::text)
from pg_stat_activity join pg_roles on rolname = usename
where backend_type = 'client backend' and pid <> pg_backend_pid()
"""
FAST = {"fsync": "off", "shared_buffers": "32MB", "max_wal_size": "128MB", "min_wal_size": "32MB"}
Admin = psycopg.Connection[Any]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data folder with a migrated database of an earlier version in it."""
    made = Path(tempfile.mkdtemp(prefix="vazao-test-", dir=memory_folder()))
    with old_clusters.running(made, FAST) as url:
        migrate(url)
        with psycopg.connect(url) as conn:
            conn.execute("insert into accounts.organization (slug, name) values ('old', 'Old')")
    yield made
    shutil.rmtree(made)


@pytest.fixture
def granted(admin: Admin, server_url: str) -> Iterator[str]:
    """The address of an empty database for a role that has what the manual says, and no more."""
    with plain_role(admin, server_url) as url, owned(admin, server_url) as empty:
        database = urlsplit(empty).path[1:]
        role = sql.Identifier(role_of(url))
        with psycopg.connect(empty, autocommit=True) as conn:
            name = sql.Identifier(database)
            conn.execute(sql.SQL("revoke all on database {} from public").format(name))
            conn.execute(sql.SQL(
                "grant create, connect, temporary on database {} to {}"
            ).format(name, role))
            conn.execute(sql.SQL("grant create on schema public to {}").format(role))
        yield address(url, database)
        with psycopg.connect(empty, autocommit=True) as conn:
            conn.execute(sql.SQL("drop owned by {}").format(role))


def in_order(running: Running) -> None:
    """Doctor finds nothing."""
    said = running.vazao("doctor")
    assert not {"✗", "!"} & set(said.split()), said
    assert "✓ role" in said


def test_a_platform_on_a_cluster_of_an_earlier_version(folder: Path) -> None:
    with running_platform(folder) as running:
        in_order(running)
        running.vazao("accounts", "create-organization", "new")
        said = running.vazao("accounts", "list-organizations")
        assert {"old", "new"} <= set(said.split())
        admin = EmbeddedPostgres(folder).admin_url()
        assert admin
        with psycopg.connect(admin) as conn:
            count, mighty, names = conn.execute(SESSIONS).fetchone() or (0, True, [])
        assert count > 2
        assert not mighty
        assert names == ["vazao"]
        secret = (folder / "postgres" / "admin-password").read_text().strip().encode()
        up = psutil.Process(running.process.pid)
        for process in (up, *up.children(recursive=True)):
            for part in ("environ", "cmdline"):
                assert secret not in Path(f"/proc/{process.pid}/{part}").read_bytes()
        said = running.vazao("psql", "--admin", "-Atc", "select session_user")
        assert said == "vazao_admin\n"


def test_a_platform_on_a_database_of_somebody_else(granted: str, tmp_path: Path) -> None:
    done = vazao("migrate", "--data-dir", str(tmp_path), VAZAO_DATABASE_URL=granted)
    assert done.stdout == f"- → {head()}\n", done.stderr
    with running_platform(VAZAO_DATABASE_URL=granted, VAZAO_SECRET="x" * 32) as running:
        in_order(running)
        # A job of each feature.
        assert running.vazao("demo", "--rows", "2000")
        said = running.vazao("psql", "--admin", code=1)
        assert "Vazão knows the superuser of its embedded database only" in said


@pytest.mark.external
def test_the_oldest_server_too(oldest: str) -> None:
    with (
        psycopg.connect(oldest, autocommit=True) as admin,
        plain_role(admin, oldest) as url,
        owned(admin, url) as database,
    ):
        assert migrate(database) == (None, head())
