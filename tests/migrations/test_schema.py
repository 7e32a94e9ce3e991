"""The migrations add up to ``schema.sql``; they apply to the oldest server that we support."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.structure.sources import ROOT
from vazao.kit.embedded_process import as_account, locate_binaries, server_account
from vazao.migrations import current, head, migrate

sys.path.insert(0, str(ROOT / "scripts"))
import schema

OLDEST = Path("/usr/lib/postgresql/15/bin")


def test_the_migrations_add_up_to_the_snapshot(database_url: str) -> None:
    with psycopg.connect(database_url) as conn:
        if conn.info.server_version // 10000 != int(locate_binaries().major):
            pytest.skip("the snapshot is of another major version than this server")
    dumped = schema.dump(locate_binaries().bindir / "pg_dump", database_url)
    assert dumped == schema.FILE.read_text(encoding="utf-8"), "run: make schema"


def test_migrating_twice_does_nothing(database_url: str) -> None:
    assert migrate(database_url) == (head(), head())


@pytest.fixture
def oldest() -> Iterator[str]:
    """The address of an empty database on PostgreSQL 15, on a port of its own."""
    if not (OLDEST / "postgres").is_file():
        pytest.skip("no PostgreSQL 15 on this machine: migrations were not tried on it")
    folder = Path(tempfile.mkdtemp(prefix="vazao-test-"))
    account = server_account()
    if account:
        os.chown(folder, account.uid, account.gid)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data = folder / "data"
    run = {"check": True, "stdout": subprocess.DEVNULL, **as_account(account)}
    subprocess.run(
        [OLDEST / "initdb", "-D", data, "-U", "vazao", "-A", "trust", "-E", "UTF8", "--locale=C",
         "--no-sync"], **run
    )
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
    control = [OLDEST / "pg_ctl", "-D", data, "-w", "-l", folder / "log"]
    subprocess.run([*control, "-o", options, "start"], **run)
    try:
        yield f"postgresql://vazao@127.0.0.1:{port}/postgres"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], **run)
        shutil.rmtree(folder)


@pytest.mark.external
def test_migrations_apply_to_the_oldest_server(oldest: str) -> None:
    assert migrate(oldest) == (None, head())
    assert current(oldest) == head()
