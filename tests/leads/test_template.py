"""What the page of imports says and gives before a sheet is sent: limits, and an empty sheet."""

from __future__ import annotations

import csv

import httpx2
import pytest

from tests.support.leads import Tenant
from tests.support.sites import Site
from tests.support.wizard import Browser
from vazao.leads.mapping import FIELDS

pytestmark = pytest.mark.anyio
VALUES = {
    "email": "ana@x.com.br", "name": "Ana Sá", "phone": "+5581999990000", "company": "Sá Ltda",
    "job_title": "Chefe", "city": "Olinda", "state": "PE", "country": "BR",
    "website": "https://x.com.br", "tags": "feira", "legal_basis": "consentimento",
    "opted_out": "não",
}


@pytest.fixture
async def tenant(place: Site) -> Tenant:
    return await place.organization()


@pytest.fixture
async def client(place: Site, tenant: Tenant) -> httpx2.AsyncClient:
    return await place.api(tenant)


@pytest.mark.parametrize(("language", "delimiter", "name"), [
    ("en", ",", "Name"), ("pt-BR", ";", "Nome"),
])
async def test_a_filled_in_template_needs_no_mapping(
    browser: Browser, client: httpx2.AsyncClient, tenant: Tenant, language: str, delimiter: str,
    name: str,
) -> None:
    own = {
        "nascimento": "Nascimento", "cor_da_camisa": "Cor da camisa", "codigo": "Código do CRM",
        "soma": "=SOMA(A1)", "nome_social": "Nome", "sem_nome": None, "aspas": 'Aspas "; ,',
    }
    for field, label in own.items():
        made = await client.post("/v1/leads/fields", json={"name": field, "label": label})
        assert made.status_code == 201, made.text
    browser.headers["accept-language"] = language
    assert 'href="/leads/imports/template"' in (await browser.get("/leads/imports")).text
    answer = await browser.get("/leads/imports/template")
    assert answer.status_code == 200
    assert answer.headers["content-disposition"] == 'attachment; filename="leads.csv"'
    text = answer.content.decode()
    assert text[0] == "\N{BYTE ORDER MARK}", "Excel reads its accents by it"
    (header,) = csv.reader([text[1:]], delimiter=delimiter)
    assert header[0] == "E-mail"
    assert name in header
    assert "Cor da camisa" in header
    assert not [each for each in header if each[0] in "=+-@"], "nothing that Excel computes"
    assert len(header) == len(set(header)) == len(FIELDS) + len(own)
    row = [VALUES[field] for field in FIELDS]
    wanted = {}
    for each in header[len(FIELDS):]:
        wanted[each] = f"valor {len(wanted)}"
    shown = await tenant.run(text + delimiter.join([*row, *wanted.values()]) + "\r\n")
    assert (shown["created"], shown["rejected"], shown["warnings"]) == (1, 0, 0), shown
    lead = await tenant.lead("ana@x.com.br")
    assert {field: lead[field] for field in ("name", "company", "job_title", "city")} == {
        field: VALUES[field] for field in ("name", "company", "job_title", "city")
    }
    fields = [each["name"] for each in (await client.get("/v1/leads/fields")).json()["items"]]
    assert set(fields) == set(own), "no field was made besides"
    assert lead["custom"] == dict(zip(fields, wanted.values(), strict=True))


async def test_a_template_is_its_organizations_own(
    browser: Browser, place: Site, tenant: Tenant
) -> None:
    stranger = await place.api(await place.organization())
    await stranger.post("/v1/leads/fields", json={"name": "segredo", "label": "Segredo"})
    assert "egredo" not in (await browser.get("/leads/imports/template")).text
    asked = await place.client().get("/leads/imports/template")
    assert asked.status_code in (303, 401)


@pytest.mark.parametrize(("language", "told"), [
    ("en", "At most 1.0 GiB, 5,000,000 rows and 200 columns."),
    ("pt-BR", "No máximo 1,0 GiB, 5.000.000 linhas e 200 colunas."),
])
async def test_limits_are_said_before_a_file_is_sent(
    browser: Browser, language: str, told: str
) -> None:
    browser.headers["accept-language"] = language
    assert told in (await browser.get("/leads/imports")).text.replace("\N{NO-BREAK SPACE}", " ")
