"""The pages of leads: they render, say what is wrong, and begin imports, in both languages."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

import pytest

from tests.support.leads import Tenant, indexed, outcome
from tests.support.sites import Site, csrf_in
from tests.support.wizard import SHEET, Browser, drop, fields, form, preview
from vazao.leads import pages, pages_imports

pytestmark = pytest.mark.anyio
FIXTURES = Path(__file__).parent.parent / "fixtures" / "cases"
LANGUAGES = ["en", "pt-BR"]


@pytest.fixture
async def tenant(place: Site) -> Tenant:
    return await place.organization()


async def test_the_preview_shows_the_sheet_that_would_be_read(browser: Browser) -> None:
    workbook = FIXTURES / "x_first_veryhidden_ok.xlsx"
    page = (await preview(browser, workbook.read_bytes())).text
    assert re.findall(r'<option value="([^"]*)"[^>]* selected[^>]*>\s*Leads', page) == ["Leads"]
    assert "velha@" not in page
    hidden = (await preview(browser, workbook.read_bytes(), sheet="_backup")).text
    assert "velha@" in hidden


@pytest.mark.parametrize("language", LANGUAGES)
async def test_pages_of_an_empty_organization(browser: Browser, language: str) -> None:
    browser.headers["accept-language"] = language
    for path in ("/leads", "/leads?q=x", "/leads?tag=a&city=b", "/leads/imports",
                 "/leads/behind", "/"):
        answer = await browser.get(path)
        assert answer.status_code == 200, path
        assert answer.headers["content-type"].startswith("text/html")
    texts = {"en": "No leads yet", "pt-BR": "Ainda não há leads"}
    text = html.unescape((await browser.get("/leads")).text)
    assert texts["en"] in text if language == "en" else texts["en"] not in text


@pytest.mark.parametrize("language", LANGUAGES)
async def test_pages_of_a_filled_organization(
    browser: Browser, tenant: Tenant, language: str
) -> None:
    browser.headers["accept-language"] = language
    shown = await tenant.run(SHEET)
    failed = await tenant.run("Nome\na")
    await indexed(tenant)
    ((lead,),) = await tenant.rows("select id::text from leads.lead where organization_id = %s")
    listed = await browser.get("/leads")
    assert "ana@x.com" in listed.text
    assert "Ana &lt;b&gt;" in listed.text, "escaped"
    assert "<b>" not in listed.text.replace("<body", "")
    for query in ("q=ana", "tag=FEIRA", "city=olinda", "q=an%20olx"):
        found = await browser.get(f"/leads?{query}")
        assert found.status_code == 200
        assert ("ana@x.com" in found.text) == (query != "q=an%20olx")
    one = await browser.get(f"/leads/{lead}")
    assert (one.status_code, "feira" in one.text) == (200, True)
    history = await browser.get("/leads/imports")
    assert history.text.count("sheet.csv") >= 2
    ended = await browser.get(f"/leads/imports/{shown['id']}")
    assert "bad" in ended.text
    assert f"/v1/leads/imports/{shown['id']}/errors" in ended.text
    for each in (shown, failed):
        path = f"/leads/imports/{each['id']}"
        job = re.search(r'href="(/jobs/[^"]+)"', (await browser.get(path)).text)
        assert job, "the way to its job, and back"
        assert f'href="{path}"' in (await browser.get(job[1])).text
    wrong = await browser.get(f"/leads/imports/{failed['id']}")
    assert failed["error"]["message"] in html.unescape(wrong.text) or language != "en"
    assert "data-stream" not in wrong.text


async def test_the_lists_are_paged(browser: Browser, tenant: Tenant) -> None:
    await tenant.run("E-mail\n" + "".join(f"u{n}@x.com\n" for n in range(120)))
    path, seen = "/leads", set()
    for _ in range(3):
        text = (await browser.get(path)).text
        seen |= set(re.findall(r"u\d+@x\.com", text))
        following = re.search(r'href="([^"]*after=[^"]*)"', text)
        path = f"/leads{html.unescape(following.group(1))}" if following else path
    assert len(seen) == 120


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_preview_proposes_the_mapping_and_its_form_imports(
    browser: Browser, tenant: Tenant, language: str
) -> None:
    browser.headers["accept-language"] = language
    page = await preview(browser, "E-mail,Nome,Cor,vazao_row,,Z\nana@x.com,Ana,azul,5,z,\n")
    assert page.status_code == 200
    data = fields(page.text)
    assert [data[f"column-{n}"] for n in range(4)] == ["email", "name", "custom", ""]
    answer = await browser.post("/leads/imports/new", data=data | {"do": "import"})
    assert answer.status_code == 303, answer.text
    token = answer.headers["location"].rpartition("/")[2]
    shown = await outcome(tenant.platform, token, tenant.id)
    assert (shown["status"], shown["created"]) == ("finished", 1), shown["error"]
    assert (await tenant.lead("ana@x.com"))["custom"] == {"cor": "azul"}
    assert (await browser.get(answer.headers["location"])).status_code == 200


async def test_a_corrected_mapping_is_what_is_imported(browser: Browser, tenant: Tenant) -> None:
    page = await preview(browser, "Quem,\"E \"\"x\"\" <Nome>\",Cidade\nana@x.com,Ana,Olinda\n")
    data = fields(page.text) | {
        "column-0": "email", "column-1": "custom.e_x_nome", "column-2": "", "mode": "create",
        "empty": "clear",
    }
    answer = await browser.post("/leads/imports/new", data=data | {"do": "import"})
    assert answer.status_code == 303, answer.text
    shown = await outcome(
        tenant.platform, answer.headers["location"].rpartition("/")[2], tenant.id
    )
    assert (shown["status"], shown["mode"], shown["empty"]) == ("finished", "create", "clear")
    lead = await tenant.lead("ana@x.com")
    assert (lead["custom"], lead["city"]) == ({"e_x_nome": "Ana"}, None)


@pytest.mark.parametrize(("column", "field"), [(0, ""), (1, "email"), (1, "nope"), (1, "custom.É")])
async def test_a_wrong_mapping_shows_the_form_again_with_the_reason(
    browser: Browser, tenant: Tenant, column: int, field: str
) -> None:
    data = fields((await preview(browser)).text) | {f"column-{column}": field, "column-2": ""}
    answer = await browser.post("/leads/imports/new", data=data | {"do": "import"})
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text or "bad" in answer.text
    again = fields(answer.text)
    assert again["column-2"] == "", "what was chosen is still chosen"
    assert again["upload"] == data["upload"]
    assert await tenant.base() == {}


@pytest.mark.parametrize(("language", "body", "reason"), [
    ("en", b"", "The file is empty."), ("pt-BR", b"", "O arquivo está vazio."),
    ("en", b"%PDF-1.7", "Files of the kind PDF are not"),
    ("pt-BR", b"%PDF-1.7", "Arquivos do tipo PDF não"),
    ("en", b"PK\x03\x04", "The workbook is damaged or incomplete."),
    ("pt-BR", b"PK\x03\x04", "A pasta de trabalho está danificada ou incompleta."),
])
async def test_a_preview_of_a_wrong_file_shows_the_reason(
    browser: Browser, body: bytes, reason: str, language: str
) -> None:
    browser.headers["accept-language"] = language
    page = await preview(browser, body)
    assert page.status_code == 200
    assert reason in html.unescape(page.text)
    assert "<form method=\"post\" action=\"/leads/imports/new\"" not in page.text


async def test_nobody_previews_or_imports_another_organizations_upload(
    browser: Browser, place: Site
) -> None:
    dropped = await drop(browser)
    stranger = await place.browser(await place.organization())
    address = dropped.headers["location"]
    assert (await stranger.get(address)).status_code == 404
    data = fields((await browser.get(address)).text)
    data["csrf"] = csrf_in(await form(stranger))
    assert (await stranger.post("/leads/imports/new", data=data)).status_code == 404
    assert (await browser.get("/leads/imports/new")).headers["location"] == "/leads/imports"
    for upload in ("x", "0" * 32, "\0"):
        answer = await browser.get("/leads/imports/new", params={"upload": upload})
        assert answer.status_code in (400, 404), upload


async def test_nobody_sees_another_organizations_pages(
    browser: Browser, tenant: Tenant, place: Site
) -> None:
    shown = await tenant.run(SHEET)
    ((lead,),) = await tenant.rows("select id::text from leads.lead where organization_id = %s")
    stranger = await place.browser(await place.organization())
    csrf = csrf_in(await form(stranger))
    assert (await stranger.get(f"/leads/imports/{shown['id']}")).status_code == 404
    assert (await stranger.get(f"/leads/{lead}")).status_code == 404
    answer = await stranger.post(f"/leads/imports/{shown['id']}/stop", data={"csrf": csrf})
    assert answer.status_code == 404
    assert "ana@x.com" not in (await stranger.get("/leads")).text


async def test_pages_ask_who_is_there(place: Site) -> None:
    nobody = place.client(accept="text/html")
    for path in ("/leads", "/leads/imports", "/leads/imports/new", "/leads/1"):
        answer = await nobody.get(path)
        assert (answer.status_code, answer.headers["location"][:6]) == (303, "/login")
    assert (await nobody.post("/leads/uploads", files={"file": ("a", b"x")})).status_code == 401


async def test_forms_without_the_sessions_own_value_are_refused(
    browser: Browser, tenant: Tenant
) -> None:
    data = fields((await preview(browser)).text)
    for path in ("/leads/uploads", "/leads/imports/new", "/leads/imports/x/stop"):
        answer = await browser.post(path, data=data | {"csrf": "wrong"})
        assert answer.status_code == 403, path
    assert (await browser.post("/leads/uploads", files={"file": ("a", b"x")})).status_code == 403
    assert await tenant.base() == {}


@pytest.mark.parametrize("headers", ["{", "5", "[1]", '{"a": 1}', "", "[[]]", '["\\u0000"]'])
async def test_a_forged_form_is_an_answer_not_a_crash(browser: Browser, headers: str) -> None:
    data = fields((await preview(browser)).text) | {"headers": headers}
    answer = await browser.post("/leads/imports/new", data=data | {"do": "import"})
    assert answer.status_code in (400, 422), answer.text[:300]


@pytest.mark.parametrize("more", [{"mode": "x"}, {"empty": "x"}, {"sheet": "No\0pe"}])
async def test_forged_options_are_refused(browser: Browser, more: dict[str, str]) -> None:
    data = fields((await preview(browser)).text) | more
    answer = await browser.post("/leads/imports/new", data=data | {"do": "import"})
    assert answer.status_code in (400, 422), answer.text[:300]


async def test_an_import_that_has_ended_cannot_be_stopped(
    browser: Browser, tenant: Tenant
) -> None:
    shown = await tenant.run(SHEET)
    answer = await browser.post(
        f"/leads/imports/{shown['id']}/stop", data={"csrf": csrf_in(await form(browser))}
    )
    assert answer.status_code in (303, 409)


async def test_headers_survive_the_form_as_they_are(browser: Browser, tenant: Tenant) -> None:
    names = ["E-mail", "a'b", "</script>", "x&amp;y", "ç 😀", "=1+1"]
    body = ",".join(names) + "\nana@x.com,1,2,3,4,5\n"
    data = fields((await preview(browser, body)).text)
    assert json.loads(data["headers"]) == names
    answer = await browser.post("/leads/imports/new", data=data | {"do": "import"})
    assert answer.status_code == 303, answer.text[:300]
    shown = await outcome(
        tenant.platform, answer.headers["location"].rpartition("/")[2], tenant.id
    )
    assert shown["created"] == 1, shown["error"]
    assert len((await tenant.lead("ana@x.com"))["custom"]) == 5


@pytest.mark.parametrize("shown", [1, 2])
async def test_a_page_that_is_full_to_the_limit_has_a_next_only_if_more_follows(
    browser: Browser, tenant: Tenant, monkeypatch: pytest.MonkeyPatch, shown: int
) -> None:
    for module in (pages, pages_imports):
        monkeypatch.setattr(module, "PAGE", shown)
    for _ in range(2):
        await tenant.run("E-mail\nana@x.com\nbia@x.com\n")
    await indexed(tenant)
    for path in ("/leads", "/leads?q=x.com", "/leads/imports"):
        text = (await browser.get(path)).text
        assert ('rel="next"' in text) == (shown == 1), path


async def test_an_unknown_field_of_the_drop_is_refused(browser: Browser, tenant: Tenant) -> None:
    csrf = csrf_in(await form(browser))
    answer = await browser.post(
        "/leads/uploads", data={"csfr": "x"}, files={"file": ("p.csv", SHEET)},
        headers={"x-csrf-token": csrf, "accept": "application/json"},
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "unknown_parameter")
    assert await tenant.rows("select 1 from jobs.upload where organization_id = %s") == []


async def test_a_sheet_that_is_gone_offers_nothing_that_needs_it(
    browser: Browser, tenant: Tenant
) -> None:
    trial = await tenant.run(SHEET, dry_run="true")
    done = await tenant.run(SHEET)
    shown = {each["id"]: (await browser.get(f"/leads/imports/{each['id']}")).text
             for each in (trial, done)}
    offered = ("/errors?", "/rejected", "/apply", "Change the columns")
    assert [word for word in offered if word in shown[trial["id"]] + shown[done["id"]]] == [
        *offered
    ]
    async with tenant.platform.db.connection() as conn:
        await conn.execute("update leads.import set sheet_gone = 'erased' "
                           "where organization_id = %s", [tenant.id])
    for each in (trial, done):
        page = (await browser.get(f"/leads/imports/{each['id']}")).text
        assert "because it contained a person who was erased" in page
        assert not [word for word in offered if word in page]
        listed = (await browser.get(f"/leads/imports/{each['id']}/rejected")).text
        assert "The stored sheet was removed" in listed
        assert "Send the corrected rows again" not in listed


async def test_an_import_that_wrote_nothing_says_so(browser: Browser, tenant: Tenant) -> None:
    failed = await tenant.run(SHEET, mapping=json.dumps({"Mail": "email"}))
    async with tenant.platform.db.connection() as conn:
        # As it is where a limit is met in the middle of the reading.
        await conn.execute("update leads.import set rows_total = 40 where organization_id = %s",
                           [tenant.id])
    page = html.unescape((await browser.get(f"/leads/imports/{failed['id']}")).text)
    assert failed["status"] == "failed"
    assert "Nothing was imported." in page
    assert "Rows that were already imported stay" not in page


@pytest.mark.parametrize("empty", ["keep", "clear"])
async def test_who_reads_of_duplicates_reads_which_row_wins(
    browser: Browser, tenant: Tenant, empty: str
) -> None:
    shown = await tenant.run("E-mail,Nome\na@x.com,A\na@x.com,B\n", empty=empty)
    page = html.unescape((await browser.get(f"/leads/imports/{shown['id']}")).text)
    (told,) = re.findall(r'id="duplicates">(.*?)</p>', page, re.S)
    assert "the filled cells of the later row win" in told
    assert ("leave what the earlier row says" in told) is (empty == "keep")
    alone = await tenant.run("E-mail\nb@x.com\n")
    assert 'id="duplicates"' not in (await browser.get(f"/leads/imports/{alone['id']}")).text


async def test_a_cancelled_import_offers_ways_on(browser: Browser, tenant: Tenant) -> None:
    shown = await tenant.run(SHEET)
    address = f"/leads/imports/{shown['id']}"
    assert f'action="{address}/again"' not in (await browser.get(address)).text
    async with tenant.platform.db.connection() as conn:
        await conn.execute("update jobs.job set status = 'cancelled' where token = %s",
                           [shown["id"]])
    page = (await browser.get(address)).text
    for way in (f'action="{address}/again"', "/leads/imports/new?", 'href="/leads"'):
        assert way in page, way
    answer = await browser.post(f"{address}/again", data={"csrf": csrf_in(page)})
    assert (answer.status_code, answer.headers["location"]) == (303, address)
    again = await outcome(tenant.platform, shown["id"], tenant.id)
    assert (again["status"], again["unchanged"]) == ("finished", 1)
