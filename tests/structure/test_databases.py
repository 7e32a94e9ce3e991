"""What hands out databases to tests notices a connection that a test leaves at work."""

from __future__ import annotations

from contextlib import ExitStack, closing
from typing import Any

import psycopg
import pytest

from tests.support.databases import CLIENTS, cloned
from tests.support.waiting import until


def forget_a_query(
    admin: psycopg.Connection[Any], url: str, template: str, left: ExitStack
) -> None:
    """Use a database as a test that leaves a query running does; *left* closes the connection."""
    with cloned(admin, url, template) as database:
        forgotten = left.enter_context(closing(psycopg.connect(database, autocommit=True)))
        forgotten.pgconn.send_query(b"select pg_sleep(600)")
        forgotten.pgconn.flush()
        until(lambda: admin.execute(CLIENTS, [forgotten.info.dbname]).fetchone() == (1, 1))


def test_a_connection_left_at_work_fails_the_test(
    admin: psycopg.Connection[Any], role_url: str, template_database: str
) -> None:
    with ExitStack() as left, pytest.raises(AssertionError, match="left a connection at work"):
        forget_a_query(admin, role_url, template_database, left)


def test_a_database_is_gone_after_its_use(
    admin: psycopg.Connection[Any], role_url: str, template_database: str
) -> None:
    with cloned(admin, role_url, template_database) as url, psycopg.connect(url) as conn:
        name = conn.info.dbname
    left = admin.execute("select count(*) from pg_database where datname = %s", [name])
    assert left.fetchone() == (0,)
