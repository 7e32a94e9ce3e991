"""Databases of tests: cloned from a migrated template, dropped without a connection left.

They belong to a role without superuser, as the platform's does; another makes and drops them.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

LEAVING_SECONDS = 2.0
# At work, and all: the clients that are connected to a database.
CLIENTS = (
    "select count(*) filter (where state <> 'idle'), count(*) from pg_stat_activity "
    "where datname = %s and backend_type = 'client backend'"
)


def address(url: str, database: str) -> str:
    """*url* with another database."""
    return urlsplit(url)._replace(path=f"/{database}").geturl()


def role_of(url: str) -> str:
    """The role that *url* signs in as."""
    return urlsplit(url).username or ""


@contextmanager
def plain_role(admin: psycopg.Connection[Any], url: str) -> Iterator[str]:
    """The address of a new role that may nothing but sign in, on the server of *url*."""
    name, password = f"plain_{secrets.token_hex(4)}", secrets.token_hex(8)
    role = sql.Identifier(name)
    admin.execute(sql.SQL("create role {} login password {}").format(role, password))
    parts = urlsplit(url)
    place = f"{name}:{password}@{parts.netloc.rpartition('@')[2]}"
    yield parts._replace(netloc=place).geturl()
    admin.execute(sql.SQL("drop role {}").format(role))


@contextmanager
def owned(admin: psycopg.Connection[Any], url: str) -> Iterator[str]:
    """The address of an empty database that belongs to the role of *url*."""
    name = f"test_{secrets.token_hex(6)}"
    admin.execute(sql.SQL("create database {} owner {}").format(
        sql.Identifier(name), sql.Identifier(role_of(url))
    ))
    yield address(url, name)
    admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@contextmanager
def cloned(admin: psycopg.Connection[Any], url: str, template: str) -> Iterator[str]:
    """The address of a database of one's own; that a connection is left at work is an error.

    It belongs to the role of *url*. Copying the files is quicker than writing all pages to the
    log, where nothing has to last.
    """
    name = f"test_{secrets.token_hex(6)}"
    admin.execute(sql.SQL("create database {} owner {} template {} strategy file_copy").format(
        sql.Identifier(name), sql.Identifier(role_of(url)), sql.Identifier(template)
    ))
    yield address(url, name)
    at_work = clients_left(admin, name)
    admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
    assert not at_work, "the test left a connection at work"


def clients_left(admin: psycopg.Connection[Any], name: str) -> int:
    """How many clients stay at work in the database; waits until those that leave have left.

    A drop looks for backends, and looks again a tenth of a second later where it finds one: the
    backend of a connection that was just closed would cost that each time. Such a one may still
    be shown at work, so what counts is the last look.
    """
    for _ in range(int(LEAVING_SECONDS / 0.002)):
        at_work, there = admin.execute(CLIENTS, [name]).fetchone() or (0, 0)
        if not there:
            return 0
        admin.execute("select pg_sleep(0.002)")
    return int(at_work)
