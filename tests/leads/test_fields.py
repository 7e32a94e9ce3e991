"""Custom fields: listed, declared, labelled, typed and ordered, by API and on the page."""

from __future__ import annotations

import html
import re

import httpx2
import pytest

from tests.support.answers import code
from tests.support.leads import Tenant
from tests.support.sites import Site, csrf_in
from tests.support.wizard import Browser, form

pytestmark = pytest.mark.anyio
Client = httpx2.AsyncClient
FIELDS = "/v1/leads/fields"


@pytest.fixture
async def tenant(place: Site) -> Tenant:
    return await place.organization()


async def names(client: Client) -> list[str]:
    return [field["name"] for field in (await client.get(FIELDS)).json()["items"]]


async def test_a_field_is_declared_and_its_type_holds(client: Client, tenant: Tenant) -> None:
    made = await client.post(FIELDS, json={"name": "valor", "type": "number", "label": " Valor "})
    assert (made.status_code, made.headers["location"]) == (201, f"{FIELDS}/valor")
    assert made.json() == {"name": "valor", "label": "Valor", "type": "number", "options": None,
                           "place": None}
    await tenant.run('E-mail,Valor\nana@x.com,"1,50"\n')
    assert (await tenant.lead("ana@x.com"))["custom"] == {"valor": 1.5}
    assert code(await client.post(FIELDS, json={"name": "valor"})) == (409, "field_taken")


async def test_fields_of_sheets_are_labelled_and_ordered(client: Client, tenant: Tenant) -> None:
    await tenant.run("E-mail,Cor,Time,Altura\nana@x.com,azul,A,2\n")
    assert await names(client) == ["altura", "cor", "time"]
    await client.patch(f"{FIELDS}/time", json={"place": 1})
    changed = await client.patch(f"{FIELDS}/cor", json={"place": 2, "label": "Cor da camisa"})
    assert changed.json() == {"name": "cor", "label": "Cor da camisa", "type": "text",
                              "options": None, "place": 2}
    assert await names(client) == ["time", "cor", "altura"]
    await client.patch(f"{FIELDS}/cor", json={"label": None, "place": None})
    assert await names(client) == ["time", "altura", "cor"]


@pytest.mark.parametrize(("fields", "wanted"), [
    ({"name": "É"}, (422, "mapping_custom_name")), ({"name": ""}, (422, "mapping_custom_name")),
    ({"name": "a", "label": "x" * 101}, (400, "option_invalid")),
    ({"name": "a", "type": "nope"}, (400, "field_invalid")), ({}, (400, "field_invalid")),
    ({"name": "a", "x": 1}, (400, "unknown_parameter")),
])
async def test_what_cannot_be_is_refused(
    client: Client, fields: dict[str, str], wanted: tuple[int, str]
) -> None:
    assert code(await client.post(FIELDS, json=fields)) == wanted
    assert await names(client) == []


async def test_unknown_and_foreign_fields_are_not_found(
    client: Client, place: Site, tenant: Tenant
) -> None:
    await client.post(FIELDS, json={"name": "cor"})
    stranger = await place.api(await place.organization())
    for who, name in ((client, "nope"), (stranger, "cor")):
        answer = await who.patch(f"{FIELDS}/{name}", json={"label": "x"})
        assert code(answer) == (404, "field_not_found")
    assert await names(stranger) == []
    assert code(await client.patch(f"{FIELDS}/cor", json={"place": -1})) == (
        400, "option_invalid"
    )


async def test_the_page_names_types_and_orders_them(
    browser: Browser, client: Client, tenant: Tenant
) -> None:
    await tenant.run("E-mail,Cor,Time\nana@x.com,azul,A\n")
    csrf = csrf_in(await form(browser))
    made = await browser.post("/leads/fields/new", data={
        "csrf": csrf, "label": "Data de início", "type": "date"})
    assert made.status_code == 303, made.text
    page = html.unescape((await browser.get("/leads/fields")).text)
    assert re.findall(r"<code>(\w+)</code>", page) == ["cor", "data_de_inicio", "time"]
    assert 'value="Data de início"' in page
    saved = await browser.post("/leads/fields", data={
        "csrf": csrf, "label-time": "Equipe", "type-time": "text", "place-time": "1",
        "label-cor": "", "type-cor": "text", "place-cor": "",
        "label-data_de_inicio": "Data de início", "type-data_de_inicio": "date",
        "place-data_de_inicio": "",
    })
    assert saved.status_code == 303
    assert await names(client) == ["time", "cor", "data_de_inicio"]
    ((lead,),) = await tenant.rows("select id from leads.lead where organization_id = %s")
    assert "Equipe" in (await browser.get(f"/leads/{lead}")).text
    for label in ("Cor", "!!!"):
        wrong = await browser.post(
            "/leads/fields/new", data={"csrf": csrf, "label": label, "type": "text"}
        )
        assert wrong.status_code in (409, 422), label
        assert 'role="alert"' in wrong.text


async def test_a_check_calls_fields_by_their_labels(
    browser: Browser, client: Client, tenant: Tenant
) -> None:
    await client.post(FIELDS, json={"name": "porte", "label": "Porte da empresa"})
    shown = await tenant.run("E-mail,Porte\nana@x.com,grande\n", dry_run="true")
    for page in ("", "/changes"):
        text = (await browser.get(f"/leads/imports/{shown['id']}{page}")).text
        assert "<small>Porte da empresa</small>" in text
