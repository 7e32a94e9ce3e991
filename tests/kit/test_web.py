"""The frame: what a lost database is answered with, and under which name a request is counted."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from litestar import Controller, Litestar, get
from litestar.params import FromPath
from litestar.testing import TestClient

from vazao.kit import metrics
from vazao.kit.errors import Unavailable
from vazao.kit.platform import Platform
from vazao.kit.registry import Registry
from vazao.kit.settings import Settings
from vazao.kit.web.frame import ThePlatform, create_app


class Things(Controller):
    path = "/v1/things"

    @get("/{name:str}", opt={"public": True, "anonymous": True})
    async def show(self, name: FromPath[str]) -> dict[str, str]:
        return {"name": name}

    @get("/{name:str}/lost", opt={"public": True, "anonymous": True})
    async def lose(self, name: FromPath[str], platform: ThePlatform) -> dict[str, Any]:
        async with platform.db.connection() as conn:
            await conn.execute("select pg_terminate_backend(pg_backend_pid())")
        return {}

    @get("/{name:str}/slow", opt={"public": True, "anonymous": True})
    async def wait(self, name: FromPath[str], platform: ThePlatform) -> dict[str, Any]:
        async with platform.db.transaction() as conn:
            await conn.execute("set local statement_timeout = '10ms'")
            await conn.execute("select pg_sleep(60)")
        return {}

    @get("/{name:str}/stored", opt={"public": True, "anonymous": True})
    async def store(self, name: FromPath[str]) -> dict[str, Any]:
        raise Unavailable("The file storage cannot be written.")

    @get("/{name:str}/wrong", opt={"public": True, "anonymous": True})
    async def err(self, name: FromPath[str], platform: ThePlatform) -> dict[str, Any]:
        async with platform.db.connection() as conn:
            await conn.execute("select no_such_column")
        return {}


@contextmanager
def serving(url: str, data_dir: Path) -> Iterator[TestClient[Litestar]]:
    settings = Settings(_env_file=None, database_url=url, data_dir=data_dir, secret="s" * 32)  # type: ignore[call-arg]
    registry = Registry(web=[lambda: [Things]])
    with TestClient(create_app(Platform(settings, url, registry))) as client:
        yield client


@pytest.mark.parametrize(("asked", "status", "code"), [
    ("lost", 503, "database_unavailable"), ("slow", 503, "unavailable"),
    ("stored", 503, "unavailable"),
    ("wrong", 500, "internal_error"),
])
def test_a_database_that_is_gone_or_overcharged_is_worth_another_try(
    database_url: str, data_dir: Path, asked: str, status: int, code: str
) -> None:
    with serving(database_url, data_dir) as client:
        answer = client.get(f"/v1/things/x/{asked}")
        assert client.get("/v1/things/x").status_code == 200
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert answer.headers.get("retry-after") == ("5" if status == 503 else None)


@pytest.mark.parametrize("given", ["abc-1", "Root=1-67891233-abcdef", "a/b:c@d+e", "x" * 128])
def test_a_request_keeps_its_id(database_url: str, data_dir: Path, given: str) -> None:
    with serving(database_url, data_dir) as client:
        answer = client.get("/v1/things/ana", headers={"X-Request-Id": given})
        assert answer.headers["x-request-id"] == given
        other = client.get("/v1/things/ana", headers={"X-Request-Id": given + " <b>" + "x" * 100})
        assert len(other.headers["x-request-id"]) < 40


def test_a_method_that_is_not_allowed_names_those_that_are(
    database_url: str, data_dir: Path
) -> None:
    with serving(database_url, data_dir) as client:
        answer = client.delete("/v1/things/ana")
    assert (answer.status_code, answer.json()["error"]["code"]) == (405, "method_not_allowed")
    assert "GET" in answer.headers["allow"]


def counted(route: str) -> float | None:
    labels = {"method": "GET", "route": route, "status": "2xx"}
    return metrics.REGISTRY.get_sample_value("vazao_http_request_seconds_count", labels)


def test_a_request_is_counted_under_its_whole_route(database_url: str, data_dir: Path) -> None:
    route = "/v1/things/{name}"
    before = counted(route) or 0
    with serving(database_url, data_dir) as client:
        client.get("/v1/things/ana")
    assert counted(route) == before + 1
    assert counted("/v1/things/ana") is None


def test_the_application_leaves_the_process_s_logging_as_it_is(data_dir: Path) -> None:
    settings = Settings(
        _env_file=None, database_url="postgresql://x/y", data_dir=data_dir, secret="s" * 32,  # type: ignore[call-arg]
    )
    root = logging.getLogger()
    before = [*root.handlers]
    create_app(Platform(settings, "postgresql://x/y", Registry()))
    assert root.handlers == before
