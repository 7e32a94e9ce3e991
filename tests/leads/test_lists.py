"""What holds for every list of leads: where it ends, how times look, which parameters it knows."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator

import httpx2
import pytest

from tests.support.sites import site
from tests.support.waiting import eventually
from vazao.kit.web.openapi import MOMENT

pytestmark = pytest.mark.anyio
LEADS = "/v1/leads"
Client = httpx2.AsyncClient


@pytest.fixture(scope="module")
async def client(
    module_database: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Client]:
    async with site(module_database, tmp_path_factory.mktemp("data")) as place:
        tenant = await place.organization()
        assert await tenant.five("E-mail\nana@x.com\nbob@x.com\nli@x.com\n") == (3, 0, 0, 0, 0)
        made = await place.api(tenant)

        async def found() -> bool:
            return len((await made.get(f"{LEADS}/changes")).json()["items"]) == 3

        await eventually(found)
        yield made


@pytest.mark.parametrize("query", [
    {}, {"q": "x.com"}, {"updated_since": "2020-01-01T00:00:00Z"}
])
@pytest.mark.parametrize(("limit", "follows"), [(2, True), (3, False), (4, False)])
async def test_next_is_null_exactly_where_nothing_follows(
    client: Client, query: dict[str, str], limit: int, follows: bool
) -> None:
    page = (await client.get(LEADS, params=query | {"limit": str(limit)})).json()
    assert (len(page["items"]), page["next"] is not None) == (min(limit, 3), follows)


async def test_every_time_is_of_the_one_form(client: Client) -> None:
    (lead,) = (await client.get(LEADS, params={"email": "ana@x.com"})).json()["items"]
    (change, *_) = (await client.get(f"{LEADS}/changes")).json()["items"]
    lines = (await client.get(f"{LEADS}/export?format=ndjson")).text.splitlines()
    exported = json.loads(lines[0])
    assert {name: exported[name] for name in ("created_at", "updated_at")} == {
        name: lead[name] for name in ("created_at", "updated_at")
    }
    times = (lead["created_at"], lead["updated_at"], change["changed_at"],
             change["lead"]["updated_at"])
    assert [time for time in times if not re.fullmatch(MOMENT, time)] == []


@pytest.mark.parametrize(("path", "given", "nearest"), [
    ("", "limits", "limit"), ("", "updated_sinc", "updated_since"), ("/changes", "aftr", "after"),
    ("/export", "fromat", "format"), ("/imports", "limti", "limit"), ("/facets", "limit", None),
])
async def test_an_unknown_parameter_is_refused_by_name(
    client: Client, path: str, given: str, nearest: str | None
) -> None:
    answer = await client.get(f"{LEADS}{path}", params={given: "1"})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "unknown_parameter")
    assert (error["details"][0]["place"], error["details"][0]["nearest"]) == (given, nearest)
    assert given in error["message"]
