"""Finding jobs in their list, letting failed ones start over together, and what comes next."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.history import write_job
from tests.support.jobs import make_platform
from tests.support.people import People, csrf_in

pytestmark = pytest.mark.anyio
Browser = httpx2.AsyncClient


@pytest.fixture
async def people(database_url: str, data_dir: Path) -> AsyncIterator[People]:
    made = People(make_platform(database_url, data_dir))
    await made.platform.open()
    yield made
    await made.close()
    await made.platform.close()


@pytest.fixture
async def organization(people: People) -> int:
    return await people.found_organization()


@pytest.fixture
async def browser(people: People, organization: int) -> Browser:
    return await people.signed_in(organization)


async def change(people: People, statement: str, *values: Any) -> None:
    """Change rows as time would."""
    async with people.platform.db.transaction() as conn:
        await conn.execute(statement, values)


async def test_a_job_that_is_tried_again_says_when(
    people: People, browser: Browser, organization: int
) -> None:
    token = await write_job(people.platform, organization, status="queued")
    await change(people, "insert into jobs.worker (host, pid, process_start) values ('x', 1, 'y')")
    await change(
        people, "update jobs.part set state = 'held', run_at = '2099-03-04 05:06:07+00' from "
        "jobs.job as j where j.id = job_id and j.token = %s", token
    )
    for path in (f"/jobs/{token}", f"/jobs/{token}/course"):
        text = (await browser.get(path)).text
        told = re.search(r'data-waits="retry">(.*?)</p>', text, re.DOTALL)
        assert told
        assert "Next attempt:" in told[1]
        assert 'datetime="2099-03-04T05:06:07' in told[1]
        assert "05:06:07 UTC" in told[1], "also without scripts"
