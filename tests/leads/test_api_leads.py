"""The routes of leads over HTTP: lists, one lead, edits, changes and exports."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from tests.support.leads import Tenant, indexed
from tests.support.sites import Site
from tests.support.waiting import eventually
from vazao.leads import declaring

pytestmark = pytest.mark.anyio
LEADS = "/v1/leads"
Client = httpx2.AsyncClient
SHEET = (
    "E-mail,Nome,Empresa,Cidade,Tags,Opt-out,Cor\n"
    "ana@x.com,Ana Luísa,ACME,Olinda,feira;vip,,azul\nbob@x.com,'=Bob,ACME,Recife,feira,sim,\n"
    'li@x.com,"Li ""Na""\nZ",,São Luís,,,\n'
)


@pytest.fixture
async def tenant(place: Site) -> Tenant:
    made = await place.organization()
    assert await made.five(SHEET) == (3, 0, 0, 0, 0)
    await indexed(made)
    return made


async def emails(client: Client, **query: str) -> list[str]:
    answer = await client.get(LEADS, params=query)
    assert answer.status_code == 200, answer.text
    return sorted(lead["email"][:-6] for lead in answer.json()["items"])


async def one(client: Client, email: str) -> dict[str, Any]:
    (found,) = (await client.get(LEADS, params={"email": email})).json()["items"]
    return found


async def test_a_lead_is_shown_whole(client: Client) -> None:
    lead = await one(client, " ANA@X.com ")
    assert {k: v for k, v in lead.items() if k not in ("id", "created_at", "updated_at")} == {
        "email": "ana@x.com", "name": "Ana Luísa", "phone": None, "company": "ACME",
        "job_title": None, "city": "Olinda", "state": None, "country": None, "website": None,
        "legal_basis": None, "tags": ["feira", "vip"], "custom": {"cor": "azul"},
        "opted_out": False,
    }
    assert isinstance(lead["id"], str)
    assert (await client.get(f"{LEADS}/{lead['id']}")).json() == lead
    assert (await client.get(LEADS, params={"email": "nobody@x.com"})).json() == {
        "items": [], "next": None, "count": 0, "count_exact": True,
    }


@pytest.mark.parametrize(("query", "wanted"), [
    ({}, ["ana", "bob", "li"]), ({"q": "acme"}, ["ana", "bob"]), ({"tag": "VIP"}, ["ana"]),
    ({"city": "sao luis"}, ["li"]), ({"q": "a", "city": "recife"}, ["bob"]),
    ({"q": "%"}, []), ({"q": "a\0"}, []), ({"q": " "}, ["ana", "bob", "li"]),
    ({"q": ""}, ["ana", "bob", "li"]),
    ({"email": "a\0"}, []), ({"tag": "\0"}, []), ({"city": "x" * 3000}, []),
])
async def test_the_list_is_filtered(
    client: Client, query: dict[str, str], wanted: list[str]
) -> None:
    assert await emails(client, **query) == wanted


@pytest.mark.parametrize("query", [{}, {"q": "x.com"}])
async def test_the_list_is_paged_newest_first(client: Client, query: dict[str, str]) -> None:
    seen: list[str] = []
    after: dict[str, str] = {}
    for _ in range(5):
        page = (await client.get(LEADS, params=query | {"limit": "2"} | after)).json()
        seen += [lead["id"] for lead in page["items"]]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert len(seen) == len(set(seen)) == 3
    assert seen == sorted(seen, key=int, reverse=True)


@pytest.mark.parametrize("id", ["x", "0", "-1", "1e3", "9" * 18, "9" * 40, "%00", "١"])
async def test_ids_that_are_none_are_not_found(client: Client, id: str) -> None:
    answer = await client.get(f"{LEADS}/{id}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "lead_not_found")


async def test_an_edit_sets_what_it_names_and_null_clears(client: Client) -> None:
    lead = await one(client, "ana@x.com")
    answer = await client.patch(f"{LEADS}/{lead['id']}", json={
        "email": " ANA.NOVA@X.com", "name": None, "tags": ["a", "b;c"], "opted_out": True,
        "custom": {"cor": None, "altura": "1 m"}, "city": "=Recife",
    })
    assert answer.status_code == 200, answer.text
    assert answer.json() == lead | {
        "email": "ana.nova@x.com", "name": None, "tags": ["a", "b", "c"], "opted_out": True,
        "custom": {"altura": "1 m"}, "city": "=Recife", "updated_at": answer.json()["updated_at"],
    }
    assert answer.json()["updated_at"] > lead["updated_at"]
    assert await emails(client, city="=recife") == ["ana.nova"]


async def test_an_opt_out_never_goes_back(client: Client) -> None:
    lead = await one(client, "bob@x.com")
    for value in (False, None):
        answer = await client.patch(f"{LEADS}/{lead['id']}", json={"opted_out": value})
        assert answer.json() == lead, "ignored: no change"


async def test_an_edit_that_changes_nothing_writes_nothing(client: Client, tenant: Tenant) -> None:
    before = await tenant.versions()
    lead = await one(client, "ana@x.com")
    shown = {k: v for k, v in lead.items() if k not in ("id", "created_at", "updated_at")}
    for body in (shown, {}, {"custom": {}}, {"custom": {"none": None}}, {"email": "ANA@x.com"}):
        answer = await client.patch(f"{LEADS}/{lead['id']}", json=body)
        assert answer.json() == lead, body
    assert {v[:2] for v in before} == {v[:2] for v in await tenant.versions()}


async def test_an_edit_of_a_custom_field_keeps_every_digit_of_the_others(
    client: Client, tenant: Tenant
) -> None:
    async with tenant.platform.db.transaction() as conn:
        await declaring.declare_field(conn, tenant.id, "n", "number")
    await tenant.run("E-mail,n\nana@x.com,12345678901234567890.125\n")
    lead = await one(client, "ana@x.com")
    await client.patch(f"{LEADS}/{lead['id']}", json={"custom": {"cor": "verde"}})
    assert await tenant.rows(
        "select custom ->> 'n' from leads.lead where organization_id = %s and email='ana@x.com'"
    ) == [("12345678901234567890.125",)]


@pytest.mark.parametrize(("body", "status"), [
    ({"email": "bob@x.com"}, 409), ({"email": "bad"}, 422), ({"email": None}, 422),
    ({"id": "5"}, 422), ({"nope": 1}, 422), ({"name": {"a": 1}}, 422), ({"name": ["a"]}, 422),
    ({"custom": "x"}, 422), ({"custom": {"É": "x"}}, 422), ({"custom": {"a": {"b": 1}}}, 422),
    ({"phone": "12"}, 422), ({"website": "x"}, 422), ({"tags": "x" * 101}, 422),
    ({"tags": [["a"]]}, 422), ({"tags": {"a": 1}}, 422), ({"opted_out": "perhaps"}, 422),
    ({"name": "x" * 501}, 422), ({"created_at": "2020-01-01"}, 422),
    ([], 400), ("x", 400), (None, 400),
])
async def test_edits_that_are_refused_change_nothing(
    client: Client, tenant: Tenant, body: Any, status: int
) -> None:
    lead, before = await one(client, "ana@x.com"), await tenant.versions()
    answer = await client.patch(f"{LEADS}/{lead['id']}", json=body)
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert error["message"]
    if status == 422:
        (detail,) = error["details"]
        assert set(detail) == {"code", "place", "value", "remedy"}
    assert {v[:2] for v in before} == {v[:2] for v in await tenant.versions()}


@pytest.mark.parametrize("raw", [b"", b"{", b'{"name": "\\ud800"}', b'{"name": "a\\u0000b"}',
                                 b'{"name": 1e999}', b"[" * 5000, b'{"a":' * 3000])
async def test_broken_json_is_an_answer(client: Client, raw: bytes) -> None:
    lead = await one(client, "ana@x.com")
    answer = await client.patch(
        f"{LEADS}/{lead['id']}", content=raw, headers={"content-type": "application/json"}
    )
    assert answer.status_code in (200, 400, 422), answer.text


async def test_a_deleted_lead_is_gone_everywhere(client: Client) -> None:
    lead = await one(client, "ana@x.com")
    answer = await client.delete(f"{LEADS}/{lead['id']}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert (await client.delete(f"{LEADS}/{lead['id']}")).status_code == 404
    assert (await client.get(f"{LEADS}/{lead['id']}")).status_code == 404
    assert await emails(client) == await emails(client, q="x.com") == ["bob", "li"]
    assert b"ana@x.com" not in (await client.get(f"{LEADS}/export")).content


async def changes(client: Client, after: str | None = None) -> tuple[list[Any], str | None]:
    """All changes after a cursor, two a page, and the last cursor."""
    seen: list[Any] = []
    while True:
        query = {"limit": "2"} | ({"after": after} if after else {})
        page = (await client.get(f"{LEADS}/changes", params=query)).json()
        seen += page["items"]
        if not page["items"]:
            return seen, after
        assert page["next"]
        after = page["next"]


async def test_changes_are_replayed_and_then_followed(client: Client, tenant: Tenant) -> None:
    async def all_three() -> bool:
        return len((await changes(client))[0]) == 3

    await eventually(all_three)
    first, cursor = await changes(client)
    assert [c["deleted"] for c in first] == [False] * 3
    lead = await one(client, "ana@x.com")
    assert lead in [c["lead"] for c in first]
    assert "organization_id" not in first[0]["lead"]
    await client.delete(f"{LEADS}/{lead['id']}")
    await client.patch(f"{LEADS}/{(await one(client, 'li@x.com'))['id']}", json={"name": "L"})

    async def two_more() -> bool:
        return len((await changes(client, cursor))[0]) == 2

    await eventually(two_more)
    gone, edited = (await changes(client, cursor))[0]
    assert (gone["id"], gone["deleted"], gone["lead"]) == (lead["id"], True, None)
    assert (edited["deleted"], edited["lead"]["name"]) == (False, "L")


async def test_updated_since_is_a_moment(client: Client) -> None:
    now = datetime.now(UTC)

    async def three() -> bool:
        return await emails(client, updated_since="2020-01-01T00:00:00Z") == ["ana", "bob", "li"]

    await eventually(three)
    later = (now + timedelta(hours=1)).isoformat()

    async def none_later() -> bool:
        return await emails(client, updated_since=later) == []

    await eventually(none_later)
    assert await emails(client, updated_since="2020-01-01T00:00:00") == ["ana", "bob", "li"]
    for wrong in ("yesterday", "", "2026-13-01T00:00:00Z", "1", "\0"):
        answer = await client.get(LEADS, params={"updated_since": wrong})
        assert answer.status_code == 400, wrong


async def test_the_base_is_exported_as_csv(client: Client, tenant: Tenant) -> None:
    answer = await client.get(f"{LEADS}/export")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert 'filename="leads.csv"' in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(r["email"], r["name"], r["custom.cor"]) for r in rows] == [
        ("ana@x.com", "Ana Luísa", "azul"), ("bob@x.com", "'=Bob", ""),
        ("li@x.com", 'Li "Na"\nZ', ""),
    ]
    assert await tenant.five(answer.content) == (0, 0, 3, 0, 0)


async def test_the_base_is_exported_as_ndjson(client: Client) -> None:
    answer = await client.get(f"{LEADS}/export", params={"format": "ndjson"})
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    leads = [json.loads(line) for line in answer.text.splitlines()]
    assert [lead["name"] for lead in leads] == ["Ana Luísa", "=Bob", 'Li "Na"\nZ']
    assert leads[0]["tags"] == ["feira", "vip"]
    assert leads[0]["id"] == (await one(client, "ana@x.com"))["id"]
    assert (await client.get(f"{LEADS}/export", params={"format": "xls"})).status_code == 400


async def test_exports_that_nobody_reads_on_hold_no_connections(
    client: Client, tenant: Tenant
) -> None:
    from vazao.leads import exporting

    streams = [exporting.export(tenant.platform, tenant.id, "csv") for _ in range(15)]
    for stream in streams:
        await anext(stream)
        await anext(stream)
    assert await asyncio.wait_for(emails(client, email="ana@x.com"), 10) == ["ana"]
    for stream in streams:
        await stream.aclose()


@pytest.mark.parametrize("form", ["csv", "ndjson"])
async def test_an_export_of_many_pages_has_every_lead_once(
    tenant: Tenant, form: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vazao.leads import listing

    monkeypatch.setattr(listing, "EXPORTED", 7)
    await tenant.run("E-mail,Nome\n" + "".join(f"u{n}@é.com,Ana\n" for n in range(50)))
    found = (await tenant.export(form)).decode().splitlines()
    # One name of the sheet has a line break, which CSV keeps as it is.
    assert len(found) == 53 + (2 if form == "csv" else 0)
    assert len(set(found)) == len(found)


async def test_text_of_a_field_declared_a_number_since_is_exported_as_text(
    client: Client, tenant: Tenant
) -> None:
    await tenant.run("E-mail,obs\na@f.com,=HYPERLINK(1)\nb@f.com,1.234\n")
    async with tenant.platform.db.transaction() as conn:
        await declaring.declare_field(conn, tenant.id, "obs", "number")
    await tenant.run('E-mail,obs\nc@f.com,"1,5"\nd@f.com,"-1,2340"\n')
    rows = csv.DictReader(io.StringIO((await tenant.export()).decode()))
    told = {row["email"]: row["custom.obs"] for row in rows}
    assert told["a@f.com"] == "'=HYPERLINK(1)"
    assert (told["c@f.com"], told["d@f.com"]) == ("1.5", "-1.2340")


async def test_a_custom_field_is_set_under_its_own_name_too(client: Client) -> None:
    found = await one(client, "ana@x.com")
    answer = await client.patch(f"{LEADS}/{found['id']}", json={"custom.cor": "verde"})
    assert (answer.status_code, answer.json()["custom"]) == (200, {"cor": "verde"})


async def test_filters_hold_together_with_updated_since(client: Client) -> None:
    since = "2020-01-01T00:00:00Z"

    async def shown() -> bool:
        return await emails(client, updated_since=since) == ["ana", "bob", "li"]

    await eventually(shown)
    assert await emails(client, updated_since=since, tag="feira") == ["ana", "bob"]
    assert await emails(client, updated_since=since, tag="feira", city="olinda") == ["ana"]
    assert await emails(client, updated_since=since, q="luisa") == ["ana"]
    assert await emails(client, updated_since=since, q="nobody") == []
    answer = await client.get(LEADS, params={"email": "ana@x.com", "tag": "vip"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "filters_exclusive")


async def test_an_organization_has_so_many_custom_fields_and_no_more(
    client: Client, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vazao.leads import store

    monkeypatch.setattr(store.base, "CUSTOM_FIELDS_AT_MOST", 3)
    assert await tenant.five("E-mail,a,b\nz@x.com,1,2\n") == (1, 0, 0, 0, 0)
    shown = await tenant.run("E-mail,c,d\ny@x.com,1,2\n")
    assert (shown["status"], shown["error"]["code"]) == ("failed", "too_many_custom_fields")
    assert "5" in shown["error"]["message"]
    found = await one(client, "ana@x.com")
    answer = await client.patch(f"{LEADS}/{found['id']}", json={"custom": {"e": 1}})
    assert answer.status_code == 422
    assert len(await tenant.base()) == 4


async def test_what_is_wrong_with_a_lead_is_said_in_the_readers_language(client: Client) -> None:
    found = await one(client, "ana@x.com")
    answer = await client.patch(
        f"{LEADS}/{found['id']}", json={"phone": "x"}, headers={"accept-language": "pt-BR"}
    )
    (detail,) = answer.json()["error"]["details"]
    assert detail["remedy"] in answer.json()["error"]["message"]
    assert "telefone" in answer.json()["error"]["message"]


async def test_an_empty_base_answers_everything(place: Site) -> None:
    nobody = await place.api(await place.organization())
    assert (await nobody.get(LEADS)).json() == {
        "items": [], "next": None, "count": 0, "count_exact": True,
    }
    assert (await nobody.get(LEADS, params={"q": "x"})).json()["items"] == []
    assert (await nobody.get(f"{LEADS}/changes")).json() == {"items": [], "next": None}
    assert len((await nobody.get(f"{LEADS}/export")).text.splitlines()) == 1
    assert (await nobody.get(f"{LEADS}/export?format=ndjson")).text == ""
    assert (await nobody.get(f"{LEADS}/facets")).json()["leads"] == 0


async def test_a_person_is_erased_by_a_program_or_an_admin(
    client: Client, place: Site, tenant: Tenant
) -> None:
    asked = await client.post(f"{LEADS}/purge", json={"email": " ANA@x.com "})
    assert asked.status_code == 202, asked.text
    assert asked.headers["location"] == f"/v1/jobs/{asked.json()['id']}"
    assert "ana@x.com" not in asked.text.lower()

    async def gone() -> bool:
        return await emails(client) == ["bob", "li"]

    await eventually(gone)
    refused = await client.post(f"{LEADS}/purge", json={"email": "nobody"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "email_invalid")
    for role, status in (("member", 403), ("admin", 303)):
        browser = await place.browser(tenant, role)
        page = await browser.get("/leads/deleted")
        assert ('href="/leads/purge"' in page.text) == (role == "admin")
        token = re.search(r'name="csrf" value="([^"]+)"', page.text)
        form = {"email": "bob@x.com", "csrf": token[1] if token else ""}
        asks = await browser.post("/leads/purge", data=form)
        assert asks.status_code == (200 if role == "admin" else 403)
        assert ("bob@x.com" in asks.text) == (role == "admin")
        assert await emails(client) == ["bob", "li"], "it was a question"
        answer = await browser.post("/leads/purge", data=form | {"sure": "yes"})
        assert answer.status_code == status, (role, answer.text[:300])
        wrong = await browser.post("/leads/purge", data=form | {"email": "bob@x"})
        assert ('value="bob@x"' in wrong.text) == (role == "admin"), "what was typed is kept"
    await eventually(lambda: only_li(client))


async def only_li(client: Client) -> bool:
    return await emails(client) == ["li"]
