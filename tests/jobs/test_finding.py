"""Finding jobs in their list, letting failed ones start over together, and what comes next."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from typing import Any
from unicodedata import normalize

import httpx2
import pytest

from tests.support.history import write_job
from tests.support.people import People, csrf_in
from vazao.jobs import FileGone, overview

pytestmark = pytest.mark.anyio
Browser = httpx2.AsyncClient


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


async def shown(browser: Browser, **query: str) -> list[str]:
    """The jobs of the list and of the piece of it that is renewed, which agree."""
    found = []
    for path in ("/jobs", "/jobs/rows"):
        answer = await browser.get(path, params=query)
        assert answer.status_code == 200, answer.text
        found.append(re.findall(r'id="job-([0-9a-f]{32})"', answer.text))
    assert found[0] == found[1]
    return found[0]


async def named(people: People, organization: int, by: str, about: str) -> str:
    """A job that *by* asked for, on *about*."""
    token = await write_job(people.platform, organization)
    await change(
        people, "update jobs.job set requested_by = %s, "
        "payload = jsonb_build_object('about', %s::text) where token = %s", by, about, token
    )
    return token


async def test_jobs_are_found_by_who_asked_file_and_id(
    people: People, browser: Browser, organization: int
) -> None:
    march = await named(people, organization, "ana", "Clientes_março.csv")
    april = await named(people, organization, "beto & filhos", "clientes_abril.csv")
    foreign = await named(people, await people.found_organization(), "ana", "clientes_abril.csv")
    assert await shown(browser, by="ana") == [march]
    assert await shown(browser, by="beto & filhos") == [april]
    assert await shown(browser, by="An") == [], "a name is whole"
    assert await shown(browser, q="CLIENTES_") == [april, march]
    assert await shown(browser, q=" março ") == [march]
    assert await shown(browser, by="ANA") == [march]
    taken_apart = await named(people, organization, "ana", normalize("NFD", "relatório.csv"))
    assert await shown(browser, q="relatório") == [taken_apart]
    assert await shown(browser, q=normalize("NFD", "relatório")) == [taken_apart]
    assert await shown(browser, q="%") == [], "no pattern"
    assert await shown(browser, q=april.upper()) == [april]
    assert await shown(browser, q=april[:31]) == [], "an id is whole"
    assert await shown(browser, q=foreign) == []
    assert await shown(browser, q="\0abril\0", by="beto & filhos", kind="test.echo") == [april]
    assert await shown(browser, q="abril", by="ana") == []
    assert await shown(browser, q="abril", status="failed") == []
    text = (await browser.get("/jobs")).text
    assert 'href="/jobs?by=beto+%26+filhos"' in text, "from a row to all that they asked for"


async def test_pages_of_a_search_keep_it(
    people: People, browser: Browser, organization: int
) -> None:
    made = [await named(people, organization, "ana", "x.csv") for _ in range(27)]
    await named(people, organization, "beto", "x.csv")
    text = (await browser.get("/jobs?by=ana&q=x")).text
    following = re.search(r'rel="next" href="([^"]+)"', text)
    assert following
    rest = (await browser.get("/jobs" + html.unescape(following[1]))).text
    assert re.findall(r'id="job-([0-9a-f]{32})"', rest) == made[1::-1]
    assert 'name="by" value="ana"' in rest
    assert 'name="q" value="x"' in rest


async def test_a_search_looks_no_further_than_it_says(
    people: People, browser: Browser, organization: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overview, "SEARCHED", 2)
    old, *new = [await named(people, organization, "ana", "x.csv") for _ in range(3)]
    await write_job(people.platform, await people.found_organization())
    assert await shown(browser, by="ana") == await shown(browser, q="x.c") == new[::-1]
    assert await shown(browser, q=old) == [old], "an id has an index"
    assert "the newest 2 jobs only" in (await browser.get("/jobs?q=x")).text


async def gone(conn: Any, found: Any) -> Any:
    """Why jobs of a kind cannot start over."""
    return {job.id: FileGone() for job in found}


async def test_what_cannot_start_over_is_not_offered(
    people: People, browser: Browser, organization: int
) -> None:
    kinds = people.platform.registry.job_kinds
    kinds["test.fan"] = replace(kinds["test.fan"], bars=gone)
    for status in ("failed", "cancelled"):
        lost = await write_job(people.platform, organization, "test.fan", status)
        kept = await write_job(people.platform, organization, "test.echo", status)
        for token, offered in ((lost, False), (kept, True)):
            text = (await browser.get(f"/jobs/{token}")).text
            assert ("sure-retry" in text, "Send the file again." in text) == (offered, not offered)
    done = await write_job(people.platform, organization, "test.fan", "finished")
    assert "Send the file again." not in (await browser.get(f"/jobs/{done}")).text
    assert "Start these 1 failed jobs over" in (await browser.get("/jobs?status=failed")).text
    assert "/jobs/retry" not in (await browser.get("/jobs?status=failed&kind=test.fan")).text
    api = await people.with_token(organization, "jobs:read", "jobs:write")
    refused = await api.post(f"/v1/jobs/{lost}/retry")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "file_gone")


async def test_failed_jobs_of_a_page_start_over_together(
    people: People, browser: Browser, organization: int
) -> None:
    async def made(kind: str, status: str) -> str:
        return await write_job(people.platform, organization, kind, status)

    failed = [await made("test.echo", "failed") for _ in range(3)]
    other = await made("test.fan", "failed")
    foreign = await write_job(
        people.platform, await people.found_organization(), status="failed"
    )
    assert "/jobs/retry" not in (await browser.get("/jobs")).text
    text = (await browser.get("/jobs?status=failed&kind=test.echo")).text
    assert "Start these 3 failed jobs over" in text
    listed = re.search(r'name="jobs" value="([^"]+)"', text)
    assert listed
    assert listed[1].split(",") == failed[::-1]
    await change(people, "update jobs.job set status = 'finished' where token = %s", failed[0])
    renewed = (await browser.get("/jobs/rows?status=failed&kind=test.echo")).text
    assert "Start these 2 failed jobs over" in renewed
    assert f'value="{failed[2]},{failed[1]}"' in renewed
    form = {"csrf": csrf_in(text), "jobs": f"{listed[1]},{foreign},x,\0"}
    assert (await browser.post("/jobs/retry", data=form | {"csrf": "x"})).status_code == 403
    answer = await browser.post("/jobs/retry", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/jobs")
    said = '<p class="message warn" role="status">Jobs started over: 2. Jobs not started over: 3. '
    text = (await browser.get("/jobs")).text
    assert said in text
    assert "There is no such job." in text
    assert "Jobs not started over: 1. The job has finished" in text
    assert await shown(browser, status="queued") == failed[:0:-1]
    assert await shown(browser, status="failed") == [other]
    async with people.platform.db.connection() as conn:
        row = await (await conn.execute(
            "select status from jobs.job where token = %s", [foreign]
        )).fetchone()
    assert row == ("failed",)
    for jobs in ({}, {"jobs": ""}):
        assert (await browser.post("/jobs/retry", data=form | jobs)).status_code == 303
        assert 'warn" role="status">Jobs started over: 0.' in (await browser.get("/jobs")).text
    reader = await people.with_token(organization, "jobs:read")
    assert (await reader.post("/jobs/retry", data={"jobs": other})).status_code == 403


@pytest.mark.parametrize(("query", "target"), [
    ("status=failed&kind=test.echo&by=beto+%26+filhos&q=a%0Ab&after=",
     "/jobs?status=failed&kind=test.echo&by=beto+%26+filhos&q=a%0Ab"),
    ("after=WzVd&status=failed", "/jobs?status=failed&after=WzVd"), ("", "/jobs"),
    ("status=x", "/jobs"), ("next=//other.example", "/jobs"), ("\r\nSet-Cookie: a=b", "/jobs"),
])
async def test_started_over_the_list_is_as_it_was(
    people: People, browser: Browser, organization: int, query: str, target: str
) -> None:
    token = await write_job(people.platform, organization, status="failed")
    text = (await browser.get("/jobs?status=failed&by=ana")).text
    assert 'name="back" value="status=failed&amp;by=ana&amp;after="' in text
    form = {"csrf": csrf_in(text), "jobs": token, "back": query}
    answer = await browser.post("/jobs/retry", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, target)
    assert 'class="message ok" role="status">Jobs started over: 1.</p>' in (
        await browser.get("/jobs")
    ).text
