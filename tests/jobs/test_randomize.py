"""``/randomize`` over a real server, with a real worker."""

from __future__ import annotations

import asyncio
import re
import time
import zlib
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.jobs import pngs
from tests.jobs.conftest import make_platform, working
from tests.jobs.pngs import SIGNATURE, chunk, header
from tests.jobs.test_intake import assert_nothing_left
from tests.jobs.web import serving
from tests.support import eventually
from vazao import jobs
from vazao.jobs import intake, service
from vazao.jobs.errors import UploadNotFound
from vazao.jobs.kinds import randomize, randomize_api
from vazao.kit.blobs import Blobs
from vazao.kit.errors import StorageFull
from vazao.kit.platform import Platform

pytestmark = pytest.mark.anyio
PNG = {"Content-Type": "image/png"}
OTHER = {"x-organization": "2"}
ROWS = pngs.pixels(150, 130, 8, 2)
PICTURE = pngs.write(ROWS, 8, 2)


@pytest.fixture
def platform(database_url: str, data_dir: Path) -> Platform:
    return make_platform(database_url, data_dir, randomize_max_bytes=200_000)


@pytest.fixture
async def client(platform: Platform) -> AsyncIterator[httpx2.AsyncClient]:
    async with serving(platform) as made:
        async def answers() -> bool:
            try:
                return (await made.get("/v1/jobs")).status_code == 200
            except httpx2.ConnectError:
                return False

        await eventually(answers)
        yield made


async def ask(client: httpx2.AsyncClient, body: bytes = PICTURE, **headers: str) -> str:
    answer = await client.post("/randomize", content=body, headers=PNG | headers)
    assert answer.status_code == 201, answer.text
    assert answer.headers["content-type"] == "application/json"
    token = answer.json().pop("token")
    assert re.fullmatch("[0-9a-f]{32}", token)
    return token


async def ended(client: httpx2.AsyncClient, token: str) -> dict[str, Any]:
    async def look() -> dict[str, Any] | None:
        said = (await client.get(f"/randomize/{token}/status")).json()
        return said if said["status"] in ("finished", "errored") else None

    return await eventually(look)


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
    assert not list(intake.spool_folder(platform).iterdir())


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
    await ask(client, **{"Content-Type": content_type})


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
        assert await service.list_jobs(conn, 1) == []


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
    monkeypatch.setattr(randomize_api, "COALESCE_BYTES", 1000)
    answer = await client.post("/randomize", content=PICTURE[:-4] + b"xxxx", headers=PNG)
    assert answer.json()["error"]["code"] == "image_broken"
    await assert_nothing_left(platform)


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_cut_off_in_the_middle_leaves_nothing(
    platform: Platform, client: httpx2.AsyncClient, chunked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(randomize_api, "COALESCE_BYTES", 1000)
    host, port = client.base_url.host, client.base_url.port
    length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(PICTURE)}"
    piece = PICTURE[:30_000]
    _, writer = await asyncio.open_connection(host, port)
    writer.write(
        f"POST /randomize HTTP/1.1\r\nHost: x\r\nx-organization: 1\r\nContent-Type: image/png\r\n"
        f"{length}\r\n\r\n".encode()
    )
    writer.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
    await writer.drain()

    async def begun() -> bool:
        async with platform.db.connection() as conn:
            row = await (await conn.execute("select count(*) from jobs.upload")).fetchone()
        return row != (0,)

    await eventually(begun)
    writer.transport.abort()

    async def gone() -> bool:
        return not await begun()

    await eventually(gone)
    await assert_nothing_left(platform)
    async with platform.db.connection() as conn:
        assert await service.list_jobs(conn, 1) == []


async def test_a_full_disk_is_507_and_leaves_nothing(
    platform: Platform, client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A body of several segments, so that the disk is full in the middle.
    platform.settings.upload_segment_bytes = 1 << 16
    put, stored = Blobs.put, []

    async def filling(self: Blobs, key: str, body: Any) -> None:
        if stored:
            raise StorageFull
        stored.append(key)
        await put(self, key, body)

    monkeypatch.setattr(Blobs, "put", filling)
    rows = pngs.pixels(150, 250, 8, 2)
    answer = await client.post("/randomize", content=pngs.write(rows, 8, 2), headers=PNG)
    assert (answer.status_code, answer.json()["error"]["code"]) == (507, "storage_full")
    assert stored
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
    assert said["error"]["message"] == "The stored file is gone."
    assert not list(intake.spool_folder(platform).iterdir())


async def test_a_large_picture_stops_no_other_request(
    platform: Platform, client: httpx2.AsyncClient
) -> None:
    """While a picture of 50 megapixels is checked, the server answers others."""
    squeeze = zlib.compressobj(9)
    row = bytes(1 + 10_000 * 3)
    packed = b"".join(squeeze.compress(row) for _ in range(5000)) + squeeze.flush()
    body = SIGNATURE + header(10_000, 5000) + chunk(b"IDAT", packed) + chunk(b"IEND")
    asked = asyncio.create_task(client.post("/randomize", content=body, headers=PNG))
    waits = []
    while not asked.done():
        began = time.perf_counter()
        assert (await client.get("/v1/jobs")).status_code == 200
        waits.append(time.perf_counter() - began)
    assert (await asked).status_code == 201
    assert len(waits) > 1


async def test_results_of_attempts_that_were_cut_off_are_swept(
    platform: Platform, client: httpx2.AsyncClient
) -> None:
    token = await ask(client)
    async with working(platform):
        await ended(client, token)

    async def body() -> AsyncIterator[bytes]:
        yield PICTURE

    lost = await intake.receive(
        platform, 1, body(), filename=f"{token}.png", content_type="image/png", limit_bytes=1 << 20
    )
    foreign = await intake.receive(
        platform, 2, body(), filename=f"{token}.png", content_type="image/png", limit_bytes=1 << 20
    )
    await randomize.sweep(platform)
    async with platform.db.connection() as conn:
        assert await intake.get_upload(conn, 1, lost.token)
    async with platform.db.transaction() as conn:
        await conn.execute("update jobs.upload set created_at = created_at - interval '2 hours'")
    await randomize.sweep(platform)
    async with platform.db.connection() as conn:
        with pytest.raises(UploadNotFound):
            await intake.get_upload(conn, 1, lost.token)
        assert await intake.get_upload(conn, 2, foreign.token)
    assert (await client.get(f"/randomize/{token}/result")).status_code == 200
