"""``vazao jobs allow-source`` as a person types it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.support.commands import commanded
from tests.support.jobs import make_platform
from vazao.main import command_group
from vazao.numbers.cli import app


@pytest.fixture
def configured(
    database_url: str, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    with commanded(make_platform(database_url, data_dir), monkeypatch):
        yield


def test_sources_are_allowed_listed_and_taken_back(configured: None) -> None:
    runner, prefix = CliRunner(), "s3://data/in/"

    def run(*arguments: str, organization: str = "acme") -> Result:
        return runner.invoke(app, ["--organization", organization, *arguments])

    assert run().output == ""
    assert run(prefix).output.strip() == prefix
    assert run(prefix).output.strip() == prefix
    assert run(organization="other").output == ""
    assert run("s3://data/in").exit_code == 1
    assert run(prefix, "--remove").output == ""


def test_it_stands_among_the_commands_of_jobs() -> None:
    assert {"allow-source", "list", "cancel"} <= set(command_group("jobs").commands)
