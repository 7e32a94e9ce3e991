"""Signing in with a real browser: wrong, too often, at a storm with a ticket; sessions, home."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from typing import Any

import httpx2
import pytest

from tests.support.running import PASSWORD, Running, running_platform, sign_in

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def narrow() -> Iterator[Running]:
    """A platform whose line of sign-ins is short: one thread, and a deadline of a second."""
    with running_platform(
        VAZAO_ACCOUNTS_SIGN_IN_SECONDS="1", VAZAO_ACCOUNTS_HASH_SHARE="0.5",
        VAZAO_WEB_PROCESSES="1", VAZAO_TRUSTED_PROXIES="127.0.0.1",
    ) as running:
        running.vazao("accounts", "create-organization", "acme")
        for name in ("maria", "joao"):
            running.vazao(
                "accounts", "create-user", name, "--organization", "acme", "--role", "admin",
                "--password-stdin", text=PASSWORD + "\n",
            )
        yield running


@contextmanager
def storm(running: Running) -> Iterator[None]:
    """Many others sign in all the time, each from an address of their own."""
    stop = threading.Event()

    def come(n: int) -> None:
        with httpx2.Client(base_url=running.address, timeout=20) as client:
            for turn in count():
                if stop.is_set():
                    return
                given = {"username": f"x{n}-{turn}", "password": "guess"}
                place = {"X-Forwarded-For": f"10.{n}.{turn >> 8 & 255}.{turn & 255}"}
                with suppress(httpx2.HTTPError):
                    client.post("/v1/sessions", json=given, headers=place)

    others = [threading.Thread(target=come, args=(n,)) for n in range(60)]
    for each in others:
        each.start()
    try:
        yield
    finally:
        stop.set()
        for each in others:
            each.join()


def fill(page: Any, running: Running, password: str, name: str = "maria") -> None:
    page.goto(f"{running.address}/login?next=/account")
    page.fill("input[name=username]", name)
    page.fill("input[name=password]", password)


def test_a_wrong_password_is_said_and_the_right_one_goes_on(
    narrow: Running, browser: Any
) -> None:
    page = browser.new_context().new_page()
    fill(page, narrow, "wrong")
    page.click("main button[type=submit]")
    page.locator("[role=alert]", has_text="not right").wait_for()
    assert page.input_value("input[name=username]") == "maria"
    assert page.input_value("input[name=password]") == ""
    page.fill("input[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/account")
    page.context.close()


def test_who_guesses_is_slowed_down(narrow: Running, browser: Any) -> None:
    page = browser.new_context(locale="pt-BR").new_page()
    said = page.locator("[role=alert]", has_text="Tente de novo em")
    # Who guesses slowly, as a busy machine does, is let try until the pause is longer than that.
    guesses = 0
    while guesses < 12 and not said.is_visible():
        guesses += 1
        fill(page, narrow, "wrong", "joao")
        page.click("main button[type=submit]")
        page.locator("[role=alert]").wait_for()
    assert guesses > 5, "five are free"
    assert "Tentativas demais" in said.inner_text()
    assert page.url.endswith("/login?next=/account"), "nobody was let in"
    page.context.close()


def test_at_a_storm_the_page_waits_and_gets_in(narrow: Running, browser: Any) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    waiting = page.locator("[data-place]", has_text="Your place")
    with storm(narrow):
        for _ in range(20):
            fill(page, narrow, PASSWORD)
            page.click("main button[type=submit]")
            page.locator("[data-place]:visible, form[action='/account/profile']").first.wait_for()
            if waiting.is_visible():
                break
            # The line had room for a moment.
            context.clear_cookies()
        assert waiting.is_visible()
        assert page.input_value("input[name=password]") == PASSWORD, "it stays in the browser"
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.wait_for_url("**/account", timeout=30_000)
    context.close()


def test_without_the_script_the_form_says_when_to_try(narrow: Running, browser: Any) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    with storm(narrow):
        for _ in range(50):
            fill(page, narrow, PASSWORD)
            page.click("main button[type=submit]")
            if page.locator("text=Too many people").count():
                break
            # The line had room for a moment.
            context.clear_cookies()
        assert page.locator("text=Too many people are signing in").count() == 1
        assert page.get_attribute("input[name=ticket]", "value")
    context.close()


def test_a_session_that_was_ended_elsewhere_is_over(narrow: Running, browser: Any) -> None:
    first, second = (browser.new_context().new_page() for _ in range(2))
    sign_in(first, narrow)
    sign_in(second, narrow)
    second.goto(f"{narrow.address}/account/sessions")
    second.click("[popovertarget=sure-others]")
    second.click("form[action$='revoke-others'] button[type=submit]")
    second.wait_for_selector("text=You signed out of all your other sessions.")
    first.goto(narrow.address)
    first.wait_for_url("**/login*")
    assert first.locator("input[name=password]").is_visible()
    second.goto(narrow.address)
    assert second.locator("h1").inner_text().startswith("Welcome"), "the one who ended it stays"
    for each in (first, second):
        each.context.close()


def test_an_admins_day_and_home_on_a_phone(narrow: Running, browser: Any) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, locale="pt-BR")
    page = context.new_page()
    sign_in(page, narrow)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.goto(f"{narrow.address}/admin/users")
    page.click("a:has-text('joao')")
    page.fill("input[name=name]", "João da Silva")
    page.click("form[action^='/admin/users/'] button >> nth=0")
    page.wait_for_selector("text=O usuário foi salvo.")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.goto(f"{narrow.address}/admin/audit")
    page.wait_for_selector("main table >> text=Usuário alterado")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()
