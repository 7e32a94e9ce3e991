"""What the settings mean, and that one which cannot be used is said before anything starts."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tests.support.commands import refused, vazao
from vazao.kit.errors import ConfigurationError
from vazao.kit.platform import check_addresses, load_secret
from vazao.kit.settings import Settings

FOREIGN = {"VAZAO_DATABASE_URL": "postgresql://127.0.0.1:1/x", "VAZAO_SECRET": "0" * 32}


def made(**chosen: object) -> Settings:
    """Settings of nothing but *chosen*."""
    return Settings(_env_file=None, **chosen)  # type: ignore[arg-type]


def test_the_data_folder_may_be_named_from_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert made(data_dir="~/dados vazão").folder == tmp_path / "dados vazão"
    assert made(data_dir="dados").folder == tmp_path / "dados"
    assert made(data_dir="~/d é").file_store == f"file://{tmp_path}/d%20%C3%A9/blobs"


def test_an_empty_variable_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAZAO_DATABASE_URL", "")
    (tmp_path / "env").write_text("VAZAO_PORT=\nVAZAO_SECRET=\n")
    settings = Settings(_env_file=tmp_path / "env")  # type: ignore[call-arg]
    assert settings.embedded
    assert settings.port == 8000
    assert settings.secret is None


@pytest.mark.parametrize("command", ["up", "web", "worker"])
@pytest.mark.parametrize(
    ("name", "value"),
    [("VAZAO_BLOB_URL", "/data/blobs"), ("VAZAO_TRUSTED_PROXIES", "10.0.0.0/33"),
     ("VAZAO_SECRET", "short")],
)
def test_it_is_said_before_anything_starts(
    command: str, name: str, value: str, tmp_path: Path
) -> None:
    chosen = {"VAZAO_SECRET": "0" * 32, name: value}
    said = refused(command, "--data-dir", str(tmp_path), **chosen)
    assert said.startswith(name)
    assert not (tmp_path / "postgres").exists()


@pytest.mark.parametrize("name", ["VAZAO_DATABASE_URL", "VAZAO_DATABASE_DIRECT_URL"])
@pytest.mark.parametrize(
    "url",
    ["mysql://maria:hush-hush@127.0.0.1/x", "postgres//maria:hush-hush@127.0.0.1",
     "postgresql://maria:hush-hush@[::1/x", "postgresql://maria:a@hush-hush@127.0.0.1/x",
     "postgresql://maria:hush-hush/b@127.0.0.1/x", "postgresql://maria:hush-hush b@127.0.0.1/x"],
)
def test_an_address_that_cannot_be_read_is_not_quoted(name: str, url: str) -> None:
    chosen = {"database_url": "postgresql://x/y", name.removeprefix("VAZAO_").lower(): url}
    with pytest.raises(ConfigurationError, match=f"^{name} cannot be read.") as caught:
        check_addresses(made(**chosen))
    assert "hush" not in caught.value.message()


@pytest.mark.parametrize(
    "url",
    ["postgresql://maria:a%40b@one:1,two:2/x", "postgres:///x?host=/run/postgresql",
     "host=@abstract dbname=x", "postgresql://[::1]/x"],
)
def test_an_address_in_another_form(url: str) -> None:
    check_addresses(made(database_url=url))


@pytest.mark.parametrize(
    ("command", "name"),
    [*((command, "VAZAO_DATABASE_URL") for command in ("up", "web", "migrate", "doctor", "psql")),
     *((command, "VAZAO_DATABASE_DIRECT_URL") for command in ("worker", "demo"))],
)
def test_no_command_shows_the_password(command: str, name: str, tmp_path: Path) -> None:
    address = {name: "postgresql://maria:hush-hush@127.0.0.1:1:2/x"}
    done = vazao(command, **{**FOREIGN, **address, "VAZAO_DATA_DIR": str(tmp_path)})
    said = done.stdout + done.stderr
    assert done.returncode == 1
    assert f"{name} cannot be read." in said
    assert "hush" not in said


def test_a_key_is_made_once_and_kept(tmp_path: Path) -> None:
    settings = made(data_dir=tmp_path / "data")
    first = load_secret(settings)
    assert len(first) == 64
    assert load_secret(settings) == first
    (file,) = (tmp_path / "data").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("text", ["", "\n", "abc"])
def test_a_key_that_was_cut_short_signs_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "secret").write_text(text)
    with pytest.raises(ConfigurationError, match="empty or cut short") as caught:
        load_secret(made(data_dir=tmp_path))
    assert str(tmp_path / "secret") in caught.value.message()


def test_a_short_key_signs_nothing() -> None:
    with pytest.raises(ConfigurationError, match="shorter than 32"):
        load_secret(made(secret="x" * 31))
    assert load_secret(made(secret="x" * 32)) == b"x" * 32
