"""An upload that is ended while somebody writes it: 404 for the writer, 204 for who ended it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from moto.server import ThreadedMotoServer
from obstore.store import S3Store

from tests.support.jobs import make_platform
from tests.support.tus import VERSION, begin, blobs, send
from tests.support.web import serving
from vazao.kit.errors import UploadCutOff
from vazao.kit.platform import Platform
from vazao.uploads import intake
from vazao.uploads.errors import UploadNotFound
from vazao.uploads.quotas import Owner
from vazao.uploads.tus import service

pytestmark = [
    pytest.mark.anyio,
    # moto and boto speak of their own futures.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
SIZE = 18 << 20


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Store]:
    """A bucket of a real S3 implementation, which ``AWS_…`` variables lead to."""
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "key", "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT": f"http://{host}:{port}", "AWS_ALLOW_HTTP": "true",
    }.items():
        monkeypatch.setenv(name, value)
    import boto3

    boto3.client("s3", endpoint_url=f"http://{host}:{port}").create_bucket(Bucket="files")
    yield S3Store("files", prefix="kept")
    server.stop()


@pytest.fixture(params=["folder", "s3"])
def platform(request: Any, database_url: str, data_dir: Path) -> Platform:
    settings = {}
    if request.param == "s3":
        request.getfixturevalue("bucket")
        settings = {"blob_url": "s3://files/kept"}
    return make_platform(database_url, data_dir, **settings)


async def kept(platform: Platform) -> list[Any]:
    """What the store holds."""
    if platform.blobs.root is not None:
        return blobs(platform)
    return [entry async for page in S3Store("files", prefix="kept").list() for entry in page]


async def test_the_writer_of_an_ended_upload_finds_none(platform: Platform) -> None:
    async def stream() -> AsyncIterator[bytes]:
        yield b"a" * (SIZE // 2)
        await service.terminate(platform, 1, token)
        yield b"a" * (SIZE // 2)

    await platform.open()
    try:
        made = await service.create(platform, Owner(1), bytes_total=SIZE, metadata="")
        token = made.token
        with pytest.raises(UploadNotFound):
            await service.append(platform, 1, token, stream(), offset=0)
        assert await kept(platform) == []
    finally:
        await platform.close()


async def test_a_plain_body_that_was_swept_was_cut_off(platform: Platform) -> None:
    async def stream() -> AsyncIterator[bytes]:
        yield b"a" * (SIZE // 2)
        async with platform.db.transaction() as conn:
            await conn.execute("update jobs.upload set last_segment_at = now() - interval '2 h'")
        await intake.sweep(platform)
        yield b"a" * (SIZE // 2)

    await platform.open()
    try:
        with pytest.raises(UploadCutOff):
            await intake.receive(
                platform, Owner(1), stream(), filename=None, content_type=None, limit_bytes=SIZE
            )
        assert await kept(platform) == []
    finally:
        await platform.close()


@pytest.mark.parametrize("platform", ["folder"], indirect=True)
async def test_a_patch_and_a_delete_at_once(platform: Platform) -> None:
    async with serving(platform) as client:
        for _ in range(40):
            place = await begin(client, 100_000)
            written, ended = await asyncio.gather(
                send(client, place, 0, b"a" * 100_000), client.delete(place, headers=VERSION)
            )
            assert written.status_code in (204, 404), written.text
            assert ended.status_code == 204, ended.text
        await intake.sweep(platform)
        assert await kept(platform) == []
