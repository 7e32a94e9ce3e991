"""The embedded database's two roles: the platform's, which is no superuser, and the superuser.

Clusters of earlier versions have one role, which PostgreSQL made with the cluster: it stays a
superuser for ever. It gets the superuser's name, and a plain role takes its place: first all that
it owns, a batch a transaction, while it still does the platform's work; then the name, at once. A
death at any moment leaves a cluster that works, and the next start goes on.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, LiteralString, NamedTuple, cast

import psycopg
from psycopg import sql

from vazao.kit.embedded.cluster import ADMIN, DATABASE, RIGHTS, ROLE, Layout, keep_password
from vazao.kit.embedded.process import Patience

Connection = psycopg.Connection[Any]
NEXT = "vazao_next"
MOVER = "vazao_mover"
BATCH = 200
"""Objects a transaction: each holds locks on a table, its indexes and what lies beside it, and the
server has room for some ten thousand.
"""
LOOK = """
select (select rolsuper and oid = 10 from pg_roles where rolname = current_user),
    exists (select from pg_database where datname = %s)
"""
# What the role that came with the cluster (10) made in this database. Left alone: what belongs to
# an extension, and what moves with its table (indexes, sequences of columns, types of rows).
OWNED = """
with item as (
    select 1 as place, 'pg_namespace'::regclass as class, oid, nspowner as owner,
        format('schema %I', nspname) as name
    from pg_namespace where nspname !~ '^pg_'
    union all
    select 2, 'pg_class'::regclass, c.oid, relowner, format('%s %I.%I', case relkind
        when 'S' then 'sequence' when 'v' then 'view' when 'm' then 'materialized view'
        when 'f' then 'foreign table' else 'table' end, nspname, relname)
    from pg_class as c join pg_namespace as n on n.oid = relnamespace
    where relkind in ('r', 'p', 'v', 'm', 'f', 'S') and relpersistence <> 't'
        and (relkind <> 'S' or not exists (
            select from pg_depend where classid = 'pg_class'::regclass and objid = c.oid
                and refclassid = 'pg_class'::regclass and deptype in ('a', 'i')
        ))
    union all
    select 3, 'pg_proc'::regclass, p.oid, proowner, format('routine %s', p.oid::regprocedure)
    from pg_proc as p join pg_namespace as n on n.oid = pronamespace where nspname !~ '^pg_'
    union all
    select 4, 'pg_type'::regclass, t.oid, typowner, format('type %I.%I', nspname, typname)
    from pg_type as t join pg_namespace as n on n.oid = typnamespace
    where nspname !~ '^pg_' and typtype in ('b', 'c', 'd', 'e', 'r')
        and not exists (select from pg_type as e where e.typarray = t.oid)
        and not exists (select from pg_class as c where c.oid = typrelid and relkind <> 'c')
    union all
    select 5, 'pg_statistic_ext'::regclass, s.oid, stxowner,
        format('statistics %I.%I', nspname, stxname)
    from pg_statistic_ext as s join pg_namespace as n on n.oid = stxnamespace
)
select name from item
where owner = 10 and oid >= 16384 and not exists (
    select from pg_depend where classid = item.class and objid = item.oid and deptype = 'e'
)
order by place, oid
"""


class Found(NamedTuple):
    """What a start finds in a server that runs."""

    old: bool
    """Whether the platform's role is the one that came with the cluster."""
    database: bool
    """Whether the platform's database is there."""


@contextmanager
def connected(url: str, database: str) -> Generator[Connection]:
    """A connection to *database* of the server at *url*, each statement a transaction.

    Raises:
        psycopg.OperationalError: it does not answer, or refuses.
    """
    # Said here and not left to the PG… variables of whoever started us.
    with psycopg.connect(
        url,
        dbname=database,
        sslmode="disable",
        gssencmode="disable",
        options="",
        connect_timeout=5,
        autocommit=True,
    ) as connection:
        yield connection


def look(layout: Layout, port: int) -> Found:
    """What is there already."""
    with connected(layout.url(port), "postgres") as connection:
        found = connection.execute(LOOK, [DATABASE]).fetchone()
    assert found is not None
    return Found(*found)


def make_database(layout: Layout, port: int, *, old: bool) -> None:
    """Make the platform's database, which its role owns.

    Args:
        layout: of the server.
        port: of the server.
        old: as in :class:`Found`.
    """
    url = layout.url(port) if old else layout.admin_url(port)
    with connected(url, "postgres") as connection:
        connection.execute(f"create database {DATABASE} owner {ROLE}")


EXTENSIONS = ("pg_stat_statements", "pg_prewarm")
"""Those that only a superuser may create, and that help who runs the platform."""


def equip(layout: Layout, port: int) -> None:
    """Let the platform's role see what the server counts: statements, sessions, waits.

    Raises:
        psycopg.Error: the server refused; the platform works without.
    """
    with connected(layout.admin_url(port), DATABASE) as connection:
        there = {name for (name,) in connection.execute("select extname from pg_extension")}
        for name in EXTENSIONS:
            if name not in there:
                connection.execute(f"create extension {name}")
        connection.execute(f"grant pg_monitor to {ROLE}")


def demote(layout: Layout, port: int, patience: Patience) -> None:
    """Put a plain role into the place of the one that came with the cluster.

    Raises:
        psycopg.Error: the server refused, such as for a lock that somebody holds for ten seconds;
            the platform's role is a superuser as before.
    """
    secret = keep_password(layout.admin_password)
    patience.begin()
    with connected(layout.url(port), DATABASE) as connection:
        connection.execute("set lock_timeout = '10s'")
        # Names then come with their schemas.
        connection.execute("set search_path = ''")
        known = connection.execute("select from pg_roles where rolname = %s", [NEXT]).fetchone()
        if known is None:
            connection.execute(f"create role {NEXT} nologin")
        owned = _owned(connection)
        for place in range(0, len(owned), BATCH):
            patience.tick("Changing the owner of the database's contents")
            with connection.transaction():
                _give(connection, owned[place : place + BATCH])
        with connection.transaction():
            # What was made since.
            _give(connection, _owned(connection))
            _switch(connection, secret)


def _owned(connection: Connection) -> list[str]:
    return [name for (name,) in connection.execute(OWNED).fetchall()]


def _give(connection: Connection, names: list[str]) -> None:
    """Make NEXT the owner of objects, each a kind and a quoted name."""
    for name in names:
        statement = f"alter {name} owner to {NEXT}"
        connection.execute(sql.SQL(cast(LiteralString, statement)))


def _switch(connection: Connection, secret: str) -> None:
    """Rename both roles, give the plain one the other's password and settings, and the database.

    A session cannot rename its own role, so another has to lend its name meanwhile.
    """
    query = "select rolpassword from pg_authid where oid = 10"
    password = (connection.execute(query).fetchone() or ("",))[0]
    hashed = connection.pgconn.encrypt_password(secret.encode(), ADMIN.encode(), b"scram-sha-256")
    connection.execute(f"create role {MOVER} superuser nologin")
    connection.execute(f"set local session authorization {MOVER}")
    connection.execute(f"alter role {ROLE} rename to {ADMIN}")
    connection.execute(f"alter role {NEXT} rename to {ROLE}")
    connection.execute("set local session authorization default")
    connection.execute(f"drop role {MOVER}")
    for role, text in ((ADMIN, hashed.decode()), (ROLE, password)):
        statement = sql.SQL("alter role {} password {}")
        connection.execute(statement.format(sql.Identifier(role), sql.Literal(text)))
    connection.execute(f"alter role {ROLE} {RIGHTS}")
    connection.execute(f"alter database {DATABASE} owner to {ROLE}")
    # ALTER ROLE … SET, such as an operator's: it says how the platform's sessions begin.
    connection.execute(
        "update pg_db_role_setting set setrole = %s::regrole where setrole = 10", [ROLE]
    )
