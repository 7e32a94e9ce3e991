"""Limits hold what comes in: what came in under higher ones can still be read back."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.leads import Tenant, outcome
from tests.support.sites import Site, csrf_in, site
from tests.support.waiting import eventually
from tests.support.workbooks import workbook
from vazao.leads.settings import LeadSettings

pytestmark = pytest.mark.anyio
IMPORTS = "/v1/leads/imports"
HEADERS = [f"h{n}" for n in range(6)]
ROWS = [
    ["E-mail", "Fone", *HEADERS], ["a@x.com", "1", *"123456"],
    ["bad", "", "x" * 3000, *"23456"], ["c@x.com", "", *"123456"],
]
TEXT = "\n".join(",".join(row) for row in ROWS)
SHEETS = {
    "people.csv": TEXT.encode(), "people.csv.gz": gzip.compress(TEXT.encode()),
    "people.xlsx": workbook(*map(tuple, ROWS)),
}
LOWERED = {"max_file_bytes": 10, "max_rows": 1, "max_columns": 2, "max_cell_bytes": 16}


@pytest.fixture
async def place(database_url: str, data_dir: Path) -> AsyncIterator[Site]:
    async with site(database_url, data_dir) as made:
        yield made


@pytest.fixture
async def tenant(place: Site) -> Tenant:
    return await place.organization()


async def imported(api: httpx2.AsyncClient, tenant: Tenant, name: str) -> dict[str, Any]:
    made = await api.post(
        IMPORTS, content=SHEETS[name], params={"filename": name},
        headers={"Content-Type": "application/octet-stream"},
    )
    assert made.status_code == 202, made.text
    shown = await outcome(tenant.platform, made.json()["id"], tenant.id)
    assert (shown["created"], shown["rejected"], shown["warnings"]) == (2, 1, 1), shown
    return shown


def lower(tenant: Tenant) -> None:
    settings = tenant.platform.settings.of(LeadSettings)
    for name, value in LOWERED.items():
        setattr(settings, name, value)


@pytest.mark.parametrize("name", SHEETS)
async def test_what_was_told_of_a_sheet_is_shown(place: Site, tenant: Tenant, name: str) -> None:
    api, browser = await place.api(tenant), await place.browser(tenant)
    shown = await imported(api, tenant, name)
    lower(tenant)
    for what, row in (("errors", "3"), ("warnings", "2")):
        answer = await api.get(f"{IMPORTS}/{shown['id']}/{what}")
        assert answer.status_code == 200, answer.text
        (line,) = csv.DictReader(io.StringIO(answer.text))
        assert line["vazao_row"] == row
    page = await browser.get(f"/leads/imports/{shown['id']}")
    tenant.platform.settings.of(LeadSettings).max_file_bytes = 1 << 20
    mended = await browser.post(
        f"/leads/imports/{shown['id']}/correct",
        data={"cell-3": "b@x.com", "csrf": csrf_in(page.text)},
    )
    assert mended.status_code in (200, 303), mended.text
    late = await api.post(IMPORTS, content=TEXT.encode(), headers={"Content-Type": "text/csv"})
    refused = await outcome(tenant.platform, late.json()["id"], tenant.id)
    assert refused["error"]["code"].startswith("sheet_too_many"), "what comes in is held to them"


@pytest.mark.parametrize("name", ["people.csv", "people.csv.gz", "people.xlsx"])
async def test_a_person_is_found_in_it_and_erased(place: Site, tenant: Tenant, name: str) -> None:
    api = await place.api(tenant, "leads:read", "leads:write", "jobs:read")
    await imported(api, tenant, name)
    lower(tenant)
    made = await api.post("/v1/leads/purge", json={"email": "c@x.com"})
    assert made.status_code == 202, made.text

    async def ended() -> bool:
        job = (await api.get(f"/v1/jobs/{made.json()['id']}")).json()
        return job["status"] == "finished"

    await eventually(ended)
    left = await tenant.rows(
        "select 1 from jobs.upload where organization_id = %s and status <> 'doomed'"
    )
    assert left == []


async def test_a_stored_sheet_can_be_looked_at_by_its_size(place: Site, tenant: Tenant) -> None:
    api, browser = await place.api(tenant), await place.browser(tenant)
    await imported(api, tenant, "people.csv")
    ((token,),) = await tenant.rows("select token from jobs.upload where organization_id = %s")
    tenant.platform.settings.of(LeadSettings).max_file_bytes = 10
    shown = await browser.get(f"/leads/imports/new?upload={token}")
    assert shown.status_code == 200, shown.text
    assert "h5" in shown.text
