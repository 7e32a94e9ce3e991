"""Probes: alive without anything, ready only with everything, measured always."""

from __future__ import annotations

import asyncio
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from tests.support.waiting import until
from vazao import main
from vazao.kit import readiness
from vazao.kit.errors import Unavailable
from vazao.kit.platform import Platform
from vazao.kit.registry import Check, Registry
from vazao.kit.settings import Settings
from vazao.kit.web import probes
from vazao.kit.web.frame import create_app
from vazao.migrations import head


@contextmanager
def serving(url: str, data_dir: Path, *checks: Check) -> Iterator[TestClient[Litestar]]:
    """A client of an application that has only the probes."""
    registry = Registry(web=[lambda: probes.routes], readiness=list(checks), schema_head=head())
    settings = Settings(_env_file=None, database_url=url, data_dir=data_dir, secret="s" * 32)  # type: ignore[call-arg]
    with TestClient(create_app(Platform(settings, url, registry))) as client:
        yield client


def test_alive_and_ready(database_url: str, data_dir: Path) -> None:
    with serving(database_url, data_dir) as client:
        alive = client.get("/healthz")
        ready = client.get("/readyz")
    assert (alive.status_code, alive.json()) == (200, {"status": "ok"})
    checks = ready.json()["checks"]
    assert (ready.json()["status"], checks["database"], checks["storage"]) == ("ok", head(), "ok")
    assert re.fullmatch(r"\d+ MB", checks["disk"])
    assert ready.headers["cache-control"] == "no-store"


def test_a_credential_is_never_looked_at(database_url: str, data_dir: Path) -> None:
    with serving(database_url, data_dir) as client:

        async def refuse(connection: Any) -> None:
            raise AssertionError("asked who it is")

        client.app.state.platform.authenticate = refuse
        assert client.get("/healthz", headers={"Authorization": "Bearer x"}).status_code == 200


@pytest.mark.parametrize(
    "change",
    ["update public.alembic_version set version_num = '0000'", "drop table public.alembic_version"],
)
def test_another_schema_is_not_ready(database_url: str, data_dir: Path, change: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute(change)
    with serving(database_url, data_dir) as client:
        answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    error = answer.json()["error"]
    assert error["code"] == "not_ready"
    assert error["details"][0]["place"] == "database"
    assert error["details"][0]["code"] == "migrations_missing"
    assert "vazao migrate" in error["details"][0]["message"]


async def _down(platform: Any) -> str:
    raise Unavailable("No worker is running.", remedy="Run: vazao worker")


async def _hang(platform: Any) -> str:
    await asyncio.Event().wait()
    return ""


async def _break(platform: Any) -> str:
    raise RuntimeError("a secret detail")


def test_every_registered_check_is_named(database_url: str, data_dir: Path) -> None:
    with serving(database_url, data_dir, Check("workers", _down), Check("x", _break)) as client:
        answer = client.get("/readyz", headers={"Accept-Language": "pt-BR"})
    error = answer.json()["error"]
    assert error["message"] == "Ainda não está pronto. Falta: workers, x."
    assert [detail["place"] for detail in error["details"]] == ["workers", "x"]
    assert "secret" not in answer.text


def test_a_check_that_is_not_required_is_reported(database_url: str, data_dir: Path) -> None:
    workers = Check("workers", _down, required=False)
    with serving(database_url, data_dir, workers) as client:
        answer = client.get("/readyz")
    with serving(database_url, data_dir, workers, Check("x", _break)) as client:
        refused = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["checks"]["workers"] == "No worker is running. Run: vazao worker"
    assert refused.status_code == 503
    assert [detail["place"] for detail in refused.json()["error"]["details"]] == ["x"]


def test_workers_are_reported_everywhere_and_required_where_they_were_started(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    for expected in ("", "1"):
        monkeypatch.setenv("VAZAO_EXPECT_WORKERS", expected)
        found = {check.name: check.required for check in main.registry.__wrapped__().readiness}
        assert found == {"workers": bool(expected)}


def test_a_check_that_hangs_is_not_waited_for(
    database_url: str, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probes, "PATIENCE_SECONDS", 0.05)
    with serving(database_url, data_dir, Check("slow", _hang)) as client:
        answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "slow" in [detail["place"] for detail in answer.json()["error"]["details"]]


def test_a_file_store_that_is_away_and_a_full_disk_are_reported(
    database_url: str, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(database_url, data_dir) as client:
        platform: Platform = client.app.state.platform
        root = platform.blobs.root
        assert root is not None
        shutil.rmtree(root)
        root.write_text("no folder")
        monkeypatch.setattr(platform.settings, "disk_floor_bytes", 1 << 60)
        answer = client.get("/readyz", headers={"Accept-Language": "pt-BR"})
        root.unlink()
    checks = answer.json()["checks"]
    # It can still answer, and say so.
    assert answer.status_code == 200
    assert checks["storage"].startswith("Não foi possível gravar no armazenamento de arquivos.")
    assert "menos do que os 1099511627776 MB" in checks["disk"]
    assert str(data_dir) not in answer.text


def test_what_is_away_is_looked_at_once_in_a_while(
    database_url: str, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(database_url, data_dir) as client:
        asked: list[str] = []
        monkeypatch.setattr(
            client.app.state.platform.blobs, "probe", lambda key: asked.append(key) or True
        )
        said = [client.get("/readyz").json()["checks"]["storage"] for _ in range(5)]
        assert (said, len(asked)) == (["ok"] * 5, 1)
        monkeypatch.setattr(readiness, "KEPT_SECONDS", 0.0)
        client.get("/readyz")
        assert len(asked) == 2


def test_a_file_store_that_hangs_holds_one_thread(
    database_url: str, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(readiness, "KEPT_SECONDS", 0.0)
    free, asked = threading.Event(), []

    def hang(key: str) -> bool:
        asked.append(key)
        return free.wait(20)

    with serving(database_url, data_dir) as client:
        monkeypatch.setattr(client.app.state.platform.blobs, "probe", hang)
        for _ in range(4):
            said = client.get("/readyz").json()["checks"]["storage"]
            assert said == "No answer within 0.05 seconds."
        assert len(asked) == 1
        free.set()

        def back() -> bool:
            return client.get("/readyz").json()["checks"]["storage"] == "ok"

        until(back)


def test_metrics_are_prometheus_text(database_url: str, data_dir: Path) -> None:
    with serving(database_url, data_dir) as client:
        client.get("/healthz")
        answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert answer.headers["content-type"].count("charset") == 1
    assert 'vazao_http_request_seconds_count{method="GET",route="/healthz"' in answer.text
