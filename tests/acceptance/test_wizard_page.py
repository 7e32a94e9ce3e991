"""A person at a browser brings a sheet in: what was found, what does not fit, check, import."""

from __future__ import annotations

import os
import random
import re
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from tests.support.running import Running, sign_in

pytestmark = pytest.mark.browser
TOKEN = re.compile(r".*/leads/imports/[0-9a-f]{32}$")
PICTURES = os.environ.get("VAZAO_PICTURES")


def look(page: Any, name: str) -> None:
    """A picture for whoever wants one; always a look that the page can be drawn."""
    where = str(Path(PICTURES) / f"{name}.png") if PICTURES else None
    assert page.screenshot(path=where, full_page=True).startswith(b"\x89PNG")


def drop(page: Any, running: Running, path: Path) -> None:
    """Drop a sheet and go on to its columns."""
    page.goto(f"{running.address}/leads/imports")
    page.set_input_files("form[data-sheet] input[type=file]", str(path))
    page.wait_for_url("**/leads/imports/new?**")


def press(page: Any, button: str) -> None:
    """Press a button and wait until what it began has ended."""
    page.click(button)
    ended(page)


def ended(page: Any) -> None:
    """Wait until an import has ended and its page has loaded itself anew."""
    page.wait_for_url(TOKEN)
    page.wait_for_selector("main a[role=button][href='/leads/imports']", timeout=60_000)
    assert page.locator("#import").get_attribute("data-status") == "finished"


def figure(page: Any, name: str) -> int:
    text = page.inner_text(f"[data-outcome={name}] strong")
    return int(re.sub(r"\D", "", text) or 0)


def opened(browser: Any, running: Running, **options: Any) -> Any:
    """A page of somebody signed in."""
    page = browser.new_context(**{"locale": "en-US"} | options).new_page()
    sign_in(page, running)
    return page


def test_a_title_above_the_header_a_wrong_column_check_then_import(
    platform_up: Running, browser: Any, tmp_path: Path
) -> None:
    page = opened(browser, platform_up)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    rows = "".join(f"w{n}@exemplo.com.br;Ana {n};8198888{n:04};{n % 28 + 1}/02/2026\n"
                   for n in range(320))
    sheet = tmp_path / "lista.csv"
    sheet.write_text("Lista da feira;;;\n;;;\nE-mail;Nome;Fone;Desde\n" + rows + "bad;B;;\n")
    drop(page, platform_up, sheet)
    assert page.locator("#field-header_row option:checked").inner_text() == "Detected: row 3"
    assert page.locator("#type-3").input_value() == "date"
    look(page, "wizard")

    page.select_option("#column-0", "")
    page.wait_for_selector("text=No column is mapped to the e-mail yet")
    page.focus("#column-1")
    page.select_option("#column-1", "email")
    page.wait_for_selector("text=321 of 321 values are not e-mail addresses.")
    assert page.evaluate("document.activeElement.id") == "column-1", "the focus stays"
    look(page, "wrong")
    page.select_option("#column-1", "name")
    page.wait_for_selector("text=No column is mapped to the e-mail yet")
    page.select_option("#column-0", "email")
    page.wait_for_selector("text=No column is mapped to the e-mail yet", state="detached")

    press(page, "button[value=check]")
    assert (figure(page, "created"), figure(page, "rejected")) == (320, 1)
    look(page, "checked")
    page.click("text=Show all 320")
    page.click("a[rel=next]")
    page.wait_for_url("**after=**")
    assert page.locator("tbody tr").count() == 50
    page.go_back()
    page.go_back()
    # Whoever closed the page finds the check in the history, and goes on from there.
    page.goto(f"{platform_up.address}/leads/imports")
    look(page, "history")
    page.locator("#history a", has_text="lista.csv").first.click()
    press(page, "form[action$='/apply'] button")
    assert "check" in page.inner_text("main")
    assert (figure(page, "created"), figure(page, "rejected")) == (320, 1)
    look(page, "imported")
    assert problems == []
    page.context.close()


def test_rejected_rows_are_corrected_in_the_browser(
    platform_up: Running, browser: Any, tmp_path: Path
) -> None:
    page = opened(browser, platform_up)
    sheet = tmp_path / "corrigir.csv"
    sheet.write_text("E-mail,Nome\ncerto@corrigir.com.br,A\nerrado.corrigir.com.br,B\nzz,C\n")
    drop(page, platform_up, sheet)
    press(page, "button[value=import]")
    assert (figure(page, "created"), figure(page, "rejected")) == (1, 2)
    page.click("text=Correct them here")
    page.wait_for_url("**/rejected")
    page.wait_for_selector("#others-4:has-text('Nome C')")
    look(page, "correcting")
    page.get_by_label("E-mail of row 3").fill("errado@corrigir.com.br")
    press(page, "form[action$='/correct'] button")
    assert (figure(page, "created"), figure(page, "rejected")) == (1, 0)
    page.context.close()


def test_the_other_sheet_of_a_workbook(
    platform_up: Running, browser: Any, tmp_path: Path
) -> None:
    page = opened(browser, platform_up, locale="pt-BR")
    book = Workbook()
    first, second = book.active, book.create_sheet("Segunda")
    for sheet, name in ((first, "um"), (second, "dois")):
        sheet.append(["E-mail", "Nome"])
        sheet.append([f"{name}@exemplo.com.br", name])
    path = tmp_path / "duas.xlsx"
    book.save(path)
    drop(page, platform_up, path)
    assert "um@exemplo.com.br" in page.inner_text("#columns")
    page.select_option("#field-sheet", "Segunda")
    page.wait_for_selector("#columns >> text=dois@exemplo.com.br")
    press(page, "button[value=check]")
    assert "dois@exemplo.com.br" in page.inner_text("main")
    page.context.close()


def test_on_a_phone_in_the_dark_by_keyboard(
    platform_up: Running, browser: Any, tmp_path: Path
) -> None:
    page = opened(
        browser, platform_up, locale="pt-BR", viewport={"width": 390, "height": 844},
        color_scheme="dark",
    )
    sheet = tmp_path / "celular.csv"
    sheet.write_text("E-mail,Nome,Observação sobre o cliente\nfone@exemplo.com.br,Ana,muito bom\n"
                     "bad,B,\nzap@exemplo.com.br,C,\n")
    drop(page, platform_up, sheet)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    look(page, "phone-wizard")
    page.focus("button[value=check]")
    page.keyboard.press("Enter")
    ended(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    look(page, "phone-checked")
    page.context.close()


def large(path: Path) -> Path:
    """A sheet of some megabytes, whose first pieces are enough to show its columns."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Pessoas")
    sheet.append(["E-mail", "Nome", "Chave"])
    noise = random.Random(3)
    for n in range(60_000):
        sheet.append([f"grande{n}@exemplo.com.br", f"Ana {n}", noise.randbytes(24).hex()])
    book.save(path)
    return path


def test_columns_are_set_while_a_large_sheet_is_on_its_way(
    platform_up: Running, browser: Any, tmp_path: Path
) -> None:
    page = opened(browser, platform_up)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    held: list[Any] = []
    page.route("**/files/*", lambda route: held.append(route))
    path = large(tmp_path / "grande.xlsx")
    page.goto(f"{platform_up.address}/leads/imports")
    page.set_input_files("form[data-sheet] input[type=file]", str(path))
    page.wait_for_selector("#columns >> text=grande0@exemplo.com.br")
    assert page.locator("#sending").is_visible()
    assert page.locator("#column-2").input_value() == "custom"
    page.select_option("#column-2", "company")
    page.select_option("#column-1", "email")
    page.select_option("#column-0", "")
    page.wait_for_selector("text=1,000 of 1,000 values are not e-mail addresses.")
    look(page, "on-its-way")
    page.select_option("#column-1", "name")
    page.select_option("#column-0", "email")
    page.wait_for_selector("text=values are no e-mail addresses.", state="detached")

    eventually(lambda: bool(held), page)
    assert page.locator("#column-2").input_value() == "company"
    # Pressed before the file is there, the button counts when it is.
    page.click("button[value=check]")
    page.wait_for_selector("text=It continues by itself once the whole file has arrived.")
    look(page, "arrived")
    held.pop().continue_()
    ended(page)
    assert figure(page, "created") == 60_000
    assert problems == []
    page.context.close()


def test_a_large_file_that_is_no_sheet_is_told_once_it_is_there(
    platform_up: Running, browser: Any, tmp_path: Path
) -> None:
    page = opened(browser, platform_up)
    path = tmp_path / "foto.xlsx"
    path.write_bytes(b"PK\x03\x04" + random.Random(4).randbytes(3 << 20))
    page.goto(f"{platform_up.address}/leads/imports")
    page.set_input_files("form[data-sheet] input[type=file]", str(path))
    page.wait_for_url("**/leads/imports/new?**")
    assert "damaged" in page.inner_text("main")
    page.context.close()


def eventually(check: Any, page: Any) -> None:
    """Wait, while the page goes on, until *check* holds."""
    for _ in range(200):
        if check():
            return
        page.wait_for_timeout(50)
    raise AssertionError
