"""Leads that hold much: pages and exports are bounded by bytes, and lose nothing by it."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator

import httpx2
import pytest

from tests.support.leads import Tenant, indexed
from tests.support.sites import site
from tests.support.waiting import eventually
from vazao.kit.sql import PAGE_BYTES

pytestmark = pytest.mark.anyio
LEADS, WIDE, CELL = "/v1/leads", 60, 60_000
Client = httpx2.AsyncClient


def sheet() -> str:
    """Half of the leads compress well on the disk, half hardly: both are as wide to a reader."""
    chance = random.Random(8)
    lines = [
        f"w{n:02}@x.com,Ana Wide,{'x' * CELL if n % 2 else chance.randbytes(CELL // 2).hex()}\n"
        for n in range(WIDE)
    ]
    return "E-mail,Nome,Nota\n" + "".join(lines)


@pytest.fixture(scope="module")
async def client(
    module_database: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Client]:
    async with site(module_database, tmp_path_factory.mktemp("data")) as place:
        tenant: Tenant = await place.organization()
        assert await tenant.five(sheet()) == (WIDE, 0, 0, 0, 0)
        await indexed(tenant)
        made = await place.api(tenant)

        async def told() -> bool:
            return len(await walked(made, "/changes", {})) == WIDE

        await eventually(told)
        yield made


async def walked(client: Client, path: str, query: dict[str, str]) -> list[str]:
    """The e-mails of all pages of at most 1,000 leads, each page checked for its size."""
    seen: list[str] = []
    after: dict[str, str] = {}
    while True:
        answer = await client.get(LEADS + path, params=query | {"limit": "1000"} | after)
        assert answer.status_code == 200, answer.text[:200]
        assert len(answer.content) < PAGE_BYTES + 2 * CELL
        page = answer.json()
        seen += [(lead.get("lead") or lead)["email"] for lead in page["items"]]
        if page["next"] is None or not page["items"]:
            return seen
        after = {"after": page["next"]}


@pytest.mark.parametrize(("path", "query"), [
    ("", {}), ("", {"q": "ana"}), ("", {"q": "wide", "city": ""}),
    ("", {"updated_since": "2020-01-01T00:00:00Z"}), ("/changes", {}),
])
async def test_pages_end_after_so_many_bytes(
    client: Client, path: str, query: dict[str, str]
) -> None:
    seen = await walked(client, path, query)
    assert sorted(seen) == [f"w{n:02}@x.com" for n in range(WIDE)]


async def test_an_export_is_whole(client: Client) -> None:
    lines = (await client.get(f"{LEADS}/export?format=ndjson")).text.splitlines()
    leads = [json.loads(line) for line in lines]
    assert [lead["email"] for lead in leads] == [f"w{n:02}@x.com" for n in range(WIDE)]
    assert {len(lead["custom"]["nota"]) for lead in leads} == {CELL}


async def test_a_page_of_people_shows_them_all(client: Client) -> None:
    """One row is always shown, however wide, and the answer comes whole through its file."""
    page = (await client.get(LEADS, params={"limit": "1"})).json()
    (lead,) = page["items"]
    assert len(lead["custom"]["nota"]) == CELL
    assert page["next"]
