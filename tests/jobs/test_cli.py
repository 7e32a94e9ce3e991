"""``vazao jobs`` as a person types it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.support.commands import commanded
from tests.support.jobs import make_platform
from vazao import jobs
from vazao.jobs.cli import app
from vazao.jobs.models import Job


@pytest.fixture
def job(
    database_url: str, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Job]:
    platform = make_platform(database_url, data_dir)

    async def make() -> Job:
        await platform.open()
        try:
            async with platform.db.transaction() as conn:
                return await jobs.enqueue(conn, "test.echo", organization_id=1, payload={})
        finally:
            await platform.close()

    with commanded(platform, monkeypatch):
        yield asyncio.run(make())


def vazao(*words: str) -> Result:
    return CliRunner().invoke(app, words)


def test_list_show_cancel_retry(job: Job) -> None:
    listed = json.loads(vazao("list", "-o", "acme", "--json").stdout)
    assert [item["id"] for item in listed] == [job.token]
    assert "test.echo" in vazao("list", "-o", "acme").stdout
    shown = json.loads(vazao("show", job.token, "-o", "acme", "--json").stdout)
    assert shown == listed[0] | {"report": None}
    assert "queued" in vazao("show", job.token, "-o", "acme").stdout
    cancelled = json.loads(vazao("cancel", job.token, "-o", "acme", "--json").stdout)
    assert cancelled["status"] == "cancelled"
    again = json.loads(vazao("retry", job.token, "-o", "acme", "--json").stdout)
    assert (again["status"], again["attempts"]) == ("queued", 2)


@pytest.mark.parametrize("slug", ["other", "nobody"])
def test_what_is_not_there_is_said_in_one_line(job: Job, slug: str) -> None:
    answer = vazao("show", job.token, "-o", slug)
    assert answer.exit_code == 1
    assert answer.stderr.startswith("There is no")
    assert answer.stderr.count("\n") == 1
    assert json.loads(vazao("list", "-o", "other", "--json").stdout) == []
