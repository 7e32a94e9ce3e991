"""Custom fields that hold one of several values: declared, guessed, kept to by sheets and edits."""

from __future__ import annotations

import html
from typing import Any

import httpx2
import pytest

from tests.support.leads import Tenant, lines, outcome
from tests.support.sites import Site, csrf_in
from tests.support.wizard import fields, form, preview
from vazao.leads import fitting
from vazao.leads.models import choice_of

pytestmark = pytest.mark.anyio
Client = httpx2.AsyncClient
FIELDS = "/v1/leads/fields"
PORTE = {"name": "porte", "type": "choice", "options": ["Pequeno", "Médio", "Grande"]}


@pytest.fixture
async def tenant(place: Site) -> Tenant:
    return await place.organization()


async def test_a_sheet_keeps_to_the_values(client: Client, tenant: Tenant) -> None:
    made = await client.post(FIELDS, json=PORTE)
    assert (made.status_code, made.json()["options"]) == (201, PORTE["options"])
    shown = await tenant.run(
        "E-mail,Porte\na@x.com, GRANDE \nb@x.com,medio\nc@x.com,enorme\nd@x.com,\ne@x.com,-\n"
    )
    assert (shown["created"], shown["rejected"], shown["warnings"]) == (5, 0, 1)
    base = await tenant.base()
    assert [base[f"{who}@x.com"]["custom"] for who in "abcde"] == [
        {"porte": "Grande"}, {"porte": "Médio"}, {}, {}, {},
    ]
    told = lines(await tenant.warnings(shown))
    assert told[1][1] == "enorme"
    assert told[1][-2] == "Porte"
    assert told[1][-1].startswith("choice_unknown: This value is not one of the field's choices")
    strict = await tenant.run("E-mail,Porte\nf@x.com,enorme\n", strict="true")
    assert (strict["created"], strict["rejected"]) == (0, 1)


async def test_an_edit_keeps_to_the_values(client: Client) -> None:
    await client.post(FIELDS, json=PORTE)
    made = await client.post("/v1/leads", json={"email": "a@x.com", "custom": {"porte": "grande"}})
    assert made.json()["custom"] == {"porte": "Grande"}
    refused = await client.patch(
        f"/v1/leads/{made.json()['id']}", json={"custom": {"porte": "enorme"}}
    )
    assert refused.status_code == 422
    (detail,) = refused.json()["error"]["details"]
    assert (detail["code"], detail["allowed"]) == ("choice_unknown", PORTE["options"])


async def test_values_are_tidied_and_changed(client: Client, tenant: Tenant) -> None:
    made = await client.post(FIELDS, json=PORTE | {"options": [" P ", "p", "M", "", "a\nb"]})
    assert made.json()["options"] == ["P", "M", "a b"]
    alike = await client.post(FIELDS, json={
        "name": "cidade", "type": "choice", "options": ["São Paulo", "sao paulo", "Recife"],
    })
    assert alike.json()["options"] == ["São Paulo", "Recife"]
    await tenant.run("E-mail,Cidade natal\nz@x.com,SAO PAULO\n",
                     mapping='{"E-mail": "email", "Cidade natal": "custom.cidade"}')
    assert (await tenant.lead("z@x.com"))["custom"] == {"cidade": "São Paulo"}
    changed = await client.patch(f"{FIELDS}/porte", json={"options": ["P", "G"]})
    assert (changed.json()["type"], changed.json()["options"]) == ("choice", ["P", "G"])
    await tenant.run("E-mail,Porte\na@x.com,g\n")
    assert (await tenant.lead("a@x.com"))["custom"] == {"porte": "G"}
    text = await client.patch(f"{FIELDS}/porte", json={"type": "text"})
    assert (text.json()["type"], text.json()["options"]) == ("text", None)


@pytest.mark.parametrize("options", [
    None, [], [" "], ["x" * 101], [f"v{n}" for n in range(201)],
])
async def test_what_can_be_no_values_is_refused(client: Client, options: Any) -> None:
    refused = await client.post(FIELDS, json=PORTE | {"options": options})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "choice_invalid")
    assert (await client.get(FIELDS)).json()["items"] == []


def test_a_choice_is_guessed_from_a_whole_column_of_few_values() -> None:
    few = ["SP", "RJ", "sp ", "SP", None, "RJ", "RJ", "SP", "RJ", "SP", "RJ"]
    assert fitting.guess(few, "any", whole=True) == choice_of(["RJ", "SP"])
    assert fitting.guess(few, "any", whole=False) == "text"
    assert fitting.guess(["SP", "RJ", "MG"], "any", whole=True) == "text"
    assert fitting.guess(["SP"] * 20, "any", whole=True) == "text"
    assert fitting.guess([f"v{n % 13}" for n in range(200)], "any", whole=True) == "text"
    assert fitting.guess(["sim", "não"] * 10, "any", whole=True) == "boolean"


async def test_the_wizard_offers_the_values_and_the_import_keeps_to_them(
    place: Site, tenant: Tenant
) -> None:
    browser = await place.browser(tenant)
    rows = "".join(f"u{n}@x.com,{'ouro' if n % 2 else 'Prata'}\n" for n in range(20))
    page = (await preview(browser, f"E-mail,Plano\n{rows}z@x.com,platina\n")).text
    given = fields(page) | {"options-1": options(page)}
    assert (given["type-1"], given["options-1"]) == ("choice", "Prata; ouro; platina")
    answer = await browser.post("/leads/imports/new", data=given | {
        "do": "import", "options-1": "Ouro; Prata",
    })
    assert answer.status_code == 303, html.unescape(answer.text)
    token = answer.headers["location"].rpartition("/")[2]
    shown = await outcome(tenant.platform, token, tenant.id)
    assert (shown["created"], shown["warnings"]) == (21, 1)
    assert (await tenant.lead("u1@x.com"))["custom"] == {"plano": "Ouro"}
    assert (await tenant.lead("z@x.com"))["custom"] == {}
    kept = await (await place.api(tenant)).get(FIELDS)
    assert kept.json()["items"][0]["options"] == ["Ouro", "Prata"]


def options(page: str) -> str:
    """What the page says of the second column's values."""
    return html.unescape(page.split('name="options-1"')[1].split('value="')[1].split('"')[0])


async def test_a_choice_on_the_pages(place: Site, tenant: Tenant, client: Client) -> None:
    browser = await place.browser(tenant)
    csrf = csrf_in(await form(browser))
    made = await browser.post("/leads/fields/new", data={
        "csrf": csrf, "label": "Porte", "type": "choice", "options": "P; M;G",
    })
    assert made.status_code == 303
    assert (await client.get(FIELDS)).json()["items"][0]["options"] == ["P", "M", "G"]
    assert 'value="P; M; G"' in (await browser.get("/leads/fields")).text
    await browser.post("/leads/fields", data={
        "csrf": csrf, "label-porte": "Porte", "type-porte": "choice", "options-porte": "P;GG",
        "place-porte": "",
    })
    assert (await client.get(FIELDS)).json()["items"][0]["options"] == ["P", "GG"]
    assert '<option value="GG">' in (await browser.get("/leads/new")).text


async def test_an_export_comes_back(client: Client, tenant: Tenant) -> None:
    await client.post(FIELDS, json=PORTE)
    await tenant.run("E-mail,Porte\na@x.com,grande\n")
    shown = await tenant.run(await tenant.export())
    assert (shown["unchanged"], shown["warnings"]) == (1, 0)
