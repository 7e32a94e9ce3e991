"""A large sheet on its way from the browser: a lost connection, an ended session, a reload."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.support.line import Line
from tests.support.running import Running, enter, sign_in, throttle

pytestmark = pytest.mark.browser
SLOW = 2 << 20
ROWS = 150_000


@pytest.fixture(scope="module")
def sheet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some 10 MB of CSV."""
    noise = random.Random(7)
    path = tmp_path_factory.mktemp("sheets") / "grande.csv"
    path.write_text("E-mail,Nome,Chave\n" + "".join(
        f"cut{n}@exemplo.com.br,Ana {n},{noise.randbytes(16).hex()}\n" for n in range(ROWS)
    ))
    return path


@pytest.fixture
def page(platform_up: Running, line: Line, browser: Any) -> Any:
    context = browser.new_context(locale="en-US")
    made = context.new_page()
    sign_in(made, platform_up, line.address)
    yield made
    context.close()


def drop(page: Any, line: Line, path: Path) -> list[tuple[str, int]]:
    """Drop the sheet and wait until a part of it is there; the requests of its upload."""
    asked: list[tuple[str, int]] = []
    page.on("request", lambda request: asked.append(
        (request.method, int(request.headers.get("upload-offset", 0)))
    ) if "/files" in request.url else None)
    throttle(page, SLOW)
    page.goto(f"{line.address}/leads/imports")
    page.set_input_files("form[data-sheet] input[type=file]", str(path))
    expect(page.locator("#columns")).to_be_visible()
    part_is_there(page)
    return asked


def part_is_there(page: Any) -> None:
    expect(page.locator("[data-sending-share]")).to_have_text(
        re.compile(r"^[2-7]\d%$"), timeout=30_000
    )


def arrives(page: Any) -> None:
    throttle(page, -1)
    expect(page.locator("[data-sending-state]")).to_have_text(
        "The whole file has arrived.", timeout=60_000
    )


def imported(page: Any) -> int:
    """Check what stands on the page; how many leads the sheet would bring."""
    page.click("#columns button[value=check]")
    # The page of the columns has such a link as well: what has ended is asked of the check's own.
    page.wait_for_selector("#import[data-status=finished]", timeout=60_000)
    return int(re.sub(r"\D", "", page.locator("[data-outcome=created] strong").inner_text()))


def test_a_lost_connection_is_told_and_the_upload_goes_on(
    line: Line, page: Any, sheet: Path
) -> None:
    asked = drop(page, line, sheet)
    line.cut()
    told = page.locator("[data-sending-when=lost]")
    expect(told).to_be_visible(timeout=30_000)
    assert "continues by itself" in told.inner_text()
    assert page.locator("#columns").is_visible()
    line.heal()
    arrives(page)
    expect(told).to_be_hidden()
    assert [method for method, _ in asked].count("POST") == 1
    assert max(offset for _, offset in asked) > 0, "it went on where it had stopped"
    assert imported(page) == ROWS


def test_an_ended_session_is_told_and_the_upload_goes_on_after_signing_in(
    line: Line, page: Any, sheet: Path
) -> None:
    asked = drop(page, line, sheet)
    # The session's cookie goes, as it does when its time is over; the next request tells.
    page.context.clear_cookies()
    line.cut()
    expect(page.locator("[data-sending-when=lost]")).to_be_visible(timeout=30_000)
    line.heal()
    told = page.locator("[data-sending-when=signed-out]")
    expect(told).to_be_visible(timeout=30_000)
    # The list's stream was refused as well, and says the same in other words: that stays unseen.
    elsewhere = page.locator("#signed-out")
    expect(elsewhere).to_have_js_property("hidden", False)
    expect(elsewhere).to_be_hidden()
    expect(elsewhere.locator("a")).to_have_attribute("target", "_blank")
    with page.context.expect_page() as opened:
        told.locator("a").click()
    other = opened.value
    enter(other)
    other.wait_for_url("**/leads/imports")
    expect(told).to_be_hidden(timeout=30_000)
    expect(elsewhere).to_have_js_property("hidden", True)
    arrives(page)
    assert [method for method, _ in asked].count("POST") == 1
    assert imported(page) in (ROWS, 0)


def test_after_a_reload_the_same_file_goes_on(
    line: Line, page: Any, sheet: Path
) -> None:
    asked = drop(page, line, sheet)
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto(f"{line.address}/leads/imports")
    expect(page.locator("[data-unfinished]")).to_contain_text("grande.csv")
    page.set_input_files("form[data-sheet] input[type=file]", str(sheet))
    expect(page.locator("#columns")).to_be_visible()
    arrives(page)
    assert [method for method, _ in asked].count("POST") == 1
    assert page.url.startswith(f"{line.address}/leads/imports/new?upload=")
    page.goto(f"{line.address}/leads/imports")
    expect(page.locator("[data-unfinished]")).to_be_hidden()


def test_an_upload_is_discarded(line: Line, page: Any, sheet: Path) -> None:
    asked = drop(page, line, sheet)
    page.on("dialog", lambda dialog: dialog.accept())
    page.click("[data-sending-discard]")
    expect(page.locator("form[data-sheet]")).to_be_visible()
    assert asked[-1][0] == "DELETE"
    expect(page.locator("[data-unfinished]")).to_be_hidden()
