"""The sign-in that the page's script sends, answered before the framework."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import httpx2
import psycopg
import pytest

from tests.support.accounts import PASSWORD, PROXY, Browse, People, csrf_in, log_in
from tests.support.waiting import turn
from vazao.accounts import store
from vazao.accounts.passwords import hasher_of
from vazao.accounts.quick import SignIn
from vazao.kit.platform import Platform
from vazao.kit.settings import Settings
from vazao.kit.web.csrf import FORM

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def taken(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """For each request, whether the quick path took it."""
    made: list[bool] = []
    real = SignIn.__call__

    async def noting(self: SignIn, scope: Any, receive: Any, send: Any) -> bool:
        took = await real(self, scope, receive, send)
        if scope["method"] == "POST":
            made.append(took)
        return took

    monkeypatch.setattr(SignIn, "__call__", noting)
    return made


async def form_of(client: httpx2.AsyncClient) -> dict[str, str]:
    page = await client.get("/login", headers={"Accept": "text/html"})
    return {"username": "ana", "password": PASSWORD, "csrf": csrf_in(page.text), "next": "/"}


async def send(client: httpx2.AsyncClient, form: dict[str, str], **headers: str) -> httpx2.Response:
    return await client.post("/login", data=form, headers={"Accept": "application/json", **headers})


async def test_the_right_password_lets_in(
    browse: Browse, people: People, taken: list[bool]
) -> None:
    client = browse()
    form = await form_of(client)
    answer = await send(client, form | {"next": "/jobs?x=1"}, **{"x-request-id": "mine"})
    assert (answer.status_code, answer.content) == (303, b"")
    assert answer.headers["location"] == "/jobs?x=1"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-request-id"] == "mine"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    session, device = answer.headers.get_list("set-cookie")
    assert session.startswith("vazao_session=vs_")
    assert device.startswith("vazao_device=")
    for cookie in (session, device):
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        assert "Domain" not in cookie
    assert (await client.get("/", headers={"Accept": "text/html"})).status_code == 200
    assert taken == [True]


async def test_it_does_what_the_route_does(
    browse: Browse, people: People, taken: list[bool]
) -> None:
    for given, status, code in (
        ({"password": "wrong"}, 401, "sign_in_refused"), ({"username": ""}, 401, "sign_in_refused"),
        ({"csrf": "x" * 64}, 403, "csrf_failed"), ({"role": "admin"}, 400, "unknown_parameter"),
    ):
        client = browse()
        answer = await send(client, await form_of(client) | given)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), given
        assert "set-cookie" not in answer.headers
    assert taken == [True] * 4
    client = browse()
    form = await form_of(client)
    stolen = browse()
    assert (await send(stolen, form)).json()["error"]["code"] == "csrf_failed"
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.test"}):
        assert (await send(client, form, **headers)).status_code == 403
    spoken = await send(client, form | {"password": "x"}, **{"Accept-Language": "pt-BR"})
    assert "senha" in spoken.json()["error"]["message"]


async def test_what_is_not_plain_is_the_routes(
    browse: Browse, people: People, taken: list[bool]
) -> None:
    client = browse()
    form = await form_of(client)
    page = await client.post("/login", data=form, headers={"Accept": "text/html"})
    assert page.status_code == 303
    form = await form_of(browse())
    huge = form | {"password": "x" * 100_000}
    assert (await send(client, huge)).status_code == 413
    assert (await client.post("/login", json=form)).status_code in (400, 403)
    bearer = await send(client, form, Authorization="Bearer vs_x")
    assert bearer.status_code == 401
    assert taken == [False] * 4


@pytest.mark.parametrize(
    "target", ["//evil.test", "/\\evil.test", "https://evil.test", "/a\r\nX: y"]
)
async def test_nobody_is_led_astray(browse: Browse, people: People, target: str) -> None:
    client = browse()
    answer = await send(client, await form_of(client) | {"next": target})
    assert answer.headers["location"] == "/"
    assert "x" not in answer.headers


async def test_behind_tls_cookies_are_bound_to_the_host(browse: Browse, people: People) -> None:
    client = browse(PROXY, "https")
    answer = await send(client, await form_of(client))
    for cookie in answer.headers.get_list("set-cookie"):
        assert cookie.startswith("__Host-vazao_")
        assert "Secure" in cookie


async def test_a_session_that_was_planted_is_not_the_new_one(
    browse: Browse, people: People
) -> None:
    client = browse()
    form = await form_of(client)
    planted = "vs_" + "A" * 43
    client.cookies.set("vazao_session", planted)
    answer = await send(client, form)
    assert answer.status_code == 303
    assert planted not in str(answer.headers.get_list("set-cookie"))


async def test_at_a_storm_nothing_is_asked_of_the_database(
    platform: Platform, browse: Browse, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = browse()
    form = await form_of(client)
    hasher_of(platform).deadline = 0.0
    monkeypatch.setattr(platform.db, "connection", None)
    busy = await send(client, form)
    assert (busy.status_code, busy.json()["error"]["code"]) == (503, "sign_in_busy")
    assert int(busy.headers["retry-after"]) == busy.json()["error"]["retry_after"]
    assert hasher_of(platform).waiting == 0


async def test_a_database_that_is_away_is_said(
    platform: Platform, browse: Browse, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = browse()
    form = await form_of(client)
    for error, status in ((psycopg.OperationalError("no"), 503), (ZeroDivisionError(), 500)):
        async def failing(*_: Any, error: Exception = error, **__: Any) -> Any:
            raise error

        with monkeypatch.context() as patched:
            patched.setattr(store, "find_credentials", failing)
            answer = await send(client, form)
        assert answer.status_code == status
        assert hasher_of(platform).waiting == 0, "the place in the line is given back"
    assert (await log_in(browse())).status_code == 303


@pytest.fixture
def uncollected() -> Iterator[None]:
    """No garbage is collected meanwhile."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


async def test_a_body_that_stops_is_let_go_at_once(uncollected: None) -> None:
    """The server ends its connection when the last reference to its body is gone."""
    class Stalled:
        async def __call__(self) -> Any:
            await asyncio.Event().wait()

    settings = Settings(_env_file=None, stall_seconds=0.1)  # type: ignore[call-arg]
    path: Any = SimpleNamespace(settings=settings)
    receive, said = Stalled(), []
    gone = weakref.ref(receive)

    async def send(message: Any) -> None:
        said.append(message)

    scope = {"type": "http", "method": "POST", "path": "/login", "scheme": "http", "headers": [
        (b"content-length", b"5000"), (b"content-type", FORM.encode()),
    ]}
    assert await SignIn(path)(scope, receive, send)
    assert said[0]["status"] == 408
    del receive
    await turn()
    assert gone() is None
