"""What an action leaves for the next page: sealed, shown once, to whom it is for."""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from litestar import Litestar, Request, Response, get, post
from litestar.datastructures import State
from litestar.testing import TestClient

from vazao.kit.settings import Settings
from vazao.kit.web import leaving

SAID = "{count} leads were tagged."


@post("/do", status_code=303)
async def act(request: Request[Any, Any, Any]) -> Response[Any]:
    who = request.headers.get("x-session", "a")
    request.state.principal = SimpleNamespace(session_id=who)
    return leaving.go_on(request, "/shown?x=1", SAID, once={"secret": "vz_abc"}, count="<2>")


@get("/shown")
async def show(request: Request[Any, Any, Any]) -> Response[Any]:
    who = request.headers.get("x-session", "a")
    request.state.principal = SimpleNamespace(session_id=who)
    said = leaving.messages_for(request, "en")
    response = Response({"said": said, "once": leaving.once_for(request)})
    leaving.take_away(request, response, said)
    return response


@pytest.fixture
def platform() -> Any:
    secret = b"s" * 32
    return SimpleNamespace(settings=Settings(), secret=secret, secrets=(secret,))


@pytest.fixture
def client(platform: Any) -> Iterator[TestClient[Litestar]]:
    app = Litestar([act, show], state=State({"platform": platform}), openapi_config=None)
    with TestClient(app) as made:
        made.follow_redirects = False
        yield made


def test_it_is_shown_once_and_sealed(client: TestClient[Litestar]) -> None:
    done = client.post("/do")
    assert (done.status_code, done.headers["location"]) == (303, "/shown?x=1")
    assert "no-store" in done.headers["cache-control"]
    for cookie in done.headers.get_list("set-cookie"):
        assert "HttpOnly" in cookie
        assert "vz_" not in cookie
        assert "tagged" not in cookie
    shown = client.get("/shown").json()
    assert shown == {"said": [["ok", "<2> leads were tagged."]], "once": {"secret": "vz_abc"}}
    assert client.get("/shown").json() == {"said": [], "once": {}}


def test_a_piece_of_a_page_takes_no_message_away(client: TestClient[Litestar]) -> None:
    client.post("/do")
    assert client.get("/shown", headers={"hx-request": "true"}).json()["said"] == []
    assert client.get("/shown").json()["said"]


def test_another_session_sees_no_secret(client: TestClient[Litestar]) -> None:
    client.post("/do")
    assert client.get("/shown", headers={"x-session": "b"}).json()["once"] == {}


def test_it_is_worth_nothing_later(
    client: TestClient[Litestar], monkeypatch: pytest.MonkeyPatch
) -> None:
    client.post("/do")
    now = time.time()
    monkeypatch.setattr(leaving.time, "time", lambda: now + leaving.SECONDS + 1)
    assert client.get("/shown").json() == {"said": [], "once": {}}


@pytest.mark.parametrize("given", ["", "x", "AAAA" * 30, "é", "a" * 5000])
def test_what_nobody_sealed_says_nothing(client: TestClient[Litestar], given: str) -> None:
    client.post("/do")
    value = client.cookies[leaving.SAID]
    for each in (given, value[:-4] + "AAAA", client.cookies[leaving.ONCE]):
        client.cookies.clear()
        sent = {"cookie": f"{leaving.SAID}={each}; {leaving.ONCE}={each}".encode()}
        assert client.get("/shown", headers=sent).json()["said"] == []


def test_a_key_that_changes_loses_no_message(client: TestClient[Litestar], platform: Any) -> None:
    client.post("/do")
    platform.secrets = (b"n" * 32, platform.secret)
    platform.secret = platform.secrets[0]
    assert client.get("/shown").json()["said"]
