"""Pages of other origins: the routes of programs answer those that the operator named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.jobs import make_platform
from tests.support.tus import VERSION
from tests.support.web import serving
from vazao.kit.errors import ConfigurationError
from vazao.kit.platform import Platform
from vazao.kit.proxies import allowed_origins

pytestmark = pytest.mark.anyio
APP = "https://app.example"
FROM_APP = {"Origin": APP}
ALLOWED = "access-control-allow-origin"
ASKS = {
    "Access-Control-Request-Method": "PATCH",
    "Access-Control-Request-Headers": "authorization,tus-resumable,upload-offset,x-anything",
}


@pytest.fixture
def platform(database_url: str, data_dir: Path) -> Platform:
    return make_platform(
        database_url, data_dir, cors_origins=f"{APP}, http://localhost:5173", hosts="127.0.0.1"
    )


@pytest.mark.parametrize("path", ["/files", "/files/" + "0" * 32, "/v1/jobs", "/randomize",
                                  "/sum-even"])
async def test_a_preflight_of_a_named_origin_is_let_in(platform: Platform, path: str) -> None:
    async with serving(platform) as client:
        del client.headers["x-organization"]
        told = await client.options(path, headers=FROM_APP | ASKS)
        assert told.status_code == 204
        assert told.headers[ALLOWED] == APP
        assert "PATCH" in told.headers["access-control-allow-methods"].split(", ")
        assert told.headers["access-control-allow-headers"] == ASKS[
            "Access-Control-Request-Headers"
        ]
        assert told.headers["vary"] == "Origin"
        assert "access-control-allow-credentials" not in told.headers
        other = await client.options(path, headers={"Origin": "https://evil.example"} | ASKS)
        assert [name for name in other.headers if name.startswith("access-control")] == []


async def test_an_answer_shows_its_headers_to_a_named_origin(platform: Platform) -> None:
    async with serving(platform) as client:
        made = await client.post("/files", headers=VERSION | FROM_APP | {"Upload-Length": "1"})
        assert (made.status_code, made.headers[ALLOWED]) == (201, APP)
        exposed = made.headers["access-control-expose-headers"].split(", ")
        assert {"Upload-Offset", "Location", "Upload-Length", "Tus-Resumable", "Upload-Metadata",
                "Upload-Expires", "Upload-Concat", "Upload-Defer-Length", "Retry-After",
                "X-Request-Id", "ETag"} <= set(exposed)
        refused = await client.get("/v1/jobs/x", headers=FROM_APP)
        assert (refused.status_code, refused.headers[ALLOWED]) == (404, APP)
        unsigned = await client.get("/v1/jobs", headers=FROM_APP | {"x-organization": "-"})
        assert unsigned.headers[ALLOWED] == APP
        missing = await client.get("/v1/nothing", headers=FROM_APP)
        assert (missing.status_code, missing.headers[ALLOWED]) == (404, APP)


async def test_other_origins_and_pages_are_told_nothing(platform: Platform) -> None:
    async with serving(platform) as client:
        for path, origin in {
            "/v1/jobs": "https://app.example.evil.example", "/jobs": APP, "/": APP,
            "/login": APP, "/docs": APP, "/v1": "null", "/static/app.css": APP,
        }.items():
            for method in ("GET", "OPTIONS"):
                told = await client.request(method, path, headers={"Origin": origin} | ASKS)
                assert [n for n in told.headers if n.startswith("access-control")] == [], path


async def test_options_from_a_page_is_still_answered_by_its_route(platform: Platform) -> None:
    async with serving(platform) as client:
        told = await client.options("/files", headers=FROM_APP)
        assert (told.headers["tus-version"], told.headers[ALLOWED]) == ("1.0.0", APP)


async def test_without_the_setting_nobody_is_let_in(database_url: str, data_dir: Path) -> None:
    async with serving(make_platform(database_url, data_dir)) as client:
        for method in ("GET", "OPTIONS"):
            told = await client.request(method, "/v1/jobs", headers=FROM_APP | ASKS)
            assert [n for n in told.headers if n.startswith("access-control")] == []
            assert "vary" not in told.headers


async def test_any_origin_where_the_operator_says_so(database_url: str, data_dir: Path) -> None:
    async with serving(make_platform(database_url, data_dir, cors_origins="*")) as client:
        told = await client.get("/v1/jobs", headers={"Origin": "http://whoever"})
        assert told.headers[ALLOWED] == "*"
        assert "access-control-allow-credentials" not in told.headers


async def test_a_forged_request_with_a_cookie_stays_forged(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A named origin is no reason to believe a cookie."""
    from tests.support import web
    from vazao.kit.platform import Principal

    async def signed_in(connection: Any) -> Principal | None:
        return Principal(
            organization_id=1, organization="org1", kind="user", name="test",
            scopes=web.SCOPES, csrf="right",
        )

    monkeypatch.setattr(web, "authenticate", signed_in)
    async with serving(platform) as client:
        given = VERSION | FROM_APP | {"Upload-Length": "1"}
        for proof in ({}, {"X-CSRF-Token": "right"}):
            refused = await client.post("/files", headers=given | proof)
            assert refused.json()["error"]["code"] == "csrf_failed"


@pytest.mark.parametrize("text", [
    "app.example", "https://app.example/", "https://*.example", "ftp://app.example", "null",
])
def test_what_is_no_origin_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="VAZAO_CORS_ORIGINS"):
        allowed_origins(text)


async def test_every_answer_below_files_names_the_version(platform: Platform) -> None:
    """Also what no handler of tus answers: another host or method, no token, no such path."""
    async with serving(platform) as client:
        one = "/files/" + "0" * 32
        answers: list[httpx2.Response] = [
            await client.get(one), await client.put(one), await client.get(one + "/x"),
            await client.head(one, headers={"Host": "evil.example"}),
            await client.options(one),
        ]
        del client.headers["x-organization"]
        answers.append(await client.patch(one))
        assert {each.status_code for each in answers} == {405, 404, 421, 204, 401}
        for each in answers:
            assert each.headers["tus-resumable"] == "1.0.0"
            assert each.headers["cache-control"] == "no-store"
