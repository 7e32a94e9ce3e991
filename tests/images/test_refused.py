"""What ``/randomize`` refuses, to whom, and that nothing of it stays."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from tests.support import pngs
from tests.support.disks import assert_nothing_left
from tests.support.jobs import make_platform, working
from tests.support.pictures import PICTURE, PNG, ROWS, ask, ended
from tests.support.pngs import SIGNATURE, chunk, header
from tests.support.web import cut_off, length_of, serving
from vazao import jobs
from vazao.images import api
from vazao.jobs import service
from vazao.kit.platform import Platform

pytestmark = pytest.mark.anyio
OTHER = {"x-organization": "2"}


@pytest.fixture
def platform(database_url: str, data_dir: Path) -> Platform:
    return make_platform(database_url, data_dir, randomize_max_bytes=200_000)


@pytest.fixture
async def client(platform: Platform) -> AsyncIterator[httpx2.AsyncClient]:
    async with serving(platform) as made:
        yield made


@pytest.mark.parametrize(
    "content_type", ["image/jpeg", "text/plain", "image/png2", "application/octet-stream", ""]
)
async def test_other_types_are_refused_in_the_old_words(
    platform: Platform, client: httpx2.AsyncClient, content_type: str
) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    answer = await client.post("/randomize", content=PICTURE, headers=headers)
    assert answer.status_code == 400
    assert answer.json() == {"error": "Ooops! Só sei lidar com imagens PNG!"}
    await assert_nothing_left(platform)


@pytest.mark.parametrize("content_type", ["image/png; charset=binary", "IMAGE/PNG", "image/png ;x"])
async def test_parameters_and_case_of_the_type_do_not_matter(
    client: httpx2.AsyncClient, content_type: str
) -> None:
    token = await ask(client, **{"Content-Type": content_type})
    said = (await client.get(f"/randomize/{token}/status")).json()
    assert said["status"] == "requested"


BAD = {
    "image_empty": b"",
    "image_not_png": b"\xff\xd8\xff\xe0" + bytes(2000),
    "image_broken": PICTURE[:-200],
    "image_too_large": SIGNATURE + header(60_000, 60_000)
    + chunk(b"IDAT", zlib.compress(bytes(1 << 20))) + chunk(b"IEND"),
}


@pytest.mark.parametrize("code", BAD)
@pytest.mark.parametrize("chunked", [False, True])
async def test_bad_pictures_are_400_with_a_reason_and_leave_nothing(
    platform: Platform, client: httpx2.AsyncClient, code: str, chunked: bool
) -> None:
    async def body() -> AsyncIterator[bytes]:
        for begin in range(0, len(BAD[code]), 1000):
            yield BAD[code][begin : begin + 1000]

    content = body() if chunked else BAD[code]
    answer = await client.post("/randomize", content=content, headers=PNG)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, code)
    assert len(error["message"]) > 10
    await assert_nothing_left(platform)
    async with platform.db.connection() as conn:
        assert not (await service.list_jobs(conn, 1)).items


async def test_a_reason_is_said_in_the_readers_language(client: httpx2.AsyncClient) -> None:
    answer = await client.post(
        "/randomize", content=BAD["image_too_large"], headers=PNG | {"Accept-Language": "pt-BR"}
    )
    assert answer.json()["error"]["message"] == (
        "A imagem tem 60000 × 60000 pixels; são aceitos no máximo 50 megapixels."
    )


async def test_more_bytes_than_the_limit_are_400_announced_or_not(
    platform: Platform, client: httpx2.AsyncClient
) -> None:
    large = pngs.write(ROWS, 8, 2, after=chunk(b"tEXt", b"a\0" + bytes(150_000)))

    async def body() -> AsyncIterator[bytes]:
        for begin in range(0, len(large), 4096):
            yield large[begin : begin + 4096]

    for content in (large, body()):
        answer = await client.post("/randomize", content=content, headers=PNG)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "image_too_large")
        assert "200000" in answer.json()["error"]["message"]
    await assert_nothing_left(platform)


async def test_damage_in_a_later_piece_leaves_nothing(
    platform: Platform, client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "COALESCE_BYTES", 1000)
    answer = await client.post("/randomize", content=PICTURE[:-4] + b"xxxx", headers=PNG)
    assert answer.json()["error"]["code"] == "image_broken"
    await assert_nothing_left(platform)


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_cut_off_in_the_middle_leaves_nothing(
    platform: Platform, client: httpx2.AsyncClient, chunked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "COALESCE_BYTES", 1000)
    await cut_off(
        platform, client, "/randomize", PICTURE[:30_000],
        "Content-Type: image/png", length_of(len(PICTURE), chunked=chunked),
    )
    await assert_nothing_left(platform)
    async with platform.db.connection() as conn:
        assert not (await service.list_jobs(conn, 1)).items


async def test_a_full_disk_is_507_and_leaves_nothing(
    database_url: str, data_dir: Path, small_disk: Path
) -> None:
    platform = make_platform(
        database_url, data_dir, blob_url=small_disk.as_uri(), upload_segment_bytes=1 << 20,
        disk_floor_bytes=0,
    )
    noise = chunk(b"tEXt", b"a\0" + bytes(5 << 20))
    async with serving(platform) as client:
        answer = await client.post("/randomize", content=pngs.write(ROWS, 8, 2, extra=noise),
                                   headers=PNG)
        assert (answer.status_code, answer.json()["error"]["code"]) == (507, "storage_full")
        await assert_nothing_left(platform)


@pytest.mark.parametrize("place", ["status", "result"])
async def test_another_organization_s_picture_is_not_there(
    platform: Platform, client: httpx2.AsyncClient, place: str
) -> None:
    token = await ask(client)
    async with working(platform):
        await ended(client, token)
    mine, others, unknown = (
        await client.get(f"/randomize/{token}/{place}"),
        await client.get(f"/randomize/{token}/{place}", headers=OTHER),
        await client.get(f"/randomize/{'0' * 32}/{place}"),
    )
    assert (mine.status_code, others.status_code, unknown.status_code) == (200, 404, 404)
    assert others.content == unknown.content
    expected = {"message": "not found"} if place == "result" else "job_not_found"
    said = others.json()
    assert (said if place == "result" else said["error"]["code"]) == expected
    bare = await client.get(f"/randomize/{token}/{place}", headers={"x-scopes": ""})
    assert bare.status_code == 403


async def test_a_job_of_another_kind_is_not_there(
    platform: Platform, client: httpx2.AsyncClient
) -> None:
    async with platform.db.transaction() as conn:
        job = await jobs.enqueue(conn, "test.echo", organization_id=1, payload={})
    for place in ("status", "result"):
        assert (await client.get(f"/randomize/{job.token}/{place}")).status_code == 404


async def test_a_token_without_scope_and_nobody_may_not(client: httpx2.AsyncClient) -> None:
    bare = await client.post("/randomize", content=PICTURE, headers=PNG | {"x-scopes": ""})
    assert bare.status_code == 403
    del client.headers["x-organization"]
    assert (await client.post("/randomize", content=PICTURE, headers=PNG)).status_code == 401
    assert (await client.get(f"/randomize/{'0' * 32}/status")).status_code == 401


async def test_a_refusal_before_the_body_says_that_it_closes_the_connection(
    client: httpx2.AsyncClient,
) -> None:
    refused = await client.post("/randomize", content=PICTURE, headers=PNG | {"x-scopes": ""})
    assert refused.headers["connection"] == "close"
    read = await client.post("/randomize", content=b"", headers=PNG)
    assert "connection" not in read.headers
