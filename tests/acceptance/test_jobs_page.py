"""A person at a browser: sends files to be worked on, sees the outcome, looks at the jobs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.support.running import Running, sign_in, throttle

pytestmark = pytest.mark.browser
SIZE = 12 << 20
SLOW = 3 << 20


@contextmanager
def signed_in(browser: Any, running: Running, **options: Any) -> Iterator[Any]:
    """A page of maria's; an error of a script fails the test."""
    context = browser.new_context(**{"locale": "en-US"} | options)
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    sign_in(page, running)
    yield page
    assert problems == []
    context.close()


def write_picture(path: Path) -> None:
    """A picture of which every pixel is known again by its colour."""
    pixels = bytes(value for y in range(180) for x in range(240) for value in (x, y, 7))
    Image.frombytes("RGB", (240, 180), pixels).save(path)


def pixels_of(path: Path) -> list[bytes]:
    """The colours of a picture, in their order."""
    with Image.open(path) as image:
        held = image.tobytes()
    return sorted(held[n:n + 3] for n in range(0, len(held), 3))


def state(page: Any, wanted: str) -> Any:
    """The first file on the page, once it is in that state."""
    return page.wait_for_selector(f".work[data-state={wanted}]", timeout=60_000)


def test_a_picture_is_shuffled(platform_up: Running, browser: Any, tmp_path: Path) -> None:
    picture = tmp_path / "cat.png"
    write_picture(picture)
    with signed_in(browser, platform_up) as page:
        watching = page.context.new_page()
        watching.goto(f"{platform_up.address}/jobs?kind=images.randomize")
        before = watching.locator("#rows tbody tr").count()
        page.goto(f"{platform_up.address}/jobs/new")
        page.set_input_files("[data-work] input", str(picture))
        state(page, "finished")
        expect(watching.locator("#rows tbody tr")).to_have_count(before + 1)
        expect(watching.locator("#rows tbody .badge").first).to_have_attribute(
            "data-status", "finished", timeout=20_000)
        shown = page.locator("[data-work-picture] img")
        expect(shown).to_have_js_property("naturalWidth", 240)
        expect(shown).to_have_js_property("naturalHeight", 180)
        page.click("[data-work-job]")
        page.wait_for_url(re.compile(r".*/jobs/[0-9a-f]{32}$"))
        assert page.locator("#job").get_attribute("data-status") == "finished"
        assert page.locator(".outcome img").count() == 1
        body = page.request.get(page.url.replace("/jobs/", "/randomize/") + "/result").body()
        (tmp_path / "out.png").write_bytes(body)
        assert pixels_of(picture) == pixels_of(tmp_path / "out.png")
        assert picture.read_bytes() != body
        page.click("nav.menu a[href='/jobs']")
        page.wait_for_selector("#rows tbody tr")
        assert "Shuffle of an image" in page.inner_text("#rows")


def test_a_list_shows_what_changed_before_it_began_to_listen(
    platform_up: Running, browser: Any, tmp_path: Path
) -> None:
    numbers = tmp_path / "numbers.txt"
    numbers.write_text("2\n3\n4\n")
    with signed_in(browser, platform_up) as page:
        watching = page.context.new_page()
        held: list[Any] = []
        watching.route("**/news/jobs", lambda route: held.append(route))
        watching.goto(f"{platform_up.address}/jobs")
        newest = watching.locator("#rows tbody tr a").first
        before = newest.get_attribute("href")
        page.goto(f"{platform_up.address}/jobs/new")
        page.set_input_files("[data-work] input", str(numbers))
        state(page, "finished")
        assert newest.get_attribute("href") == before
        for route in held:
            route.continue_()
        expect(newest).not_to_have_attribute("href", before)


def test_an_upload_is_paused_and_goes_on_after_a_reload(
    platform_up: Running, browser: Any, tmp_path: Path
) -> None:
    numbers = tmp_path / "numbers.txt"
    line = b"1 2 3 4 -6\n"
    numbers.write_bytes(line * (SIZE // len(line)))
    offsets: list[int] = []
    with signed_in(browser, platform_up) as page:
        page.on("request", lambda request: offsets.append(
            int(request.headers["upload-offset"])) if request.method == "PATCH" else None)
        page.goto(f"{platform_up.address}/jobs/new")
        throttle(page, SLOW)
        page.set_input_files("[data-work] input", str(numbers))
        expect(page.locator("[data-work-share]")).to_have_text(re.compile(r"^[2-9]\d%$"))
        page.click("[data-act=pause]")
        state(page, "paused")
        page.reload()
        page.wait_for_selector("[data-unfinished-list] .work")
        assert "numbers.txt" in page.inner_text("[data-unfinished]")
        throttle(page, -1)
        page.set_input_files("[data-work] input", str(numbers))
        expect(page.locator("[data-work-share]")).to_have_text("100%", timeout=60_000)
        assert page.locator("[data-unfinished]").is_hidden()
        assert offsets[0] == 0
        assert 0 < offsets[-1] < numbers.stat().st_size


def test_what_is_refused_says_why(
    platform_up: Running, browser: Any, tmp_path: Path
) -> None:
    broken, other = tmp_path / "broken.png", tmp_path / "photo.jpg"
    broken.write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    other.write_bytes(b"\xff\xd8\xff")
    with signed_in(
        browser, platform_up, locale="pt-BR", viewport={"width": 390, "height": 844}
    ) as page:
        page.goto(f"{platform_up.address}/jobs/new")
        page.set_input_files("[data-work] input", [str(broken), str(other)])
        expect(page.locator(".work[data-state=failed]")).to_have_count(2)
        for complaint in page.locator("[data-work-error]").all():
            assert complaint.inner_text().strip()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.locator("[data-act=discard]").first.focus()
        page.keyboard.press("Enter")
        assert page.locator(".work").count() == 1
        assert page.evaluate("document.activeElement.dataset.act") == "discard"
        dropped = page.evaluate_handle("""() => {
          const held = new DataTransfer();
          held.items.add(new File(["x"], "holiday.jpg", { type: "image/jpeg" }));
          return held;
        }""")
        page.dispatch_event("[data-drop]", "drop", {"dataTransfer": dropped})
        expect(page.locator(".work")).to_have_count(2)
        assert "holiday.jpg" in page.inner_text("[data-work-list]")
