"""A sheet that is sent again with its key leads to its first import, however full a quota is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.answers import code
from tests.support.leads import Tenant, outcome
from tests.support.sites import Site, site
from tests.support.tus import begin as begin_upload
from tests.support.tus import send as send_upload
from vazao.leads.settings import LeadSettings

pytestmark = pytest.mark.anyio
SHEET = "email,name\nana@x.com,Ana\n"
IMPORTS = "/v1/leads/imports"
KEY = {"Idempotency-Key": "once"}
CSV = {"Content-Type": "text/csv"}
Client = httpx2.AsyncClient


@pytest.fixture
async def place(database_url: str, data_dir: Path) -> AsyncIterator[Site]:
    async with site(database_url, data_dir) as made:
        yield made


@pytest.fixture
async def tenant(place: Site) -> Tenant:
    return await place.organization()


@pytest.fixture
async def client(place: Site, tenant: Tenant) -> Client:
    return await place.api(tenant, "leads:read", "leads:write", "jobs:write")


async def asked(client: Client, how: str, file: str, sheet: str, **more: str) -> httpx2.Response:
    """The same import in one of the ways; *file* is a stored upload's id."""
    if how == "body":
        return await client.post(
            IMPORTS, content=sheet.encode(), params={"dry_run": "true", "filename": "a.csv"},
            headers=CSV | KEY | more,
        )
    if how == "form":
        return await client.post(
            IMPORTS, files={"file": ("a.csv", sheet)}, data={"dry_run": "true"},
            headers=KEY | more,
        )
    dry_run = sheet == SHEET
    return await client.post(
        IMPORTS, json={"file": file, "dry_run": dry_run}, headers=KEY | more
    )


@pytest.mark.parametrize("quota", ["sheets", "parts"])
@pytest.mark.parametrize("how", ["body", "form", "json"])
async def test_it_gives_the_first_import(
    tenant: Tenant, client: Client, how: str, quota: str
) -> None:
    upload = await begin_upload(client, len(SHEET))
    await send_upload(client, upload, 0, SHEET.encode())
    file = upload.rpartition("/")[2]
    first = await asked(client, how, file, SHEET)
    assert first.status_code == 202, first.text
    if quota == "sheets":
        tenant.platform.settings.of(LeadSettings).max_sheets = 1
        refusal: tuple[int, str] = (507, "too_many_sheets")
    else:
        tenant.platform.settings.max_waiting_parts = 0
        refusal = (429, "too_much_waiting")
    before = await stored(tenant)
    again = await asked(client, how, file, SHEET)
    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
    assert again.headers["location"] == first.headers["location"]
    clash = await asked(client, how, file, SHEET + "bea@x.com,Bea\n")
    assert code(clash) == (409, "idempotency_conflict")
    if how != "json":
        late = await asked(client, how, file, SHEET, **{"Idempotency-Key": "another"})
        assert code(late) == refusal
    assert await stored(tenant) == before


async def stored(tenant: Tenant) -> list[Any]:
    return await tenant.rows(
        "select token, purpose, bytes from jobs.upload where organization_id = %s order by id"
    )


async def test_a_dry_run_is_applied_once_by_a_key(client: Client, tenant: Tenant) -> None:
    asked_for = await client.post(
        IMPORTS, content=SHEET.encode(), params={"dry_run": "true"}, headers=CSV
    )
    await outcome(tenant.platform, asked_for.json()["id"], tenant.id)
    address = f"{IMPORTS}/{asked_for.json()['id']}/apply"
    first, again = [await client.post(address, headers=KEY) for _ in range(2)]
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.headers["location"] == first.headers["location"]
    late = await client.post(address)
    assert code(late) == (409, "trial_applied")
    assert first.json()["id"] in late.json()["error"]["message"]


async def test_an_erasure_is_asked_for_once_by_a_key(client: Client, tenant: Tenant) -> None:
    address = "/v1/leads/purge"
    first, again = [
        await client.post(address, json={"email": "ana@x.com"}, headers=KEY) for _ in range(2)
    ]
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json()["id"] == first.json()["id"]
    other = await client.post(address, json={"email": "bia@x.com"}, headers=KEY)
    assert code(other) == (409, "idempotency_conflict")
    kept = await tenant.rows(
        "select idempotency_key, idempotency_hash from jobs.job where organization_id = %s"
    )
    assert len(kept) == 1
    assert "ana" not in str(kept)
