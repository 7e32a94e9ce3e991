"""What scripts write on a page: figures as the server writes them, times apart, copied texts."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.support.running import Running, sign_in
from vazao.kit import formats

pytestmark = pytest.mark.browser
TIMES = """(moments) => moments.map((hours) => {
    const time = document.createElement("time");
    time.dateTime = new Date(Date.now() - hours * 3600000).toISOString();
    time.dataset.relative = "";
    document.querySelector("main").append(time);
    document.body.dispatchEvent(new CustomEvent("htmx:load", { detail: { elt: time.parentElement },
        bubbles: true }));
    return time.textContent;
})"""


@pytest.fixture(scope="module")
def opened(platform_up: Running, browser: Any) -> Any:
    context = browser.new_context(locale="pt-BR")
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    sign_in(page, platform_up)
    yield page
    context.close()


@pytest.mark.parametrize(("format", "writes", "values"), [
    ("percent", formats.percent, [0, 0.29, 0.57, 0.58, 0.999, 0.9999999999, 1]),
    ("bytes", formats.size, [0, 1023, 1024, 1048524, 1048525, (1 << 20) - 1, 5 << 40]),
    ("seconds", formats.duration, [0.012, 0.9994, 0.9996, 1.44, 59.94, 59.97, 125, 12000]),
])
def test_figures_are_those_of_the_server(
    opened: Any, format: str, writes: Any, values: list[float]
) -> None:
    written = opened.evaluate(
        "([values, format]) => values.map((value) => window.vazao.written(value, format))",
        [values, format],
    )
    assert written == [writes(value, "pt_BR") for value in values]


def test_times_are_counted_in_days_not_in_those_of_a_calendar(opened: Any) -> None:
    assert opened.evaluate(TIMES, [0, 1.5, 47.5]) == ["agora", "há 1 hora", "há 1 dia"]


def test_a_button_that_copied_twice_says_again_what_it_does(
    opened: Any, platform_up: Running
) -> None:
    opened.goto(f"{platform_up.address}/admin/tokens")
    opened.get_by_label("Aplicação", exact=True).fill("copiado")
    opened.get_by_label("leads:read").check()
    opened.get_by_role("button", name="Criar o token").click()
    button = opened.locator("button[data-copy=token]")
    expect(button).to_have_text("Copiar")
    button.click()
    expect(button).to_have_text("Copiado")
    button.click()
    expect(button).to_have_text("Copiar")
