"""A person at a browser: signs in, drops a sheet, corrects the mapping, watches, finds the lead."""

from __future__ import annotations

import csv
import io
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.running import Running, sign_in
from vazao.kit.embedded.server import EmbeddedPostgres
from vazao.leads import samples

pytestmark = pytest.mark.browser
PICTURE = Path(__file__).resolve().parents[2] / "docs" / "images" / "import.png"
ROWS = 60_000


def write_sheet(path: Path) -> None:
    """A sheet with a column that no synonym knows, a lead to be found, and wrong rows."""
    samples.sheet_csv(path, 0, ROWS, wrong=0.001)
    text = path.read_text()
    header, _, rest = text.partition("\n")
    extra = "Zéfiro Conceição,zefiro@exemplo.com.br,81999998888,Padaria Ômega,,Olinda,PE,,feira\n"
    path.write_text(header.replace("Cargo", "Posto") + "\n" + extra + rest)


def outcome(page: Any, name: str) -> int:
    """A figure of the import's page."""
    text = page.inner_text(f"[data-outcome={name}] strong")
    return int(re.sub(r"\D", "", text) or 0)


def upload(page: Any, running: Running, path: Path) -> None:
    """Drop a sheet and go on to its preview."""
    page.goto(f"{running.address}/leads/imports")
    page.set_input_files("form[data-sheet] input[type=file]", str(path))
    page.wait_for_url("**/leads/imports/new?**")


@contextmanager
def merges_wait(running: Running) -> Iterator[None]:
    """Nothing is merged until the block ends: a busy machine may show an import at its end only."""
    url = EmbeddedPostgres(running.folder).url()
    assert url
    with psycopg.connect(url) as conn:
        conn.execute("lock table leads.slice in share mode")
        yield


def start_import(page: Any) -> None:
    """Press Import."""
    page.click("button[name=do][value=import]")
    page.wait_for_url(re.compile(r".*/leads/imports/[0-9a-f]{32}$"))


def watch(page: Any) -> list[float]:
    """Wait until the import has ended; the values that the progress bar showed."""
    seen: list[float] = []
    ends = time.monotonic() + 120
    while page.locator("#import").get_attribute("data-status") in ("queued", "running"):
        assert time.monotonic() < ends, "the page never showed the end"
        bars = page.locator("progress[data-field=progress]")
        seen.append(float(bars.first.get_attribute("value") or 0))
    # The page loads itself anew when the import has ended.
    page.wait_for_selector("main a[href='/leads']")
    page.wait_for_load_state("load")
    assert page.locator("#import").get_attribute("data-status") == "finished"
    return seen


def test_a_person_imports_a_sheet(
    platform_up: Running, browser: Any, tmp_path: Path
) -> None:
    context = browser.new_context(
        locale="en-US", accept_downloads=True, viewport={"width": 1280, "height": 860}
    )
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    sign_in(page, platform_up)
    sheet = tmp_path / "clientes.csv"
    write_sheet(sheet)

    upload(page, platform_up, sheet)
    posto = page.locator("select[name^=column-][aria-label*=Posto]")
    assert posto.input_value() == "custom"
    posto.select_option("job_title")
    with merges_wait(platform_up):
        start_import(page)
        page.wait_for_selector(
            "progress[data-field=progress][value^='0.']:not([value='0.0'])", timeout=60_000
        )
    seen = watch(page)
    assert seen == sorted(seen)
    assert 0 < seen[0] < 1, seen
    rejected = outcome(page, "rejected")
    assert outcome(page, "created") + rejected == ROWS + 1
    assert rejected > 0
    take_picture(page)

    corrected = correct(page, tmp_path)
    upload(page, platform_up, corrected)
    start_import(page)
    watch(page)
    assert outcome(page, "created") == rejected
    assert outcome(page, "rejected") == 0

    page.click("main a[href='/leads']")
    page.wait_for_url("**/leads")
    page.wait_for_selector("#search-ready", state="attached", timeout=60_000)
    page.fill("input[name=q]", "zefiro conceic")
    page.press("input[name=q]", "Enter")
    page.wait_for_selector("text=zefiro@exemplo.com.br")
    assert "Zéfiro Conceição" in page.inner_text("main")
    page.click("text=Zéfiro Conceição")
    page.wait_for_selector("text=Padaria Ômega")
    assert problems == []
    context.close()


def correct(page: Any, folder: Path) -> Path:
    """Download the refused rows, correct them as a person would, and save them."""
    with page.expect_download() as waiting:
        page.click("a[download]")
    text = Path(waiting.value.path()).read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert {"vazao_row", "vazao_column", "vazao_reason"} <= rows[0].keys()
    for number, row in enumerate(rows):
        assert row["vazao_reason"]
        row["E-mail"] = f"corrigido{number}@exemplo.com.br"
        row["Telefone celular"] = "(81) 98888-7777"
        row["Nome"] = row["Nome"][:80]
    fixed = folder / "corrigido.csv"
    with fixed.open("w", newline="", encoding="utf-8") as sink:
        writer = csv.DictWriter(sink, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return fixed


def take_picture(page: Any) -> None:
    """The README's picture, where it is asked for; always a look that the page can be drawn."""
    wanted = os.environ.get("VAZAO_TAKE_PICTURES")
    if wanted:
        PICTURE.parent.mkdir(parents=True, exist_ok=True)
    image = page.screenshot(path=str(PICTURE) if wanted else None)
    assert image.startswith(b"\x89PNG")


def test_a_wrong_file_says_what_is_wrong(
    platform_up: Running, browser: Any, tmp_path: Path
) -> None:
    context = browser.new_context(locale="pt-BR", viewport={"width": 390, "height": 844})
    page = context.new_page()
    sign_in(page, platform_up)
    wrong = tmp_path / "figura.png"
    wrong.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40)
    upload(page, platform_up, wrong)
    assert page.locator("[role=alert]").inner_text().strip()
    assert page.locator("form[action='/leads/imports/new'] button").count() == 0
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390
    context.close()


def test_the_history_moves_by_itself_and_says_that_one_is_signed_out(
    platform_up: Running, browser: Any, tmp_path: Path
) -> None:
    sheet = tmp_path / "moving.csv"
    sheet.write_text("E-mail\nana@moving.example.org\n")
    context = browser.new_context(locale="en-US")
    watching = context.new_page()
    sign_in(watching, platform_up)
    watching.goto(f"{platform_up.address}/leads/imports")
    page = context.new_page()
    upload(page, platform_up, sheet)
    start_import(page)
    watch(page)
    row = watching.locator("#history tr", has_text="moving.csv").first
    row.locator(".badge[data-status=finished]").wait_for(timeout=20_000)
    page.click(".who button")
    page.wait_for_url("**/login**")
    told = watching.locator("#signed-out")
    told.wait_for(timeout=20_000)
    link = told.locator("a")
    assert link.get_attribute("href") == "/login?next=/leads/imports"
    assert link.get_attribute("target") == "", "nothing is being sent"
    assert link.inner_text() == "Sign in again"
    sign_in(page, platform_up)
    told.wait_for(state="hidden")
    context.close()
