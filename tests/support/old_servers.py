"""PostgreSQL as sites run it: each version a server of its own, with passwords and odd settings."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

from tests.support.running import free_port
from tests.support.servers import OLDEST, memory_folder
from tests.support.sources import ROOT
from vazao.kit.embedded.process import (
    Account,
    as_account,
    closed_to,
    locate_binaries,
    server_account,
)

sys.path.insert(0, str(ROOT / "scripts" / "servers"))
import servers

MAJORS = (10, 12, 15, 18)
PASSWORD = "é um segredo: 'até 10%'"
SETTINGS = {
    "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off",
    "shared_buffers": "32MB", "max_connections": "20",
    # What a site's own programs wanted once. None of it may be seen in a list.
    "datestyle": "SQL, DMY", "timezone": "America/Recife", "intervalstyle": "sql_standard",
    "extra_float_digits": "-10", "bytea_output": "escape", "standard_conforming_strings": "off",
    "escape_string_warning": "off", "quote_all_identifiers": "on", "xmloption": "document",
    "idle_in_transaction_session_timeout": "250ms",
}
PORTUGUESE = "pt_BR.UTF-8"
ACCESS = """
local all all trust
host all postgres 127.0.0.1/32 trust
host replication postgres 127.0.0.1/32 trust
host all hashed 127.0.0.1/32 md5
host all all 127.0.0.1/32 scram-sha-256
"""
ROLES = """
set password_encryption = 'scram-sha-256';
create role reader login password {password};
set password_encryption = 'md5';
create role hashed login password {password};
"""


@dataclass(frozen=True)
class Server:
    """A running server; ``reader`` signs in by SCRAM, ``hashed`` by MD5, ``postgres`` without."""

    major: int
    port: int
    place: Path
    account: Account | None

    def url(self, database: str, role: str = "postgres") -> str:
        """The address of a database for a role."""
        return f"postgresql://{role}:{quote(PASSWORD)}@127.0.0.1:{self.port}/{database}"

    def create(self, database: str, encoding: str = "UTF8") -> str:
        """Create a database; its address for who may do anything."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as conn:
            conn.execute(
                f"create database {database} template template0 encoding '{encoding}' "
                "lc_collate 'C' lc_ctype 'C'"
            )
        return self.url(database)


def programs(major: int, folder: Path, account: Account | None) -> Path:
    """The folder of that version's programs, which *account* may run."""
    if major == 18:
        return locate_binaries().copy_to(folder).bindir
    if major == 15:
        if not (OLDEST / "postgres").is_file():
            pytest.skip("NOT TESTED: PostgreSQL 15, which is not on this machine")
        return OLDEST
    if not servers.fits():
        pytest.skip(f"NOT TESTED: PostgreSQL {major}, whose programs are for Linux on x86-64")
    found = servers.native(major)
    if not (found / "bin" / "postgres").is_file():
        pytest.skip(f"NOT TESTED: PostgreSQL {major}, which `make install-dev` fetches")
    if closed_to(found, account):
        shutil.copytree(found, folder / "server", symlinks=True)
        found = folder / "server"
    return found / "bin"


@contextmanager
def running_server(major: int) -> Iterator[Server]:
    """A server of that version until the block ends; skips where it is not to be had."""
    account = server_account()
    folder = Path(tempfile.mkdtemp(prefix="vazao-test-", dir=memory_folder()))
    try:
        if account:
            folder.chmod(0o755)
            (folder / "own").mkdir()
            os.chown(folder / "own", account.uid, account.gid)
        with started(major, programs(major, folder, account), folder, account) as server:
            yield server
    finally:
        shutil.rmtree(folder)


@contextmanager
def started(
    major: int, place: Path, folder: Path, account: Account | None
) -> Iterator[Server]:
    """The server of the programs in *place*, its data under *folder*."""
    data, port = folder / "own" / "data", free_port()
    data.parent.mkdir(exist_ok=True)
    log = folder / "own" / "log"
    run(account, place / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8",
        "--locale=C", "--no-sync")
    settings = SETTINGS | {"port": str(port), "listen_addresses": "127.0.0.1",
                           "unix_socket_directories": ""}
    if speaks_portuguese():
        settings |= dict.fromkeys(("lc_messages", "lc_monetary", "lc_numeric", "lc_time"),
                                  PORTUGUESE)
    with (data / "postgresql.conf").open("a") as file:
        file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
    (data / "pg_hba.conf").write_text(ACCESS)
    control = (place / "pg_ctl", "-D", data, "-w", "-l", log)
    run(account, *control, "start")
    try:
        server = Server(major, port, place, account)
        with psycopg.connect(server.url("postgres"), autocommit=True) as conn:
            conn.execute(ROLES.format(password=psycopg.sql.quote(PASSWORD)))
        yield server
    finally:
        run(account, *control, "-m", "immediate", "stop")


@contextmanager
def standby_of(server: Server) -> Iterator[Server]:
    """A standby that does at once what *server* does, whoever reads, until the block ends."""
    folder = Path(tempfile.mkdtemp(prefix="vazao-test-", dir=memory_folder()))
    try:
        if server.account:
            os.chown(folder, server.account.uid, server.account.gid)
        data, port = folder / "data", free_port()
        run(server.account, server.place / "pg_basebackup", "-D", data, "-R", "-c", "fast",
            "--no-sync", "-d", server.url("postgres"))
        with (data / "postgresql.conf").open("a") as file:
            file.write(f"port = {port}\nmax_standby_streaming_delay = 0\n")
        control = (server.place / "pg_ctl", "-D", data, "-w", "-l", folder / "log")
        run(server.account, *control, "start")
        try:
            yield replace(server, port=port)
        finally:
            run(server.account, *control, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


def run(account: Account | None, *command: Any) -> None:
    """Run a program of PostgreSQL."""
    done = subprocess.run(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False,
        **as_account(account),
    )
    assert done.returncode == 0, f"{command[0]}: {done.stderr}"


def speaks_portuguese() -> bool:
    """Whether this machine has the locale of Brazil."""
    listed = subprocess.run(["locale", "-a"], capture_output=True, text=True, check=False).stdout
    return "pt_br.utf8" in listed.lower()
