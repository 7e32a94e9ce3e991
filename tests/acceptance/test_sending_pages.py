"""Files on their way from the pages that send them: what goes wrong, and what is said of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.support.line import Line
from tests.support.running import CHROMIUM, FLAGS, PASSWORD, Running, enter, sign_in, throttle

pytestmark = pytest.mark.browser
SIZE = 12 << 20
SLOW = 1 << 20
NUMBERS = b"1 2 3 4 -6\n"
FIELD = "form[data-sheet] input[type=file]"
HELD = "This file is already being sent."
GONE = "The file has changed, was moved, or is a folder. Choose it again."
FAILED = ".work[data-state=failed]"
PART = re.compile(r"^[2-7]\d%$")

Open = Callable[[str], Any]


@pytest.fixture
def tab(platform_up: Running, line: Line, browser: Any) -> Any:
    """Opens a path in a tab of one browser where maria is signed in."""
    context = browser.new_context(locale="en-US")
    sign_in(context.new_page(), platform_up, line.address)

    def opened(path: str) -> Any:
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("dialog", lambda dialog: dialog.accept())
        page.goto(line.address + path)
        return page

    problems: list[str] = []
    yield opened
    assert problems == []
    context.close()


@pytest.fixture
def numbers(tmp_path: Path) -> Path:
    """Some megabytes of numbers."""
    path = tmp_path / "numbers.txt"
    path.write_bytes(NUMBERS * (SIZE // len(NUMBERS)))
    return path


@pytest.fixture
def sheet(tmp_path: Path) -> Path:
    """A sheet that is large enough to go in pieces."""
    path = tmp_path / "folha.csv"
    path.write_text("E-mail,Nome\n" + "".join(
        f"folha{n}@exemplo.com.br,Ana {n} {'x' * 60}\n" for n in range(100_000)
    ))
    return path


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A sheet that goes with its form."""
    path = tmp_path / "small.csv"
    path.write_text("E-mail\nana@exemplo.com.br\n")
    return path


def choose_numbers(page: Any, path: Path) -> None:
    """Choose it, and wait until a part of it is there."""
    throttle(page, SLOW)
    page.set_input_files("[data-work] input", str(path))
    expect(page.locator("[data-work-share]")).to_have_text(PART)


def asked_of(page: Any) -> list[str]:
    """The methods of its requests about uploads, as they are made."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.method)
            if "/files" in request.url else None)
    return asked


def drop(page: Any, selector: str, *paths: Path) -> None:
    """Drop real files or a folder, as from a window of files."""
    box = page.locator(selector).bounding_box()
    session = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {
            "type": kind, "x": box["x"] + 20, "y": box["y"] + 20,
            "data": {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1},
        })


def test_a_file_that_changed_on_its_way_is_told(tab: Open, line: Line, numbers: Path) -> None:
    page = tab("/jobs/new")
    choose_numbers(page, numbers)
    numbers.write_bytes(NUMBERS)
    line.cut()
    expect(page.locator(f"{FAILED} [data-work-error]")).to_have_text(GONE)
    expect(page.locator("[data-act=again]")).to_have_count(0)
    line.heal()
    page.click("[data-act=discard]")
    throttle(page, -1)
    page.set_input_files("[data-work] input", str(numbers))
    expect(page.locator(".work[data-state=finished]")).to_have_count(1)


def test_a_large_sheet_that_changed_on_its_way_is_chosen_again(
    tab: Open, line: Line, sheet: Path
) -> None:
    page = tab("/leads/imports")
    throttle(page, SLOW)
    page.set_input_files(FIELD, str(sheet))
    expect(page.locator("[data-sending-share]")).to_have_text(PART)
    sheet.write_text(sheet.read_text() + "ultima@exemplo.com.br,Zoe\n")
    line.cut()
    expect(page.locator("[data-upload-error]")).to_have_text(GONE)
    assert page.locator(FIELD).input_value() == ""
    expect(page.locator("#columns")).to_be_hidden()
    line.heal()
    throttle(page, -1)
    page.set_input_files(FIELD, str(sheet))
    expect(page.locator("[data-sending-state]")).to_have_text("The whole file has arrived.")
    page.click("#columns button[value=check]")
    page.wait_for_selector("#import[data-status=finished]")


def test_a_folder_is_no_file(tab: Open, tmp_path: Path) -> None:
    folder, picture = tmp_path / "folder", tmp_path / "folder.png"
    folder.mkdir()
    picture.mkdir()
    asked: list[str] = []
    page = tab("/jobs/new")
    page.on("request", lambda request: asked.append(request.method))
    drop(page, "[data-drop]", folder)
    drop(page, "[data-drop]", picture)
    expect(page.locator(f"{FAILED} [data-work-error]")).to_have_text([GONE, GONE])
    assert "POST" not in asked
    page = tab("/leads/imports")
    drop(page, "[data-drop]", folder)
    expect(page.locator("[data-upload-error]")).to_have_text(GONE)
    assert page.locator(FIELD).input_value() == ""


def test_several_sheets_at_once_are_not_taken(tab: Open, small: Path, sheet: Path) -> None:
    page = tab("/leads/imports")
    drop(page, "[data-drop]", small, sheet)
    expect(page.locator("[data-drop-name]")).to_have_text("Send one file at a time.")
    assert page.locator(FIELD).input_value() == ""
    drop(page, "[data-drop]", small)
    page.wait_for_url("**/leads/imports/new?upload=*")


def test_a_small_sheet_that_changed_is_told(tab: Open, line: Line, small: Path) -> None:
    page = tab("/leads/imports")
    line.cut()
    page.set_input_files(FIELD, str(small))
    expect(page.locator("[data-upload-when=lost]")).to_be_visible()
    small.write_text("E-mail\nzoe@exemplo.com.br,\n")
    expect(page.locator("[data-upload-error]")).to_have_text(GONE)
    expect(page.locator("[data-upload-when=lost]")).to_be_hidden()
    line.heal()
    page.set_input_files(FIELD, str(small))
    page.wait_for_url("**/leads/imports/new?upload=*")


def test_a_file_is_sent_once_at_a_time(tab: Open, numbers: Path) -> None:
    page = tab("/jobs/new")
    asked = asked_of(page)
    choose_numbers(page, numbers)
    page.set_input_files("[data-work] input", str(numbers))
    expect(page.locator(f"{FAILED} [data-work-error]")).to_have_text(HELD)
    page.click(f"{FAILED} [data-act=discard]")
    other = tab("/jobs/new")
    elsewhere = asked_of(other)
    other.set_input_files("[data-work] input", str(numbers))
    expect(other.locator(f"{FAILED} [data-work-error]")).to_have_text(HELD)
    assert other.locator("[data-unfinished]").is_hidden()
    other.click(f"{FAILED} [data-act=discard]")
    expect(other.locator(".work")).to_have_count(0)
    throttle(page, -1)
    expect(page.locator(".work[data-state=finished]")).to_have_count(1)
    assert asked.count("POST") == 1
    assert "DELETE" not in asked + elsewhere


def test_without_locks_a_page_sends_a_file_once(
    platform_up: Running, browser: Any, numbers: Path
) -> None:
    # Only pages of a secure origin have locks; this computer's own address counts as one.
    address = f"http://vazao.test:{platform_up.port}"
    with browser.browser_type.launch(
        executable_path=CHROMIUM, args=[*FLAGS, "--host-resolver-rules=MAP vazao.test 127.0.0.1"],
    ) as opened:
        page = opened.new_context(locale="en-US").new_page()
        sign_in(page, platform_up, address)
        page.goto(f"{address}/jobs/new")
        assert not page.evaluate("'locks' in navigator")
        choose_numbers(page, numbers)
        page.set_input_files("[data-work] input", str(numbers))
        expect(page.locator(f"{FAILED} [data-work-error]")).to_have_text(HELD)
        page.click("[data-act=pause] >> visible=true")
        page.click(f"{FAILED} [data-act=again]")
        expect(page.locator(".work[data-state=sending]")).to_have_count(1)


def test_a_paused_upload_that_another_tab_sends_is_left_to_it(tab: Open, numbers: Path) -> None:
    page, other = tab("/jobs/new"), tab("/jobs/new")
    asked, elsewhere = asked_of(page), asked_of(other)
    choose_numbers(page, numbers)
    page.click("[data-act=pause]")
    choose_numbers(other, numbers)
    page.click("[data-act=resume]")
    expect(page.locator(f"{FAILED} [data-work-error]")).to_have_text(HELD)
    page.click("[data-act=discard]")
    expect(page.locator(".work")).to_have_count(0)
    throttle(other, -1)
    expect(other.locator(".work[data-state=finished]")).to_have_count(1)
    assert "DELETE" not in asked + elsewhere


def test_a_file_for_a_task_and_as_a_sheet_are_two_uploads(tab: Open, sheet: Path) -> None:
    page, other = tab("/jobs/new"), tab("/leads/imports")
    choose_numbers(page, sheet)
    asked = asked_of(other)
    throttle(other, SLOW)
    other.set_input_files(FIELD, str(sheet))
    expect(other.locator("[data-sending-share]")).to_have_text(PART)
    assert asked.count("POST") == 1
    other.click("[data-sending-discard]")
    expect(other.locator("form[data-sheet]")).to_be_visible()
    assert asked[-1] == "DELETE"
    throttle(page, -1)
    # A sheet is no file of numbers, which its job finds once the upload was whole.
    expect(page.locator("[data-work-job]:not([hidden])")).to_have_count(1)


def test_why_an_upload_was_not_discarded_is_told(tab: Open, line: Line, small: Path) -> None:
    page = tab("/jobs/new")
    tried: list[str] = []
    page.route("**/sum-even", lambda route: (
        tried.append(route.request.post_data), route.abort()))
    page.set_input_files("[data-work] input", str(small))
    expect(page.locator(".work[data-state=lost]")).to_have_count(1)
    page.reload()
    row = page.locator("[data-unfinished-list] > li")
    expect(row).to_have_count(1)
    line.cut()
    row.locator("[data-act]").click()
    expect(row.locator("[data-work-error]")).to_contain_text("The connection was lost.")
    line.heal()
    token = page.locator("meta[name=csrf]").get_attribute("content")
    taken = page.request.post(f"{line.address}/v1/leads/imports", data=tried[0], headers={
        "X-CSRF-Token": token, "Content-Type": "application/json",
    })
    assert taken.status == 202, taken.text()
    row.locator("[data-act]").click()
    expect(row.locator("[data-work-error]")).to_contain_text("This file belongs to a job")
    page.reload()
    expect(page.locator("[data-work]")).to_be_visible()
    assert page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('tus::'))") == []


def signs_in_elsewhere(told: Any, page: Any) -> None:
    """Follow the link to the form of signing in, which opens another tab."""
    with page.context.expect_page() as opened:
        told.locator("a").click()
    enter(opened.value)
    opened.value.wait_for_url("**/leads/imports" if "imports" in page.url else "**/jobs/new")


def test_a_small_sheet_goes_on_once_its_sender_has_signed_in(tab: Open, small: Path) -> None:
    page = tab("/leads/imports")
    page.context.clear_cookies()
    page.set_input_files(FIELD, str(small))
    told = page.locator("[data-upload-when=signed-out]")
    expect(told).to_be_visible()
    signs_in_elsewhere(told, page)
    page.wait_for_url("**/leads/imports/new?upload=*")


def test_a_picture_outlives_its_connection_and_its_session(
    tab: Open, line: Line, tmp_path: Path
) -> None:
    picture = tmp_path / "cat.png"
    Image.new("RGB", (40, 30), (1, 2, 3)).save(picture)
    page = tab("/jobs/new")
    line.cut()
    page.set_input_files("[data-work] input", str(picture))
    expect(page.locator(".work[data-state=lost]")).to_have_count(1)
    assert "kept" not in page.locator(".work").inner_text()
    page.context.clear_cookies()
    line.heal()
    expect(page.locator(".work[data-state=signed-out]")).to_have_count(1)
    signs_in_elsewhere(page.locator(".work [data-when=signed-out].message"), page)
    expect(page.locator(".work[data-state=finished]")).to_have_count(1)


def test_a_body_that_is_never_taken_is_not_sent_for_ever(tab: Open, tmp_path: Path) -> None:
    picture = tmp_path / "cat.png"
    Image.new("RGB", (40, 30)).save(picture)
    page = tab("/jobs/new")
    page.route("**/randomize*", lambda route: route.abort())
    page.set_input_files("[data-work] input", str(picture))
    expect(page.locator(f"{FAILED} [data-work-error]")).to_contain_text("The connection ended")


def signs_in(page: Any, username: str) -> None:
    page.click("header form[action='/logout'] button")
    page.wait_for_url("**/login*")
    enter(page, username)
    page.wait_for_url(re.compile(r".*/$"))


def test_unfinished_uploads_are_shown_to_who_sent_them(
    platform_up: Running, tab: Open, line: Line, sheet: Path
) -> None:
    platform_up.vazao(
        "accounts", "create-user", "rui", "--organization", "acme", "--role", "admin",
        "--password-stdin", text=PASSWORD + "\n",
    )
    page = tab("/jobs/new")
    choose_numbers(page, sheet)
    page.goto(f"{line.address}/leads/imports")
    page.set_input_files(FIELD, str(sheet))
    expect(page.locator("[data-sending-share]")).to_have_text(PART)
    page.goto(f"{line.address}/")
    signs_in(page, "rui")
    for path, place in (("/jobs/new", "[data-work]"), ("/leads/imports", "form[data-sheet]")):
        page.goto(line.address + path)
        expect(page.locator(place)).to_be_visible()
        assert page.evaluate("vazao.remembered()") == []
        assert page.evaluate("vazao.remembered('sheet')") == []
        assert page.locator("[data-unfinished]").is_hidden()
    signs_in(page, "maria")
    page.goto(f"{line.address}/leads/imports")
    expect(page.locator("[data-unfinished]")).to_contain_text(sheet.name)
    page.goto(f"{line.address}/jobs/new")
    expect(page.locator("[data-unfinished]")).to_contain_text(sheet.name)


@pytest.mark.parametrize(("status", "told"), [
    (413, "A proxy on the way refuses files of this size. Ask your administrator."),
    (429, "Too many requests. Try again later."),
    (507, "The server answered 507. Try again in a few minutes."),
    (418, "The server answered 418. Try again."),
])
def test_what_a_proxy_answers_is_told_in_words(
    tab: Open, tmp_path: Path, small: Path, status: int, told: str
) -> None:
    picture, text = tmp_path / "cat.png", tmp_path / "cat.txt"
    Image.new("RGB", (40, 30)).save(picture)
    text.write_text("2\n")
    page = tab("/jobs/new")
    for path in ("**/randomize*", "**/files", "**/leads/uploads"):
        page.context.route(path, lambda route: route.fulfill(status=status, body="<h1>no</h1>"))
    page.set_input_files("[data-work] input", [str(picture), str(text)])
    expect(page.locator(f"{FAILED} [data-work-error]")).to_have_text([told, told])
    page = tab("/leads/imports")
    page.set_input_files(FIELD, str(small))
    expect(page.locator("[data-upload-error]")).to_have_text(told)


def test_the_way_back_shows_a_form_that_takes_another_file(
    platform_up: Running, browser: Any, small: Path
) -> None:
    with browser.browser_type.launch(
        executable_path=CHROMIUM, args=FLAGS,
        ignore_default_args=["--disable-back-forward-cache"],
    ) as kept:
        page = kept.new_context(locale="en-US").new_page()
        sign_in(page, platform_up)
        page.goto(f"{platform_up.address}/leads/imports")
        page.evaluate("""() => {
          addEventListener("pageshow", ({ persisted }) => { window.was = persisted; });
          // As a form stands that was sent a moment ago.
          document.querySelector("header form").dataset.sent = "1";
        }""")
        page.set_input_files(FIELD, str(small))
        page.wait_for_url("**/leads/imports/new?upload=*")
        page.evaluate("history.back()")
        page.wait_for_function("window.was")
        assert page.locator("form[data-sheet] button").is_enabled()
        assert page.locator(FIELD).input_value() == ""
        assert page.locator("[data-upload-bar]").is_hidden()
        assert page.locator("form[data-sent]").count() == 0
        page.set_input_files(FIELD, str(small))
        page.wait_for_url("**/leads/imports/new?upload=*")
