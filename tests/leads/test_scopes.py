"""What a token may not read it does not find by another road."""

from __future__ import annotations

import pytest

from tests.support.sites import Site

pytestmark = pytest.mark.anyio


async def test_who_may_read_jobs_alone_sees_no_import(place: Site) -> None:
    tenant = await place.organization()
    shown = await tenant.run("E-mail\na@x.com\n")
    nosy = await place.api(tenant, "jobs:read", "jobs:write")
    both = await place.api(tenant, "jobs:read", "leads:read")
    path = f"/v1/jobs/{shown['id']}"
    kinds = {job["kind"] for job in (await both.get("/v1/jobs")).json()["items"]}
    assert "leads.import" in kinds
    assert (await both.get(path)).status_code == 200
    listed = await nosy.get("/v1/jobs")
    assert (listed.status_code, listed.json()["items"]) == (200, [])
    for answer in (
        await nosy.get(path), await nosy.get(f"{path}/stream"),
        await nosy.post(f"{path}/cancel"), await nosy.post(f"{path}/retry"),
        await nosy.get(f"/jobs/{shown['id']}"), await nosy.get(f"/jobs/{shown['id']}/course"),
    ):
        assert answer.status_code == 404, answer.url
    assert shown["id"] not in (await nosy.get("/jobs")).text
