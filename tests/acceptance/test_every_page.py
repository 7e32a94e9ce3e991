"""Every page in a real browser: axe finds nothing, nothing is cut off, and nobody is left stuck.

Both themes, at 390 and 1366 pixels; ``bench/pages.py`` prints the same as a table.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.support.every_page import (
    AXE,
    CHIEF,
    CHIEF_PASSWORD,
    FIXED,
    PLATFORM,
    filled,
    looks,
    opened,
    signed_in,
    too_wide,
    violations,
)
from tests.support.running import Running, running_platform

pytestmark = pytest.mark.browser
LEADS = "input[value='leads:read']"


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    """A platform with the demonstration's organization."""
    with running_platform(VAZAO_WEB_PROCESSES="1") as made:
        yield made


@pytest.fixture(scope="module")
def pages(running: Running) -> dict[str, str]:
    return filled(running)


@pytest.fixture(scope="module")
def page(running: Running, pages: dict[str, str], browser: Any) -> Iterator[Any]:
    """A page of the demonstration's admin, the same for all that only look."""
    with signed_in(browser, running, locale="en-US") as made:
        yield made


@contextmanager
def admin(running: Running, browser: Any, **options: Any) -> Iterator[Any]:
    """A page of their own for those that change something."""
    with signed_in(browser, running, locale="en-US", **options) as made:
        yield made


@pytest.mark.skipif(not AXE.is_file(), reason="NOT TESTED: axe is not gathered; make install-dev")
@pytest.mark.parametrize("half", [0, 1])
def test_axe_finds_nothing(
    running: Running, pages: dict[str, str], page: Any, half: int
) -> None:
    found = []
    for name in [*pages][half::2]:
        opened(page, running.address + pages[name])
        found += [f"{name}, {width}, {theme}: {line}" for width, theme in looks(page)
                  for line in violations(page, theme)]
    assert found == []


@pytest.mark.skipif(not AXE.is_file(), reason="NOT TESTED: axe is not gathered; make install-dev")
def test_axe_finds_nothing_on_the_platform_s_own_pages(running: Running, browser: Any) -> None:
    running.vazao(
        "accounts", "create-user", CHIEF, "--organization", "public", "--role", "admin",
        "--password-stdin", text=CHIEF_PASSWORD,
    )
    found = []
    with signed_in(browser, running, CHIEF, CHIEF_PASSWORD, locale="pt-BR") as page:
        for name, path in PLATFORM.items():
            opened(page, running.address + path)
            found += [f"{name}, {width}, {theme}: {line}" for width, theme in looks(page)
                      for line in violations(page, theme)]
            found += [f"{name}: {line}" for line in too_wide(page)]
    assert found == []


@pytest.mark.skipif(not AXE.is_file(), reason="NOT TESTED: axe is not gathered; make install-dev")
def test_axe_finds_nothing_where_something_was_done(
    running: Running, pages: dict[str, str], browser: Any
) -> None:
    found: list[str] = []

    def look(page: Any, name: str) -> None:
        found.extend(f"{name}, {width}, {theme}: {line}" for width, theme in looks(page)
                     for line in violations(page, theme))

    with admin(running, browser) as page:
        make_token(page, running)
        look(page, "a new token")
        page.click("[popovertarget^='sure-revoke']")
        look(page, "a question")
        page.goto(f"{running.address}/leads/new")
        page.fill("input[name=email]", "a@b.c")
        page.fill("input[name=phone]", "x")
        page.click("main button[type=submit]")
        page.wait_for_selector("[aria-invalid=true]")
        look(page, "a form that was refused")
        page.goto(f"{running.address}/leads/purge")
        look(page, "where a person is named")
        page.fill("#purge-email", "ninguem@example.com")
        page.click("form[action='/leads/purge'] button")
        page.wait_for_selector("input[name=sure]", state="attached")
        look(page, "a question on a page of its own")
        page.context.clear_cookies()
        page.goto(f"{running.address}/login")
        look(page, "signing in")
    assert found == []


def test_nothing_is_cut_off_on_a_phone_in_portuguese(
    running: Running, pages: dict[str, str], browser: Any
) -> None:
    with signed_in(browser, running, locale="pt-BR") as page:
        found = []
        for name, path in pages.items():
            opened(page, running.address + path)
            found += [f"{name}: {line}" for line in too_wide(page)]
    assert found == []


def make_token(page: Any, running: Running) -> None:
    page.goto(f"{running.address}/admin/tokens")
    page.fill("input[name=application]", "loja")
    page.check(LEADS)
    page.click("form[action='/admin/tokens'] button[type=submit]")
    page.wait_for_selector("#token")


def test_a_token_is_shown_once_and_copied(
    running: Running, pages: dict[str, str], browser: Any
) -> None:
    with admin(running, browser) as page:
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        make_token(page, running)
        secret = page.inner_text("#token")
        said = page.locator("#messages [role=status]")
        expect(said).to_have_text("The token was created.")
        assert page.evaluate("document.activeElement.id") == "messages", "a reader says it"
        page.click("[data-copy=token]")
        expect(page.locator(".copyable [role=status]").first).to_have_text("Copied")
        assert page.evaluate("navigator.clipboard.readText()") == secret
        tokens = page.locator("tbody tr").count()
        page.reload()
        assert page.locator("tbody tr").count() == tokens, "no second one"
        assert secret not in page.content()
        expect(said).to_have_count(0)
        page.goto(f"{running.address}/admin/users")
        page.go_back()
        assert secret not in page.content()
        assert not [each for each in asked if secret in each]


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
def test_what_takes_away_asks_first_by_keyboard(
    running: Running, pages: dict[str, str], browser: Any, scripts: bool
) -> None:
    with admin(running, browser, java_script_enabled=scripts) as page:
        make_token(page, running)
        row = page.locator("tbody tr").first
        revoke = row.locator("[aria-label='Revoke the token of loja']")
        revoke.focus()
        page.keyboard.press("Enter")
        question = row.locator(".sure[id^='sure-revoke']")
        expect(question).to_be_visible()
        page.keyboard.press("Enter")
        expect(question).to_be_hidden()
        assert "Active" in row.inner_text(), "the first answer takes nothing away"
        revoke.focus()
        page.keyboard.press("Enter")
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Enter")
        expect(page.locator("#messages")).to_contain_text("The token was revoked.")
        assert "Revoked" in row.inner_text()


def test_all_leads_of_a_page_are_chosen_at_once(
    running: Running, pages: dict[str, str], page: Any
) -> None:
    page.goto(f"{running.address}/leads")
    boxes = page.locator("input[name=lead]")
    page.check("[data-all]")
    assert all(box.is_checked() for box in boxes.all())
    boxes.first.uncheck()
    assert page.evaluate("document.querySelector('[data-all]').indeterminate")
    page.check("[data-all]")
    page.uncheck("[data-all]")
    assert not any(box.is_checked() for box in boxes.all())


def test_the_focus_is_seen_wherever_it_is(
    running: Running, pages: dict[str, str], page: Any
) -> None:
    for name in ("home", "jobs", "leads", "tokens"):
        page.goto(running.address + FIXED[name])
        for _ in range(25):
            page.keyboard.press("Tab")
            seen = page.evaluate("""() => {
              const style = getComputedStyle(document.activeElement);
              return style.outlineStyle !== "none" || style.boxShadow !== "none";
            }""")
            assert seen, page.evaluate("document.activeElement.outerHTML")


def test_the_history_of_imports_is_whole_on_a_laptop(running: Running, page: Any) -> None:
    page.set_viewport_size({"width": 1366, "height": 900})
    opened(page, f"{running.address}/leads/imports")
    hidden = page.evaluate(
        "(t => t.scrollWidth - t.clientWidth)(document.querySelector('#history .table'))"
    )
    assert hidden <= 0, "its last column says when"
