"""What an organization may store: exact, its own alone, and what runs goes on."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from tests.support.answers import code
from tests.support.jobs import make_platform, working
from tests.support.pictures import PICTURE, PNG, ended
from tests.support.pictures import ask as shuffle
from tests.support.tus import SEGMENT, VERSION, begin, blobs, offset_of, send
from tests.support.waiting import eventually
from tests.support.web import serving
from vazao import uploads
from vazao.kit import metrics
from vazao.kit.platform import Platform
from vazao.kit.web import public
from vazao.uploads import quotas, tasks
from vazao.uploads import store as store_of_uploads

pytestmark = pytest.mark.anyio
QUOTA = 4 * SEGMENT
TEXT = {"Content-Type": "text/plain"}
OTHER = {"x-organization": "2"}


@pytest.fixture
def platform(database_url: str, data_dir: Path) -> Platform:
    return make_platform(
        database_url, data_dir, upload_segment_bytes=SEGMENT, upload_quota_bytes=QUOTA,
        upload_max_open=8, public_address_percent=50, trusted_proxies="127.0.0.1",
    )


@pytest.fixture
async def client(platform: Platform) -> AsyncIterator[httpx2.AsyncClient]:
    async with serving(platform) as made:
        yield made


@pytest.fixture
async def opened(platform: Platform) -> AsyncIterator[Platform]:
    """The platform without a server."""
    await platform.open()
    yield platform
    await platform.close()


async def kept(platform: Platform, size: int = 100, client: int = 0) -> uploads.Upload:
    """A file of organization 1 that nobody uses yet."""
    return await uploads.receive(
        platform, uploads.Owner(1, client), pieces(size), filename=None, content_type=None,
        limit_bytes=9000,
    )


async def counted(platform: Platform) -> list[tuple[object, ...]]:
    async with platform.db.connection() as conn:
        found = await conn.execute(
            "select organization_id, sum(files)::int, sum(bytes)::int from jobs.usage "
            "where client = 0 group by organization_id having sum(files) > 0 order by 1"
        )
        return await found.fetchall()


async def stored(platform: Platform) -> list[tuple[object, ...]]:
    """The same by the files themselves."""
    async with platform.db.connection() as conn:
        found = await conn.execute(
            "select u.organization_id, count(*)::int, sum(coalesce("
            "case when u.purpose = 'resumable' then r.bytes_total end, u.bytes))::int "
            "from jobs.upload u left join jobs.resumable r on r.upload_id = u.id "
            "group by u.organization_id order by 1"
        )
        return await found.fetchall()


async def pieces(size: int) -> AsyncIterator[bytes]:
    while size > 0:
        yield b"1\n" * min(size // 2, 4096)
        size -= 8192


async def test_a_full_quota_is_507_for_its_organization_alone(
    platform: Platform, client: httpx2.AsyncClient
) -> None:
    body = b"2\n" * (QUOTA // 4)
    assert (await client.post("/sum-even", content=body, headers=TEXT)).status_code == 201
    before = metrics.REFUSED.labels("storage")._value.get()
    refused = await client.post("/sum-even", content=body + b"2\n", headers=TEXT)
    assert code(refused) == (507, "storage_quota_reached")
    assert str(QUOTA) in refused.json()["error"]["message"]
    assert "administrator" in refused.json()["error"]["message"]
    assert metrics.REFUSED.labels("storage")._value.get() == before + 1
    other = await client.post("/sum-even", content=body, headers=TEXT | OTHER)
    assert other.status_code == 201
    assert await counted(platform) == await stored(platform) == [
        (1, 1, QUOTA // 2), (2, 1, QUOTA // 2)
    ]
    async with working(platform):
        await ended_sum(client, other.json()["token"])


async def ended_sum(client: httpx2.AsyncClient, token: str) -> None:
    async def look() -> bool:
        told = await client.get(f"/sum-even/{token}/status", headers=OTHER)
        return told.json()["status"] == "finished"

    await eventually(look)


async def test_what_was_not_announced_is_stopped_where_it_is_full(
    platform: Platform, client: httpx2.AsyncClient
) -> None:
    refused = await client.post("/sum-even", content=pieces(2 * QUOTA), headers=TEXT)
    assert code(refused) == (507, "storage_quota_reached")
    assert blobs(platform) == []
    assert await counted(platform) == []
    shown = (await client.get("/v1/jobs")).json()["items"]
    assert shown == []


async def test_resumable_uploads_count_whole_from_their_beginning(
    platform: Platform, client: httpx2.AsyncClient
) -> None:
    place = await begin(client, QUOTA - 10)
    headers = VERSION | {"Upload-Length": "11"}
    refused = await client.post("/files", headers=headers)
    assert code(refused) == (507, "storage_quota_reached")
    assert (await client.post("/files", headers=headers | OTHER)).status_code == 201
    sent = await send(client, place, 0, os.urandom(QUOTA - 10))
    assert sent.status_code == 204, "what was begun may be sent to its end"
    assert await counted(platform) == await stored(platform)
    assert (await client.delete(place, headers=VERSION)).status_code == 204
    assert await counted(platform) == [(2, 1, 11)]
    assert (await client.post("/files", headers=headers)).status_code == 201


async def test_a_file_that_a_task_took_counts_once_and_opens_a_place(
    platform: Platform, client: httpx2.AsyncClient
) -> None:
    names = [await begin(client, 4) for _ in range(8)]
    headers = VERSION | {"Upload-Length": "4"}
    assert code(await client.post("/files", headers=headers)) == (429, "too_many_uploads")
    await send(client, names[0], 0, b"2 4 ")
    asked = await client.post("/sum-even", json={"file": names[0].rpartition("/")[2]})
    assert asked.status_code == 201, asked.text
    assert (await client.post("/files", headers=headers)).status_code == 201
    assert await counted(platform) == await stored(platform) == [(1, 9, 36)]
    async with working(platform):
        async def gone() -> bool:
            return await counted(platform) == [(1, 8, 32)]

        await eventually(gone)


async def test_one_address_of_the_public_leaves_room_for_the_rest(
    platform: Platform, client: httpx2.AsyncClient
) -> None:
    platform.settings.public = True
    platform.public_id = 7
    mine = {"x-forwarded-for": "2001:db8:1:2::1"}
    neighbour = {"x-forwarded-for": "2001:db8:1:2:ffff::9"}
    other = {"x-forwarded-for": "198.51.100.7"}
    async with httpx2.AsyncClient(base_url=client.base_url, timeout=20) as stranger:
        body = b"2\n" * (QUOTA // 4)
        first = await stranger.post("/sum-even", content=body, headers=TEXT | mine)
        assert first.status_code == 201, first.text
        for same in (mine, neighbour):
            refused = await stranger.post("/sum-even", content=b"2", headers=TEXT | same)
            assert code(refused) == (507, "storage_quota_reached")
            assert str(QUOTA // 2) in refused.json()["error"]["message"]
        passed = await stranger.post("/sum-even", content=b"2", headers=TEXT | other)
        assert passed.status_code == 201
        headers = VERSION | {"Upload-Length": "4"}
        for _ in range(4):
            assert (await stranger.post("/files", headers=headers | other)).status_code == 201
        refused = await stranger.post("/files", headers=headers | other)
        assert code(refused) == (429, "too_many_uploads")
        third = {"x-forwarded-for": "203.0.113.1"}
        assert (await stranger.post("/files", headers=headers | third)).status_code == 201


async def test_an_address_is_stored_as_a_number_that_says_nothing(platform: Platform) -> None:
    known = public.client_of(platform, "198.51.100.7")
    assert 0 < known < 1 << 63
    assert known == public.client_of(platform, "198.51.100.7")
    assert known != public.client_of(platform, "198.51.100.8")
    platform.secret = b"another key that is long enough..."
    assert known != public.client_of(platform, "198.51.100.7")


async def test_results_are_stored_however_full_it_is(
    platform: Platform, client: httpx2.AsyncClient
) -> None:
    token = await shuffle(client)
    await begin(client, QUOTA - len(PICTURE))
    refused = await client.post("/randomize", content=PICTURE, headers=PNG)
    assert code(refused) == (507, "storage_quota_reached")
    async with working(platform):
        assert (await ended(client, token))["status"] == "finished"
    assert (await client.get(f"/randomize/{token}/result")).status_code == 200


async def test_files_of_tasks_expire_and_give_their_room_back(
    platform: Platform, client: httpx2.AsyncClient
) -> None:
    token = await shuffle(client)
    waiting = await shuffle(client)
    assert (await client.post(f"/v1/jobs/{waiting}/cancel")).status_code == 200
    async with working(platform):
        await ended(client, token)
    await tasks.sweep(platform)
    async with platform.db.transaction() as conn:
        kept = await (await conn.execute(
            "select purpose, extract(epoch from expires_at - kit.now()) / 86400 "
            "from jobs.upload order by purpose"
        )).fetchall()
        assert [(purpose, round(days)) for purpose, days in kept] == [("result", 7), ("task", 7)]
        await conn.execute("update jobs.upload set expires_at = kit.now()")
    late = await client.get(f"/randomize/{token}/result")
    assert (late.status_code, late.json()) == (404, {"message": "not found"})
    assert code(await client.post(f"/v1/jobs/{waiting}/retry")) == (409, "file_gone")
    await tasks.sweep(platform)
    assert blobs(platform) == []
    assert await counted(platform) == []


async def test_a_retried_task_keeps_its_file(
    platform: Platform, client: httpx2.AsyncClient
) -> None:
    token = await shuffle(client)
    await client.post(f"/v1/jobs/{token}/cancel")
    assert (await client.post(f"/v1/jobs/{token}/retry")).status_code == 202
    async with platform.db.transaction() as conn:
        held = await (await conn.execute("select expires_at from jobs.upload")).fetchall()
        assert held == [(None,)]
    async with working(platform):
        assert (await ended(client, token))["status"] == "finished"


async def test_a_file_whose_task_never_came_expires(opened: Platform) -> None:
    made = await kept(opened)
    async with opened.db.transaction() as conn:
        await conn.execute("update jobs.upload set expires_at = kit.now()")
        with pytest.raises(uploads.UploadNotFound):
            await uploads.get_upload(conn, 1, made.token)
        with pytest.raises(uploads.UploadNotFound):
            await uploads.hold_upload(conn, 1, made.token)
    await tasks.sweep(opened)
    assert blobs(opened) == []


async def test_below_the_floor_of_free_disk_what_runs_goes_on(
    platform: Platform, client: httpx2.AsyncClient
) -> None:
    token, place = await shuffle(client), await begin(client, 2 * SEGMENT)
    free = shutil.disk_usage(platform.settings.folder).free
    platform.settings.disk_floor_bytes = int(free * 1.5)
    for refused in (
        await client.post("/randomize", content=PICTURE, headers=PNG),
        await client.post("/sum-even", content=b"2", headers=TEXT),
        await client.post("/files", headers=VERSION | {"Upload-Length": "1"}),
    ):
        assert code(refused) == (507, "storage_full")
        assert "free space" in refused.json()["error"]["message"]
    assert (await send(client, place, 0, os.urandom(2 * SEGMENT))).status_code == 204
    async with working(platform):
        assert (await ended(client, token))["status"] == "finished"
    platform.settings.disk_floor_bytes = free * 4
    late = await begin_below(platform, client)
    # From the first byte on: many small requests would fill the other half as well as a large one.
    cut = await send(client, late, 0, os.urandom(10), **OTHER)
    assert code(cut) == (507, "storage_full")
    assert await offset_of(client, late, **OTHER) == 0


async def begin_below(platform: Platform, client: httpx2.AsyncClient) -> str:
    floor, platform.settings.disk_floor_bytes = platform.settings.disk_floor_bytes, 0
    try:
        return await begin(client, 2 * SEGMENT, **OTHER)
    finally:
        platform.settings.disk_floor_bytes = floor


async def test_uploads_that_were_begun_keep_their_room_on_the_disk(
    platform: Platform, client: httpx2.AsyncClient
) -> None:
    free = shutil.disk_usage(platform.settings.folder).free
    platform.settings.disk_floor_bytes = free - 3 * SEGMENT - (1 << 26)
    platform.settings.of(uploads.UploadSettings).quota_bytes = 1 << 60
    great = (1 << 26) - SEGMENT
    await begin(client, great)
    second = await client.post("/files", headers=VERSION | {"Upload-Length": str(great)})
    assert code(second) == (507, "storage_full"), "both together would not fit"


async def test_wrong_counts_are_put_right(
    platform: Platform, client: httpx2.AsyncClient
) -> None:
    await begin(client, 10)
    await begin(client, 7, **OTHER)
    async with platform.db.transaction() as conn:
        await conn.execute("update jobs.usage set bytes = 1000, files = 40 where "
                           "organization_id = 1")
        await conn.execute("insert into jobs.usage values (3, 0, 'task', 5, 500)")
        await conn.execute("delete from jobs.usage where organization_id = 2")
    await quotas.recount(platform)
    assert await counted(platform) == await stored(platform) == [(1, 1, 10), (2, 1, 7)]


async def test_a_count_goes_on_beside_a_recount(opened: Platform) -> None:
    async def recounts() -> None:
        for _ in range(20):
            async with opened.db.transaction() as conn:
                await store_of_uploads.recount(conn, 1)

    await asyncio.gather(recounts(), *(kept(opened, 2 * n + 2, 77) for n in range(30)))
    assert await counted(opened) == await stored(opened) == [(1, 30, 30 * 31)]
    async with opened.db.connection() as conn:
        assert await store_of_uploads.miscounted(conn) == []


async def test_what_is_taken_while_the_sweep_runs_stays(opened: Platform) -> None:
    made = await kept(opened)
    async with opened.db.transaction() as conn:
        await uploads.hold_upload(conn, 1, made.token)
        async with opened.db.transaction() as other:
            await other.execute("set local lock_timeout = '2s'")
            await other.execute("set local vazao.now = '2100-01-01'")
            assert await store_of_uploads.expire_stored(other) == 0
    async with opened.db.transaction() as conn:
        await conn.execute("set local vazao.now = '2100-01-01'")
        assert await store_of_uploads.expire_stored(conn) == 0
        assert await uploads.get_upload(conn, 1, made.token)
