"""``vazao jobs allow-source`` as a person types it."""

from __future__ import annotations

import logging as std_logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from typer.testing import CliRunner, Result

from tests.support.jobs import make_platform
from vazao.kit import cli
from vazao.kit.errors import NotFound
from vazao.main import command_group
from vazao.numbers.cli import app

SLUGS = {"acme": 1, "other": 2}


@pytest.fixture
def configured(
    database_url: str, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    platform = make_platform(database_url, data_dir)

    async def resolve(conn: Any, slug: str) -> int:
        if slug not in SLUGS:
            raise NotFound("There is no organization {slug}.", slug=slug)
        return SLUGS[slug]

    platform.registry.resolve_organization = resolve
    monkeypatch.setenv("VAZAO_DATABASE_URL", database_url)
    monkeypatch.setenv("VAZAO_SECRET", "x" * 32)
    monkeypatch.setenv("VAZAO_DATA_DIR", str(data_dir))
    monkeypatch.setattr(cli, "_registry", lambda: platform.registry)
    yield
    # The commands logged to the runner's own stderr, which is closed by now.
    structlog.reset_defaults()
    std_logging.getLogger().handlers[:] = []


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
