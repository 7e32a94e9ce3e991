"""Open routes: the organization ``public`` without a credential, everybody else as themselves."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest
from litestar import get, post

from tests.support.accounts import Browse, People, csrf_in, log_in, token_for
from vazao import accounts
from vazao.kit.platform import Platform
from vazao.kit.web.frame import Asker

pytestmark = pytest.mark.anyio


def told(principal: Any) -> dict[str, Any]:
    return {"who": principal.kind, "organization": principal.organization,
            "scopes": sorted(principal.scopes)}


@get("/x/open", opt={"scope": "jobs:read", "open": True})
async def look(principal: Asker) -> dict[str, Any]:
    return told(principal)


@post("/x/open", opt={"scope": "jobs:write", "open": True}, request_max_body_size=None)
async def change(principal: Asker) -> dict[str, Any]:
    return told(principal)


@get("/x/closed", opt={"scope": "jobs:read"})
async def closed(principal: Asker) -> dict[str, Any]:
    return told(principal)


@pytest.fixture(autouse=True)
def routes(platform: Platform) -> None:
    platform.registry.routes += [look, change, closed]
    platform.registry.resolve_organization = accounts.organization_id
    platform.settings.public = True


@pytest.fixture
def stranger(browse: Browse) -> httpx2.AsyncClient:
    return browse(Accept="application/json")


async def test_whoever_says_nothing_is_public_with_that_scope_alone(
    stranger: httpx2.AsyncClient
) -> None:
    read, write = await stranger.get("/x/open"), await stranger.post("/x/open")
    assert read.json() == {"who": "public", "organization": "public", "scopes": ["jobs:read"]}
    assert (write.status_code, write.json()["scopes"]) == (201, ["jobs:write"])
    assert (await stranger.get("/x/closed")).status_code == 401


@pytest.mark.parametrize("setting", [False, None])
async def test_where_the_public_is_not_served_it_is_401(
    platform: Platform, stranger: httpx2.AsyncClient, setting: bool | None
) -> None:
    platform.settings.public = setting  # None: the database is not embedded
    for answer in (await stranger.get("/x/open"), await stranger.post("/x/open")):
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthenticated")


async def test_a_token_is_its_own_organization_and_needs_the_scope(
    platform: Platform, people: People, stranger: httpx2.AsyncClient
) -> None:
    right = {"Authorization": f"Bearer {await token_for(platform, people.acme, 'jobs:write')}"}
    assert (await stranger.post("/x/open", headers=right)).json()["organization"] == "acme"
    assert (await stranger.get("/x/open", headers=right)).status_code == 403
    wrong = {"Authorization": "Bearer vz_" + "a" * 43}
    assert (await stranger.get("/x/open", headers=wrong)).status_code == 401


async def test_a_session_needs_its_csrf_value_and_never_becomes_the_public(
    people: People, browse: Browse
) -> None:
    ana = browse()
    await log_in(ana)
    csrf = {"X-CSRF-Token": csrf_in((await ana.get("/account")).text)}
    ana.headers["Accept"] = "application/json"
    assert (await ana.post("/x/open")).status_code == 403
    assert (await ana.post("/x/open", headers=csrf)).json()["organization"] == "acme"
    ana.cookies.clear()
    assert (await ana.post("/x/open", headers=csrf)).status_code == 401


@pytest.mark.parametrize(
    "headers", [{"Origin": "http://evil.test"}, {"Sec-Fetch-Site": "cross-site"}]
)
async def test_a_page_of_another_site_cannot_write_as_the_public(
    stranger: httpx2.AsyncClient, headers: dict[str, str]
) -> None:
    refused = await stranger.post("/x/open", headers=headers)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "csrf_failed")


async def test_many_first_requests_at_once_find_the_same_organization(
    platform: Platform, stranger: httpx2.AsyncClient
) -> None:
    answers = await asyncio.gather(*(stranger.get("/x/open") for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    async with platform.db.connection() as conn:
        assert platform.public_id == await accounts.organization_id(conn, "public")
