"""The pages of leads by hand: a form for each, mistakes said beside the field, taking back."""

from __future__ import annotations

import html
import re

import pytest

from tests.support.leads import Tenant
from tests.support.sites import Site, csrf_in
from tests.support.wizard import Browser, form
from vazao.leads import declaring

pytestmark = pytest.mark.anyio


@pytest.fixture
async def tenant(place: Site) -> Tenant:
    return await place.organization()


def shown(page: str) -> dict[str, str]:
    """The fields of the form as they stand."""
    found = re.findall(r'<input id="field-[^"]*" name="([^"]+)"[^>]*? value="([^"]*)"', page)
    return {name: html.unescape(value) for name, value in found}


async def test_made_changed_deleted_and_restored(browser: Browser, tenant: Tenant) -> None:
    await tenant.run("E-mail,Cor\nbea@x.com,azul\n")
    csrf = csrf_in(await form(browser))
    fields = shown((await browser.get("/leads/new")).text)
    assert {"email", "name", "tags", "custom-cor"} <= set(fields)
    wrong = fields | {"csrf": csrf, "email": "ana@x.com", "phone": "1", "name": "Ana"}
    answer = await browser.post("/leads/new", data=wrong)
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    assert shown(answer.text)["name"] == "Ana", "what was typed is still there"
    right = wrong | {"phone": "81988880001", "tags": "um, dois", "custom-cor": "verde"}
    answer = await browser.post("/leads/new", data=right)
    assert answer.status_code == 303, answer.text
    where = answer.headers["location"]
    lead = await tenant.lead("ana@x.com")
    assert (lead["tags"], lead["custom"]) == (["um", "dois"], {"cor": "verde"})
    fields = shown((await browser.get(f"{where}/edit")).text)
    assert (fields["tags"], fields["custom-cor"]) == ("um, dois", "verde")
    answer = await browser.post(
        f"{where}/edit", data=fields | {"csrf": csrf, "custom-cor": "", "city": "Olinda"}
    )
    assert answer.status_code == 303, answer.text
    lead = await tenant.lead("ana@x.com")
    assert (lead["city"], lead["custom"]) == ("Olinda", {})
    page = (await browser.get(where)).text
    assert "City" in page.partition("History")[2]
    taken = await browser.post(
        f"{where}/edit", data=fields | {"csrf": csrf, "email": "bea@x.com"}
    )
    assert (taken.status_code, 'role="alert"' in taken.text) == (409, True)
    answer = await browser.post(f"{where}/delete", data={"csrf": csrf})
    assert answer.headers["location"] == "/leads/deleted"
    assert "ana@x.com" in (await browser.get("/leads/deleted")).text
    answer = await browser.post(f"{where}/restore", data={"csrf": csrf})
    assert answer.headers["location"] == where
    assert (await tenant.lead("ana@x.com"))["city"] == "Olinda"


async def test_a_value_from_before_the_rules_stands_in_no_ones_way(
    browser: Browser, tenant: Tenant
) -> None:
    await tenant.run("E-mail\nana@x.com\n")
    async with tenant.platform.db.connection() as conn:
        await conn.execute(
            "update leads.lead set phone = 'ramal 5' where organization_id = %s", [tenant.id]
        )
    ((number,),) = await tenant.rows("select id from leads.lead where organization_id = %s")
    fields = shown((await browser.get(f"/leads/{number}/edit")).text)
    data = fields | {"csrf": csrf_in(await form(browser)), "name": "Ana"}
    assert (await browser.post(f"/leads/{number}/edit", data=data)).status_code == 303
    lead = await tenant.lead("ana@x.com")
    assert (lead["name"], lead["phone"]) == ("Ana", "ramal 5")


async def test_the_chosen_are_tagged(browser: Browser, tenant: Tenant) -> None:
    await tenant.run("E-mail,Cidade\na@x.com,Olinda\nb@x.com,Olinda\nc@x.com,Recife\n")
    page = (await browser.get("/leads")).text
    ids = re.findall(r'name="lead" value="(\d+)"', page)
    assert len(ids) == 3
    csrf = csrf_in(page)
    answer = await browser.post(
        "/leads/tags", data={"csrf": csrf, "lead": ids[:2], "tags": "feira; novo", "do": "add",
                             "back": "city=Olinda"},
    )
    assert answer.headers["location"] == "/leads?city=Olinda"
    assert sorted(tags for tags, in await tenant.rows(
        "select tags from leads.lead where organization_id = %s"
    )) == [[], ["feira", "novo"], ["feira", "novo"]]
    await browser.post(
        "/leads/tags", data={"csrf": csrf, "lead": ids, "tags": "feira", "do": "remove"}
    )
    assert not await tenant.rows(
        "select 1 from leads.lead where organization_id = %s and 'feira' = any (tags)"
    )
    for back in ("//evil.example", "\r\nX: y"):
        answer = await browser.post(
            "/leads/tags", data={"csrf": csrf, "lead": ids, "tags": "x", "back": back}
        )
        assert answer.headers["location"].startswith("/leads?")
        assert "x" not in answer.headers.get("X", "")


async def test_nobody_edits_another_organizations_leads(
    browser: Browser, tenant: Tenant, place: Site
) -> None:
    await tenant.run("E-mail\nana@x.com\n")
    ((number,),) = await tenant.rows("select id from leads.lead where organization_id = %s")
    stranger = await place.browser(await place.organization())
    csrf = csrf_in(await form(stranger))
    assert (await stranger.get(f"/leads/{number}/edit")).status_code == 404
    for path in ("edit", "delete", "restore"):
        data = {"csrf": csrf} | ({"name": "x"} if path == "edit" else {})
        answer = await stranger.post(f"/leads/{number}/{path}", data=data)
        assert answer.status_code == 404, path
    assert (await tenant.lead("ana@x.com"))["name"] is None


async def test_a_form_says_all_that_is_wrong_at_once(browser: Browser, tenant: Tenant) -> None:
    await tenant.run("E-mail,Cor\nbea@x.com,azul\n")
    csrf = csrf_in(await form(browser))
    async with tenant.platform.db.transaction() as conn:
        for name, type_, options in (("nota", "integer", None), ("tam", "choice", ["P", "G"])):
            await declaring.declare_field(conn, tenant.id, name, type_, options)
    page = (await browser.get("/leads/new")).text
    assert "A whole number." in page
    assert re.search(r'<select id="field-custom-tam".*?<option value="G">G</option>', page, re.S)
    answer = await browser.post("/leads/new", data={
        "csrf": csrf, "email": "", "phone": "1", "custom-nota": "dez", "name": "Ana",
    })
    assert answer.status_code == 422
    assert answer.text.count('aria-invalid="true"') == 3
    assert "Some fields of the lead are not valid." in answer.text
    assert 'id="error-custom-nota"' in answer.text
    taken = await browser.post("/leads/new", data={"csrf": csrf, "email": "bea@x.com"})
    assert 'id="error-email"' in taken.text
