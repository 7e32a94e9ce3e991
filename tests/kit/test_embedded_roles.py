"""Who may what in the embedded database: the platform's role is no superuser."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg import sql
from structlog.testing import capture_logs

from tests.support import old_clusters
from vazao.kit.embedded.process import processes_in
from vazao.kit.embedded.server import EmbeddedPostgres
from vazao.migrations import migrate

FAST = {"fsync": "off", "shared_buffers": "16MB", "max_wal_size": "64MB", "min_wal_size": "32MB"}
RIGHTS = """
select rolname::text from pg_roles where rolname !~ '^pg_' and (
    rolsuper or rolcreatedb or rolcreaterole or rolreplication or rolbypassrls
    or exists (select from pg_auth_members where member = pg_roles.oid
        and roleid <> 'pg_monitor'::regrole)
)
"""
FORBIDDEN: tuple[LiteralString, ...] = (
    "select pg_read_file('postgresql.conf')",
    "select pg_ls_dir('.')",
    "copy (select 1) to program 'cat'",
    "copy (select 1) to '/tmp/vazao-role'",
    "copy line from '/etc/passwd'",
    "alter system set work_mem = '1MB'",
    "select pg_reload_conf()",
    "select lo_import('/etc/passwd')",
    "create role another",
    "create database another",
    "alter role vazao superuser",
    "alter role vazao_admin password 'known'",
    "set session authorization vazao_admin",
    "set role vazao_admin",
    "grant pg_execute_server_program to vazao",
    "select rolpassword from pg_authid",
    "create extension file_fdw",
    "create function f() returns int language c as 'libc', 'getpid'",
)
# What a person may have made beside the platform's tables, of each kind that has an owner.
MADE = """
create schema "Of mine";
create table "Of mine"."A table" (id int generated always as identity primary key, n int not null);
insert into "Of mine"."A table" (n) select i from generate_series(1, 1000) as i;
create table public.years (year int, serial serial, word text) partition by range (year);
create table public.years_now partition of public.years for values from (2000) to (3000);
insert into public.years (year, word) values (2026, 'agora');
create view public.seen as select n from "Of mine"."A table" where n < 10;
create materialized view public.kept as select count(*) from "Of mine"."A table";
create sequence public.free_sequence;
create statistics public.both on n, id from "Of mine"."A table";
create type public.colour as enum ('red', 'green');
create type public.pair as (a int, b text);
create type public.span as range (subtype = int);
create domain public.positive as int check (value > 0);
create function public.twice(n int) returns int language sql as 'select 2 * n';
create procedure public.nothing() language sql as '';
create aggregate public.total(int) (sfunc = int4pl, stype = int, initcond = '0');
create role reader;
grant usage on schema "Of mine" to reader;
grant select on "Of mine"."A table" to reader;
alter role vazao set statement_timeout = '77s';
alter role vazao in database vazao set search_path = "Of mine", public;
"""
# Each system table of objects that have an owner, and the column that says which.
CATALOGUES = """
select c.relname::text, a.attname::text
from pg_class as c join pg_attribute as a on attrelid = c.oid
where c.relnamespace = 'pg_catalog'::regnamespace and c.relkind = 'r' and not c.relisshared
    and a.attname ~ 'owner$' and a.atttypid = 'oid'::regtype and c.relname <> 'pg_extension'
"""
LEFT = """
select pg_describe_object({name}::regclass, c.oid, 0) from {table} as c
where c.{owner} = 10 and c.oid >= 16384
    and not exists (select from pg_depend where objid = c.oid and deptype = 'e')
"""
KEPT = """
with made as (insert into accounts.organization (slug, name) select 'o' || count(*), 'One'
    from accounts.organization returning id)
select (select count(*) from accounts.organization) + (select count(*) from made)
"""
PAUSED = """
import sys
from pathlib import Path
from vazao.kit.embedded import roles
from vazao.kit.embedded.server import EmbeddedPostgres
roles.BATCH = 20
real = roles.{step}
calls = 0
def paused(*arguments):
    global calls
    real(*arguments)
    calls += 1
    if calls == {call}:
        print("here", flush=True)
        sys.stdin.read()
roles.{step} = paused
EmbeddedPostgres(Path(sys.argv[1])).start()
"""


@pytest.fixture
def server(folder: Path) -> Iterator[EmbeddedPostgres]:
    made = EmbeddedPostgres(folder, extra=FAST)
    yield made
    made.stop()


def run(url: str, statement: LiteralString, *values: object) -> list[tuple[Any, ...]]:
    with psycopg.connect(url, autocommit=True) as conn:
        done = conn.execute(statement, values or None)
        return done.fetchall() if done.description else []


def left_to_the_superuser(url: str) -> list[str]:
    """What it owns in this database, but for extensions and the system's own."""
    found = []
    with psycopg.connect(url) as conn:
        for name, owner in conn.execute(CATALOGUES).fetchall():
            query = sql.SQL(LEFT).format(
                name=sql.Literal(name), table=sql.Identifier(name), owner=sql.Identifier(owner)
            )
            found += [of for (of,) in conn.execute(query).fetchall()]
    return [name for name in found if "pg_temp" not in name and "pg_toast" not in name]


def end(pid: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Kill *pid* and return once it has ended."""
    descriptor = os.pidfd_open(pid)
    os.kill(pid, number)
    assert select.select([descriptor], [], [], 10)[0], "it did not end"
    os.close(descriptor)


def test_the_role_is_no_superuser(server: EmbeddedPostgres) -> None:
    url = server.start()
    assert run(url, "select session_user::text") == [("vazao",)]
    assert run(url, RIGHTS) == [("vazao_admin",)]
    owner = "select datdba::regrole::text from pg_database where datname = 'vazao'"
    assert run(url, owner) == [("vazao",)]


def test_what_the_role_may_not(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.start(), autocommit=True) as conn:
        conn.execute("create temporary table line (text text)")
        for statement in FORBIDDEN:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute(statement)


def test_a_database_that_was_dropped_is_made_again(server: EmbeddedPostgres) -> None:
    url = server.start()
    run(url.removesuffix("vazao") + "postgres", "drop database vazao")
    assert server.start() == url
    run(url, "create schema mine")


def test_an_old_cluster_s_role_becomes_a_plain_one(folder: Path, server: EmbeddedPostgres) -> None:
    with old_clusters.running(folder, FAST) as url:
        assert run(url, RIGHTS) == [("vazao",)]
        migrate(url)
        run(url, MADE)  # type: ignore[arg-type]
        assert len(left_to_the_superuser(url)) > 300
    assert server.start() == url
    assert run(url, RIGHTS) == [("vazao_admin",)]
    admin = server.admin_url()
    assert admin
    assert not left_to_the_superuser(admin)
    assert run(url, "show statement_timeout") == [("77s",)]
    assert run(url, "show search_path") == [('"Of mine", public',)]
    reads = """select has_table_privilege('reader', '"Of mine"."A table"', 'select')"""
    assert run(url, reads) == [(True,)]
    used(url)
    server.stop()
    before = (folder / "postgres" / "admin-password").read_text()
    assert server.start() == url
    assert (folder / "postgres" / "admin-password").read_text() == before
    used(url)


def used(url: str) -> None:
    """Use, change and drop what was there before."""
    with psycopg.connect(url) as conn:
        for statement in (
            'insert into "Of mine"."A table" (n) values (1001)',
            'alter table "Of mine"."A table" add column m int',
            "insert into public.years (year, word) values (2027, 'depois')",
            "create table public.years_then partition of public.years "
            "for values from (1000) to (2000)",
            "refresh materialized view public.kept",
            "select nextval('public.free_sequence')",
            "alter type public.colour add value 'blue'",
            "create index on leads.lead (created_at)",
        ):
            conn.execute(statement)
        count = conn.execute("select * from public.kept").fetchone()
        words = conn.execute("select word, serial from public.years order by 2").fetchall()
        conn.execute('drop schema "Of mine" cascade')
        conn.rollback()
    assert count == (1001,)
    assert [word for word, _ in words] == ["agora", "depois"]


@pytest.mark.parametrize(("whom", "step", "call"), [
    ("starter", "keep_password", 1), ("starter", "_give", 5), ("starter", "_switch", 1),
    ("server", "_give", 1), ("server", "_switch", 1),
])
def test_a_move_that_is_killed_is_gone_on_with(
    folder: Path, server: EmbeddedPostgres, whom: str, step: str, call: int
) -> None:
    with old_clusters.running(folder, FAST) as url:
        migrate(url)
        run(url, KEPT)
    with subprocess.Popen(
        [sys.executable, "-c", PAUSED.format(step=step, call=call), str(folder)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as child:
        assert child.stdout
        assert child.stdout.readline() == "here\n"
        if whom == "server":
            for pid in processes_in(folder / "postgres" / "cluster"):
                end(pid)
        end(child.pid)
    with old_clusters.in_use(folder):
        # What stands is whole: an earlier version would work on it.
        assert server.start() == url
        assert run(url, RIGHTS) == [("vazao",)]
        run(url, KEPT)
        server.stop()
    assert server.start() == url
    assert run(url, RIGHTS) == [("vazao_admin",)]
    assert not left_to_the_superuser(server.admin_url() or "")
    assert run(url, KEPT) == [(4,)]


def test_a_server_that_others_use_keeps_its_role(folder: Path, server: EmbeddedPostgres) -> None:
    with old_clusters.running(folder, FAST) as url:
        assert server.start() == url
        assert run(url, RIGHTS) == [("vazao",)]
    assert not (folder / "postgres" / "admin-password").exists()


def test_what_cannot_be_moved_now_stops_no_start(
    folder: Path, server: EmbeddedPostgres
) -> None:
    with old_clusters.running(folder, FAST) as url:
        run(url, "create role vazao_admin")
    # Wherever an earlier test of this process has let the log go.
    with capture_logs() as said:
        assert server.start() == url
    assert run(url, RIGHTS) == [("vazao",)]
    (told,) = said
    assert "a superuser still" in told["event"]
    assert told["reason"] == 'role "vazao_admin" already exists'
    server.stop()
    with old_clusters.in_use(folder):
        run(server.start(), "drop role vazao_admin")
        server.stop()
    assert run(server.start(), RIGHTS) == [("vazao_admin",)]
