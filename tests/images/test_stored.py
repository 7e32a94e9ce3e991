"""``/randomize`` of a picture that a resumable upload brought."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support import pngs, tus
from tests.support.answers import code
from tests.support.jobs import make_platform, working
from tests.support.pictures import PICTURE, ROWS, ask, ended, flat
from tests.support.web import serving
from vazao.images import api
from vazao.kit.platform import Platform
from vazao.uploads import find_any, intake
from vazao.uploads.tus import service as resumable

pytestmark = pytest.mark.anyio
OTHER = {"x-organization": "2"}
SEGMENT = tus.SEGMENT


@pytest.fixture
def platform(database_url: str, data_dir: Path) -> Platform:
    return make_platform(
        database_url, data_dir, randomize_max_bytes=200_000, upload_segment_bytes=SEGMENT
    )


@pytest.fixture
async def client(platform: Platform) -> AsyncIterator[httpx2.AsyncClient]:
    async with serving(platform) as made:
        yield made


async def uploaded(client: httpx2.AsyncClient, body: bytes) -> str:
    """A finished resumable upload, in two pieces; its id."""
    place = await tus.begin(client, len(body))
    half = len(body) // 2
    for begin, piece in ((0, body[:half]), (half, body[half:])):
        if piece:
            assert (await tus.send(client, place, begin, piece)).status_code == 204
    return place.rpartition("/")[2]


async def asked(client: httpx2.AsyncClient, file: Any, **headers: str) -> httpx2.Response:
    return await client.post("/randomize", json={"file": file}, headers=headers)


async def test_an_upload_that_is_not_whole_says_so(client: httpx2.AsyncClient) -> None:
    place = await tus.begin(client, len(PICTURE))
    assert (await tus.send(client, place, 0, PICTURE[:100])).status_code == 204
    file = place.rpartition("/")[2]
    early = await asked(client, file)
    assert code(early) == (409, "upload_unfinished")
    assert "100 bytes have arrived" in early.json()["error"]["message"]
    assert code(await asked(client, file, **OTHER)) == (404, "upload_not_found")
    assert (await tus.send(client, place, 100, PICTURE[100:])).status_code == 204
    whole = str(client.base_url.join(place))
    assert (await asked(client, whole)).status_code == 201, "the whole address names it as well"


async def test_an_uploaded_picture_is_shuffled_and_let_go(
    platform: Platform, client: httpx2.AsyncClient
) -> None:
    file = await uploaded(client, PICTURE)
    answer = await asked(client, file, **{"X-Request-Id": "request-11"})
    assert answer.status_code == 201, answer.text
    token = answer.json()["token"]
    shown = (await client.get(f"/v1/jobs/{token}")).json()
    assert (shown["bytes_total"], shown["request_id"]) == (len(PICTURE), "request-11")
    # A file that a task has taken does not expire meanwhile, and nobody else can have it.
    assert code(await asked(client, file)) == (409, "upload_in_use")
    gone = await client.delete(f"/files/{file}", headers=tus.VERSION)
    assert gone.status_code == 409
    async with working(platform):
        assert (await ended(client, token))["status"] == "finished"
    _, rows, _ = pngs.read((await client.get(f"/randomize/{token}/result")).content)
    assert rows != ROWS
    assert Counter(p for row in rows for p in row) == Counter(p for row in ROWS for p in row)
    await intake.sweep(platform)
    assert code(await asked(client, file)) == (404, "upload_not_found")


async def test_a_cancelled_one_can_start_over(
    platform: Platform, client: httpx2.AsyncClient
) -> None:
    token = (await asked(client, await uploaded(client, PICTURE))).json()["token"]
    await client.post(f"/v1/jobs/{token}/cancel")
    await resumable.expire(platform)
    await intake.sweep(platform)
    assert (await client.post(f"/v1/jobs/{token}/retry")).status_code == 202
    async with working(platform):
        assert (await ended(client, token))["status"] == "finished"


async def test_one_whose_file_was_deleted_cannot_start_over(
    platform: Platform, client: httpx2.AsyncClient
) -> None:
    file = await uploaded(client, PICTURE)
    token = (await asked(client, file)).json()["token"]
    await client.post(f"/v1/jobs/{token}/cancel")
    async with platform.db.connection() as conn:
        stored = await find_any(conn, file)
    assert stored is not None
    await intake.delete_upload(platform, stored)
    assert code(await client.post(f"/v1/jobs/{token}/retry")) == (409, "file_gone")
    assert (await client.get(f"/v1/jobs/{token}")).json()["status"] == "cancelled"


BAD = {
    "image_not_png": b"\xff\xd8\xff\xe0" + bytes(2000), "image_broken": PICTURE[:-200],
    "image_too_large": flat(7100, 7100), "image_empty": b"",
}


@pytest.mark.parametrize("wrong", BAD)
async def test_bad_pictures_are_refused_and_stay_where_they_are(
    client: httpx2.AsyncClient, wrong: str
) -> None:
    file = await uploaded(client, BAD[wrong])
    assert code(await asked(client, file)) == (400, wrong)
    assert (await client.get("/v1/jobs")).json()["items"] == []
    # It is still its owner's: to be ended, or used for something else.
    gone = await client.delete(f"/files/{file}", headers=tus.VERSION)
    assert gone.status_code == 204


async def test_too_many_bytes_are_refused_before_they_are_read(
    client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = await uploaded(client, bytes(200_001))
    monkeypatch.setattr(api, "_look_through", None)
    answer = await asked(client, file)
    assert code(answer) == (400, "image_too_large")
    assert "200000" in answer.json()["error"]["message"]


async def test_what_is_no_whole_upload_of_the_organization_is_not_there(
    platform: Platform, client: httpx2.AsyncClient
) -> None:
    file = await uploaded(client, PICTURE)
    for name, headers in ((file, OTHER), ("0" * 32, {}), ("", {}), ("../x", {})):
        assert code(await asked(client, name, **headers)) == (404, "upload_not_found"), name
    # A result is a file of ours.
    token = await ask(client)
    async with working(platform):
        await ended(client, token)
    result = (await client.get(f"/v1/jobs/{token}")).json()
    assert result["status"] == "finished"
    async with platform.db.connection() as conn:
        (made,) = await (await conn.execute(
            "select token from jobs.upload where filename is not null")).fetchall()
    assert code(await asked(client, made[0])) == (404, "upload_not_found")
    bare = await asked(client, file, **{"x-scopes": ""})
    assert bare.status_code == 403


@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", b"{}", b'{"file":7}', b'{"url":"s3://a/b"}', b'{"file":"a","url":"b"}',
    b'{"file":null}', b"\xff", b"[" * 2000,
])
async def test_json_that_names_no_file_is_unclear(
    client: httpx2.AsyncClient, body: bytes
) -> None:
    answer = await client.post(
        "/randomize", content=body, headers={"Content-Type": "application/json; charset=utf-8"}
    )
    assert code(answer)[1] in ("request_unclear", "value_refused")
    assert answer.status_code == 400


async def test_json_of_any_size_is_not_read(client: httpx2.AsyncClient) -> None:
    answer = await asked(client, "x" * 70_000)
    assert code(answer) == (413, "too_large")


async def test_the_same_key_gives_the_same_task_also_when_asked_twice_at_once(
    platform: Platform, client: httpx2.AsyncClient
) -> None:
    file = await uploaded(client, PICTURE)
    key = {"Idempotency-Key": "k-7"}
    both = await asyncio.gather(asked(client, file, **key), asked(client, file, **key))
    assert [answer.status_code for answer in both] == [201, 201]
    token = both[0].json()["token"]
    assert both[1].json()["token"] == token
    async with working(platform):
        await ended(client, token)
    await intake.sweep(platform)
    assert (await asked(client, file, **key)).json()["token"] == token
    assert code(await asked(client, "0" * 32, **key)) == (409, "idempotency_conflict")
