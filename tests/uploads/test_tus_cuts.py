"""Resumable uploads where something breaks: cut bodies, two writers, a full disk, big files."""

from __future__ import annotations

import asyncio
import os
import random
import resource
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.jobs import make_platform
from tests.support.tus import SEGMENT, begin, blobs, checksum, code, content, offset_of, send
from tests.support.waiting import eventually, turn
from tests.support.web import cut_off, length_of, serving
from vazao.kit.errors import UploadCutOff, VazaoError
from vazao.kit.platform import Platform
from vazao.uploads.errors import UploadNotFound
from vazao.uploads.quotas import Owner
from vazao.uploads.tus import body as tus_body
from vazao.uploads.tus import service
from vazao.uploads.tus.errors import OffsetMismatch, UploadLocked
from vazao.uploads.tus.headers import Checksum

pytestmark = pytest.mark.anyio


class Line:
    """A PATCH sent byte by byte over a connection of its own."""

    def __init__(self, writer: asyncio.StreamWriter, reader: asyncio.StreamReader) -> None:
        self.writer = writer
        self.reader = reader

    @classmethod
    async def open(
        cls, client: httpx2.AsyncClient, place: str, length: int, **headers: str
    ) -> Line:
        """Send the head of a PATCH at 0 that announces *length* bytes."""
        url = client.base_url
        reader, writer = await asyncio.open_connection(url.host, url.port)
        given = {
            "Host": f"{url.host}:{url.port}", "x-organization": "1", "Tus-Resumable": "1.0.0",
            "Content-Type": "application/offset+octet-stream", "Upload-Offset": "0",
            "Content-Length": str(length), **headers,
        }
        lines = [f"PATCH {place} HTTP/1.1", *(f"{k}: {v}" for k, v in given.items()), "", ""]
        writer.write("\r\n".join(lines).encode())
        return cls(writer, reader)

    async def send(self, body: bytes) -> None:
        """Send some of the body."""
        self.writer.write(body)
        await self.writer.drain()

    async def close(self) -> None:
        """Hang up."""
        self.writer.close()
        await self.writer.wait_closed()


async def reaches(client: httpx2.AsyncClient, place: str, offset: int) -> None:
    async def there() -> bool:
        return await offset_of(client, place) == offset

    await eventually(there)


async def is_leased(platform: Platform) -> bool:
    async with platform.db.connection() as conn:
        row = await (await conn.execute(
            "select count(*) from jobs.resumable where leased_until > kit.now()"
        )).fetchone()
    return row == (1,)


async def test_what_came_before_the_cut_is_kept(
    client: httpx2.AsyncClient, platform: Platform
) -> None:
    body = os.urandom(20 * SEGMENT)
    place = await begin(client, len(body))
    line = await Line.open(client, place, len(body))
    sent = 2 * SEGMENT + SEGMENT // 2
    await line.send(body[:sent])
    await line.close()
    await reaches(client, place, sent)
    assert blobs(platform) == ["000001", "000002", "000003"]
    assert (await send(client, place, sent, body[sent:])).status_code == 204
    assert await content(platform, place) == body


async def test_what_came_before_the_cut_is_dropped_where_a_checksum_was_sent(
    client: httpx2.AsyncClient, platform: Platform
) -> None:
    body = os.urandom(60 * SEGMENT)
    place = await begin(client, len(body))
    line = await Line.open(client, place, len(body), **checksum(body))
    await line.send(body[: 40 * SEGMENT])

    async def some_is_there() -> bool:
        return "000003" in blobs(platform)

    await eventually(some_is_there)
    await line.close()

    async def nothing_is_there() -> bool:
        return blobs(platform) == [] and not await is_leased(platform)

    await eventually(nothing_is_there)
    assert await offset_of(client, place) == 0


async def test_two_writers_one_wins(client: httpx2.AsyncClient, platform: Platform) -> None:
    place = await begin(client, 2 * SEGMENT)
    line = await Line.open(client, place, 2 * SEGMENT)
    await eventually(lambda: is_leased(platform))
    late = await send(client, place, 0, b"b" * SEGMENT)
    assert code(late) == (423, "upload_locked")
    assert late.headers["retry-after"] == "2"
    await line.send(b"a" * 2 * SEGMENT)
    assert (await line.reader.readline()).startswith(b"HTTP/1.1 204")
    await line.close()
    assert await content(platform, place) == b"a" * 2 * SEGMENT


async def test_a_writer_that_fell_silent_gives_way(
    client: httpx2.AsyncClient, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tus_body, "BEAT_SECONDS", 0.1)
    place = await begin(client, 4 * SEGMENT)
    line = await Line.open(client, place, 4 * SEGMENT)
    await line.send(b"a" * 10)
    answers: list[Any] = []

    async def moved() -> bool:
        answers.append(code(await send(client, place, 0, b"b" * 10)))
        return answers[-1] == (409, "offset_mismatch")

    await eventually(lambda: is_leased(platform))
    await eventually(moved)
    assert answers[0] == (423, "upload_locked")
    assert (await line.reader.readline()).startswith(b"HTTP/1.1 423")
    await line.close()
    assert await offset_of(client, place) == 10


async def test_all_leases_are_kept_and_a_lost_one_ends_its_own_body_alone(
    client: httpx2.AsyncClient, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [await Line.open(client, await begin(client, 3), 3) for _ in range(3)]
    sure = "select count(*) from jobs.resumable where leased_until > kit.now() + interval '3 s'"

    async def are_sure(count: int) -> bool:
        async with platform.db.connection() as conn:
            return await (await conn.execute(sure)).fetchone() == (count,)

    await eventually(lambda: are_sure(3))
    monkeypatch.setattr(tus_body, "BEAT_SECONDS", 0.1)
    async with platform.db.connection() as conn:
        await conn.execute("update jobs.resumable set leased_until = kit.now()")
        await conn.execute("update jobs.resumable set lease = gen_random_uuid() "
                           "where upload_id = (select min(upload_id) from jobs.resumable)")
    await eventually(lambda: are_sure(2))
    for line, status in zip(lines, (b"423", b"204", b"204"), strict=True):
        await line.send(b"" if status == b"423" else b"abc")
        assert (await line.reader.readline()).startswith(b"HTTP/1.1 " + status)
        await line.close()


async def test_a_server_that_stops_keeps_what_came(
    client: httpx2.AsyncClient, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tus_body, "BEAT_SECONDS", 0.1)
    place = await begin(client, 4 * SEGMENT)
    line = await Line.open(client, place, 4 * SEGMENT)
    await line.send(b"a" * 10)
    await eventually(lambda: is_leased(platform))
    platform.closing = True
    assert (await line.reader.readline()).startswith(b"HTTP/1.1 423")
    await line.close()
    assert await offset_of(client, place) == 10


async def test_a_killed_writer_holds_nobody_up_for_long(
    client: httpx2.AsyncClient, platform: Platform
) -> None:
    place = await begin(client, 3)
    async with platform.db.connection() as conn:
        for until, status in (("1 minute", 423), ("-1 second", 204)):
            await conn.execute(
                "update jobs.resumable set lease = gen_random_uuid(), "
                "leased_until = kit.now() + %s::interval", [until]
            )
            assert (await send(client, place, 0, b"abc")).status_code == status


async def begun(platform: Platform, length: int) -> str:
    upload = await service.create(platform, Owner(1), bytes_total=length, metadata="")
    return upload.token


async def add(
    platform: Platform, token: str, stream: AsyncIterator[bytes], **more: Any
) -> service.Resumable:
    return await service.append(platform, 1, token, stream, offset=0, **more)


async def test_of_a_client_that_says_nothing_more_what_came_is_kept(
    client: httpx2.AsyncClient, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform.settings, "stall_seconds", 0.2)
    place = await begin(client, 10)
    line = await Line.open(client, place, 10)
    await line.send(b"abc")
    answer = await asyncio.wait_for(line.reader.read(), 20)
    assert answer.startswith(b"HTTP/1.1 423")
    assert b"upload_stalled" in answer
    await line.close()
    assert await offset_of(client, place) == 3


async def test_who_lost_the_lease_writes_nothing_more(platform: Platform) -> None:
    async def robbed() -> AsyncIterator[bytes]:
        yield b"a" * SEGMENT
        async with platform.db.connection() as conn:
            await conn.execute("update jobs.resumable set lease = gen_random_uuid()")
        yield b"a" * SEGMENT

    await platform.open()
    try:
        token = await begun(platform, 2 * SEGMENT)
        with pytest.raises(VazaoError) as caught:
            await add(platform, token, robbed())
        assert caught.value.status == 423
        assert (await service.find(platform, 1, token)).bytes in (0, SEGMENT)
    finally:
        await platform.close()


async def test_an_upload_that_is_ended_while_it_comes_in_leaves_nothing(
    platform: Platform
) -> None:
    async def stream() -> AsyncIterator[bytes]:
        yield b"a" * 20 * SEGMENT
        await service.terminate(platform, 1, token)
        yield b"a" * 20 * SEGMENT

    await platform.open()
    try:
        token = await begun(platform, 40 * SEGMENT)
        with pytest.raises(VazaoError) as caught:
            await add(platform, token, stream())
        assert caught.value.code == "upload_not_found"
        assert blobs(platform) == []
    finally:
        await platform.close()


async def test_many_that_continue_one_upload_at_once_do_not_garble_it(
    platform: Platform
) -> None:
    body = os.urandom(30 * SEGMENT + 11)
    dice = random.Random(7)

    async def some_of(at: int, until: int) -> AsyncIterator[bytes]:
        yield body[at : (at + until) // 2]
        await turn()
        yield body[(at + until) // 2 : until]
        if dice.random() < 0.3:
            raise UploadCutOff

    async def go_on(token: str) -> int:
        times = 0
        while (upload := await service.find(platform, 1, token)).status != "stored":
            at, size = upload.bytes, dice.randrange(1, 3 * SEGMENT)
            until = min(len(body), at + size)
            with suppress(OffsetMismatch, UploadLocked, UploadCutOff, UploadNotFound):
                await service.append(platform, 1, token, some_of(at, until), offset=at)
                times += 1
        return times

    await platform.open()
    try:
        token = await begun(platform, len(body))
        times = await asyncio.gather(*(go_on(token) for _ in range(6)))
        assert await content(platform, token) == body
        assert sum(t > 0 for t in times) > 1
        async with platform.db.connection() as conn:
            row = await (await conn.execute(
                "select count(*), sum(bytes) from jobs.segment"
            )).fetchone()
        assert row == (len(blobs(platform)), len(body))
    finally:
        await platform.close()


async def test_a_full_disk_is_507_and_the_upload_goes_on_later(
    database_url: str, data_dir: Path, small_disk: Path
) -> None:
    platform = make_platform(
        database_url, data_dir, blob_url=small_disk.as_uri(), upload_segment_bytes=1 << 20,
        disk_floor_bytes=0,
    )
    body = os.urandom(5 << 20)
    ballast = small_disk / "ballast"
    async with serving(platform) as client:
        place = await begin(client, len(body))
        ballast.write_bytes(bytes((1 << 20) + 4096))
        refused = await send(client, place, 0, body)
        assert code(refused) == (507, "storage_full")
        at = await offset_of(client, place)
        assert at == 1 << 20
        assert code(await send(client, place, at, body[at:])) == (507, "storage_full")
        ballast.unlink()
        more = body[at : at + (1 << 19)]
        assert (await send(client, place, at, more)).status_code == 204
        assert blobs(platform) == ["000001", "000002"]


async def test_memory_is_bounded(database_url: str, data_dir: Path) -> None:
    platform = make_platform(database_url, data_dir)
    piece = os.urandom(1 << 16)

    async def stream(pieces: int) -> AsyncIterator[bytes]:
        for _ in range(pieces):
            yield piece

    def peak() -> int:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    await platform.open()
    try:
        await add(platform, await begun(platform, 64 << 16), stream(64))
        before = peak()
        given = Checksum("sha1", bytes(20))
        token = await begun(platform, 4096 << 16)
        with pytest.raises(VazaoError, match="checksum"):
            await add(platform, token, stream(4096), checksum=given)
        done = await add(platform, token, stream(4096))
        assert (done.status, done.segments) == ("stored", 4)
        assert peak() - before < 100 << 10
    finally:
        await platform.close()


async def test_a_cancelled_request_gives_its_lease_back(platform: Platform) -> None:
    stuck = asyncio.Event()

    async def stream() -> AsyncIterator[bytes]:
        yield b"x" * (20 * SEGMENT)
        stuck.set()
        await asyncio.Event().wait()

    await platform.open()
    try:
        token = await begun(platform, 30 * SEGMENT)
        task = asyncio.create_task(add(platform, token, stream()))
        await stuck.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not await is_leased(platform)
        found = await service.find(platform, 1, token)
        assert len(blobs(platform)) == found.segments
    finally:
        await platform.close()


async def test_a_cut_creation_leaves_nothing(
    client: httpx2.AsyncClient, platform: Platform
) -> None:
    await cut_off(
        platform, client, "/files", bytes(10 * SEGMENT), "Tus-Resumable: 1.0.0",
        "Upload-Length: 2000000", "Content-Type: application/offset+octet-stream",
        length_of(2_000_000, chunked=False),
    )
    assert blobs(platform) == []
