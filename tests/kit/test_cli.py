"""Commands without an address: the embedded server runs as long as the command does."""

from __future__ import annotations

from pathlib import Path

import pytest

from vazao.kit.cli import run
from vazao.kit.embedded.server import EmbeddedPostgres
from vazao.kit.errors import Conflict
from vazao.kit.platform import Platform
from vazao.kit.settings import Settings


@pytest.fixture
def settings(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of a folder and of no database."""
    monkeypatch.delenv("VAZAO_DATABASE_URL", raising=False)
    return Settings(data_dir=folder)


async def version(platform: Platform) -> int:
    async with platform.db.connection() as conn:
        return conn.info.server_version


def test_the_embedded_server_is_started_and_stopped(settings: Settings) -> None:
    server = EmbeddedPostgres(settings.folder)
    assert run(version, settings=settings) >= 180000
    assert server.url() is None
    server.start()
    assert run(version, settings=settings) >= 180000
    assert server.url() is not None


def test_it_stops_also_when_the_command_fails(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    async def fails(platform: Platform) -> None:
        raise Conflict(remedy="Choose another.")

    with pytest.raises(SystemExit) as caught:
        run(fails, settings=settings)
    assert caught.value.code == 1
    assert capsys.readouterr().err == (
        "This conflicts with what already exists. Choose another.\n"
    )
    assert EmbeddedPostgres(settings.folder).url() is None
