"""``{"url": "s3://…"}``: read in ranges over real HTTP, and only where an administrator said so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import obstore
import pytest
from moto.server import ThreadedMotoServer
from obstore.store import S3Store

from tests.support.jobs import make_platform
from tests.support.numbers_reference import expected
from tests.support.sums import ended, served, some_numbers
from tests.support.waiting import eventually
from vazao import jobs
from vazao.kit.errors import BadRequest, Forbidden
from vazao.kit.platform import Platform
from vazao.numbers import ranges, sources, tasks

pytestmark = [
    pytest.mark.anyio,
    # moto and boto speak of their own futures.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
BODY = some_numbers(30_000)


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Store]:
    """A bucket of a real S3 implementation, which ``AWS_…`` variables lead to."""
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    import boto3

    boto3.client("s3", endpoint_url=f"http://{host}:{port}").create_bucket(Bucket="data")
    yield S3Store("data")
    server.stop()


@pytest.fixture
def platform(database_url: str, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Platform:
    monkeypatch.setattr(ranges, "PART_BYTES", 50_001)
    return make_platform(database_url, data_dir)


async def allow(platform: Platform, prefix: str, slug: str = "org1") -> None:
    async with platform.db.transaction() as conn:
        await sources.allow(platform, conn, 1, slug, prefix)


async def test_an_object_is_summed_in_ranges(platform: Platform, bucket: S3Store) -> None:
    await obstore.put_async(bucket, "in/numbers.txt", BODY)
    async with served(platform) as client:
        await allow(platform, "s3://data/in/")
        answer = await client.post("/sum-even", json={"url": "s3://data/in/numbers.txt"})
        assert answer.status_code == 201, answer.text
        token = answer.json()["token"]
        assert (await ended(client, token))["status"] == "finished"
        shown = (await client.get(f"/sum-even/{token}/result")).json()
        right = expected(BODY)
        assert (shown["sum"], shown["numbers"]) == (right["sum"], right["numbers"])
        assert (await client.get(f"/v1/jobs/{token}")).json()["parts_done"] > 5
        missing = await client.post("/sum-even", json={"url": "s3://data/in/none.txt"})
        assert missing.json()["error"]["code"] == "source_not_found"


async def test_a_file_changed_meanwhile_errors(platform: Platform, bucket: S3Store) -> None:
    await obstore.put_async(bucket, "in/a", BODY)
    source = await sources.look("s3://data/in/a")
    await obstore.put_async(bucket, "in/a", BODY[::-1])
    with pytest.raises(sources.SourceChanged):
        async for _ in sources.read_range(source, 0, 10):
            pass


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("s3://data/in/../secret/a", "source_invalid"), ("s3://data/in/./a", "source_invalid"),
        ("s3://data/in//a", "source_invalid"), ("s3://data/in/", "source_invalid"),
        ("s3://data", "source_invalid"), ("file:///etc/passwd", "source_invalid"),
        ("http://localhost/a", "source_invalid"), ("S3://data/in/a", "source_invalid"),
        ("s3://data/in/a?versionId=1", "source_invalid"), ("s3://data/in/\\..", "source_invalid"),
        ("s3://data/in/a\n", "source_invalid"), ("s3://user@data/in/a", "source_invalid"),
        ("s3://data/inner/a", "source_forbidden"), ("s3://data/in", "source_forbidden"),
        ("s3://other/in/a", "source_forbidden"), ("s3://own-blobs/here/x", "source_forbidden"),
    ],
)
async def test_no_path_leads_out_of_what_is_allowed(
    database_url: str, data_dir: Path, url: str, code: str
) -> None:
    platform = make_platform(database_url, data_dir)
    await platform.open()
    try:
        await allow(platform, "s3://data/in/")
        await allow(platform, "s3://own-blobs/here/")
        platform.settings.blob_url = "s3://own-blobs/here"
        async with platform.db.connection() as conn:
            with pytest.raises((BadRequest, Forbidden)) as caught:
                await sources.check(platform, conn, 1, "org1", url)
            assert caught.value.code == code
            await sources.check(platform, conn, 1, "org1", "s3://data/in/a b%2e.txt")
            for organization_id, slug in ((2, "org2"), (1, "public")):
                with pytest.raises(Forbidden):
                    await sources.check(
                        platform, conn, organization_id, slug, "s3://data/in/a")
    finally:
        await platform.close()


@pytest.mark.parametrize("prefix", [
    "s3://data/in", "s3://data/a/../b/", "gs://data/in/", "s3:///in/", "s3://own-blobs/here/in/",
    "s3://own-blobs/",
])
async def test_prefixes_that_cannot_be_allowed(
    database_url: str, data_dir: Path, prefix: str
) -> None:
    platform = make_platform(database_url, data_dir)
    platform.settings.blob_url = "s3://own-blobs/here"
    await platform.open()
    try:
        with pytest.raises((BadRequest, Forbidden)):
            await allow(platform, prefix)
        with pytest.raises(Forbidden):
            await allow(platform, "s3://data/in/", slug="public")
        async with platform.db.connection() as conn:
            assert await sources.prefixes(conn, 1) == []
    finally:
        await platform.close()


@pytest.mark.parametrize("own", [
    "s3://own-blobs/here", "S3://own-blobs/here", "s3a://own-blobs/here/", "s3://Own-Blobs/here",
    "s3://own-blobs./here", "https://own-blobs.s3.us-east-1.amazonaws.com/here",
    "https://OWN-BLOBS.s3.us-east-1.amazonaws.com/here",
    "https://s3.us-east-1.amazonaws.com/own-blobs/here", "s3://own-blobs",
    "https://acc.r2.cloudflarestorage.com/own-blobs/here",
])
async def test_the_platform_s_own_blobs_are_known_however_they_are_named(
    database_url: str, data_dir: Path, own: str
) -> None:
    platform = make_platform(database_url, data_dir)
    platform.settings.blob_url = own
    await platform.open()
    try:
        for prefix in ("s3://own-blobs/here/", "s3://own-blobs/here/in/", "s3://own-blobs/"):
            with pytest.raises(Forbidden):
                await allow(platform, prefix)
        await allow(platform, "s3://own-blobs-not/here/")
        if not own.endswith("own-blobs"):
            await allow(platform, "s3://own-blobs/hereafter/")
    finally:
        await platform.close()


async def test_a_task_starts_over_only_while_its_address_is_allowed(
    database_url: str, data_dir: Path
) -> None:
    platform = make_platform(database_url, data_dir)
    await platform.open()
    try:
        await allow(platform, "s3://data/in/")
        source = sources.Source("s3://data/in/a", 5, None)
        async with platform.db.transaction() as conn:
            job = await tasks.enqueue_source(conn, 1, source)
            await jobs.cancel(conn, 1, job.token)
        async with platform.db.transaction() as conn:
            await jobs.retry(conn, 1, job.token)
            await jobs.cancel(conn, 1, job.token)
            await sources.forbid(conn, 1, "s3://data/in/")
            with pytest.raises(Forbidden):
                await jobs.retry(conn, 1, job.token)
    finally:
        await platform.close()


async def test_stored_segments_are_read_from_an_object_store_too(
    database_url: str, data_dir: Path, bucket: S3Store
) -> None:
    platform = make_platform(
        database_url, data_dir, blob_url="s3://data/blobs", upload_segment_bytes=1 << 16
    )
    async with served(platform) as client:
        answer = await client.post(
            "/sum-even", content=BODY, headers={"content-type": "text/plain"}
        )
        token = answer.json()["token"]
        assert (await ended(client, token))["status"] == "finished"
        shown = (await client.get(f"/sum-even/{token}/result")).json()
        assert shown["sum"] == expected(BODY)["sum"]

        async def gone() -> bool:
            return not [one for page in obstore.list(bucket, "blobs") for one in page]

        await eventually(gone)
