"""Databases of tests: cloned from a migrated template, dropped without a connection left."""

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


@contextmanager
def cloned(admin: psycopg.Connection[Any], url: str, template: str) -> Iterator[str]:
    """The address of a database of one's own; that a connection is left at work is an error.

    Copying the files is quicker than writing all pages to the log, where nothing has to last.
    """
    name = f"test_{secrets.token_hex(6)}"
    admin.execute(sql.SQL("create database {} template {} strategy file_copy").format(
        sql.Identifier(name), sql.Identifier(template)
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
