"""The pages of jobs: what they show, to whom, and that nothing hostile gets through them."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import httpx2
import pytest

from tests.support.history import write_job
from tests.support.jobs import ask, end_of, load, make_effects, working
from tests.support.people import People, csrf_in, read
from vazao.jobs import overview
from vazao.kit.web.static import address

pytestmark = pytest.mark.anyio
Browser = httpx2.AsyncClient
LANGUAGES = ["en", "pt-BR"]
HOSTILE = "<script>alert(1)</script>\"'&<b>"
FAILED = {
    "code": "row_wrong", "message": "The value {value} is bad.", "remedy": "Correct it.",
    "params": {"value": HOSTILE},
    "details": [{"code": "word", "place": "byte 7", "value": HOSTILE, "remedy": HOSTILE}],
}
UNKNOWN = "0" * 32


def tokens_in(text: str) -> list[str]:
    """The jobs that a list shows, in its order."""
    return re.findall(r'id="job-([0-9a-f]{32})"', text)


async def press(browser: Browser, path: str, **form: str) -> httpx2.Response:
    """Send a form of our pages."""
    csrf = csrf_in((await browser.get("/account")).text)
    return await browser.post(path, data={"csrf": csrf, **form})


@pytest.mark.parametrize("path", [
    "/jobs", "/jobs/rows", "/jobs/new", f"/jobs/{UNKNOWN}", f"/jobs/{UNKNOWN}/course",
])
async def test_who_is_not_signed_in_goes_to_the_sign_in(people: People, path: str) -> None:
    answer = await people.client(accept="text/html").get(path)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/login?next={path}"


async def test_signing_in_again_leads_back_to_the_list_as_it_was(
    people: People, browser: Browser
) -> None:
    path = "/jobs?status=failed&by=ana+b&q=mar%C3%A7o"
    text = await read(browser, path)
    for told in ("signed-out", "form-kept"):
        link = re.search(rf'id="{told}".*?<a href="/login\?next=([^"]+)"', text)
        assert link
        assert unquote(link[1]) == path
    answer = await people.client(accept="text/html").get("/jobs/mar%C3%A7o?a=%20")
    assert unquote(answer.headers["location"]) == "/login?next=/jobs/mar%C3%A7o?a=%20"
    csrf = csrf_in(text)
    refused = await browser.post(
        "/account/profile", data={"csrf": csrf, "name": "x", "email": "y"},
        headers={"referer": "http://vazao.test/account?a=b"},
    )
    assert 'href="/login?next=/account%3Fa%3Db"' in refused.text, "no address of an action"


@pytest.mark.parametrize("verb", ["cancel", "retry"])
async def test_nobody_acts_without_signing_in(people: People, verb: str) -> None:
    answer = await people.client().post(f"/jobs/{UNKNOWN}/{verb}")
    assert answer.status_code == 401


async def test_other_organizations_see_nothing(
    people: People, browser: Browser, organization: int
) -> None:
    foreign = await write_job(people.platform, await people.found_organization())
    own = await write_job(people.platform, organization)
    assert tokens_in(await read(browser, "/jobs")) == [own]
    for token in (foreign, UNKNOWN, "x"):
        for path in (f"/jobs/{token}", f"/jobs/{token}/course"):
            text = await read(browser, path, 404)
            assert "There is no such job." in text
        for verb in ("cancel", "retry"):
            assert (await press(browser, f"/jobs/{token}/{verb}")).status_code == 404


@pytest.mark.parametrize("verb", ["cancel", "retry"])
async def test_a_form_of_another_site_does_nothing(
    people: People, browser: Browser, organization: int, verb: str
) -> None:
    token = await write_job(people.platform, organization, status="queued")
    assert (await browser.post(f"/jobs/{token}/{verb}", data={"csrf": "x"})).status_code == 403
    assert "Queued" in await read(browser, f"/jobs/{token}")


@pytest.mark.parametrize("language", LANGUAGES)
async def test_pages_of_an_organization_without_jobs(browser: Browser, language: str) -> None:
    browser.headers["accept-language"] = language
    for path in ("/jobs", "/jobs?status=failed&kind=test.echo", "/jobs/new", "/jobs/rows", "/"):
        text = await read(browser, path)
        if language == "pt-BR":
            assert "No jobs yet" not in text
            assert "New job" not in text
    assert ("No jobs yet" in await read(browser, "/jobs")) == (language == "en")


async def test_a_list_is_filtered_by_kind_and_state(
    people: People, browser: Browser, organization: int
) -> None:
    made = {
        (kind, status): await write_job(people.platform, organization, kind, status)
        for kind in ("test.echo", "test.fan", "gone.kind")
        for status in ("queued", "running", "finished", "failed", "cancelled")
    }
    assert len(tokens_in(await read(browser, "/jobs?status=&kind="))) == len(made)
    assert "gone.kind" in await read(browser, "/jobs")
    for (kind, status), token in made.items():
        assert tokens_in(await read(browser, f"/jobs?status={status}&kind={kind}")) == [token]
        assert token in tokens_in(await read(browser, f"/jobs/rows?status={status}"))
        assert len(tokens_in(await read(browser, f"/jobs?kind={kind}"))) == 5
    assert tokens_in(await read(browser, "/jobs?kind=nothing")) == []
    assert "There is no" not in await read(browser, "/jobs?kind=nothing")


@pytest.mark.parametrize("query", ["status=receiving", "status=x", "after=x", "after=WyJhIl0"])
async def test_a_list_refuses_what_it_does_not_know(browser: Browser, query: str) -> None:
    for path in ("/jobs", "/jobs/rows"):
        said = await read(browser, f"{path}?{query}", 400)
        assert tokens_in(said) == []
        assert 'role="alert"' in said or "<h1" in said, "a page that says what is wrong"


async def test_a_list_goes_on_where_the_page_before_ended(
    people: People, browser: Browser, organization: int
) -> None:
    made = [await write_job(people.platform, organization) for _ in range(28)]
    await write_job(people.platform, organization, "test.fan")
    first = await read(browser, "/jobs?kind=test.echo")
    following = re.search(r'rel="next" href="([^"]+)"', first)
    assert following
    second = await read(browser, "/jobs" + html.unescape(following[1]))
    assert tokens_in(first) + tokens_in(second) == made[::-1]
    assert 'rel="next"' not in second


async def test_the_list_is_sent_again_only_if_something_changed(
    people: People, browser: Browser, organization: int
) -> None:
    token = await write_job(people.platform, organization, status="queued")
    again = html.unescape(re.search(r'hx-get="([^"]+)"', await read(browser, "/jobs"))[1])
    answer = await browser.get(again)
    assert (answer.status_code, answer.content) == (204, b"")
    await press(browser, f"/jobs/{token}/cancel")
    assert "Cancelled" in await read(browser, again)


async def test_the_list_shows_the_times_of_each(
    people: People, browser: Browser, organization: int
) -> None:
    await write_job(
        people.platform, organization, queue=2.0, lead=65.0, execution=30.0, ago=70.0,
        bytes_total=5 << 30,
    )
    text = await read(browser, "/jobs")
    for shown in ("2.0 s", "30.0 s", "1 min 05 s", "5.0 GiB"):
        assert shown in text


async def test_how_long_work_takes_is_drawn_by_kind(
    people: People, browser: Browser, organization: int
) -> None:
    for lead in (1.0, 2.0, 3.0):
        await write_job(people.platform, organization, lead=lead, queue=0.001, execution=lead / 2)
    await write_job(people.platform, organization, "test.fan", "failed")
    await write_job(people.platform, organization, "test.fan", ago=90_000.0)
    async with people.platform.db.connection() as conn:
        found = await overview.times(conn, organization, ["test.echo", "test.fan"])
    assert [(each.kind, each.count) for each in found] == [("test.echo", 3)]
    assert found[0].lead == pytest.approx([2.0, 2.9], rel=0.01)
    assert found[0].execution == pytest.approx([1.0, 1.45])
    text = await read(browser, "/jobs")
    assert "jobs: 3" in text
    assert text.count("<circle") == 3


async def test_the_home_page_tells_how_many_are_open(
    people: People, browser: Browser, organization: int
) -> None:
    for status in ("queued", "running", "running", "finished", "failed"):
        await write_job(people.platform, organization, status=status)
    text = await read(browser, "/")
    assert re.search(r"Jobs waiting or running</span>\s*<strong[^>]*>3<", text)


async def test_a_job_tells_everything(
    people: People, browser: Browser, organization: int
) -> None:
    job = await ask(people.platform, "test.fan", organization, parts=3)
    async with working(people.platform):
        await make_effects(people.platform)
        job = await end_of(people.platform, job)
    text = await read(browser, f"/jobs/{job.token}")
    for shown in (job.token, "Finished", "slice", "join", "Step fan done"):
        assert shown in text, shown
    assert 'data-stream' not in text
    assert "/cancel" not in text
    assert "/retry" not in text
    assert text.count('data-label="Step"') == 5


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_hostile_error_is_only_text(
    people: People, browser: Browser, organization: int, language: str
) -> None:
    browser.headers["accept-language"] = language
    token = await write_job(
        people.platform, organization, HOSTILE, "failed", error=FAILED, result={HOSTILE: HOSTILE},
        phase=HOSTILE,
    )
    for path in ("/jobs", f"/jobs/{token}", "/jobs?kind=x%22%3E%3Cscript%3E"):
        text = await read(browser, path)
        assert "<script>alert" not in text
        assert "x\"><script>" not in text
    text = html.unescape(await read(browser, f"/jobs/{token}"))
    assert f"The value {HOSTILE} is bad.</strong></p><p>Correct it.</p>" in text
    assert "row_wrong" in text
    assert "byte 7" in text


@pytest.mark.parametrize("details", [["a", HOSTILE], [1, None], [{}], [{"code": {"a": 1}}], [[]]])
async def test_details_of_any_shape_are_shown(
    people: People, browser: Browser, organization: int, details: list[Any]
) -> None:
    token = await write_job(
        people.platform, organization, status="failed", error=FAILED | {"details": details}
    )
    assert "<script>alert" not in await read(browser, f"/jobs/{token}")


async def test_a_very_long_result_is_cut(
    people: People, browser: Browser, organization: int
) -> None:
    token = await write_job(people.platform, organization, result=["x" * 100] * 10_000)
    assert len(await read(browser, f"/jobs/{token}")) < 60_000


async def test_a_job_of_many_parts(people: People, browser: Browser, organization: int) -> None:
    token = await write_job(people.platform, organization, parts=3000, status="running")
    first = await read(browser, f"/jobs/{token}")
    assert first.count('data-label="Step"') == 100
    assert first.count('<rect class="ran"') == overview.PICTURED
    assert "200 of 3,000 parts, sampled evenly" in first
    assert "Part 5 of step slice was tried 2 times" in first
    assert "errors: 1" in first
    assert "recovered from lost workers: 1" in first
    following = re.search(r'rel="next" href="([^"]+)"', first)
    assert following
    second = await read(browser, f"/jobs/{token}{html.unescape(following[1])}")
    assert 'class="num">101</td>' in second
    assert 'class="num">100</td>' not in second
    last = int(re.findall(r'<g data-state="done"><title>(\d+)', first)[-1])
    assert last == 3000


async def test_the_course_is_sent_again_only_if_something_changed(
    people: People, browser: Browser, organization: int
) -> None:
    job = await ask(people.platform, "test.echo", organization)
    text = await read(browser, f"/jobs/{job.token}")
    assert f'data-stream="/v1/jobs/{job.token}/stream"' in text
    again = html.unescape(re.search(r'hx-get="([^"]+/course[^"]*)"', text)[1])
    answer = await browser.get(again)
    assert (answer.status_code, answer.content) == (204, b"")
    async with working(people.platform):
        await end_of(people.platform, job)
    assert "hx-get" not in await read(browser, again)


async def test_cancel_and_start_over(
    people: People, browser: Browser, organization: int
) -> None:
    job = await ask(people.platform, "test.echo", organization)
    assert "popovertarget" in await read(browser, f"/jobs/{job.token}")
    answer = await press(browser, f"/jobs/{job.token}/cancel")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/jobs/{job.token}")
    assert (await load(people.platform, job)).status == "cancelled"
    answer = await press(browser, f"/jobs/{job.token}/retry")
    assert answer.status_code == 303
    assert (await load(people.platform, job)).status == "queued"


async def test_what_is_too_late_says_so_on_the_page(
    people: People, browser: Browser, organization: int
) -> None:
    token = await write_job(people.platform, organization)
    for verb, said in (("cancel", "has already ended"), ("retry", "nothing to retry")):
        answer = await press(browser, f"/jobs/{token}/{verb}")
        assert (answer.status_code, answer.headers["location"]) == (303, f"/jobs/{token}")
        text = await read(browser, f"/jobs/{token}")
        assert re.search(rf'<p class="message bad" role="alert">[^<]*{said}', text)
        assert said not in await read(browser, f"/jobs/{token}"), "once"
        program = await browser.post(
            f"/jobs/{token}/{verb}", data={"csrf": csrf_in(text)}, headers={"accept": "*/*"}
        )
        assert program.status_code == 409, "a program is told by the answer itself"


async def test_a_page_that_follows_a_job_loads_itself_and_nothing_else(
    people: People, browser: Browser, organization: int
) -> None:
    token = await write_job(people.platform, organization, parts=200, status="running")
    first = await read(browser, f"/jobs/{token}")
    assert f'data-reload="/jobs/{token}"' in first
    following = re.search(r'rel="next" href="([^"]+)"', first)
    assert following
    address = f"/jobs/{token}{html.unescape(following[1])}"
    found = re.search(r'data-reload="([^"]+)"', await read(browser, address))
    assert found
    assert html.unescape(found[1]) == address


async def test_a_token_without_the_scope_is_refused(people: People, organization: int) -> None:
    client = await people.with_token(organization, "jobs:read")
    token = await write_job(people.platform, organization)
    assert (await client.get(f"/jobs/{token}")).status_code == 200
    assert (await client.get("/jobs/new")).status_code == 403
    assert (await client.post(f"/jobs/{token}/retry")).status_code == 403


async def test_a_kind_with_a_place_for_its_outcome(
    people: People, browser: Browser, organization: int
) -> None:
    kinds = people.platform.registry.job_kinds
    kinds["test.echo"] = replace(kinds["test.echo"], result_path="/there/{token}/result")
    kinds["test.fan"] = replace(
        kinds["test.fan"], result_path="/pictures/{token}", result_type="image/png"
    )
    page_of = await write_job(people.platform, organization, status="running")
    picture = await write_job(people.platform, organization, "test.fan")
    unfinished = await write_job(people.platform, organization, "test.fan", "running")
    assert f'href="/there/{page_of}/result"' in await read(browser, f"/jobs/{page_of}")
    assert f'<img src="/pictures/{picture}"' in await read(browser, f"/jobs/{picture}")
    assert "/pictures/" not in await read(browser, f"/jobs/{unfinished}")


async def test_what_can_be_dropped_is_what_features_registered(
    people: People, browser: Browser
) -> None:
    targets = people.platform.registry.drop_targets
    assert [target.script for target in targets] == ["images.js", "numbers.js"]
    shown = await read(browser, "/jobs/new")
    places = [shown.index(target.help) for target in targets]
    assert places[1] < places[0], "in the order that they ask for"
    for target in targets:
        assert f'src="{address(target.script)}"' in shown
    targets.clear()
    assert not re.search("PNG|picture|numbers", await read(browser, "/jobs/new"))
