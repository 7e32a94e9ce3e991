"""A sheet on its way: its columns from the pieces that are here, then the import of all of it."""

from __future__ import annotations

import html
import json
from pathlib import Path

import httpx2
import pytest

from tests.support.leads import Tenant, outcome
from tests.support.samples import sample_of
from tests.support.sites import Site, csrf_in
from tests.support.tus import begin, encoded, send
from tests.support.wizard import Browser, fields, form

pytestmark = pytest.mark.anyio
ROWS = 60_000
SHEET = "Lista;;\nE-mail;Nome;Fone\n" + "".join(
    f"pessoa.numero{n}@exemplo.com.br;João {n};8198888{n % 10_000:04}\n" for n in range(ROWS)
)


@pytest.fixture
async def tenant(place: Site) -> Tenant:
    return await place.organization()


async def look(
    browser: Browser, pieces: list[tuple[int, int]], body: bytes, size: int, **given: str
) -> httpx2.Response:
    csrf = csrf_in(await form(browser))
    said = {"layout": json.dumps({"size": size, "pieces": pieces}), "filename": "lista.csv"}
    return await browser.post(
        "/leads/imports/sample", data=said | given, files={"sample": ("sample", body)},
        headers={"x-csrf-token": csrf},
    )


async def test_columns_are_set_while_the_sheet_is_on_its_way(
    browser: Browser, tenant: Tenant, tmp_path: Path
) -> None:
    path = tmp_path / "lista.csv"
    path.write_text(SHEET)
    pieces, body = sample_of(path)
    size = path.stat().st_size
    assert len(body) < size
    page = (await look(browser, pieces, body, size)).text
    assert "Counts are of the first 1,000 rows." in page
    assert "João 0" in html.unescape(page)
    given = fields(page)
    assert (given["upload"], given["column-1"]) == ("", "name")
    wrong = await look(browser, pieces, body, size, **given | {"column-1": "email",
                                                              "column-0": ""})
    assert "1,000 of 1,000 values are not e-mail addresses." in wrong.text

    csrf = csrf_in(await form(browser))
    named = {"Upload-Metadata": f"filename {encoded('lista.csv')}", "x-csrf-token": csrf}
    place = await begin(browser, size, **named)
    await send(browser, place, 0, SHEET.encode(), **{"x-csrf-token": csrf})
    upload = place.rpartition("/")[2]
    for _ in range(2):
        taken = await browser.post("/leads/uploads/stored", data={"upload": upload, "csrf": csrf})
        assert taken.status_code == 204, taken.text
    # The page stays as it was; only the whole file's name is new in it.
    again = await look(browser, pieces, body, size, **given | {"upload": upload})
    assert again.status_code == 200
    answer = await browser.post(
        "/leads/imports/new", data=given | {"upload": upload, "do": "import"}
    )
    assert answer.status_code == 303, html.unescape(answer.text)
    token = answer.headers["location"].rpartition("/")[2]
    shown = await outcome(tenant.platform, token, tenant.id)
    assert (shown["status"], shown["created"]) == ("finished", ROWS)


async def test_nothing_begins_before_the_file_is_there(browser: Browser, tmp_path: Path) -> None:
    body = SHEET.encode()[:1 << 20]
    page = (await look(browser, [(0, len(body))], body, 1 << 22)).text
    answer = await browser.post(
        "/leads/imports/new", data=fields(page) | {"do": "import"}
    )
    assert answer.status_code == 404


@pytest.mark.parametrize(("pieces", "size", "said"), [
    ([[0, 5]], 10, "not pieces"), ([[0, 99]], 10, "not pieces"), ("x", 10, "layout"),
    ([[0, 10]], 1 << 40, "limit"), ([[0, 10, 3]], 10, "layout"), ([[-5, 10]], 10, "not pieces"),
])
async def test_what_does_not_fit_is_refused(
    browser: Browser, pieces: list[tuple[int, int]], size: int, said: str
) -> None:
    answer = await look(browser, pieces, b"E-mail\na@x", size)
    assert answer.status_code in (400, 413, 422), answer.text
    assert said in html.unescape(answer.text)


async def test_other_fields_and_larger_pieces_are_refused(browser: Browser) -> None:
    body = b"E-mail\nana@x.com\n"
    layout = [(0, len(body))]
    assert (await look(browser, layout, body, len(body), csfr="x")).status_code == 400
    large = b"E-mail\n" + b"a@x.com\n" * (2 << 20)
    answer = await look(browser, [(0, len(large))], large, len(large))
    assert answer.status_code == 413


async def test_only_those_who_may_import(place: Site) -> None:
    nobody = place.client(accept="text/html")
    answer = await nobody.post("/leads/imports/sample", files={"sample": ("s", b"E-mail\n")})
    assert answer.status_code == 401
