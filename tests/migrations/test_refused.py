"""A server that refuses a migration: its own words, and what to do about them."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from tests.support.commands import refused
from tests.support.databases import address
from vazao import migrations
from vazao.kit.errors import DatabaseUnavailable

REVISION = """
from alembic import op
revision = "0001"
down_revision = None
def upgrade():
    op.execute({statements!r})
"""
Write = Callable[[str], None]


@pytest.fixture
def empty(server_url: str) -> Iterator[str]:
    """The address of a database that holds nothing."""
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(server_url, autocommit=True) as conn:
        conn.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        yield address(server_url, name)
        conn.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Makes a single revision of some statements the whole history."""
    shutil.copy(migrations.HERE / "env.py", tmp_path)
    (tmp_path / "versions").mkdir()
    monkeypatch.setattr(migrations, "HERE", tmp_path)

    def as_revision(statements: str) -> None:
        file = tmp_path / "versions" / "r0001_one.py"
        file.write_text(REVISION.format(statements=statements))

    return as_revision


@pytest.fixture
def stranger(server_url: str, empty: str) -> Iterator[str]:
    """The address of *empty* for a role that may make tables there, and nothing else."""
    name, password = f"role_{secrets.token_hex(4)}", secrets.token_hex(8)
    role = sql.Identifier(name)
    with psycopg.connect(empty, autocommit=True) as conn:
        conn.execute(sql.SQL("create role {} login password {}").format(role, password))
        conn.execute(sql.SQL("grant create on schema public to {}").format(role))
    host = urlsplit(empty).netloc.rpartition("@")[2]
    yield urlsplit(empty)._replace(netloc=f"{name}:{password}@{host}").geturl()
    with psycopg.connect(empty, autocommit=True) as conn:
        conn.execute(sql.SQL("drop owned by {}").format(role))
        conn.execute(sql.SQL("drop role {}").format(role))


def test_a_role_that_may_not(stranger: str, tmp_path: Path) -> None:
    said = refused("migrate", "--data-dir", str(tmp_path), VAZAO_DATABASE_URL=stranger)
    assert 'could not be migrated: permission denied to create extension "pg_trgm".' in said
    assert "Allow this role to create schemas" in said


@pytest.mark.parametrize(
    ("statements", "reason", "remedy"),
    [
        ("create extension no_such_thing", "extension .no_such_thing. is not available",
         "contrib package"),
        ("set local lock_timeout = '20ms'; lock table public.busy", "lock timeout",
         "Try again when no long query is running"),
        ("do $$ begin raise 'no space' using errcode = 'disk_full'; end $$", "no space",
         "Free some space"),
        ("select 1 / 0", "division by zero", "Fix this on the server"),
    ],
)
def test_what_helps_goes_by_what_happened(
    empty: str, write: Write, statements: str, reason: str, remedy: str
) -> None:
    write(statements)
    with psycopg.connect(empty) as other:
        other.execute("create table public.busy ()")
        other.commit()
        other.execute("select from public.busy")
        with pytest.raises(DatabaseUnavailable, match=f"could not be migrated: .*{reason}") as said:
            migrations.migrate(empty)
    assert remedy in said.value.message()
    assert migrations.current(empty) is None


def test_a_database_of_a_newer_program(database_url: str, tmp_path: Path) -> None:
    with psycopg.connect(database_url) as conn:
        conn.execute("update public.alembic_version set version_num = '9999'")
    said = refused("migrate", "--data-dir", str(tmp_path), VAZAO_DATABASE_URL=database_url)
    assert f"belongs to a newer Vazão (revision 9999; this one knows {migrations.head()})." in said
    assert "Run that version" in said


@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
def test_both_names_of_the_scheme(empty: str, write: Write, scheme: str) -> None:
    write("create table public.made ()")
    url = urlsplit(empty)._replace(scheme=scheme).geturl()
    assert migrations.migrate(url) == (None, "0001")
    assert migrations.migrate(url) == ("0001", "0001")
