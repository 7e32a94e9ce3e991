"""The commands, against a real database, by their names and outputs."""

from __future__ import annotations

import re
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner, Result

from vazao.accounts import cli as own
from vazao.accounts.administration import cli as administering
from vazao.kit import cli as kit_cli
from vazao.main import registry

runner = CliRunner()
ADMINISTERING = {command.name for command in administering.app.registered_commands}


@pytest.fixture(autouse=True)
def environment(
    monkeypatch: pytest.MonkeyPatch, database_url: str, data_dir: Path
) -> None:
    monkeypatch.setattr(kit_cli, "_registry", registry)
    monkeypatch.chdir(data_dir)
    monkeypatch.setenv("VAZAO_DATABASE_URL", database_url)
    monkeypatch.setenv("VAZAO_SECRET", "s" * 32)
    monkeypatch.setenv("VAZAO_DATA_DIR", str(data_dir))
    monkeypatch.setattr(kit_cli, "_registry", registry)
    for name in ("LC_ALL", "LC_MESSAGES", "LANG", "VAZAO_LOG_LEVEL"):
        monkeypatch.delenv(name, raising=False)


def vazao(*arguments: str, stdin: str | None = None) -> Result:
    app = administering.app if arguments[0] in ADMINISTERING else own.app
    return runner.invoke(app, list(arguments), input=stdin)


def refused(*arguments: str, stdin: str | None = None) -> str:
    """The one line of a command that fails."""
    result = vazao(*arguments, stdin=stdin)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert "Traceback" not in result.stderr
    return result.stderr


def test_from_nothing_to_a_token(database_url: str) -> None:
    assert vazao("create-organization", "acme", "--name", "Acme").exit_code == 0
    user = vazao(
        "create-user", "ana", "--organization", "acme", "--role", "admin", "--password-stdin",
        stdin="três pratos de trigo\n",
    )
    assert user.exit_code == 0
    assert "três" not in user.output
    token = vazao(
        "create-token", "--organization", "acme", "--application", "folha",
        "--scope", "leads:read", "--scope", "jobs:write",
    )
    assert token.exit_code == 0
    assert re.fullmatch(r"vz_[\w-]{43}\n", token.stdout)
    with psycopg.connect(database_url) as conn:
        row = conn.execute("select scopes, secret::text from accounts.token").fetchone()
        stored = conn.execute('select password_hash, roles from accounts."user"').fetchone()
    assert row is not None
    assert stored is not None
    assert row[0] == ["leads:read", "jobs:write"]
    assert token.stdout.strip() not in row[1]
    assert stored[0].startswith("$argon2id$")
    assert stored[1] == ["admin"]
    assert vazao("list-organizations").stdout == "public\tPublic\nacme\tAcme\n"
    assert re.fullmatch(
        r"\d+\tana\tadmin\tenabled\n", vazao("list-users", "--organization", "acme").stdout
    )


def test_the_password_from_the_prompt() -> None:
    vazao("create-organization", "acme")
    asked = vazao("create-user", "ana", "--organization", "acme", stdin="abcdefgh\nabcdefgh\n")
    assert asked.exit_code == 0
    assert "abcdefgh" not in asked.output


def test_what_goes_wrong_is_one_line() -> None:
    vazao("create-organization", "acme")
    assert "already" in refused("create-organization", "acme")
    assert "lower-case" in refused("create-organization", "ACME")
    missing = refused("create-token", "--organization", "nope", "--application", "a",
                      "--scope", "leads:read")
    assert "vazao accounts create-organization nope" in missing
    assert "users:read" in refused("create-token", "--organization", "acme", "--application", "a",
                                   "--scope", "root")
    arguments = ("create-user", "ana", "--organization", "acme", "--password-stdin")
    assert "8 to 1,024" in refused(*arguments, stdin="short\n")
    assert "admin or member" in refused(*arguments, "--role", "root", stdin="abcdefgh\n")
    assert vazao(*arguments, stdin="abcdefgh\n").exit_code == 0
    assert "already" in refused(*arguments, stdin="abcdefgh\n")


def test_a_database_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAZAO_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    assert "VAZAO_DATABASE_URL" in refused("list-organizations")


def test_a_database_that_is_not_prepared(
    monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    with psycopg.connect(database_url) as conn:
        conn.execute("drop schema accounts cascade")
    assert "vazao migrate" in refused("list-organizations")


def test_a_setting_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAZAO_PORT", "many")
    assert "VAZAO_PORT" in refused("list-organizations")
    monkeypatch.delenv("VAZAO_PORT")
    monkeypatch.delenv("VAZAO_SECRET")
    assert "VAZAO_SECRET" in refused("list-organizations")


def test_the_traceback_is_shown_to_who_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAZAO_LOG_LEVEL", "debug")
    result = vazao("list-users", "--organization", "nope")
    assert result.exit_code == 1
    assert "Traceback" in result.stderr


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [("LANG", "pt_BR.UTF-8", "pt_BR"), ("LC_ALL", "pt_PT", "pt_BR"), ("LANG", "C", "en"),
     ("LANG", "", "en")],
)
def test_the_terminals_language(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, expected: str
) -> None:
    monkeypatch.setenv(variable, value)
    assert kit_cli.language() == expected


def administer(*arguments: str, stdin: str | None = None) -> Result:
    return runner.invoke(administering.app, list(arguments), input=stdin)


def test_an_operators_day(database_url: str) -> None:
    where = ("--organization", "acme")
    vazao("create-organization", "acme")
    for name in ("ana", "beto"):
        made = vazao("create-user", name, *where, "--role", "admin", "--password-stdin",
                     stdin="três pratos de trigo\n")
        assert made.exit_code == 0
    changed = administer("change-user", "BETO", *where, "--role", "member", "--disable",
                         "--name", "Beto", "--email", "b@x.com")
    assert changed.exit_code == 0, changed.output
    listed = vazao("list-users", *where).stdout
    assert re.search(r"\tbeto\tmember\tdisabled\n", listed)
    last = administer("change-user", "ana", *where, "--role", "member")
    assert (last.exit_code, "no administrator left" in last.stderr) == (1, True)
    unknown = administer("change-user", "carla", *where, "--enable")
    assert "There is no user called carla" in unknown.stderr
    new = administer("set-password", "ana", *where, "--password-stdin", stdin="outros três\n")
    assert new.exit_code == 0
    assert "outros" not in new.output
    assert administer("set-password", "ana", *where, "--password-stdin", stdin="ana\n").exit_code
    assert "0" in administer("end-sessions", "ana", *where).stderr
    vazao("create-token", *where, "--application", "folha", "--scope", "leads:read")
    rotated = administer("rotate-token", "1", *where, "--overlap-hours", "1")
    assert re.fullmatch(r"vz_[\w-]{43}\n", rotated.stdout)
    assert administer("revoke-token", "2", *where).exit_code == 0
    tokens = administer("list-tokens", *where).stdout.splitlines()
    assert [line.split("\t")[3] for line in tokens] == ["revoked", "active"]
    trail = administer("audit", *where).stdout
    actions = [line.split("\t")[2] for line in trail.splitlines()]
    assert actions == [
        "token.revoked", "token.rotated", "token.created", "user.sessions_ended",
        "user.password_set", "user.changed", "user.created", "user.created",
    ]
    assert "b@x.com" not in trail


def test_capacity_is_said_in_words(database_url: str) -> None:
    said = vazao("capacity", "--people", "100", "--seconds", "0.1")
    assert said.exit_code == 0, said.output
    assert re.search(r"Each thread checks \d+ passwords a second", said.stderr)
    assert re.search(r"100 sign-ins take \d+ s on these \d+ threads", said.stderr)
    assert re.search(r"A core writes \d+ home pages a second, and \d+ while", said.stderr)
