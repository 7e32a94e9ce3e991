"""Actions in a real browser: each is done once, and none is done again by the page itself."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from playwright.sync_api import expect

from tests.support.history import JOB, PARTS
from tests.support.running import PASSWORD, Running, enter, sign_in

pytestmark = pytest.mark.browser
INTO_FRAME = """(button) => {
  const frame = document.createElement("iframe");
  frame.name = button.form.target = "sink";
  document.body.append(frame);
}"""
HELD = """
create function public.test_hold() returns trigger language plpgsql as $$
begin new.state := 'held'; new.run_at := '2099-01-01'; return new; end $$;
create trigger test_hold before insert on jobs.part for each row execute function
    public.test_hold();
"""
LET_GO = """
drop trigger test_hold on jobs.part;
drop function public.test_hold();
"""


@contextmanager
def database(running: Running) -> Iterator[Any]:
    """The platform's database."""
    with psycopg.connect(running.vazao("database-url").strip(), autocommit=True) as conn:
        yield conn


@contextmanager
def held_back(running: Running) -> Iterator[None]:
    """No worker takes the parts that are written meanwhile."""
    with database(running) as conn:
        conn.execute(HELD)
        try:
            yield
        finally:
            conn.execute(LET_GO)


def write(running: Running, status: str) -> str:
    """A job of acme's with that status, which may start over; its public id."""
    values = {
        "ago": 60.0, "queue": 0.5, "lead": 4.0, "execution": 3.0, "progress": 1.0, "attempts": 1,
        "phase": None, "bytes_total": None, "kind": "numbers.sum_even", "status": status,
        "parts": 1, "error": None, "result": None, "token": secrets.token_hex(16),
    }
    with database(running) as conn:
        (values["organization_id"],) = conn.execute(
            "select id from accounts.organization where slug = 'acme'"
        ).fetchone()
        (values["job_id"],) = conn.execute(JOB, values).fetchone()
        conn.execute(PARTS, values)
    return values["token"]


def status_of(running: Running, token: str) -> str:
    """The job's status as the database has it."""
    with database(running) as conn:
        return conn.execute("select status from jobs.job where token = %s", [token]).fetchone()[0]


@pytest.fixture
def page(platform_up: Running, browser: Any) -> Iterator[Any]:
    context = browser.new_context(locale="en-US")
    made = context.new_page()
    problems: list[str] = []
    made.on("pageerror", lambda error: problems.append(str(error)))
    sign_in(made, platform_up)
    yield made
    assert problems == []
    context.close()


def press(page: Any, verb: str) -> None:
    """Press a button of a job's page that asks first, and say yes."""
    page.click(f"[popovertarget=sure-{verb}]")
    page.click(f"#sure-{verb} button[type=submit]")


def test_a_stale_tab_starts_no_cancelled_job_again(platform_up: Running, page: Any) -> None:
    token = write(platform_up, "cancelled")
    address = f"{platform_up.address}/jobs/{token}"
    stale = page.context.new_page()
    stale.goto(address)
    with held_back(platform_up):
        page.goto(address)
        press(page, "retry")
        expect(page.locator("#messages")).to_contain_text("started over")
        press(stale, "retry")
        expect(stale.locator("#messages .bad")).to_contain_text("still running")
        assert stale.url == address
        press(page, "cancel")
        expect(stale.locator("#job")).to_have_attribute("data-status", "cancelled")
        # The page loads itself once the job has ended; then it follows nothing.
        expect(stale.locator("#job[data-stream]")).to_have_count(0)
        assert status_of(platform_up, token) == "cancelled"


def test_a_double_click_asks_as_a_click_does(platform_up: Running, page: Any) -> None:
    page.goto(f"{platform_up.address}/jobs/{write(platform_up, 'cancelled')}")
    page.dblclick("[popovertarget=sure-retry]")
    expect(page.locator("#sure-retry")).to_be_visible()


def test_starting_over_together_names_what_the_list_shows(
    platform_up: Running, page: Any
) -> None:
    made = [write(platform_up, "failed") for _ in range(3)]
    other = page.context.new_page()
    page.goto(f"{platform_up.address}/jobs?status=failed&by=ana")
    with held_back(platform_up):
        for n, left in ((0, 2), (1, 2)):
            if n:
                # A question that is open stays as it is until it is answered.
                page.click("[popovertarget=sure-retry]")
            other.goto(f"{platform_up.address}/jobs/{made[n]}")
            with page.expect_response("**/jobs/rows?*"):
                press(other, "retry")
            expect(page.locator("#asks-retry")).to_contain_text(f"these {left} failed jobs")
        page.click("#sure-retry [popovertargetaction=hide]")
        expect(page.locator("#asks-retry")).to_contain_text("these 1 failed jobs")
        assert page.input_value("#sure-retry [name=jobs]") == made[2]
        press(page, "retry")
        expect(page.locator("#messages")).to_contain_text("Jobs started over: 1.")
        assert page.url == f"{platform_up.address}/jobs?status=failed&by=ana"
        for token in made:
            assert status_of(platform_up, token) == "queued"
        with database(platform_up) as conn:
            conn.execute("update jobs.job set status = 'cancelled' where status = 'queued'")
            conn.execute("update jobs.part set state = 'cancelled' where run_at = '2099-01-01'")


def fill_token(page: Any, running: Running, name: str) -> Any:
    """Fill in the form of a new token; its button."""
    page.goto(f"{running.address}/admin/tokens")
    page.fill("input[name=application]", name)
    page.check("input[value='jobs:read']")
    return page.locator("form[action='/admin/tokens'] button[type=submit]")


def test_a_button_waits_for_the_answer_however_long_it_takes(
    platform_up: Running, page: Any
) -> None:
    page.clock.install()
    button = fill_token(page, platform_up, "slow")
    # The answer goes into a frame, so that the page stays as it is while one waits for it.
    button.evaluate(INTO_FRAME)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url)
            if request.method == "POST" else None)
    with page.expect_request(lambda request: request.method == "POST"):
        button.click()
    expect(button).to_have_text("Sending…")
    expect(button).to_be_disabled()
    page.clock.fast_forward(60_000)
    button.evaluate("(button) => { button.form.requestSubmit(); button.click(); }")
    expect(button).to_be_disabled()
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    expect(button).to_have_text("Create the token")
    expect(button).to_be_enabled()
    assert len(sent) == 1
    page.goto(f"{platform_up.address}/admin/tokens")
    assert page.locator("tbody tr", has_text="slow").count() == 1


def test_a_page_that_is_shown_again_can_be_sent_again(platform_up: Running, page: Any) -> None:
    token = write(platform_up, "failed")
    with held_back(platform_up):
        page.goto(f"{platform_up.address}/jobs/{token}")
        press(page, "retry")
        expect(page.locator("#messages")).to_contain_text("started over")
        page.goto(f"{platform_up.address}/account")
        page.go_back()
        press(page, "cancel")
        expect(page.locator("#job")).to_have_attribute("data-status", "cancelled")
    expect(page.locator("#sure-retry button[type=submit]")).to_be_enabled()


def test_a_form_outlives_the_session(platform_up: Running, page: Any) -> None:
    button = fill_token(page, platform_up, "kept")
    page.context.clear_cookies(name="vazao_session")
    button.click()
    told = page.locator("#form-kept")
    expect(told).to_be_visible()
    expect(told).to_be_focused()
    expect(button).to_be_enabled()
    assert page.input_value("input[name=application]") == "kept"
    with page.context.expect_page() as opened:
        told.locator("a").click()
    other = opened.value
    enter(other)
    other.wait_for_url(f"{platform_up.address}/admin/tokens")
    button.click()
    expect(page.locator("#messages")).to_contain_text("The token was created.")
    assert page.locator("tbody tr", has_text="kept").count() == 1


def looked_at(page: Any) -> None:
    """As if its tab came to the front."""
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def test_a_form_is_not_sent_as_another_user(platform_up: Running, page: Any) -> None:
    platform_up.vazao(
        "accounts", "create-user", "joana", "--organization", "acme", "--role", "admin",
        "--password-stdin", text=PASSWORD + "\n",
    )
    button = fill_token(page, platform_up, "theirs")
    page.context.clear_cookies(name="vazao_session")
    other = page.context.new_page()
    other.goto(f"{platform_up.address}/login?next=/admin/tokens")
    enter(other, "joana")
    other.wait_for_url(f"{platform_up.address}/admin/tokens")
    button.click()
    expect(page.locator("#form-other")).to_be_visible()
    assert page.input_value("input[name=application]") == "theirs"
    other.click(".who button")
    other.wait_for_url("**/login*")
    looked_at(page)
    expect(page.locator("#form-kept")).to_be_visible()
    expect(page.locator("#form-other")).to_be_hidden()
    enter(other)
    other.wait_for_url(re.compile(r".*/$"))
    looked_at(page)
    expect(page.locator("#form-kept")).to_be_hidden()
    expect(page.locator("#form-other")).to_be_hidden()
    other.click(".who button")
    other.wait_for_url("**/login*")
    enter(other, "joana")
    other.wait_for_url(re.compile(r".*/$"))
    button.click()
    page.click("#form-other a")
    expect(page.locator(".who a")).to_have_text("joana")
    page.goto(f"{platform_up.address}/admin/tokens")
    assert page.locator("tbody tr", has_text="theirs").count() == 0
