"""Who may upload at ``/files``: tokens, sessions with their CSRF value, and the public."""

from __future__ import annotations

import httpx2
import pytest

from tests.support.accounts import Browse, People, csrf_in, log_in, token_for
from vazao import accounts
from vazao.kit.platform import Platform
from vazao.uploads.tus import api

pytestmark = pytest.mark.anyio
VERSION = {"Tus-Resumable": "1.0.0"}
NEW = VERSION | {"Upload-Length": "3"}
PIECE = VERSION | {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}


@pytest.fixture(autouse=True)
def routes(platform: Platform) -> None:
    platform.registry.routes += api.routes
    platform.registry.resolve_organization = accounts.organization_id
    platform.settings.public = True


async def owner_of(platform: Platform, place: str) -> int:
    async with platform.db.connection() as conn:
        row = await (await conn.execute(
            "select organization_id from jobs.upload where token = %s", [place.rpartition("/")[2]]
        )).fetchone()
    assert row is not None
    return row[0]


async def test_a_token_needs_the_scope_and_a_stranger_is_the_public(
    platform: Platform, people: People, browse: Browse
) -> None:
    stranger = browse(Accept="application/json")
    token = await token_for(platform, people.acme, "jobs:write")
    ours = await stranger.post("/files", headers=NEW | {"Authorization": f"Bearer {token}"})
    assert await owner_of(platform, ours.headers["location"]) == people.acme
    reader = await token_for(platform, people.acme, "jobs:read")
    refused = await stranger.post("/files", headers=NEW | {"Authorization": f"Bearer {reader}"})
    assert refused.status_code == 403
    public = await stranger.post("/files", headers=NEW)
    assert await owner_of(platform, public.headers["location"]) == platform.public_id
    foreign = await stranger.patch(ours.headers["location"], headers=PIECE, content=b"abc")
    assert foreign.status_code == 404
    done = await stranger.patch(public.headers["location"], headers=PIECE, content=b"abc")
    assert done.status_code == 204
    platform.settings.public = False
    assert (await stranger.post("/files", headers=NEW)).status_code == 401


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
async def test_a_session_needs_its_csrf_value(
    platform: Platform, people: People, browse: Browse, method: str
) -> None:
    ana: httpx2.AsyncClient = browse()
    await log_in(ana)
    csrf = {"X-CSRF-Token": csrf_in((await ana.get("/account")).text)}
    ana.headers["Accept"] = "*/*"
    made = await ana.post("/files", headers=NEW | csrf)
    place = made.headers["location"]
    assert await owner_of(platform, place) == people.acme
    target, given = ("/files", NEW) if method == "POST" else (place, PIECE)
    refused = await ana.request(method, target, headers=given, content=b"")
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "csrf_failed")
    assert (await ana.head(place, headers=VERSION)).headers["upload-offset"] == "0"
    done = await ana.request(method, target, headers=given | csrf, content=b"")
    assert done.status_code in (201, 204)
