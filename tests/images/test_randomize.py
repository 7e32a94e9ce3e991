"""``/randomize`` over a real server, with a real worker."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from tests.support import pngs
from tests.support.jobs import make_platform, working
from tests.support.pictures import PICTURE, PNG, ROWS, ask, ended, flat
from tests.support.waiting import eventually
from tests.support.web import serving
from vazao import uploads
from vazao.images import tasks
from vazao.images.settings import ImageSettings
from vazao.kit.platform import Platform
from vazao.uploads import intake
from vazao.uploads.errors import UploadNotFound
from vazao.uploads.quotas import Owner

pytestmark = pytest.mark.anyio


@pytest.fixture
def platform(database_url: str, data_dir: Path) -> Platform:
    return make_platform(database_url, data_dir, randomize_max_bytes=200_000)


@pytest.fixture
async def client(platform: Platform) -> AsyncIterator[httpx2.AsyncClient]:
    async with serving(platform) as made:
        yield made


async def test_a_picture_goes_in_and_comes_out_shuffled(
    platform: Platform, client: httpx2.AsyncClient
) -> None:
    token = await ask(client)
    assert (await client.get(f"/randomize/{token}/status")).json() == {"status": "requested"}
    early = await client.get(f"/randomize/{token}/result")
    assert (early.status_code, early.json()) == (404, {"message": "not found"})
    async with working(platform):
        said = await ended(client, token)
    assert said.keys() == {"status", "lead_time_seconds", "execution_time_seconds"}
    assert said["status"] == "finished"
    assert said["execution_time_seconds"] > 0
    assert said["lead_time_seconds"] > 0
    result = await client.get(f"/randomize/{token}/result")
    assert (result.status_code, result.headers["content-type"]) == (200, "image/png")
    assert int(result.headers["content-length"]) == len(result.content)
    shape, rows, _ = pngs.read(result.content)
    assert shape == (150, 130, 8, 2)
    assert rows != ROWS
    assert Counter(p for row in rows for p in row) == Counter(p for row in ROWS for p in row)
    assert [row[120:] for row in rows] == [row[120:] for row in ROWS]
    assert rows[120:] == ROWS[120:]
    assert (await client.get(f"/randomize/{token}/result")).content == result.content


async def test_it_is_a_job_like_all_others(
    platform: Platform, client: httpx2.AsyncClient
) -> None:
    token = await ask(client, **{"X-Request-Id": "request-4711"})
    shown = (await client.get(f"/v1/jobs/{token}")).json()
    assert (shown["kind"], shown["status"]) == ("images.randomize", "queued")
    assert shown["cost"] == pytest.approx(150 * 130 / 1e6)
    assert shown["bytes_total"] == len(PICTURE)
    assert shown["request_id"] == "request-4711"
    assert shown["requested_by"] == "test"


async def test_the_source_is_let_go_at_the_end_and_the_result_stays(
    platform: Platform, client: httpx2.AsyncClient
) -> None:
    token = await ask(client)
    async with working(platform):
        await ended(client, token)
    await intake.sweep(platform)
    async with platform.db.connection() as conn:
        rows = await (await conn.execute("select filename from jobs.upload")).fetchall()
    assert rows == [(f"{token}.png",)]
    assert (await client.get(f"/randomize/{token}/result")).status_code == 200
    assert not list(uploads.spool_folder(platform).iterdir())


async def test_the_same_key_gives_the_same_picture(
    platform: Platform, client: httpx2.AsyncClient
) -> None:
    key = {"Idempotency-Key": "k-1"}
    token = await ask(client, **key)
    assert await ask(client, **key) == token
    assert await ask(client) != token
    other = pngs.write(ROWS[:100], 8, 2)
    clash = await client.post("/randomize", content=other, headers=PNG | key)
    assert (clash.status_code, clash.json()["error"]["code"]) == (409, "idempotency_conflict")
    await intake.sweep(platform)
    async with platform.db.connection() as conn:
        row = await (await conn.execute("select count(*) from jobs.upload")).fetchone()
    assert row == (2,)


async def test_a_cancelled_one_is_errored_and_can_start_over(
    platform: Platform, client: httpx2.AsyncClient
) -> None:
    token = await ask(client)
    await client.post(f"/v1/jobs/{token}/cancel")
    said = (await client.get(f"/randomize/{token}/status")).json()
    assert (said["status"], said["error"]["code"]) == ("errored", "job_cancelled")
    assert said["lead_time_seconds"] >= 0
    assert (await client.get(f"/randomize/{token}/result")).status_code == 404
    assert (await client.post(f"/v1/jobs/{token}/retry")).status_code == 202
    async with working(platform):
        assert (await ended(client, token))["status"] == "finished"


async def test_a_source_that_is_gone_is_errored_with_a_reason(
    platform: Platform, client: httpx2.AsyncClient
) -> None:
    token = await ask(client)
    assert platform.blobs.root is not None
    for path in platform.blobs.root.rglob("000001"):
        path.unlink()
    async with working(platform):
        said = await ended(client, token)
    assert said["status"] == "errored"
    assert said["error"]["message"] == "The stored file no longer exists."
    assert not list(uploads.spool_folder(platform).iterdir())


async def test_a_large_picture_stops_no_other_request(
    platform: Platform, client: httpx2.AsyncClient
) -> None:
    """While a picture of 50 megapixels is checked, the server answers others."""
    body = flat(10_000, 5000)
    asked = asyncio.create_task(client.post("/randomize", content=body, headers=PNG))
    answered = 0
    while not asked.done():
        assert (await client.get("/v1/jobs")).status_code == 200
        answered += 1
    assert (await asked).status_code == 201
    assert answered > 1


async def test_results_of_attempts_that_were_cut_off_are_swept(
    platform: Platform, client: httpx2.AsyncClient
) -> None:
    token = await ask(client)
    async with working(platform):
        await ended(client, token)

    async def body() -> AsyncIterator[bytes]:
        yield PICTURE

    lost = await intake.receive(
        platform, Owner(1), body(), filename=f"{token}.png", content_type="image/png",
        limit_bytes=1 << 20,
    )
    foreign = await intake.receive(
        platform, Owner(2), body(), filename=f"{token}.png", content_type="image/png",
        limit_bytes=1 << 20,
    )
    await tasks.sweep(platform)
    async with platform.db.connection() as conn:
        assert await intake.get_upload(conn, 1, lost.token)
    async with platform.db.transaction() as conn:
        await conn.execute("update jobs.upload set created_at = created_at - interval '2 hours'")
    await tasks.sweep(platform)
    async with platform.db.connection() as conn:
        with pytest.raises(UploadNotFound):
            await intake.get_upload(conn, 1, lost.token)
        assert await intake.get_upload(conn, 2, foreign.token)
    assert (await client.get(f"/randomize/{token}/result")).status_code == 200


async def test_large_pictures_wait_for_one_another_and_all_end(
    platform: Platform, client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "LARGE_MEGAPIXELS", 0.0)
    monkeypatch.setattr(tasks, "PROGRESS_SECONDS", 0.001)
    tokens = [await ask(client, flat(1000, 900)) for _ in range(3)]
    async with working(platform):
        said = [await ended(client, token) for token in tokens]
    assert [each["status"] for each in said] == ["finished"] * 3


async def test_a_cancelled_one_stops_and_leaves_no_draft(
    platform: Platform, client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "LARGE_MEGAPIXELS", 0.0)
    monkeypatch.setattr(tasks, "PROGRESS_SECONDS", 0.01)
    platform.settings.of(ImageSettings).block_pixels = 1
    token = await ask(client, flat(4000, 4000))

    async def word() -> bool:
        said = (await client.get(f"/v1/jobs/{token}")).json()
        return said["phase"] == "shuffling"

    async with working(platform):
        await eventually(word)
        await client.post(f"/v1/jobs/{token}/cancel")
        free = asyncio.wrap_future(tasks._large().submit(lambda: True))
        assert await asyncio.wait_for(free, 20)

        async def tidy() -> bool:
            return not list(uploads.spool_folder(platform).iterdir())

        await eventually(tidy)
    async with platform.db.connection() as conn:
        rows = await (await conn.execute("select filename from jobs.upload")).fetchall()
    assert rows == [(None,)]


@pytest.mark.parametrize(("filename", "language", "name"), [
    ("cat.png", "en", 'inline; filename="cat-shuffled.png"'),
    ("C:\\fotos\\gato \"1\".PNG", "pt-BR", 'inline; filename="gato _1_-embaralhada.png"; '
     "filename*=UTF-8''gato%20%221%22-embaralhada.png"),
    ("ação.png", "en", 'inline; filename="a__o-shuffled.png"; '
     "filename*=UTF-8''a%C3%A7%C3%A3o-shuffled.png"),
    ("", "pt-BR", 'inline; filename="imagem-embaralhada.png"'),
])
async def test_the_result_is_called_as_its_source_is(
    platform: Platform, client: httpx2.AsyncClient, filename: str, language: str, name: str
) -> None:
    answer = await client.post(
        "/randomize", content=PICTURE, headers=PNG, params={"filename": filename}
    )
    token = answer.json()["token"]
    async with working(platform):
        await ended(client, token)
    result = await client.get(
        f"/randomize/{token}/result", headers={"accept-language": language}
    )
    assert result.headers["content-disposition"] == name
