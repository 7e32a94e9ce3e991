"""``vazao jobs`` as a person types it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tests.support.commands import commanded
from tests.support.jobs import make_platform
from vazao import jobs
from vazao.jobs.cli import app
from vazao.jobs.models import Job
from vazao.kit import cli
from vazao.kit.platform import Platform
from vazao.kit.settings import Settings

NAMES = {1: "acme", 2: "other"}


@pytest.fixture
def job(
    database_url: str, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Job]:
    platform = make_platform(database_url, data_dir)
    with commanded(platform, monkeypatch):
        yield asyncio.run(enqueue(1))


async def enqueue(organization_id: int) -> Job:
    """A job of an organization, on the platform that commands act on."""
    known = cli._registry()
    settings = Settings()
    platform = Platform(settings, settings.direct_url or "", known, direct=True)
    await platform.open()
    try:
        async with platform.db.transaction() as conn:
            return await jobs.enqueue(
                conn, "test.echo", organization_id=organization_id, payload={}
            )
    finally:
        await platform.close()


def vazao(*words: str) -> Result:
    return CliRunner().invoke(app, words)


def test_list_show_cancel_retry(job: Job) -> None:
    listed = json.loads(vazao("list", "-o", "acme", "--json").stdout)
    assert [item["id"] for item in listed] == [job.token]
    assert "test.echo" in vazao("list", "-o", "acme").stdout
    shown = json.loads(vazao("show", job.token, "-o", "acme", "--json").stdout)
    assert shown == listed[0] | {
        "report": None, "result": None, "waits_for": shown["waits_for"]
    }
    assert shown["waits_for"]["reason"] == "workers"
    assert "queued" in vazao("show", job.token, "-o", "acme").stdout
    cancelled = json.loads(vazao("cancel", job.token, "-o", "acme", "--json").stdout)
    assert cancelled["status"] == "cancelled"
    assert set(cancelled) == set(shown) - {"result"}
    again = json.loads(vazao("retry", job.token, "-o", "acme", "--json").stdout)
    assert (again["status"], again["attempts"]) == ("queued", 2)


def lines(*words: str, width: str = "80") -> list[list[str]]:
    """What a command prints, its columns by line."""
    done = CliRunner().invoke(app, words, env={"COLUMNS": width, "TERM": "xterm"})
    assert done.exit_code == 0, done.output
    return [line.split() for line in done.stdout.splitlines()]


@pytest.mark.parametrize("width", ["80", "20", "300"])
def test_ids_are_whole_at_every_width(job: Job, width: str) -> None:
    names, row = lines("list", "-o", "acme", width=width)
    assert (names[0], row[0], row[1]) == ("id", job.token, "test.echo")
    assert ["id", job.token] in lines("show", job.token, "-o", "acme", width=width)


def test_all_are_listed_each_with_its_organization(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def slugs(conn: Any, ids: set[int]) -> dict[int, str]:
        return {organization_id: NAMES[organization_id] for organization_id in ids}

    monkeypatch.setattr(cli._registry(), "name_organizations", slugs)
    other = asyncio.run(enqueue(2))
    names, *rows = lines("list", "--all")
    assert names[:2] == ["organization", "id"]
    assert [row[:2] for row in rows] == [["other", other.token], ["acme", job.token]]
    listed = json.loads(vazao("list", "--all", "--json").stdout)
    assert [(each["organization"], each["id"]) for each in listed] == [
        ("other", other.token), ("acme", job.token)
    ]
    assert len(lines("list", "--all", "--limit", "1")) == 2
    assert len(lines("list", "--all", "--status", "finished")) == 1
    assert len(lines("list", "--all", "--kind", "no.such")) == 1
    assert len(lines("list", "-o", "acme")) == 2


def test_a_list_is_of_an_organization_or_of_all(job: Job) -> None:
    refused = CliRunner().invoke(app, ["list"], env={"VAZAO_ORGANIZATION": None})
    assert refused.exit_code == 2
    assert "--all" in refused.stderr


@pytest.mark.parametrize("slug", ["other", "nobody"])
def test_what_is_not_there_is_said_in_one_line(job: Job, slug: str) -> None:
    answer = vazao("show", job.token, "-o", slug)
    assert answer.exit_code == 1
    assert answer.stderr.startswith("There is no")
    assert answer.stderr.count("\n") == 1
    assert json.loads(vazao("list", "-o", "other", "--json").stdout) == []
