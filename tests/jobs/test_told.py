"""What the pages of jobs say in words: file and person, results, why one failed, until when."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from tests.support.history import write_job
from tests.support.people import People, read
from vazao.jobs import service
from vazao.kit.errors import NotFound

pytestmark = pytest.mark.anyio
Browser = httpx2.AsyncClient
FAILED = {
    "code": "row_wrong", "message": "The value {value} is bad.", "remedy": "Correct it.",
    "params": {"value": "x"},
}


async def test_the_list_names_the_file_and_who_asked(
    people: People, browser: Browser, organization: int
) -> None:
    async with people.platform.db.transaction() as conn:
        job = await service.enqueue(
            conn, "test.echo", organization_id=organization, requested_by="Ana <b>",
            payload={"about": "clientes <i>.csv"},
        )
    for path in ("/jobs", f"/jobs/{job.token}"):
        text = await read(browser, path)
        assert "clientes &lt;i&gt;.csv" in text
        assert "Ana &lt;b&gt;" in text


async def test_a_result_is_told_in_words(
    people: People, browser: Browser, organization: int
) -> None:
    kinds = people.platform.registry.job_kinds
    kinds["test.echo"] = replace(
        kinds["test.echo"], labels={"rows": "Rows", "sum": "Result", "none": "State"}
    )
    token = await write_job(
        people.platform, organization, result={"rows": 12345, "sum": "9" * 150_001, "secret": "x"}
    )
    text = await read(browser, f"/jobs/{token}")
    assert re.search(r"<dt>Rows</dt><dd[^>]*>12,345</dd>", text)
    assert "9" * 150_000 + " …" in text
    assert "9" * 150_001 not in text
    assert "secret" not in text
    assert "test.echo" not in re.sub(r'href="[^"]*"', "", text), "the kind is said in words"


async def test_a_failed_job_has_a_reason_and_no_result(
    people: People, browser: Browser, organization: int
) -> None:
    kinds = people.platform.registry.job_kinds
    kinds["test.echo"] = replace(kinds["test.echo"], result_path="/there/{token}")
    token = await write_job(people.platform, organization, status="failed", error=FAILED)
    text = await read(browser, f"/jobs/{token}")
    assert "See the result" not in text
    alert = text.partition('role="alert"')[2].partition("</div>")[0]
    assert "is bad." in alert
    assert "<p>Correct it.</p>" in alert
    done = await write_job(people.platform, organization)
    assert "See the result" in await read(browser, f"/jobs/{done}")


async def test_until_when_a_file_is_kept(
    people: People, browser: Browser, organization: int
) -> None:
    answers: list[datetime | None] = [datetime(2031, 5, 4, 3, 2, tzinfo=UTC), None]

    async def kept(conn: Any, job: Any) -> datetime | None:
        if not answers:
            raise NotFound
        return answers.pop(0)

    kinds = people.platform.registry.job_kinds
    kinds["test.fan"] = replace(
        kinds["test.fan"], result_path="/pictures/{token}", result_type="image/png", kept=kept
    )
    token = await write_job(people.platform, organization, "test.fan")
    assert "data-local>2031-05-04 03:02 UTC</time>." in await read(browser, f"/jobs/{token}")
    assert "It can be downloaded" not in await read(browser, f"/jobs/{token}")
    gone = await read(browser, f"/jobs/{token}")
    assert "has been removed" in gone
    assert "<img" not in gone.partition("<main")[2]
