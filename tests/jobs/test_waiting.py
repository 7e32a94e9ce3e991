"""What a job waits for that nobody can work on: said in JSON and on its page, until it is over."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.jobs import ask, end_of, make_platform, working
from tests.support.kinds import gate
from tests.support.waiting import eventually
from tests.support.web import serving
from vazao.jobs.models import Job
from vazao.kit import readiness
from vazao.kit.platform import Platform

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks are kept for no time."""
    monkeypatch.setattr(readiness, "KEPT_SECONDS", 0.0)


@pytest.fixture
def platform(database_url: str, data_dir: Path) -> Platform:
    return make_platform(database_url, data_dir, disk_floor_bytes=0)


@pytest.fixture
async def client(platform: Platform) -> AsyncIterator[httpx2.AsyncClient]:
    async with serving(platform) as made:
        yield made


async def waits(client: httpx2.AsyncClient, job: Job, reason: str) -> dict[str, Any]:
    """What the job says that it waits for, once it is that."""

    async def look() -> dict[str, Any] | None:
        shown = (await client.get(f"/v1/jobs/{job.token}")).json()
        found = shown["waits_for"] or {}
        assert shown["status"] in ("queued", "running"), shown
        return found if found.get("reason") == reason else None

    return await eventually(look)


async def on_page(client: httpx2.AsyncClient, job: Job, text: str) -> None:
    """Both the page and what it asks for again say so; in between an attempt may be at work."""
    headers = {"Accept-Language": "pt-BR"}
    for path in (f"/jobs/{job.token}", f"/jobs/{job.token}/course"):

        async def look(path: str = path) -> bool:
            shown = (await client.get(path, headers=headers)).text
            return 'role="status" data-waits="' in shown and text in shown

        await eventually(look)


async def test_without_a_worker_it_waits_for_one(
    platform: Platform, client: httpx2.AsyncClient
) -> None:
    job = await ask(platform, "test.echo")
    said = await waits(client, job, "workers")
    assert said == {"reason": "workers", "message": (
        "It waits for a worker: none is running. The administrator has to start one.")}
    await on_page(client, job, "Aguarda um worker: nenhum está em execução.")
    async with working(platform):
        await end_of(platform, job)
    assert "data-waits" not in (await client.get(f"/jobs/{job.token}")).text


async def test_one_that_is_at_work_waits_for_nothing(
    platform: Platform, client: httpx2.AsyncClient
) -> None:
    async with working(platform):
        first = await ask(platform, "test.gate", gate="held")
        await eventually(lambda: _runs(client, first))
        shown = (await client.get(f"/v1/jobs/{first.token}")).json()
        assert shown["waits_for"] is None, "somebody works on it"
        gate("held").set()
        await end_of(platform, first)


async def _runs(client: httpx2.AsyncClient, job: Job) -> bool:
    return (await client.get(f"/v1/jobs/{job.token}")).json()["status"] == "running"


async def test_a_file_store_that_is_away_is_named_and_waited_for(
    platform: Platform, client: httpx2.AsyncClient
) -> None:
    root = platform.blobs.root
    assert root is not None
    shutil.rmtree(root)
    root.write_text("no folder")
    job = await ask(platform, "test.keep")
    async with working(platform):
        said = await waits(client, job, "storage")
        assert said["message"] == (
            "It waits for the file storage, which cannot be reached. It then continues by itself.")
        await on_page(client, job, "Aguarda o armazenamento de arquivos")
        root.unlink()
        root.mkdir()
        ended = await end_of(platform, job)
    assert (ended.status, ended.result) == ("finished", "kept")


async def test_a_full_disk_is_named_and_waited_for(
    database_url: str, data_dir: Path, small_disk: Path
) -> None:
    platform = make_platform(
        database_url, data_dir, disk_floor_bytes=0, blob_url=small_disk.as_uri()
    )
    async with serving(platform) as client, working(platform):
        filler = small_disk / "filler"
        filler.write_bytes(bytes(shutil.disk_usage(small_disk).free - 100_000))
        job = await ask(platform, "test.keep")
        # A small object still has room, so it is only known that the attempt failed.
        said = await waits(client, job, "retry")
        assert said["message"] == "An attempt failed; it is tried again in a moment."
        with filler.open("ab") as more:
            more.write(bytes(shutil.disk_usage(small_disk).free))
        assert "at" in await waits(client, job, "disk")
        await on_page(client, job, "Aguarda porque o disco está cheio")
        filler.unlink()
        ended = await end_of(platform, job)
    assert (ended.status, ended.result) == ("finished", "kept")
