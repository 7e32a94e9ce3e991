"""Ten things that a new user does, by nothing but what stands on the pages, in either language."""

from __future__ import annotations

import re
import shlex
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from playwright.sync_api import expect

from tests.support.pictures import PICTURE
from vazao.kit.i18n import translate

LONG = 60_000
SHEET = ("E-mail,Nome,Telefone,Cidade\nana.souza@exemplo.com.br,Ana Souza,11 99999-0001,Recife\n"
         "bia.lima,Bia Lima,11 99999-0002,Olinda\ncaio@exemplo.com.br,Caio Reis,,Natal\n")
FILE = "input[type=file]:not([hidden])"


@dataclass
class Visitor:
    """Somebody at a page who reads its language and presses what stands there."""

    page: Any
    address: str
    language: str
    folder: Path
    pictures: Path | None = None

    def said(self, text: str, **values: Any) -> str:
        """What stands on the page for a message of the catalogue."""
        found = translate(text, self.language)
        return found % values if values else found

    def go(self, entry: str) -> None:
        """Take an entry of the menu."""
        menu = self.page.get_by_role("navigation", name=self.said("Main menu"))
        menu.get_by_role("link", name=self.said(entry), exact=True).click()
        self.page.wait_for_load_state()

    def press(self, text: str, **values: Any) -> None:
        """Press the first button that says *text*."""
        self.page.get_by_role("button", name=self.said(text, **values), exact=True).first.click()

    def follow(self, text: str) -> None:
        """Follow the first link that says *text*; some look like buttons."""
        name = self.said(text)
        found = self.page.get_by_role("link", name=name, exact=True)
        found.or_(self.page.get_by_role("button", name=name, exact=True)).first.click()
        self.page.wait_for_load_state()

    def type(self, label: str, value: str) -> None:
        """Type into the field with that label."""
        self.page.locator("main").get_by_label(self.said(label), exact=True).first.fill(value)

    def sees(self, text: str, **values: Any) -> None:
        """Wait until a message stands there."""
        expect(self.page.locator("main")).to_contain_text(
            self.said(text, **values), timeout=LONG
        )

    def drop(self, name: str, content: bytes) -> None:
        """Choose a file."""
        path = self.folder / name
        path.write_bytes(content)
        self.page.locator(FILE).first.set_input_files(str(path))

    def show(self, name: str) -> None:
        """A picture of the page as it is."""
        if self.pictures is not None:
            width = self.page.viewport_size["width"]
            devtools = self.page.context.new_cdp_session(self.page)
            taken = devtools.send("Page.captureScreenshot", {"format": "webp", "quality": 60})
            self.pictures.mkdir(parents=True, exist_ok=True)
            file = self.pictures / f"{name}-{width}-{self.language}.webp"
            file.write_bytes(b64decode(taken["data"]))


def import_and_mend(at: Visitor) -> None:
    """Import a sheet with a wrong row, and put it right on the page."""
    at.go("Imports")
    at.drop("clientes.csv", SHEET.encode())
    at.press("Import without checking")
    at.sees("Correct them here")
    expect(at.page.locator("[data-outcome=created] strong")).to_have_text("2", timeout=LONG)
    at.show("00-imported")
    at.follow("Correct them here")
    at.page.locator("[name^=cell-]").fill("bia.lima@exemplo.com.br")
    at.show("01-mend-rows")
    at.press("Send the corrected rows again")
    at.sees("See the leads")
    expect(at.page.locator("[data-outcome=created] strong")).to_have_text("1", timeout=LONG)


def find_a_lead(at: Visitor) -> None:
    """Find a lead by a piece of the name, and change the phone."""
    at.go("Leads")
    at.page.get_by_role("searchbox").fill("souz")
    at.press("Search")
    at.page.get_by_role("link", name="Ana Souza").click()
    at.follow("Edit")
    at.type("Phone", "(81) 98888-0000")
    at.press("Save")
    expect(at.page.locator("main")).to_contain_text("98888", timeout=LONG)
    at.show("02-change-a-lead")


def delete_and_restore(at: Visitor) -> None:
    """Delete a lead, and take it back."""
    at.go("Leads")
    at.page.get_by_role("link", name="Caio Reis").click()
    at.press("Delete")
    at.page.get_by_role("dialog").get_by_role("button", name=at.said("Delete")).click()
    at.sees("The lead was deleted; it can be restored here.")
    at.show("03-restore")
    at.page.get_by_role("button", name=re.compile("caio@exemplo.com.br")).click()
    at.go("Leads")
    expect(at.page.get_by_role("link", name="Caio Reis")).to_be_visible(timeout=LONG)


def add_up_a_file(at: Visitor) -> None:
    """Have a file's even numbers added up."""
    at.go("Jobs")
    at.follow("New job")
    at.drop("numeros.txt", b"2\n3\n4\n")
    expect(at.page.locator("[data-sum=sum]")).to_have_text("6", timeout=LONG)
    at.show("04-sum")


def why_a_job_failed(at: Visitor) -> None:
    """Find out why a job failed."""
    at.go("Jobs")
    at.follow("New job")
    at.drop("errado.txt", b"2\nabacate\n4\n")
    expect(at.page.locator("[data-state=failed]")).to_be_visible(timeout=LONG)
    at.go("Jobs")
    at.page.locator("#rows tbody tr", has_text="errado.txt").locator("a").first.click()
    expect(at.page.get_by_role("alert").first).to_be_visible()
    expect(at.page.locator("main")).to_contain_text("abacate")
    at.show("05-why-it-failed")


def shuffle_a_picture(at: Visitor) -> None:
    """Have a picture shuffled, and download it."""
    at.go("Jobs")
    at.follow("New job")
    at.drop("foto.png", PICTURE)
    expect(at.page.locator("[data-work-picture] img")).to_be_visible(timeout=LONG)
    at.follow("See the job")
    with at.page.expect_download() as got:
        at.follow("Download")
    assert Path(got.value.path()).read_bytes().startswith(b"\x89PNG")
    at.show("06-picture")


def make_a_token(at: Visitor) -> str:
    """Make a token for another system; the line that tries it."""
    at.go("Tokens")
    at.type("Application", f"crm {at.page.viewport_size['width']} {at.language}")
    for scope in ("jobs:read", "leads:read"):
        at.page.get_by_label(scope).check()
    at.press("Create the token")
    at.sees("Copy it now: it is not shown again.")
    secret = at.page.locator("#token").inner_text()
    # Pictures show no secret, not even one that is worth nothing any more.
    at.page.locator("code", has_text=secret).evaluate_all(
        "found => found.forEach(each => { each.style.filter = 'blur(5px)' })"
    )
    at.show("07-token")
    return secret


def follow_by_curl(at: Visitor) -> None:
    """Follow a job from a program, by the line on its page."""
    token = make_a_token(at)
    at.go("Jobs")
    at.page.locator("#rows tbody a").first.click()
    line = shlex.split(at.page.locator("#curl").inner_text().replace("TOKEN", token))
    assert line[0] == "curl"
    header, value = line[line.index("-H") + 1].split(": ", 1)
    at.page.locator("#curl").scroll_into_view_if_needed()
    at.show("08-curl")
    answer = httpx2.get(line[-1], headers={header: value})
    assert answer.json()["status"] in ("finished", "failed"), answer.text


def add_a_colleague(at: Visitor) -> None:
    """Add a user, who then signs in."""
    name = f"rita{at.page.viewport_size['width']}{at.language.lower()}"
    at.go("Users")
    at.type("Username", name)
    at.type("Password", "uma senha bem comprida")
    at.press("Create the user")
    expect(at.page.locator("#messages")).to_contain_text(name, timeout=LONG)
    at.show("09-colleague")
    context = at.page.context.browser.new_context()
    page = context.new_page()
    page.goto(f"{at.address}/login")
    page.fill("input[name=username]", name)
    page.fill("input[name=password]", "uma senha bem comprida")
    page.click("main button[type=submit]")
    page.wait_for_url("**/")
    context.close()


def forget_a_person(at: Visitor) -> None:
    """Erase a person who asked to be forgotten."""
    at.go("Leads")
    at.follow("Erase a person permanently")
    at.type("E-mail of the person", "ana.souza@exemplo.com.br")
    at.press("Continue")
    at.sees("Will be erased")
    at.show("10-forget")
    at.press("Erase %(email)s permanently", email="ana.souza@exemplo.com.br")
    expect(at.page.locator("#job[data-status=finished]")).to_be_visible(timeout=LONG)
    at.go("Leads")
    expect(at.page.get_by_role("link", name="Ana Souza")).to_have_count(0, timeout=LONG)


TASKS: tuple[Callable[[Visitor], Any], ...] = (
    import_and_mend, find_a_lead, delete_and_restore, add_up_a_file, why_a_job_failed,
    shuffle_a_picture, make_a_token, follow_by_curl, add_a_colleague, forget_a_person,
)
