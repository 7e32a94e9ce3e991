"""The length is told later: what came counts until then, and limits hold all the way."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from tests.support.jobs import make_platform
from tests.support.tus import SEGMENT, TYPE, VERSION, blobs, code, content, offset_of, send
from tests.support.web import serving
from vazao.kit.platform import Platform
from vazao.uploads import intake, quotas, store
from vazao.uploads.tus import service

pytestmark = pytest.mark.anyio
LIMIT, QUOTA = 10 * SEGMENT, 12 * SEGMENT


@pytest.fixture
def platform(database_url: str, data_dir: Path) -> Platform:
    return make_platform(
        database_url, data_dir, upload_segment_bytes=SEGMENT, upload_max_bytes=LIMIT,
        upload_quota_bytes=QUOTA,
    )


@pytest.fixture
async def client(platform: Platform) -> AsyncIterator[httpx2.AsyncClient]:
    async with serving(platform) as made:
        yield made


async def deferred(client: httpx2.AsyncClient) -> str:
    made = await client.post("/files", headers=VERSION | {"Upload-Defer-Length": "1"})
    assert made.status_code == 201, made.text
    return made.headers["location"]


async def used(platform: Platform) -> tuple[int, int]:
    """Files and bytes that count, which must be what the files add up to."""
    async with platform.db.transaction() as conn:
        assert await store.miscounted(conn) == []
        return (await store.use_of(conn, 1)).get("resumable", (0, 0))


async def test_the_length_comes_with_the_last_bytes(
    client: httpx2.AsyncClient, platform: Platform
) -> None:
    body = os.urandom(2 * SEGMENT + 5)
    place = await deferred(client)
    seen = await client.head(place, headers=VERSION)
    assert seen.headers["upload-defer-length"] == "1"
    assert "upload-length" not in seen.headers
    assert (await send(client, place, 0, body[:SEGMENT])).status_code == 204
    assert await used(platform) == (1, SEGMENT)
    length = {"Upload-Length": str(len(body))}
    assert (await send(client, place, SEGMENT, body[SEGMENT:], **length)).status_code == 204
    assert await used(platform) == (1, len(body))
    assert await content(platform, place) == body
    seen = await client.head(place, headers=VERSION)
    assert seen.headers["upload-length"] == str(len(body))
    assert "upload-defer-length" not in seen.headers
    assert (await send(client, place, len(body), b"", **length)).status_code == 204
    assert (await client.delete(place, headers=VERSION)).status_code == 204
    assert await used(platform) == (0, 0)


@pytest.mark.parametrize("size", [0, 3])
async def test_the_length_may_come_when_all_is_there(
    client: httpx2.AsyncClient, platform: Platform, size: int
) -> None:
    place = await deferred(client)
    if size:
        await send(client, place, 0, b"a" * size)
    done = await send(client, place, size, b"", **{"Upload-Length": str(size)})
    assert done.status_code == 204
    assert await content(platform, place) == b"a" * size


async def test_a_length_that_cannot_be_is_refused(
    client: httpx2.AsyncClient, platform: Platform
) -> None:
    place = await deferred(client)
    await send(client, place, 0, b"abc")
    for length, expected in {
        "2": (413, "beyond_upload_length"), "x": (400, "tus_header_invalid"),
        str(LIMIT + 1): (413, "upload_too_large"),
    }.items():
        assert code(await send(client, place, 3, b"", **{"Upload-Length": length})) == expected
    beyond = await send(client, place, 3, b"abcd", **{"Upload-Length": "6"})
    assert code(beyond) == (413, "beyond_upload_length")
    assert (await send(client, place, 3, b"d", **{"Upload-Length": "6"})).status_code == 204
    again = await send(client, place, 4, b"ef", **{"Upload-Length": "7"})
    assert code(again) == (400, "upload_length_changed")
    assert await offset_of(client, place) == 4
    assert await used(platform) == (1, 6)
    assert (await send(client, place, 4, b"ef")).status_code == 204
    assert await content(platform, place) == b"abcdef"


async def test_a_body_beyond_the_most_is_refused(
    client: httpx2.AsyncClient, platform: Platform
) -> None:
    async def stream() -> AsyncIterator[bytes]:
        for _ in range(LIMIT // SEGMENT + 1):
            yield b"x" * SEGMENT

    place = await deferred(client)
    assert code(await send(client, place, 0, b"x" * (LIMIT + 1))) == (413, "upload_too_large")
    assert code(await send(client, place, 0, stream())) == (413, "upload_too_large")
    assert (await used(platform))[1] == await offset_of(client, place) <= LIMIT


async def test_the_quota_holds_what_comes_and_what_is_declared(
    client: httpx2.AsyncClient, platform: Platform
) -> None:
    first = VERSION | {"Upload-Length": str(QUOTA - 2 * SEGMENT)}
    assert (await client.post("/files", headers=first)).status_code == 201
    place = await deferred(client)
    assert (await send(client, place, 0, b"x" * SEGMENT)).status_code == 204
    told = await send(client, place, SEGMENT, b"", **{"Upload-Length": str(3 * SEGMENT)})
    assert code(told) == (507, "storage_quota_reached")
    more = await send(client, place, SEGMENT, b"x" * 2 * SEGMENT)
    assert code(more) == (507, "storage_quota_reached")
    at = await offset_of(client, place)
    assert len(blobs(platform)) == at // SEGMENT
    assert await used(platform) == (2, QUOTA - 2 * SEGMENT + at)


async def test_a_creation_may_bring_bytes_and_no_length(
    client: httpx2.AsyncClient, platform: Platform
) -> None:
    given = VERSION | TYPE | {"Upload-Defer-Length": "1"}
    made = await client.post("/files", content=b"abc", headers=given)
    assert made.headers["upload-offset"] == "3"
    await send(client, made.headers["location"], 3, b"", **{"Upload-Length": "3"})
    assert await content(platform, made.headers["location"]) == b"abc"


async def test_what_never_got_a_length_expires(
    client: httpx2.AsyncClient, platform: Platform
) -> None:
    place = await deferred(client)
    await send(client, place, 0, b"abc")
    async with platform.db.transaction() as conn:
        await conn.execute("update jobs.resumable set expires_at = kit.now()")
    await service.expire(platform)
    await intake.sweep(platform)
    assert await used(platform) == (0, 0)
    async with platform.db.transaction() as conn:
        assert await quotas.store.promised_bytes(conn) == 0
    assert blobs(platform) == []
