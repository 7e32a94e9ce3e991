"""The command line: quick help, every command documented, every failure one sentence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.commands import refused, vazao
from vazao import __version__
from vazao.kit.serving import address_of
from vazao.kit.settings import Settings
from vazao.main import GROUPS, newest_revision, registry
from vazao.migrations import head

HEAVY = ("litestar", "polars", "granian", "psycopg", "alembic", "procrastinate", "obstore")



def test_help_names_everything_and_loads_nothing_heavy() -> None:
    code = (
        "import sys; from vazao.main import application\n"
        "try: application()(['--help'])\n"
        f"finally: print('LOADED', [m for m in {HEAVY!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "LOADED []" in done.stdout
    for word in ("up", "web", "worker", "migrate", "doctor", "demo", "psql", *GROUPS):
        assert f" {word} " in done.stdout


def test_shows_its_version() -> None:
    assert vazao("--version").stdout == f"vazao {__version__}\n"


def test_every_feature_has_its_commands() -> None:
    assert set(registry().commands) == set(GROUPS)


def test_the_newest_revision_is_what_the_migrations_say() -> None:
    assert newest_revision() == head() == registry().schema_head


def test_a_typo_is_answered_with_what_was_meant() -> None:
    assert "worker" in vazao("wroker").stderr


def test_a_data_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said = refused("up", "--port", "1024", "--data-dir", str(tmp_path / "file" / "data"))
    assert "cannot be used" in said
    assert "VAZAO_DATA_DIR" in said


@pytest.mark.parametrize("command", ["up", "web", "worker"])
def test_a_foreign_database_needs_a_secret(command: str, tmp_path: Path) -> None:
    said = refused(
        command, "--data-dir", str(tmp_path), VAZAO_DATABASE_URL="postgresql://127.0.0.1:1/x"
    )
    assert "VAZAO_SECRET is not set." in said
    assert "openssl rand" in said


@pytest.mark.parametrize("command", ["up", "web", "worker", "migrate", "demo"])
def test_a_database_that_is_down(command: str, tmp_path: Path) -> None:
    said = refused(
        command, "--data-dir", str(tmp_path), VAZAO_SECRET="0" * 32,
        VAZAO_DATABASE_URL="postgresql://127.0.0.1:1/x",
    )
    assert "The database cannot be reached" in said
    assert "VAZAO_DATABASE_URL" in said


def test_a_host_that_is_not_of_this_machine(tmp_path: Path) -> None:
    said = refused("up", "--host", "192.0.2.1", "--data-dir", str(tmp_path))
    assert "cannot listen on 192.0.2.1" in said
    assert "VAZAO_HOST" in said


def test_a_setting_that_makes_no_sense(tmp_path: Path) -> None:
    said = refused("up", "--data-dir", str(tmp_path), VAZAO_WORKER_CONCURRENCY="many")
    assert "VAZAO_WORKER_CONCURRENCY" in said


def test_no_database_runs_where_nothing_was_started(tmp_path: Path) -> None:
    assert "Run: vazao up" in refused("database-url", "--data-dir", str(tmp_path))


def test_speaks_the_language_of_the_terminal(tmp_path: Path) -> None:
    said = refused("database-url", "--data-dir", str(tmp_path), LC_ALL="pt_BR.UTF-8")
    assert "banco de dados" in said


def test_migrates_a_foreign_database(server_url: str, database_url: str, tmp_path: Path) -> None:
    done = vazao("migrate", "--data-dir", str(tmp_path), VAZAO_DATABASE_URL=database_url)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{head()} → {head()}\n"


@pytest.mark.parametrize(
    ("host", "address"),
    [("127.0.0.1", "http://127.0.0.1:81"), ("0.0.0.0", "http://127.0.0.1:81"),
     ("::", "http://[::1]:81"), ("::1", "http://[::1]:81")],
)
def test_the_address_to_open(host: str, address: str) -> None:
    assert address_of(Settings(host=host, port=81)) == address  # type: ignore[call-arg]
