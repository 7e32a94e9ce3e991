"""``vazao web`` and ``vazao worker`` as processes of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.support.running import free_port
from tests.support.waiting import eventually
from vazao.kit.embedded.process import processes_in
from vazao.kit.embedded.server import EmbeddedPostgres

pytestmark = pytest.mark.anyio


@contextmanager
def serving(
    command: str, folder: Path, cwd: Path | None = None, **settings: str
) -> Iterator[subprocess.Popen[bytes]]:
    """A command that serves, until the block ends."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("VAZAO_")}
    chosen = {"VAZAO_DATA_DIR": str(folder), "VAZAO_SECRET": "0" * 32, "LC_ALL": "C.UTF-8",
              "VAZAO_WEB_PROCESSES": "1", "VAZAO_WORKER_PROCESSES": "1", **settings}
    with (folder / f"{command}.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "vazao", command], env=clean | chosen, cwd=cwd,
            stdout=log, stderr=log,
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


async def answer(process: subprocess.Popen[bytes], log: Path, port: int) -> httpx2.Response:
    """What ``/readyz`` says, once anybody answers."""

    async def look() -> httpx2.Response | None:
        assert process.poll() is None, log.read_text()
        try:
            return httpx2.get(f"http://127.0.0.1:{port}/readyz", timeout=5)
        except httpx2.HTTPError:
            return None

    found = await eventually(look, within=60)
    assert found is not None
    return found


async def test_web_starts_in_the_folder_of_a_package(
    database_url: str, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "__init__.py").write_text("")
    port = free_port()
    with serving(
        "web", folder, tmp_path, VAZAO_DATABASE_URL=database_url, VAZAO_PORT=str(port)
    ) as web:
        ready = await answer(web, folder / "web.log", port)
    assert ready.status_code == 200
    assert ready.json()["checks"]["workers"] == "No worker is running. Run: vazao worker"
    assert web.returncode == 0


async def test_the_database_stays_until_the_last_who_serves_has_left(folder: Path) -> None:
    port, server = free_port(), EmbeddedPostgres(folder)

    async def started() -> str | None:
        assert worker.poll() is None, (folder / "worker.log").read_text()
        return server.url()

    with serving("worker", folder) as worker:
        url = await eventually(started, within=60)
        with serving("web", folder, VAZAO_PORT=str(port)) as web:
            await answer(web, folder / "web.log", port)
            worker.send_signal(signal.SIGINT)
            worker.wait(60)
            assert server.url() == url
            assert "migrations_missing" in (await answer(web, folder / "web.log", port)).text
    assert server.url() is None
    assert not processes_in(folder / "postgres" / "cluster")
