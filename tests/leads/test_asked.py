"""What a request may say and how it is told what it may not: options, types, values, places."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx2
import pytest

from tests.support.answers import code, ended
from tests.support.leads import Tenant
from tests.support.sites import Site
from tests.support.waiting import eventually

pytestmark = pytest.mark.anyio
SHEET = "E-mail,Nome\na@x.com,Ana\nbad,Bea\n"
IMPORTS = "/v1/leads/imports"
Client = httpx2.AsyncClient


@pytest.fixture
async def tenant(place: Site) -> Tenant:
    return await place.organization()


async def send(client: Client, text: str | bytes = SHEET, **query: str) -> httpx2.Response:
    return await client.post(
        IMPORTS, content=text.encode() if isinstance(text, str) else text, params=query,
        headers={"content-type": "text/csv"},
    )


@pytest.mark.parametrize(("params", "data"), [
    ({"dry_run": "true"}, {"dry_run": "false"}), ({"dry_run": ["true", "false"]}, {}),
    ({}, {"dry_run": ["true", "false"]}), ({"mode": "create"}, {"mode": "upsert"}),
])
async def test_an_option_with_two_values_is_refused_and_leaves_nothing(
    client: Client, tenant: Tenant, params: dict[str, Any], data: dict[str, Any]
) -> None:
    answer = await client.post(
        IMPORTS, files={"file": ("p.csv", SHEET)}, params=params, data=data
    )
    assert code(answer) == (400, "parameter_repeated")
    (detail,) = answer.json()["error"]["details"]
    assert detail["place"] in ("dry_run", "mode")
    assert len(set(detail["values"])) == 2
    assert await tenant.rows("select 1 from jobs.upload where organization_id = %s") == []
    assert await tenant.rows("select 1 from leads.import where organization_id = %s") == []


@pytest.mark.parametrize(("said", "refused"), [
    ('"dry_run": true, "dry_run": false', True), ('"dry_run": true, "dry_run": true', False),
])
async def test_so_is_one_in_json(client: Client, said: str, refused: bool) -> None:
    answer = await client.post(
        IMPORTS, content=f'{{"file": "{"0" * 32}", {said}}}'.encode(),
        headers={"content-type": "application/json"},
    )
    assert code(answer) == (
        (400, "parameter_repeated") if refused else (404, "upload_not_found")
    )


async def test_an_option_that_says_the_same_twice_is_taken(client: Client) -> None:
    answer = await client.post(
        IMPORTS, files={"file": ("p.csv", SHEET)}, params={"dry_run": ["true", "true"]},
        data={"dry_run": "true"},
    )
    assert (await ended(client, answer))["dry_run"] is True


async def test_what_curl_sends_without_a_type_is_no_sheet(client: Client, tenant: Tenant) -> None:
    answer = await client.post(
        IMPORTS, content=SHEET.encode(),
        headers={"content-type": "application/x-www-form-urlencoded"},
    )
    assert code(answer) == (415, "content_type_refused")
    assert "--data-binary" in answer.json()["error"]["message"]
    assert await tenant.rows("select 1 from jobs.upload where organization_id = %s") == []


@pytest.mark.parametrize(("path", "name", "allowed"), [
    ("/v1/leads/export", "format", ["csv", "ndjson"]),
    (IMPORTS + "/{id}/errors", "excel", ["true", "false"]),
    (IMPORTS + "/{id}/warnings", "excel", ["true", "false"]),
    (IMPORTS + "/{id}/changes", "outcome", ["created", "updated"]),
])
async def test_a_value_that_is_not_allowed_is_told_with_those_that_are(
    client: Client, path: str, name: str, allowed: list[str]
) -> None:
    shown = await ended(client, await send(client, dry_run="true"))
    address = path.format(id=shown["id"])
    answer = await client.get(address, params={name: "zz"})
    assert code(answer) == (400, "parameter_invalid")
    assert answer.json()["error"]["details"] == [
        {"place": name, "value": "zz", "allowed": allowed}
    ]
    for left in ("", allowed[0]):
        assert (await client.get(address, params={name: left})).status_code == 200


@pytest.mark.parametrize("separator", [";", "\t", "|", ","])
async def test_a_file_without_rows_has_the_separator_of_the_sheet(
    client: Client, separator: str
) -> None:
    sheet = SHEET.replace("bad", "b@x.com").replace(",", separator)
    shown = await ended(client, await send(client, sheet))
    assert (shown["rejected"], shown["warnings"]) == (0, 0)
    for what in ("errors", "warnings"):
        answer = await client.get(f"{IMPORTS}/{shown['id']}/{what}")
        columns = ["E-mail", "Nome", "vazao_row", "vazao_column", "vazao_reason"]
        assert answer.text == separator.join(columns) + "\n"


async def test_a_sheet_read_without_names_says_how_to_name_their_row(client: Client) -> None:
    shown = await ended(client, await send(client, "Ana,Recife\nBea,Olinda\n", header_row="none"))
    error = shown["error"]
    assert error["code"] == "mapping_without_email"
    assert "row 0" not in error["message"]
    assert "header_row" in error["message"]


@pytest.mark.parametrize("media", ["text/plain", "application/xml", "multipart/form-data"])
@pytest.mark.parametrize(("method", "path"), [
    ("POST", "/v1/leads"), ("POST", "/v1/leads/tags"), ("POST", "/v1/leads/fields"),
])
async def test_json_under_another_type_is_refused(
    client: Client, tenant: Tenant, method: str, path: str, media: str
) -> None:
    answer = await client.request(
        method, path, content=b'{"email": "a@x.com"}', headers={"content-type": media}
    )
    assert code(answer) == (415, "content_type_refused")
    assert await tenant.base() == {}


async def test_a_body_that_is_too_large_is_told_the_limit(client: Client) -> None:
    answer = await client.post("/v1/leads", content=b'{"name": "' + b"x" * (1 << 20) + b'"}')
    assert code(answer) == (413, "too_large")
    assert answer.json()["error"]["details"] == [{"limit": 1 << 20}]
    assert str(1 << 20) in answer.json()["error"]["message"]


@pytest.mark.parametrize("path", ["/v1/jobs/%00", IMPORTS + "/%00", IMPORTS + "/%00/errors"])
async def test_an_address_that_nothing_can_have_is_not_found(
    place: Site, tenant: Tenant, path: str
) -> None:
    client = await place.api(tenant, "jobs:read", "leads:read")
    assert code(await client.get(path))[0] == 404


FEEDS: list[tuple[str, dict[str, str]]] = [
    ("/v1/leads/changes", {}), ("/v1/leads", {"updated_since": "2020-01-01T00:00:00Z"}),
]


@pytest.mark.parametrize(("feed", "asked"), FEEDS)
async def test_a_feed_goes_on_from_a_cursor_of_a_former_version(
    client: Client, feed: str, asked: dict[str, str]
) -> None:
    await ended(client, await send(client, "email\na@x.com\nb@x.com\n"))

    async def told() -> dict[str, Any] | None:
        whole = (await client.get("/v1/leads/changes")).json()["items"]
        page = (await client.get("/v1/leads/changes?limit=1")).json()
        return page if len(whole) == 2 else None

    first = await eventually(told)
    behind, xid, number = json.loads(base64.urlsafe_b64decode(first["next"] + "==="))
    assert behind == "leads.changes"
    former = base64.urlsafe_b64encode(json.dumps([xid, number]).encode()).decode().rstrip("=")
    for cursor in (former, first["next"]):
        answer = await client.get(feed, params=asked | {"after": cursor})
        assert answer.status_code == 200, answer.text
        assert [each.get("email") or each["lead"]["email"] for each in answer.json()["items"]] == [
            "b@x.com"
        ]
