"""``vazao psql``: the terminal is psql's, and nobody else reads the password."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.support.commands import vazao
from tests.support.waiting import eventually

pytestmark = pytest.mark.anyio
SLEEPING = "select 1 from pg_stat_activity where datname = %s and query = 'select pg_sleep(600)'"


@pytest.fixture
def sleeping(database_url: str) -> Iterator[subprocess.Popen[str]]:
    """A psql that works on something long, in a process group of its own, as in a terminal."""
    process = subprocess.Popen(
        [sys.executable, "-m", "vazao", "psql", "-c", "select pg_sleep(600)"],
        env=os.environ | {"VAZAO_DATABASE_URL": database_url, "LC_ALL": "C.UTF-8"},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )
    yield process
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def command_lines(group: int) -> list[str]:
    """What everybody on this machine can read of the processes of *group*."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if os.getpgid(int(folder.name)) == group:
                found.append((folder / "cmdline").read_text().replace("\0", " "))
        except (ProcessLookupError, FileNotFoundError):
            continue
    return found


async def test_the_password_is_hidden_and_ctrl_c_reaches_the_statement(
    sleeping: subprocess.Popen[str], database_url: str, server_url: str
) -> None:
    database = urlsplit(database_url).path[1:]
    with psycopg.connect(server_url, autocommit=True) as conn:

        async def works() -> bool:
            assert sleeping.poll() is None, sleeping.communicate()
            return conn.execute(SLEEPING, [database]).fetchone() is not None

        await eventually(works)
    lines = command_lines(sleeping.pid)
    assert [line for line in lines if "dbname=" in line], lines
    assert not [line for line in lines if (urlsplit(database_url).password or "?") in line]
    os.killpg(sleeping.pid, signal.SIGINT)
    _, said = sleeping.communicate(timeout=20)
    assert sleeping.returncode == 1
    assert said.splitlines() == [
        "Cancel request sent", "ERROR:  canceling statement due to user request"
    ]


def test_its_exit_code_is_passed_on(database_url: str) -> None:
    address = {"VAZAO_DATABASE_URL": database_url}
    assert vazao("psql", "-Atc", "select 6 * 7", **address).stdout == "42\n"
    assert vazao("psql", "-c", "select 1 / 0", **address).returncode == 1
    assert vazao("psql", "-f", "/nowhere", **address).returncode == 1
