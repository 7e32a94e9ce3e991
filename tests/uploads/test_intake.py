"""Uploads: segments, cuts, limits, and nothing left behind by what failed."""

from __future__ import annotations

import asyncio
import hashlib
import os
import resource
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.disks import assert_nothing_left
from tests.support.jobs import make_platform
from vazao import uploads
from vazao.kit.errors import StorageFull, UploadCutOff
from vazao.kit.platform import Platform
from vazao.uploads import intake
from vazao.uploads.errors import FormInvalid, UploadNotFound, UploadTooLarge
from vazao.uploads.models import Upload

pytestmark = pytest.mark.anyio
SEGMENT = 1 << 20


@pytest.fixture
async def platform(database_url: str, data_dir: Path) -> AsyncIterator[Platform]:
    made = make_platform(database_url, data_dir, upload_segment_bytes=SEGMENT)
    await made.open()
    yield made
    await made.close()


async def chunks(*pieces: bytes, fail: Exception | None = None) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
    if fail is not None:
        raise fail


def sliced(body: bytes, size: int) -> AsyncIterator[bytes]:
    return chunks(*(body[i : i + size] for i in range(0, len(body), size)))


async def store(platform: Platform, stream: AsyncIterator[bytes], **more: object) -> Upload:
    given = {"filename": "a.csv", "content_type": "text/csv", "limit_bytes": 1 << 30} | more
    return await uploads.receive(platform, uploads.Owner(1), stream, **given)  # type: ignore[arg-type]


async def content(platform: Platform, upload: Upload) -> bytes:
    return b"".join([c async for c in uploads.read(platform, upload)])



@pytest.mark.parametrize("size", [0, 1, SEGMENT - 1, SEGMENT, SEGMENT + 1, 3 * SEGMENT + 7])
@pytest.mark.parametrize("chunk", [1000, SEGMENT, 5 * SEGMENT])
async def test_what_comes_out_is_what_went_in(
    platform: Platform, size: int, chunk: int
) -> None:
    body = os.urandom(size)
    upload = await store(platform, sliced(body, chunk), sha256=True)
    assert await content(platform, upload) == body
    assert (upload.status, upload.bytes) == ("stored", size)
    assert upload.segments == -(-size // SEGMENT)
    assert upload.sha256 == hashlib.sha256(body).hexdigest()
    async with platform.db.connection() as conn:
        assert await uploads.get_upload(conn, 1, upload.token) == upload


async def test_segments_end_after_a_separator(platform: Platform) -> None:
    body = b"".join(b"%d\n" % n for n in range(500_000))
    upload = await store(platform, sliced(body, 70_001), boundary=lambda c: c.rfind(b"\n") + 1)
    assert upload.segments > 2
    pieces = [
        b"".join([c async for c in platform.blobs.get(key)]) for key in upload.blob_keys()
    ]
    assert b"".join(pieces) == body
    assert all(p.endswith(b"\n") and len(p) <= SEGMENT for p in pieces)


async def test_without_a_separator_it_is_cut_at_the_size(platform: Platform) -> None:
    upload = await store(
        platform, sliced(b"7" * (2 * SEGMENT + 1), 9999), boundary=lambda c: c.rfind(b"\n") + 1
    )
    assert upload.segments == 3


async def test_too_large_names_the_limit_and_leaves_nothing(platform: Platform) -> None:
    with pytest.raises(UploadTooLarge, match="2500000"):
        await store(platform, sliced(b"x" * 3_000_000, 65536), limit_bytes=2_500_000)
    await assert_nothing_left(platform)


@pytest.mark.parametrize("failure", [UploadCutOff(), ConnectionResetError(), RuntimeError("x")])
async def test_a_client_that_left_leaves_nothing(
    platform: Platform, failure: Exception
) -> None:
    with pytest.raises(Exception):  # noqa: B017
        await store(platform, chunks(b"x" * (SEGMENT + 5), b"y" * SEGMENT, fail=failure))
    await assert_nothing_left(platform)


async def test_a_cancelled_intake_leaves_nothing(platform: Platform) -> None:
    stuck = asyncio.Event()

    async def stream() -> AsyncIterator[bytes]:
        yield b"x" * (2 * SEGMENT)
        stuck.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(store(platform, stream()))
    await stuck.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await assert_nothing_left(platform)


async def test_abandoned_and_doomed_uploads_are_swept(platform: Platform) -> None:
    abandoned = await store(platform, chunks(b"x" * 10))
    doomed = await store(platform, chunks(b"y" * 10))
    kept = await store(platform, chunks(b"z" * 10))
    async with platform.db.connection() as conn:
        await conn.execute(
            "update jobs.upload set status = 'receiving', last_segment_at = "
            "kit.now() - interval '61 minutes' where id = %s", [abandoned.id]
        )
        await uploads.doom_upload(conn, doomed.id)
    await intake.sweep(platform)
    async with platform.db.connection() as conn:
        rows = await (await conn.execute("select id from jobs.upload")).fetchall()
    assert rows == [(kept.id,)]
    assert await content(platform, kept) == b"z" * 10
    root = platform.blobs.root
    assert root is not None
    assert len([p for p in root.rglob("*") if p.is_file()]) == 1


async def test_what_a_killed_process_left_goes_with_its_upload(platform: Platform) -> None:
    upload = await store(platform, chunks(b"x"))
    root = platform.blobs.root
    assert root is not None
    for name in ("000002", "000007", "000002#1"):
        (root / upload.token / name).write_bytes(b"left")
    await uploads.delete_upload(platform, upload)
    await assert_nothing_left(platform)
    assert not (root / upload.token).exists()


async def test_another_organization_does_not_see_it(platform: Platform) -> None:
    upload = await store(platform, chunks(b"x"))
    async with platform.db.connection() as conn:
        with pytest.raises(UploadNotFound):
            await uploads.get_upload(conn, 2, upload.token)


async def test_local_file_in_place_and_spooled(platform: Platform) -> None:
    small, large = os.urandom(100), os.urandom(2 * SEGMENT + 3)
    for body in (small, large, b""):
        upload = await store(platform, sliced(body, 4096))
        async with uploads.local_file(platform, upload) as path:
            assert path.read_bytes() == body
            in_place = platform.blobs.root in path.parents
            assert in_place == (body is small)
        assert path.exists() == in_place
        await uploads.delete_upload(platform, upload)
    await assert_nothing_left(platform)


async def test_memory_is_bounded_and_it_is_quick(database_url: str, data_dir: Path) -> None:
    platform = make_platform(database_url, data_dir)
    await platform.open()
    piece = os.urandom(1 << 16)
    try:
        await store(platform, chunks(*[piece] * 64))
        before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
        upload = await store(platform, chunks(*[piece] * 4096))
        took = time.perf_counter() - began
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        print(f"256 MiB in {took:.2f} s, {grown >> 10} MiB more")
        assert upload.segments == 4
        assert grown < 100 << 10
        assert took < 10
    finally:
        await platform.close()



async def test_a_full_disk_is_507_and_leaves_nothing(
    database_url: str, data_dir: Path, small_disk: Path
) -> None:
    platform = make_platform(
        database_url, data_dir, blob_url=small_disk.as_uri(), upload_segment_bytes=SEGMENT
    )
    await platform.open()
    try:
        with pytest.raises(StorageFull) as caught:
            await store(platform, sliced(b"x" * (5 * SEGMENT), 65536))
        assert caught.value.status == 507
        await assert_nothing_left(platform)
    finally:
        await platform.close()


BOUNDARY = "----b0undary"
HEADER = f"multipart/form-data; boundary={BOUNDARY}"


def form(*parts: tuple[str, str | None, bytes], end: bool = True) -> bytes:
    body = bytearray()
    for name, filename, value in parts:
        body += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"'.encode()
        body += f'; filename="{filename}"'.encode() if filename else b""
        body += b"\r\n\r\n" + value + b"\r\n"
    return bytes(body) + (f"--{BOUNDARY}--\r\n".encode() if end else b"")


@pytest.mark.parametrize("chunk", [7, 1000, 1 << 22])
async def test_a_form_s_file_is_stored_and_its_fields_kept(
    platform: Platform, chunk: int
) -> None:
    value = os.urandom(3000) + b"\r\n--" + BOUNDARY[:-1].encode()
    body = form(("mode", None, b"dry"), ("file", "plan ç.csv", value), ("tag", None, "é".encode()))
    upload, fields = await uploads.receive_form(
        platform, uploads.Owner(1), sliced(body, chunk), HEADER, limit_bytes=1 << 20
    )
    assert fields == {"mode": "dry", "tag": "é"}
    assert upload.filename == "plan ç.csv"
    assert await content(platform, upload) == value


@pytest.mark.parametrize(
    ("body", "error", "word"),
    [
        (form(("mode", None, b"dry")), FormInvalid, "missing"),
        (form(("file", "a", b"1"), ("file", "b", b"2")), FormInvalid, "only one"),
        (form(("other", "a", b"1"), ("file", "b", b"2")), FormInvalid, "only one"),
        (form(("file", "a", b"1" * 9), ("x", None, b"y" * 70_000)), FormInvalid, "65536"),
        (form(("file", "a", b"1"), ("x", None, b"\xff")), FormInvalid, "UTF-8"),
        (form(*[(f"f{n}", None, b"") for n in range(200)]), FormInvalid, "count"),
        (form(("file", "a", b"1" * 2_000_000)), UploadTooLarge, "1000000"),
        (form(("file", "a", b"1" * 50), end=False), UploadCutOff, "ended"),
        (form(("file", "a", b"1" * 50))[:70], UploadCutOff, "ended"),
        (b"", UploadCutOff, "ended"),
        (b"nonsense" * 30, UploadCutOff, "ended"),
    ],
)
async def test_a_bad_form_leaves_nothing(
    platform: Platform, body: bytes, error: type[Exception], word: str
) -> None:
    with pytest.raises(error, match=word):
        await uploads.receive_form(
            platform, uploads.Owner(1), sliced(body, 999), HEADER, limit_bytes=1_000_000
        )
    await assert_nothing_left(platform)


@pytest.mark.parametrize("header", ["text/csv", "multipart/form-data", "", "multipart/mixed;x=y"])
async def test_what_is_no_form_is_refused(platform: Platform, header: str) -> None:
    with pytest.raises(FormInvalid, match="multipart/form-data"):
        await uploads.receive_form(
            platform, uploads.Owner(1), chunks(b""), header, limit_bytes=1
        )


@pytest.mark.parametrize(("sent", "kept"), [
    ("relat\u006f\u0301rio.csv", "relat\u00f3rio.csv"), ("a\0b\ud800.csv", "ab?.csv"), (None, None),
    ("x" * 600, "x" * 500),
])
def test_names_are_kept_as_people_type_them(sent: str | None, kept: str | None) -> None:
    """macOS takes letters apart: such a name would not be found by what a person types."""
    assert intake.storable(sent) == kept
