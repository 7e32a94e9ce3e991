"""Who may send files to ``/files``: they become tasks, or sheets of leads."""

from __future__ import annotations

import pytest

from tests.support.people import People

pytestmark = pytest.mark.anyio
HEAD = {"Tus-Resumable": "1.0.0", "Upload-Length": "4"}
PATCH = {"Tus-Resumable": "1.0.0", "Upload-Offset": "0",
         "Content-Type": "application/offset+octet-stream"}


@pytest.mark.parametrize("scope", ["jobs:write", "leads:write"])
async def test_who_may_write_jobs_or_leads_sends_files(
    place: People, scope: str
) -> None:
    client = await place.with_token(await place.found_organization(), scope)
    made = await client.post("/files", headers=HEAD)
    assert made.status_code == 201, made.text
    at = made.headers["location"]
    assert (await client.patch(at, headers=PATCH, content=b"2\n3\n")).status_code == 204
    listed = (await client.get("/files")).json()["items"]
    assert [each["location"] for each in listed] == [at]
    assert (await client.delete(at, headers=HEAD)).status_code == 204


async def test_others_do_not(place: People) -> None:
    client = await place.with_token(await place.found_organization(), "leads:read", "jobs:read")
    refused = await client.post("/files", headers=HEAD)
    assert refused.status_code == 403
    assert "jobs:write / leads:write" in refused.text
