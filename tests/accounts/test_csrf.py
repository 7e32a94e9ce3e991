"""Forged requests: the guard that every unsafe route has without asking for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from litestar import Request, post

from tests.support.accounts import Browse, People, csrf_in, log_in, token_for
from vazao.kit.platform import Platform

pytestmark = pytest.mark.anyio
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@post("/x/small", opt={"session": True, "fields": ("value",)})
async def small(request: Request[Any, Any, Any]) -> dict[str, str]:
    return {"value": str((await request.form()).get("value"))}


@post("/x/stream", opt={"authenticated": True}, request_max_body_size=None)
async def stream(request: Request[Any, Any, Any]) -> dict[str, int]:
    return {"bytes": sum([len(chunk) async for chunk in request.stream()])}


@pytest.fixture
async def ana(platform: Platform, people: People, browse: Browse) -> httpx2.AsyncClient:
    client = browse()
    await log_in(client)
    return client


@pytest.fixture(autouse=True)
def routes(platform: Platform) -> None:
    platform.registry.routes += [small, stream]


async def value_of(client: httpx2.AsyncClient) -> str:
    return csrf_in((await client.get("/account")).text)


async def test_a_form_needs_the_field_or_the_header(
    ana: httpx2.AsyncClient, browse: Browse
) -> None:
    csrf = await value_of(ana)
    assert (await ana.post("/x/small", data={"value": "1"})).status_code == 403
    right = await ana.post("/x/small", data={"value": "1", "csrf": csrf})
    assert right.json() == {"value": "1"}
    by_header = await ana.post("/x/small", data={"value": "2"}, headers={"X-CSRF-Token": csrf})
    assert by_header.json() == {"value": "2"}
    beto = browse(Accept="application/json")
    await log_in(beto, "beto")
    for wrong in (await value_of(browse_of(beto)), "", "é", csrf[:-1], csrf + "0"):
        answer = await ana.post(
            "/x/small", data={"csrf": wrong}, headers={"Accept": "application/json"}
        )
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "csrf_failed")


def browse_of(client: httpx2.AsyncClient) -> httpx2.AsyncClient:
    client.headers["Accept"] = "text/html"
    return client


async def test_another_site_is_refused_even_with_the_value(ana: httpx2.AsyncClient) -> None:
    csrf = await value_of(ana)
    for headers in (
        {"Origin": "http://evil.test"}, {"Origin": "http://vazao.test:8080"}, {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://vazao.test"},
    ):
        answer = await ana.post("/x/small", headers=headers | {"X-CSRF-Token": csrf})
        assert answer.status_code == 403
    for headers in (
        {"Origin": "http://vazao.test"}, {"Sec-Fetch-Site": "same-origin"},
        {"Origin": "http://vazao.test", "Host": "VAZAO.test:80"},
        {"Origin": "https://vazao.test", "Host": "vazao.test:443"},
    ):
        answer = await ana.post("/x/small", headers=headers | {"X-CSRF-Token": csrf})
        assert answer.status_code == 201


async def test_a_streaming_route_never_has_its_body_read_for_it(
    ana: httpx2.AsyncClient
) -> None:
    csrf, taken = await value_of(ana), []

    async def body() -> AsyncIterator[bytes]:
        taken.append(1)
        yield b"csrf=" + csrf.encode()

    refused = await ana.post("/x/stream", content=body(), headers=FORM)
    assert refused.status_code == 403
    accepted = await ana.post("/x/stream", content=b"x" * 99, headers={"X-CSRF-Token": csrf})
    assert accepted.json() == {"bytes": 99}


async def test_a_multipart_form_needs_the_header(ana: httpx2.AsyncClient) -> None:
    csrf = await value_of(ana)
    files = {"sheet": ("a.csv", b"a,b")}
    refused = await ana.post("/x/small", data={"csrf": csrf}, files=files)
    assert refused.status_code == 403
    accepted = await ana.post("/x/small", files=files, headers={"X-CSRF-Token": csrf})
    assert accepted.status_code == 201


async def test_credentials_that_nobody_sends_unasked_need_nothing(
    browse: Browse, people: People, platform: Platform
) -> None:
    token = await token_for(platform, people.acme)
    answer = await browse().post(
        "/x/stream", content=b"12345", headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.json() == {"bytes": 5}
