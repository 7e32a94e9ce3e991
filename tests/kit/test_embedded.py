"""The embedded PostgreSQL: its life and deaths, who may see it, and what its errors say."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import select
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest

from tests.support.waiting import until
from vazao.kit.embedded import server as module
from vazao.kit.embedded.process import processes_in, running_postmaster
from vazao.kit.embedded.server import EmbeddedPostgres, default_folder
from vazao.kit.errors import ConfigurationError, DatabaseUnavailable, StorageFull

FAST = {"fsync": "off", "shared_buffers": "16MB", "max_wal_size": "64MB", "min_wal_size": "32MB"}
ROOT = os.geteuid() == 0
Test = Callable[..., None]
ROLE = (
    "import sys; from pathlib import Path\n"
    "from vazao.kit.embedded.server import EmbeddedPostgres\n"
)
START = f"server = EmbeddedPostgres(Path(sys.argv[1]), extra={FAST!r})\nurl = server.start()\n"
TELL = "print(url, flush=True); sys.stdin.read()\n"


def only_if(condition: bool) -> Callable[[Test], Test | None]:
    """Leave a test out where it says nothing; no skip, since the other kind of user runs it."""
    return lambda test: test if condition else None


@pytest.fixture
def server(folder: Path) -> Iterator[EmbeddedPostgres]:
    """A server, not started, that costs no more than a test needs."""
    made = EmbeddedPostgres(folder, extra=FAST)
    yield made
    made.stop()


def cluster(folder: Path) -> Path:
    return folder / "postgres" / "cluster"


def postmaster(folder: Path) -> int:
    running = running_postmaster(cluster(folder))
    assert running, "no server runs"
    return running.pid


def kill(pid: int) -> None:
    """Kill *pid* and return once it has ended."""
    descriptor = os.pidfd_open(pid)
    try:
        os.kill(pid, signal.SIGKILL)
        assert select.select([descriptor], [], [], 10)[0], "it did not end"
    finally:
        os.close(descriptor)


def run_role(folder: Path, *lines: str) -> subprocess.Popen[str]:
    """Another process that runs *lines* with ``sys.argv[1]`` as the folder."""
    return subprocess.Popen(
        [sys.executable, "-c", ROLE + "".join(lines), str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def query(url: str, statement: LiteralString, *values: object) -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(statement, values or None).fetchone()
        return row[0] if row else None


def test_starts_answers_and_stops(server: EmbeddedPostgres, folder: Path) -> None:
    assert server.url() is None
    url = server.start()
    assert re.fullmatch(r"postgresql://vazao:[\w-]{40,}@127\.0\.0\.1:\d+/vazao", url)
    assert query(url, "select current_database()::text || current_user") == "vazaovazao"
    assert server.start() == url == server.url()
    server.stop()
    assert server.url() is None
    assert not processes_in(cluster(folder))


def test_restart_keeps_data_password_and_port(server: EmbeddedPostgres) -> None:
    url = server.start()
    with psycopg.connect(url) as connection:
        connection.execute("create table kept as select 7 as seven")
    server.stop()
    assert server.start() == url
    assert query(url, "select seven from kept") == 7


def test_is_made_as_configured(server: EmbeddedPostgres) -> None:
    url = server.start()
    facts = "select concat_ws(' ', datlocprovider, datlocale, pg_encoding_to_char(encoding))"
    assert query(url, f"{facts} from pg_database where datname = 'vazao'") == "b C.UTF-8 UTF8"
    assert query(url, "select upper('vazão, ação')") == "VAZÃO, AÇÃO"
    for setting in ("data_checksums = on", "wal_compression = off", "TimeZone = UTC"):
        name, _, value = setting.partition(" = ")
        assert query(url, "select current_setting(%s)", name) == value
    assert query(url, "show shared_buffers") == "16MB", "extra settings must win"


def test_extensions_load(server: EmbeddedPostgres) -> None:
    url = server.start()
    with psycopg.connect(url, autocommit=True) as connection:
        for name in ("pg_trgm", "unaccent", "citext"):
            connection.execute(f"create extension {name}".encode())
    # What only a superuser creates is there from the start, and shows the role everybody's work.
    assert query(url, "select count(*) > 0 from pg_stat_statements")
    assert query(url, "select pg_has_role('pg_monitor', 'usage')")
    psql = subprocess.run(
        [server.bindir / "psql", url, "-Atc", "select 6 * 7"], capture_output=True, text=True
    )
    assert psql.stdout == "42\n"


def test_only_the_password_opens_it(server: EmbeddedPostgres, folder: Path) -> None:
    url = server.start()
    admin = server.admin_url() or ""
    for name in ("password", "admin-password"):
        assert stat.S_IMODE((folder / "postgres" / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(cluster(folder).stat().st_mode) == 0o700
    rules = (cluster(folder) / "pg_hba.conf").read_text().splitlines()
    methods = {rule.split()[-1] for rule in rules if rule and not rule.startswith("#")}
    assert methods == {"scram-sha-256"}
    assert (
        query(
            admin,
            "select array_agg(rolname::text order by rolname) from pg_authid "
            "where rolpassword like 'SCRAM-SHA-256$%'",
        )
        == ["vazao", "vazao_admin"]
    )
    wrong = [re.sub(r":[\w-]+@", ":wrong@", address) for address in (url, admin)]
    for address in (*wrong, url.replace("//vazao:", "//vazao_admin:")):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(address)


def test_a_changed_password_file_is_told_at_once(server: EmbeddedPostgres, folder: Path) -> None:
    server.start()
    (folder / "postgres" / "password").write_text("wrong\n")
    with pytest.raises(DatabaseUnavailable, match="authentication failed"):
        EmbeddedPostgres(folder).start()


def test_logs_hold_nobody_s_data(folder: Path) -> None:
    server = EmbeddedPostgres(folder, extra={**FAST, "log_min_duration_statement": "0"})
    url = server.start()
    secret = "joana@example.org"
    assert query(url, "select %s::text", secret) == secret
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create table person (mail text primary key)")
        connection.execute("insert into person values (%s)", [secret])
        for statement in ("insert into person values (%s)", "select %s::text::int"):
            with pytest.raises(psycopg.Error, match="joana"):
                connection.execute(statement, [secret])
    server.stop()
    text = "".join(file.read_text() for file in (folder / "postgres" / "log").iterdir())
    assert "duration:" in text
    assert "joana" not in text


def test_recovers_after_kill_of_the_server(server: EmbeddedPostgres, folder: Path) -> None:
    url = server.start()
    with psycopg.connect(url) as connection:
        connection.execute("create table t as select generate_series(1, 50000) as n")
    kill(postmaster(folder))
    assert server.url() is None
    assert server.start() == url
    assert query(url, "select count(*) from t") == 50000
    logs = "".join(file.read_text() for file in (folder / "postgres" / "log").iterdir())
    assert "automatic recovery in progress" in logs


def test_a_backend_that_outlives_the_server_is_ended(
    server: EmbeddedPostgres, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GRACE_SECONDS", 0.6)
    url = server.start()
    with contextlib.closing(psycopg.connect(url)) as busy:
        pid = busy.info.backend_pid
        busy.pgconn.send_query(b"do $$ begin loop end loop; end $$")
        active = "select state from pg_stat_activity where pid = %s"
        until(lambda: query(url, active, pid) == "active")
        kill(postmaster(folder))
        assert pid in processes_in(cluster(folder))
        heard: list[str] = []
        assert query(server.start(lambda text, _: heard.append(text)), "select 1") == 1
        assert pid not in processes_in(cluster(folder))
        assert heard[0] == "Processes of a crashed database are ending"


def test_outlives_its_starter_and_is_adopted(server: EmbeddedPostgres, folder: Path) -> None:
    child = run_role(folder, START, TELL)
    with child:
        assert child.stdout
        url = child.stdout.readline().strip()
        pid = postmaster(folder)
        kill(child.pid)
    assert server.url() == url
    assert server.start() == url
    assert postmaster(folder) == pid
    server.stop()
    assert not processes_in(cluster(folder))


def test_outlives_ctrl_c(folder: Path) -> None:
    with run_role(folder, START, TELL) as child:
        assert child.stdout
        url = child.stdout.readline().strip()
        os.killpg(child.pid, signal.SIGINT)
    assert child.returncode != 0
    assert query(url, "select 1") == 1


def test_many_starters_share_one_and_the_last_stops_it(folder: Path) -> None:
    children = [run_role(folder, START, TELL, "server.stop()") for _ in range(3)]
    urls = {child.stdout.readline() for child in children if child.stdout}
    assert len(urls) == 1
    pid = postmaster(folder)
    for left, child in enumerate(reversed(children)):
        assert postmaster(folder) == pid, f"stopped when {left} had left"
        child.communicate()
        assert child.returncode == 0
    assert EmbeddedPostgres(folder).url() is None


def test_a_start_killed_while_making_the_cluster_leaves_nothing_half(
    server: EmbeddedPostgres, folder: Path
) -> None:
    with run_role(folder, START) as child:
        until(lambda: child.poll() is not None or list(folder.glob("postgres/init-*")))
        assert child.poll() is None
        kill(child.pid)
    assert not cluster(folder).exists()
    assert query(server.start(), "select 1") == 1


def test_a_stale_pid_file_is_no_obstacle(server: EmbeddedPostgres, folder: Path) -> None:
    server.start()
    lines = (cluster(folder) / "postmaster.pid").read_text().splitlines()
    server.stop()
    for content in ("\n".join([str(os.getpid()), *lines[1:]]), "", "1\n"):
        (cluster(folder) / "postmaster.pid").write_text(content)
        assert server.url() is None
        assert query(server.start(), "select 1") == 1
        server.stop()


def test_a_taken_port_is_left_for_another(server: EmbeddedPostgres, folder: Path) -> None:
    first = server.start()
    server.stop()
    port = int(re.findall(r":(\d+)/", first)[0])
    with socket.create_server(("127.0.0.1", port)):
        second = server.start()
        assert second != first
        server.stop()
    assert server.start() == second


def test_leaves_its_starter_s_environment_alone(
    server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"PGOPTIONS": "-c nonsense=1", "PGSSLMODE": "require"}.items():
        monkeypatch.setenv(name, value)
    assert server.start()


def test_says_why_postgresql_gave_up(folder: Path) -> None:
    server = EmbeddedPostgres(folder, extra={"fsync": "off", "shared_buffers": "plenty"})
    with pytest.raises(DatabaseUnavailable) as caught:
        server.start()
    assert re.search(r"could not start: .*postgresql\.conf.* contains errors", str(caught.value))
    assert server.url() is None


def test_refuses_another_version(server: EmbeddedPostgres, folder: Path) -> None:
    server.start()
    server.stop()
    (cluster(folder) / "PG_VERSION").write_text("17\n")
    with pytest.raises(ConfigurationError, match=r"of PostgreSQL 17; this is PostgreSQL 18.*Dump"):
        server.start()


def test_refuses_a_folder_it_cannot_make(folder: Path) -> None:
    (folder / "file").touch()
    with pytest.raises(ConfigurationError, match=r"cannot use the folder .*VAZAO_DATA_DIR"):
        EmbeddedPostgres(folder / "file" / "data").start()


@only_if(not ROOT)
def test_refuses_an_unwritable_folder(folder: Path) -> None:
    folder.chmod(0o500)
    try:
        with pytest.raises(ConfigurationError, match=r"Permission denied.*right to write there"):
            EmbeddedPostgres(folder).start()
    finally:
        folder.chmod(0o700)


@only_if(ROOT)
def test_root_s_server_runs_as_a_system_user(server: EmbeddedPostgres, folder: Path) -> None:
    parent = stat.S_IMODE(folder.parent.stat().st_mode)
    server.start()
    uid = pwd.getpwnam("vazao").pw_uid
    running = running_postmaster(cluster(folder))
    assert Path(f"/proc/{running.pid}").stat().st_uid == uid == cluster(folder).stat().st_uid
    assert stat.S_IMODE(folder.stat().st_mode) == 0o710
    assert stat.S_IMODE(folder.parent.stat().st_mode) == parent


@only_if(ROOT)
def test_root_s_server_opens_no_parent(folder: Path) -> None:
    inner = folder / "data"
    with pytest.raises(ConfigurationError, match=rf"may not enter {folder}\. .*/var/lib/vazao"):
        EmbeddedPostgres(inner).start()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@only_if(ROOT)
def test_refuses_another_owner_s_cluster(server: EmbeddedPostgres, folder: Path) -> None:
    server.start()
    server.stop()
    os.chown(cluster(folder), 54321, 54321)
    with pytest.raises(ConfigurationError, match="belongs to another user"):
        server.start()


@pytest.fixture
def small_disk(folder: Path) -> Iterator[Callable[[int], Path]]:
    """Makes a file system of so many megabytes; root alone can."""
    mounts: list[Path] = []

    def mount(megabytes: int) -> Path:
        place = folder / "disk"
        place.mkdir()
        folder.chmod(0o755)
        options = f"size={megabytes}m,mode=755"
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
        if not ROOT or subprocess.run(command, capture_output=True).returncode:
            pytest.skip("NOT TESTED: a full disk needs root and the right to mount a tmpfs")
        mounts.append(place)
        return place

    yield mount
    for place in mounts:
        subprocess.run(["umount", str(place)], check=True)


def test_a_disk_too_small_for_a_cluster_is_told(small_disk: Callable[[int], Path]) -> None:
    place = small_disk(20)
    with pytest.raises(StorageFull, match=r"no space left in .*Free some space"):
        EmbeddedPostgres(place, extra=FAST).start()
    assert not cluster(place).exists()
    assert not list(place.glob("postgres/init-*"))


def test_a_disk_that_filled_up_is_told(small_disk: Callable[[int], Path]) -> None:
    place = small_disk(120)
    server = EmbeddedPostgres(place, extra=FAST)
    server.start()
    server.stop()
    # Every size down to a byte-sized block, so that no page is left for the server.
    for size in (1024 * 1024, 64 * 1024, 4096):
        with contextlib.suppress(OSError), (place / "rest").open("ab", 0) as rest:
            while rest.write(bytes(size)) == size:
                pass
    with pytest.raises(StorageFull, match="no space left in"):
        server.start()
    (place / "rest").unlink()
    assert query(server.start(), "select 1") == 1
    server.stop()


def test_default_folder_is_the_platform_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "/home/joana/data")
    assert str(default_folder()) == ("/var/lib/vazao" if ROOT else "/home/joana/data/vazao")
