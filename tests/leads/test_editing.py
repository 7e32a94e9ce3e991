"""Leads by hand, over HTTP: made, changed, deleted and restored, tagged, and their history."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx2
import pytest

from tests.support.answers import code
from tests.support.leads import Tenant, five, indexed
from tests.support.sites import Site
from tests.support.waiting import eventually
from vazao.leads import erasing, store

pytestmark = pytest.mark.anyio
Client = httpx2.AsyncClient
ANA = {
    "email": " Ana@X.com ", "name": "Ana", "city": "Olinda", "tags": ["um", "dois", "um"],
    "custom": {"cor": "azul", "nada": None},
}


@pytest.fixture
async def tenant(place: Site) -> Tenant:
    return await place.organization()


@pytest.fixture
async def stranger(place: Site) -> Client:
    return await place.api(await place.organization())


async def make(client: Client, **fields: Any) -> dict[str, Any]:
    answer = await client.post("/v1/leads", json=ANA | fields)
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"/v1/leads/{answer.json()['id']}"
    return answer.json()


async def test_a_lead_is_made_found_counted_and_told_in_the_feed(
    client: Client, tenant: Tenant
) -> None:
    made = await make(client)
    assert (made["email"], made["tags"], made["custom"]) == (
        "ana@x.com", ["um", "dois"], {"cor": "azul"}
    )
    assert (await client.get(f"/v1/leads/{made['id']}")).json() == made
    assert [x["id"] for x in (await client.get("/v1/leads?q=ana")).json()["items"]] == [made["id"]]

    async def told() -> bool:
        items = (await client.get("/v1/leads/changes")).json()["items"]
        return [x["id"] for x in items] == [made["id"]]

    # As soon as every transaction that began before has ended.
    await eventually(told)
    assert (await client.get("/v1/leads/facets")).json()["leads"] == 1
    assert code(await client.post("/v1/leads", json=ANA)) == (409, "email_taken")
    assert await tenant.five("E-mail,Nome\nana@x.com,Ana\n") == (0, 0, 1, 0, 0)


@pytest.mark.parametrize(("fields", "reason"), [
    ({"email": None}, "email_missing"), ({"email": "x"}, "email_invalid"),
    ({"phone": "1"}, "phone_invalid"), ({"nope": 1}, "field_unknown"),
    ({"custom": {"É": 1}}, "custom_name_invalid"),
])
async def test_a_wrong_lead_is_refused_and_leaves_nothing(
    client: Client, tenant: Tenant, fields: dict[str, Any], reason: str
) -> None:
    answer = await client.post("/v1/leads", json=ANA | fields)
    assert code(answer) == (422, "lead_invalid")
    assert answer.json()["error"]["details"][0]["code"] == reason
    assert await tenant.base() == {}
    assert await tenant.rows("select 1 from leads.custom_field where organization_id = %s") == []
    without = {name: value for name, value in ANA.items() if name != "email"}
    assert code(await client.post("/v1/leads", json=without)) == (422, "lead_invalid")


async def test_a_deletion_can_be_taken_back(client: Client, tenant: Tenant) -> None:
    await tenant.run('E-mail,Valor\nana@x.com,"1,50"\n')
    ((number,),) = await tenant.rows("select id from leads.lead where organization_id = %s")
    await client.patch(f"/v1/leads/{number}", json={"tags": ["a"], "custom": {"n": "x"}})
    before = await tenant.rows("select * from leads.lead where organization_id = %s")
    assert (await client.delete(f"/v1/leads/{number}")).status_code == 204
    assert code(await client.get(f"/v1/leads/{number}")) == (404, "lead_not_found")
    (gone,) = (await client.get("/v1/leads/deleted")).json()["items"]
    assert (gone["id"], gone["email"]) == (str(number), "ana@x.com")
    back = await client.post(f"/v1/leads/{number}/restore")
    assert (back.status_code, back.json()["tags"]) == (200, ["a"])
    after = await tenant.rows("select * from leads.lead where organization_id = %s")
    same = [old == new for old, new in zip(before[0], after[0], strict=True)]
    assert same.count(False) <= 1, "all but the time of its last change is as it was"
    assert (await client.get("/v1/leads/deleted")).json()["items"] == []
    assert (await client.get("/v1/leads/facets")).json()["leads"] == 1
    assert (await client.get("/v1/leads?q=ana")).json()["items"][0]["id"] == str(number)
    assert code(await client.post(f"/v1/leads/{number}/restore")) == (404, "lead_not_found")


async def test_nothing_is_restored_over_another(client: Client, tenant: Tenant) -> None:
    made = await make(client)
    await client.delete(f"/v1/leads/{made['id']}")
    other = await make(client, name="Other")
    answer = await client.post(f"/v1/leads/{made['id']}/restore")
    assert code(answer) == (409, "email_taken")
    assert (await tenant.lead("ana@x.com"))["name"] == "Other"
    await client.delete(f"/v1/leads/{other['id']}")
    assert (await client.post(f"/v1/leads/{made['id']}/restore")).json()["name"] == "Ana"


async def test_one_who_opted_out_comes_back_as_such_and_only_so(
    client: Client, tenant: Tenant
) -> None:
    made = await make(client, opted_out=True)
    await client.delete(f"/v1/leads/{made['id']}")
    assert code(await client.post("/v1/leads", json=ANA)) == (409, "suppressed")
    back = await client.post(f"/v1/leads/{made['id']}/restore")
    assert back.json()["opted_out"] is True
    assert await tenant.rows("select 1 from leads.suppression where organization_id = %s") == []


async def test_after_its_days_a_deleted_lead_is_gone(client: Client, tenant: Tenant) -> None:
    made = await make(client)
    await client.delete(f"/v1/leads/{made['id']}")
    await erasing.forget_deleted(tenant.platform)
    assert len((await client.get("/v1/leads/deleted")).json()["items"]) == 1
    async with tenant.platform.db.connection() as conn:
        await conn.execute(
            "update leads.deleted set deleted_at = deleted_at - %s where organization_id = %s",
            [timedelta(days=31), tenant.id],
        )
    await erasing.forget_deleted(tenant.platform)
    assert (await client.get("/v1/leads/deleted")).json()["items"] == []
    assert code(await client.post(f"/v1/leads/{made['id']}/restore")) == (404, "lead_not_found")


async def test_several_are_tagged_at_once(
    client: Client, tenant: Tenant, stranger: Client
) -> None:
    ids = [(await make(client, email=f"u{n}@x.com", tags=[f"t{n}"]))["id"] for n in range(3)]
    asked = {"ids": ids, "add": ["feira", "t1"], "remove": ["t2"]}
    assert (await client.post("/v1/leads/tags", json=asked)).json() == {"changed": 3}
    tags = [lead["tags"] for _, lead in sorted((await tenant.base()).items())]
    assert tags == [["t0", "feira", "t1"], ["t1", "feira"], ["feira", "t1"]]
    before = await tenant.versions()
    assert (await client.post("/v1/leads/tags", json=asked)).json() == {"changed": 0}
    assert await tenant.versions() == before
    found = (await client.get("/v1/leads?tag=feira")).json()["items"]
    assert len(found) == 3
    assert (await stranger.post("/v1/leads/tags", json=asked)).json() == {"changed": 0}
    assert await tenant.versions() == before
    assert code(await client.post(
        "/v1/leads/tags", json={"ids": ids, "add": ["x" * 101]}
    )) == (422, "lead_invalid")
    for none in (["x"], ["0"], ["9" * 30], ["\0"], ["x", "12"]):
        answer = await client.post("/v1/leads/tags", json={"ids": none, "add": ["a"]})
        assert (answer.status_code, answer.json()) == (200, {"changed": 0})
    mixed = await client.post("/v1/leads/tags", json={"ids": ["x", ids[0]], "add": ["novo"]})
    assert mixed.json() == {"changed": 1}
    assert (await client.post("/v1/leads/tags", json={"ids": []})).status_code == 400


async def test_a_history_says_who_and_which_import(client: Client, tenant: Tenant) -> None:
    made = await make(client)
    at = f"/v1/leads/{made['id']}"
    await client.patch(at, json={"city": "Recife", "name": "Ana"})
    await client.patch(at, json={"city": "Recife"})
    shown = await tenant.run("E-mail,Nome\nana@x.com,Ana Lima\n", filename="lista.csv")
    assert five(shown) == (0, 1, 0, 0, 0)
    await indexed(tenant)
    await client.delete(at)
    await client.post(f"{at}/restore")
    items = (await client.get(f"{at}/history")).json()["items"]
    by_hand = [(x["what"], x["fields"]) for x in items if x["import_id"] is None]
    assert by_hand == [
        ("restored", []), ("deleted", []), ("changed", ["city"]),
        ("created", ["city", "custom", "email", "name", "tags"]),
    ]
    assert all(x["by"] for x in items if x["import_id"] is None)
    (imported,) = [x for x in items if x["import_id"]]
    assert (imported["what"], imported["import_id"], imported["filename"]) == (
        "changed", shown["id"], "lista.csv"
    )


async def test_nothing_of_another_organization_is_touched(
    client: Client, stranger: Client, tenant: Tenant
) -> None:
    made = await make(client)
    for path in ("restore", "history"):
        method = "POST" if path == "restore" else "GET"
        answer = await stranger.request(method, f"/v1/leads/{made['id']}/{path}")
        assert code(answer) == (404, "lead_not_found")
    await client.delete(f"/v1/leads/{made['id']}")
    assert (await stranger.get("/v1/leads/deleted")).json()["items"] == []
    assert code(await stranger.post(f"/v1/leads/{made['id']}/restore")) == (
        404, "lead_not_found"
    )
    async with tenant.platform.db.connection() as conn:
        page = await store.edits.deleted(conn, tenant.id, before=None, limit=5)
    assert len(page.items) == 1
