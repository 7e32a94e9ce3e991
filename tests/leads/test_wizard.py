"""The pages that bring a sheet in: what was found, how values fit, check, import, once more."""

from __future__ import annotations

import html
import io
import re
from typing import Any

import pytest
from openpyxl import Workbook

from tests.support.leads import Tenant, five, outcome
from tests.support.sites import Site, csrf_in
from tests.support.wizard import Browser, drop, fields, form, preview

pytestmark = pytest.mark.anyio


@pytest.fixture
async def tenant(place: Site) -> Tenant:
    return await place.organization()


async def send(
    browser: Browser, tenant: Tenant, data: dict[str, str], do: str = "check"
) -> dict[str, Any]:
    """Press a button of the wizard; the import at its end."""
    answer = await browser.post("/leads/imports/new", data=data | {"do": do})
    assert answer.status_code == 303, html.unescape(answer.text)
    return await outcome(tenant.platform, answer.headers["location"].rpartition("/")[2], tenant.id)


def chosen(page: str, name: str) -> str:
    """The text of the option that a select shows."""
    (inner,) = re.findall(rf'<select[^>]* name="{name}".*?>(.*?)</select>', page, re.S)
    found = re.search(r"<option[^>]* selected[^>]*>(.*?)</option>", inner, re.S)
    return html.unescape(found.group(1).strip()) if found else ""


async def test_it_says_what_it_found_and_shows_another_choice(browser: Browser) -> None:
    text = "Lista de 2026;;\n;;\nE-mail;Nome;Fone\nana@x.com;João;81988880001\n"
    page = (await preview(browser, text.encode("cp1252"))).text
    assert chosen(page, "header_row") == "Detected: row 3"
    assert chosen(page, "delimiter") == "Detected: ;"
    assert "Windows-1252" in chosen(page, "encoding") or "1252" in chosen(page, "encoding")
    assert "João" in html.unescape(page)
    upload = fields(page)["upload"]
    other = (await browser.get(
        "/leads/imports/new", params={"upload": upload, "header_row": "1"}
    )).text
    assert chosen(other, "header_row") == "Row 1"
    assert "Lista de 2026" in html.unescape(other)
    wrong = (await browser.get(
        "/leads/imports/new", params={"upload": upload, "header_row": "20"}
    )).text
    assert "Row 20 cannot be the header row" in html.unescape(wrong)
    assert 'id="found"' in wrong, "so that another row can be chosen"


async def test_a_form_that_is_sent_twice_begins_one_import(
    browser: Browser, tenant: Tenant
) -> None:
    data = fields((await preview(browser)).text)
    assert data["once"]
    sent = [
        (await browser.post("/leads/imports/new", data=data | {"do": do})).headers["location"]
        for do in ("check", "import", "import", "import")
    ]
    assert sent[0] != sent[1] == sent[2] == sent[3]
    await outcome(tenant.platform, sent[1].rpartition("/")[2], tenant.id)
    assert "This was sent already." in (await browser.get(sent[1])).text
    rejected = (await tenant.run("E-mail,Nome\nbad,A\n"))["id"]
    page = (await browser.get(f"/leads/imports/{rejected}/rejected")).text
    once = re.search(r'name="once" value="([^"]+)"', page)
    assert once
    form = {"csrf": csrf_in(page), "once": once[1], "cell-2": "ana@x.com"}
    again = [
        (await browser.post(f"/leads/imports/{rejected}/correct", data=form)).headers["location"]
        for _ in range(2)
    ]
    assert again[0] == again[1] != f"/leads/imports/{rejected}"


async def test_a_column_whose_values_do_not_fit_is_told(browser: Browser) -> None:
    rows = "".join(f"u{n}@x.com,Ana {n},81988880001\n" for n in range(320))
    page = (await preview(browser, "E-mail,Nome,Fone\n" + rows)).text
    assert "do not fit" not in page
    assert "no e-mail addresses" not in page
    data = fields(page) | {"column-0": "", "column-1": "email"}
    seen = html.unescape((await browser.post("/leads/imports/look", data=data)).text)
    assert "320 of 320 values are not e-mail addresses." in seen
    assert "Counts are of all 320 rows." in seen
    none = fields(page) | {"column-0": ""}
    assert "No column is mapped to the e-mail yet" in (
        await browser.post("/leads/imports/look", data=none)
    ).text


async def test_a_type_is_guessed_and_holds_from_the_import_on(
    browser: Browser, tenant: Tenant
) -> None:
    rows = "".join(f"u{n}@x.com,{n},0{n}5,{n + 1}/01/2026,sim,x{n}\n" for n in range(9))
    page = (await preview(browser, "E-mail,Qtd,Codigo,Desde,Ativo,Obs\n" + rows)).text
    data = fields(page)
    assert [data[f"type-{n}"] for n in range(1, 6)] == [
        "integer", "text", "date", "boolean", "text"
    ]
    shown = await send(browser, tenant, data | {"name-1": "Quantidade total"})
    assert (shown["dry_run"], five(shown)) == (True, (9, 0, 0, 0, 0))
    kinds = "select name, type from leads.custom_field where organization_id = %s order by name"
    assert await tenant.rows(kinds) == [], "a check writes nothing"
    applied = await browser.post(
        f"/leads/imports/{shown['id']}/apply", data={"csrf": csrf_in(await form(browser))}
    )
    token = applied.headers["location"].rpartition("/")[2]
    done = await outcome(tenant.platform, token, tenant.id)
    assert five(done) == (9, 0, 0, 0, 0)
    assert await tenant.rows(kinds) == [
        ("ativo", "boolean"), ("codigo", "text"), ("desde", "date"), ("obs", "text"),
        ("quantidade_total", "integer"),
    ]
    assert (await tenant.lead("u3@x.com"))["custom"] == {
        "quantidade_total": 3, "codigo": "035", "desde": "2026-01-04", "ativo": True, "obs": "x3",
    }
    again = fields((await preview(browser, "E-mail,Qtd\na@x.com,1\nb@x.com,x\nc@x.com,3\n")).text)
    assert again["name-1"] == "qtd"


async def test_checked_then_imported(browser: Browser, tenant: Tenant) -> None:
    await tenant.run("E-mail,Cidade\nana@x.com,Recife\n")
    sheet = "E-mail,Cidade,Fone\nana@x.com,Olinda,\nbad,,\nnew@x.com,,zz\n"
    shown = await send(browser, tenant, fields((await preview(browser, sheet)).text))
    assert five(shown) == (1, 1, 0, 0, 1)
    address = f"/leads/imports/{shown['id']}"
    page = html.unescape((await browser.get(address)).text)
    for told in ("Check: nothing is saved", "Would be created", "<del>Recife</del>",
                 "<ins>Olinda</ins>", "The address has no @.", "This is not a phone number."):
        assert told in page, told
    changes = html.unescape((await browser.get(f"{address}/changes?outcome=updated")).text)
    assert "ana@x.com" in changes
    assert "new@x.com" not in changes
    csrf = csrf_in(await form(browser))
    answer = await browser.post(f"{address}/apply", data={"csrf": csrf})
    done = await outcome(
        tenant.platform, answer.headers["location"].rpartition("/")[2], tenant.id
    )
    assert five(done) == five(shown)
    after = html.unescape((await browser.get(address)).text)
    assert answer.headers["location"] in after
    assert "See its import" in after
    refused = await browser.post(f"{address}/apply", data={"csrf": csrf})
    assert (refused.status_code, refused.headers["location"]) == (303, address)
    assert 'class="message bad"' in (await browser.get(address)).text
    gone = (await browser.get(f"{address}/changes")).text
    assert "kept for a short time" in gone


async def test_all_rejected_rows_and_warnings_are_reachable(
    browser: Browser, tenant: Tenant
) -> None:
    rows = "".join(f"wrong{n},\nu{n}@x.com,zz\n" for n in range(120))
    shown = await tenant.run("E-mail,Fone\n" + rows)
    for kind, of in (("rejected", r"wrong(\d+)"), ("warned", r'class="num">(\d+)<')):
        path, seen = f"/leads/imports/{shown['id']}/{kind}", set()
        for _ in range(3):
            text = (await browser.get(path)).text
            seen |= set(re.findall(of, text))
            following = re.search(r'rel="next" href="([^"]*)"', text)
            path = path.partition("?")[0] + html.unescape(following[1] if following else "")
        assert len(seen) == 120, kind


async def test_columns_are_remembered_by_their_headers_and_by_name(
    browser: Browser, tenant: Tenant, place: Site
) -> None:
    sheet = "Contato,Nome,Turma\nana@x.com,Ana,A\nbea@x.com,Bea,B\n"
    data = fields((await preview(browser, sheet)).text)
    data |= {"column-1": "company", "column-2": "", "save_as": "Escola"}
    await send(browser, tenant, data, "import")
    page = (await preview(browser, "Turma,Contato,Nome\nC,caio@x.com,Caio\n")).text
    again = fields(page)
    assert [again[f"column-{n}"] for n in range(3)] == ["", "email", "company"]
    assert "mapped as they were the last time" in page
    await send(browser, tenant, again | {"column-2": "name"}, "import")
    upload = (await drop(browser, sheet)).headers["location"]
    last = fields((await browser.get(upload)).text)
    assert last["column-1"] == "name"
    named = fields((await browser.get(f"{upload}&saved=Escola")).text)
    assert named["column-1"] == "company"
    stranger = await place.browser(await place.organization())
    other = (await preview(stranger, sheet)).text
    assert "Escola" not in other
    assert fields(other)["column-1"] == "name"


async def test_nobody_sees_or_applies_another_organizations_check(
    browser: Browser, tenant: Tenant, place: Site
) -> None:
    shown = await tenant.run("E-mail,Nome\nana@x.com,Ana\nbad,B\n", dry_run="true")
    stranger = await place.browser(await place.organization())
    csrf = csrf_in(await form(stranger))
    address = f"/leads/imports/{shown['id']}"
    for page in ("changes", "rejected", "warned"):
        assert (await stranger.get(f"{address}/{page}")).status_code == 404
    assert (await stranger.post(f"{address}/apply", data={"csrf": csrf})).status_code == 404
    data = fields((await preview(browser)).text) | {"csrf": csrf}
    assert (await stranger.post("/leads/imports/look", data=data)).status_code == 404


async def test_a_workbook_offers_its_sheets_and_no_encoding(browser: Browser) -> None:
    book = Workbook()
    cover, leads = book.active, book.create_sheet("Leads")
    cover.append(["Olá"])
    leads.append(["E-mail", "Nome"])
    leads.append(["ana@x.com", "Ana"])
    body = io.BytesIO()
    book.save(body)
    page = (await preview(browser, body.getvalue())).text
    assert chosen(page, "sheet") == "Leads"
    assert 'name="encoding"' not in page.split('id="columns"')[0]


@pytest.mark.parametrize("more", [
    {"type-1": "nope", "column-1": "custom"}, {"header_row": "x"}, {"delimiter": "ab"},
    {"strict": "maybe"}, {"do": "import", "column-0": ""},
])
async def test_forged_choices_are_refused(
    browser: Browser, tenant: Tenant, more: dict[str, str]
) -> None:
    data = fields((await preview(browser)).text) | more
    answer = await browser.post("/leads/imports/new", data=data)
    if answer.status_code == 303:
        token = answer.headers["location"].rpartition("/")[2]
        assert (await outcome(tenant.platform, token, tenant.id))["status"] == "failed"
    else:
        assert answer.status_code in (400, 422), answer.text[:300]
    assert await tenant.base() == {}


async def test_rejected_rows_are_put_right_on_the_page(browser: Browser, tenant: Tenant) -> None:
    shown = await tenant.run(
        "Contato;Nome;Fone\nana;=Ana;81988880001\n;Bea;\ncaio@x.com;Caio;\nx;y;z;too long\n",
        mapping='{"Contato": "email", "Nome": "name", "Fone": "phone"}', filename="lista.csv",
    )
    assert five(shown) == (1, 0, 0, 0, 3)
    address = f"/leads/imports/{shown['id']}"
    page = (await browser.get(f"{address}/rejected")).text
    cells = dict(re.findall(r'<input name="(cell-\d+)" value="([^"]*)"', page))
    assert cells == {"cell-2": "ana", "cell-3": ""}
    csrf = csrf_in(await form(browser))
    nothing = await browser.post(f"{address}/correct", data=cells | {"csrf": csrf})
    assert (nothing.status_code, nothing.headers["location"]) == (303, f"{address}/rejected")
    assert "No value was changed" in (await browser.get(f"{address}/rejected")).text
    right = {"cell-2": "ana@x.com", "cell-4": "forged@x.com", "cell-" + "9" * 40: "x", "cell-x": ""}
    answer = await browser.post(f"{address}/correct", data=cells | right | {"csrf": csrf})
    assert answer.status_code == 303, answer.text
    token = answer.headers["location"].rpartition("/")[2]
    again = await outcome(tenant.platform, token, tenant.id)
    assert (five(again), again["filename"]) == ((1, 0, 0, 0, 0), "lista (+).csv")
    lead = await tenant.lead("ana@x.com")
    assert (lead["name"], lead["phone"]) == ("=Ana", "81988880001")
    assert set(await tenant.base()) == {"ana@x.com", "caio@x.com"}


async def test_what_is_still_wrong_is_told_again(browser: Browser, tenant: Tenant) -> None:
    book = Workbook()
    sheet = book.active
    for row in (["E-mail", "Saldo"], ["ana", 1.234], ["bea", 5]):
        sheet.append(row)
    body = io.BytesIO()
    book.save(body)
    shown = await tenant.run(body.getvalue(), filename="lista.xlsx")
    csrf = csrf_in(await form(browser))
    answer = await browser.post(
        f"/leads/imports/{shown['id']}/correct",
        data={"cell-2": "ana@x.com", "cell-3": "still wrong", "csrf": csrf},
    )
    token = answer.headers["location"].rpartition("/")[2]
    again = await outcome(tenant.platform, token, tenant.id)
    assert five(again) == (1, 0, 0, 0, 1)
    assert (await tenant.lead("ana@x.com"))["custom"] == {"saldo": "1.234"}
    page = (await browser.get(f"/leads/imports/{token}/rejected")).text
    assert re.findall(r'<input name="(cell-\d+)" value="([^"]*)"', page) == [
        ("cell-3", "still wrong")
    ]


async def test_nobody_corrects_another_organizations_rows(
    browser: Browser, tenant: Tenant, place: Site
) -> None:
    shown = await tenant.run("E-mail\nana\n")
    stranger = await place.browser(await place.organization())
    data = {"cell-2": "ana@x.com", "csrf": csrf_in(await form(stranger))}
    answer = await stranger.post(f"/leads/imports/{shown['id']}/correct", data=data)
    assert answer.status_code == 404
    assert await tenant.base() == {}


async def test_columns_are_changed_after_a_check_from_how_they_were(
    browser: Browser, tenant: Tenant
) -> None:
    rows = "".join(f"u{n}@x.com,{n % 3},2026-02-0{n}\n" for n in range(1, 9))
    page = (await preview(browser, f"E-mail,Plano,Desde\n{rows}")).text
    data = fields(page) | {
        "type-1": "choice", "options-1": "0; 1; 2; 9", "type-2": "text", "mode": "create",
        "strict": "true",
    }
    shown = await send(browser, tenant, data)
    page = (await browser.get(f"/leads/imports/{shown['id']}")).text
    (address,) = re.findall(r'href="(/leads/imports/new\?[^"]+)"', page)
    again = (await browser.get(html.unescape(address))).text
    kept = fields(again)
    assert {name: kept[name] for name in ("type-1", "type-2", "mode", "strict")} == {
        "type-1": "choice", "type-2": "text", "mode": "create", "strict": "true",
    }
    assert 'value="0; 1; 2; 9"' in again


async def test_sending_nothing_corrected_keeps_the_rows(browser: Browser, tenant: Tenant) -> None:
    shown = await tenant.run("E-mail,Nome\nbad,A\n")
    address = f"/leads/imports/{shown['id']}"
    csrf = csrf_in(await form(browser))
    answer = await browser.post(f"{address}/correct", data={"csrf": csrf, "cell-2": "bad"})
    assert answer.status_code == 303
    assert 'name="cell-2"' in (await browser.get(answer.headers["location"])).text


async def test_all_values_that_do_not_fit_are_counted(browser: Browser) -> None:
    bad = "bad\n\"joao@gmial,com\"\nana@@uol.com.br\na@b\n"
    page = (await preview(browser, "E-mail\nana@x.com\nbia@x.com\n" + bad)).text
    assert "4 of 6 values are not e-mail addresses." in page


async def test_a_rejected_row_shows_whose_it_is_and_that_it_was_sent_again(
    browser: Browser, tenant: Tenant
) -> None:
    shown = await tenant.run(
        "Nota;Nome;vazao_row;E-mail;Fone\nn1;Ana;9;ana;81988880001\nn2;Bea;9;bea;\nn3;Caio;9;c@x.com;\n"
        "n4;<b>;9;d@x.com;;long\n", filename="lista.csv",
    )
    address = f"/leads/imports/{shown['id']}"
    page = (await browser.get(f"{address}/rejected")).text
    assert cells_of(page) == {"2": [], "3": [], "5": []}
    (ask,) = re.findall(r'id="others-asked".*?hx-get="([^"]+)"', page)
    page = (await browser.get(html.unescape(ask))).text
    assert "hx-get=\"/leads/imports/" not in page, "it asks once"
    assert cells_of(page) == {
        "2": ["Nome Ana", "Fone 81988880001", "Nota n1"], "3": ["Nome Bea", "Nota n2"],
        "5": ["E-mail d@x.com", "Nome &lt;b&gt;", "Nota n4"],
    }
    assert "data-corrected" not in page
    csrf = csrf_in(await form(browser))
    answer = await browser.post(f"{address}/correct", data={"csrf": csrf, "cell-3": "bea@x.com"})
    again = answer.headers["location"]
    page = (await browser.get(f"{address}/rejected")).text
    assert re.findall(r"<tr data-corrected>.*?(cell-\d+)", page, re.S) == ["cell-3"]
    assert f'<a href="{again}">Already sent again</a>' in page


@pytest.mark.parametrize("dry_run", ["false", "true"])
async def test_a_header_alone_is_told_of(
    browser: Browser, tenant: Tenant, dry_run: str
) -> None:
    shown = await tenant.run("E-mail,Nome\n", dry_run=dry_run)
    assert (shown["status"], shown["rows_total"]) == ("finished", 0)
    assert shown["notes"] == [
        "The sheet has no rows under its header: there was nothing to import."
    ]
    assert "there is nothing to import" in (await preview(browser, "E-mail,Nome\n")).text
    assert "there is nothing to import" not in (await preview(browser)).text


async def test_cells_that_cannot_be_read_are_told_of(browser: Browser, tenant: Tenant) -> None:
    shown = await tenant.run("E-mail,Nome\nbad,A\n")
    (upload,) = await tenant.rows("select upload from leads.import where organization_id = %s")
    async with tenant.platform.db.connection() as conn:
        await conn.execute("delete from jobs.upload where token = %s", upload)
    answer = await browser.get(f"/leads/imports/{shown['id']}/rejected?others=yes")
    assert answer.status_code == 200
    assert re.search(r'id="others-asked" class="message warn">[^<]+</p>', answer.text)


def cells_of(page: str) -> dict[str, list[str]]:
    """By row the other cells that a page of rejected rows shows."""
    return {
        row: [re.sub(r"<[^>]+>", "", each) for each in re.findall(r"<li>(.*?)</li>", cells)]
        for row, cells in re.findall(r'id="others-(\d+)">(.*?)</ul>', page)
    }
