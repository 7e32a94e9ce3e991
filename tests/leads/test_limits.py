"""Limits of sheets, what holds them, and the page that shows all limits."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.answers import code
from tests.support.leads import Tenant, outcome
from tests.support.sites import Site, csrf_in, site
from tests.support.wizard import drop, fields, preview
from vazao.accounts import tasks as accounts_tasks
from vazao.kit import metrics
from vazao.uploads import tasks as uploads_tasks

pytestmark = pytest.mark.anyio
SHEET = "email,name\nana@x.com,Ana\n"
CSV = {"Content-Type": "text/csv"}


@pytest.fixture
async def place(database_url: str, data_dir: Path) -> AsyncIterator[Site]:
    async with site(database_url, data_dir, leads_max_sheets=2) as made:
        yield made


@pytest.fixture
async def tenant(place: Site) -> Tenant:
    return await place.organization()


async def imported(api: httpx2.AsyncClient, tenant: Tenant) -> dict[str, Any]:
    made = await api.post("/v1/leads/imports", content=SHEET, headers=CSV)
    assert made.status_code == 202, made.text
    return await outcome(tenant.platform, made.json()["id"], tenant.id)


async def test_more_sheets_than_the_limit_are_507_by_every_way(
    place: Site, tenant: Tenant
) -> None:
    api, browser = await place.api(tenant), await place.browser(tenant)
    for _ in range(2):
        await imported(api, tenant)
    late = await api.post("/v1/leads/imports", content=SHEET, headers=CSV)
    assert code(late) == (507, "too_many_sheets")
    assert "administrator" in late.json()["error"]["message"]
    form = await api.post("/v1/leads/imports", files={"file": ("a.csv", SHEET)})
    assert code(form) == (507, "too_many_sheets")
    dropped = await drop(browser, SHEET)
    assert dropped.status_code == 507
    assert len(await tenant.rows("select 1 from jobs.upload where organization_id = %s")) == 2
    other = await place.organization()
    assert (await imported(await place.api(other), other))["status"] == "finished"


async def test_a_dropped_sheet_expires_and_an_imported_one_stays(
    place: Site, tenant: Tenant
) -> None:
    browser, api = await place.browser(tenant), await place.api(tenant)
    shown = await preview(browser, SHEET)
    upload = fields(shown.text)["upload"]
    done = await imported(api, tenant)
    kept = await tenant.rows(
        "select expires_at is null, purpose from jobs.upload where organization_id = %s order by id"
    )
    assert kept == [(False, "sheet"), (True, "sheet")]
    async with tenant.platform.db.transaction() as conn:
        await conn.execute("update jobs.upload set expires_at = kit.now() where expires_at > now()")
    data = fields(shown.text) | {"do": "import", "csrf": csrf_in(shown.text)}
    late = await browser.post("/leads/imports/new", data=data)
    assert late.status_code == 404
    assert upload
    await uploads_tasks.sweep(tenant.platform)
    left = await tenant.rows("select purpose from jobs.upload where organization_id = %s")
    assert left == [("sheet",)]
    assert (await api.get(f"/v1/leads/imports/{done['id']}/errors")).status_code == 200


async def test_requests_for_imports_wait_where_enough_waits(place: Site, tenant: Tenant) -> None:
    api, browser = await place.api(tenant), await place.browser(tenant)
    trial = await api.post("/v1/leads/imports?dry_run=true", content=SHEET, headers=CSV)
    await outcome(tenant.platform, trial.json()["id"], tenant.id)
    shown = await preview(browser, SHEET)
    tenant.platform.settings.max_waiting_parts = 0
    address = f"/v1/leads/imports/{trial.json()['id']}"
    for late in (
        await api.post("/v1/leads/imports", content=SHEET, headers=CSV),
        await api.post(f"{address}/apply"),
    ):
        assert code(late) == (429, "too_much_waiting")
        assert late.headers["retry-after"] == "10"
    data = fields(shown.text) | {"do": "import"}
    assert (await browser.post("/leads/imports/new", data=data)).status_code == 429
    page = f"/leads/imports/{trial.json()['id']}/apply"
    csrf = {"csrf": csrf_in(shown.text)}
    late = await browser.post(page, data=csrf)
    assert (late.status_code, late.headers["location"]) == (303, page.removesuffix("/apply"))
    assert "the limit is reached" in (await browser.get(late.headers["location"])).text
    purged = await api.post("/v1/leads/purge", json={"email": "ana@x.com"})
    assert purged.status_code == 202, "erasing is never held up by it"


async def test_the_page_shows_what_is_used_of_what(place: Site, tenant: Tenant) -> None:
    api, browser = await place.api(tenant), await place.browser(tenant)
    await imported(api, tenant)
    shown = await browser.get("/limits")
    assert shown.status_code == 200, html.unescape(shown.text)[1500:3000]
    text = html.unescape(shown.text)
    assert "Stored sheets" in text
    assert 'max="1" value="0.5"' in text
    assert "Stored files" in text
    freed = re.findall(r'data-label="How to free it">(.*?)</td>', text)
    assert [re.findall(r'href="([^"]+)"', each) for each in freed if "Sheets are" in each] == [
        ["/leads/imports"]
    ]
    assert all("href=" in each for each in freed), "each says where"
    kept = dict(re.findall(r'data-label="What">([^<]+).*?data-label="Kept for"[^>]*>([^<]+)',
                           text.partition("Retention")[2], re.S))
    assert kept["Deleted leads, until which they can be restored"] == "30 days"
    assert kept["Jobs and their results"] == "for ever"
    assert "VAZAO_LEADS_MAX_SHEETS" not in text, "settings are for those of the platform"
    other = await place.organization()
    foreign = await browser.get("/limits", params={"organization": f"org{other.id}"})
    assert foreign.status_code == 403
    await accounts_tasks.measure_limits(tenant.platform)
    assert metrics.QUOTA_USED.labels("sheet")._value.get() == 0.5
    assert 0 < metrics.QUOTA_USED.labels("storage")._value.get() < 0.01
