"""The migrations add up to ``schema.sql``; they apply to the oldest server that we support."""

from __future__ import annotations

import sys

import psycopg
import pytest

from tests.support.sources import ROOT
from vazao.kit.embedded.process import locate_binaries
from vazao.migrations import current, head, migrate

sys.path.insert(0, str(ROOT / "scripts"))
import schema


def test_the_migrations_add_up_to_the_snapshot(database_url: str) -> None:
    with psycopg.connect(database_url) as conn:
        if conn.info.server_version // 10000 != int(locate_binaries().major):
            pytest.skip("the snapshot is of another major version than this server")
    dumped = schema.dump(locate_binaries().bindir / "pg_dump", database_url)
    assert dumped == schema.FILE.read_text(encoding="utf-8"), "run: make schema"


def test_migrating_twice_does_nothing(database_url: str) -> None:
    assert migrate(database_url) == (head(), head())


@pytest.mark.external
def test_migrations_apply_to_the_oldest_server(oldest: str) -> None:
    assert migrate(oldest) == (None, head())
    assert current(oldest) == head()
