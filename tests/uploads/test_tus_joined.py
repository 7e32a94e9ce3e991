"""Concatenation: partial uploads become one file, whole or not at all, and count once."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from tests.support.jobs import make_platform, working
from tests.support.tus import SEGMENT, TYPE, VERSION, begin, blobs, code, content, encoded, send
from tests.support.waiting import eventually
from tests.support.web import serving
from vazao import uploads
from vazao.kit.platform import Platform
from vazao.uploads import intake, store
from vazao.uploads.quotas import Owner
from vazao.uploads.tus import joining, service

pytestmark = pytest.mark.anyio
PARTIAL = {"Upload-Concat": "partial"}
LIMIT = 10 * SEGMENT


@pytest.fixture
def platform(database_url: str, data_dir: Path) -> Platform:
    return make_platform(
        database_url, data_dir, upload_segment_bytes=SEGMENT, upload_max_bytes=LIMIT
    )


@pytest.fixture
async def client(platform: Platform) -> AsyncIterator[httpx2.AsyncClient]:
    async with serving(platform) as made:
        yield made


async def part(client: httpx2.AsyncClient, body: bytes) -> str:
    place = await begin(client, len(body), **PARTIAL)
    if body:
        assert (await send(client, place, 0, body)).status_code == 204
    return place


async def join(client: httpx2.AsyncClient, *places: str, **headers: str) -> httpx2.Response:
    given = VERSION | {"Upload-Concat": "final;" + " ".join(places)} | headers
    return await client.post("/files", headers=given)


async def used(platform: Platform) -> dict[str, tuple[int, int]]:
    async with platform.db.transaction() as conn:
        assert await store.miscounted(conn) == []
        return {k: v for k, v in (await store.use_of(conn, 1)).items() if v != (0, 0)}


async def test_parts_become_one_file(client: httpx2.AsyncClient, platform: Platform) -> None:
    body = os.urandom(4 * SEGMENT + 9)
    cuts = [body[: SEGMENT + 1], b"", body[SEGMENT + 1 : 3 * SEGMENT], body[3 * SEGMENT :]]
    places = [await part(client, piece) for piece in cuts]
    assert (await client.head(places[0], headers=VERSION)).headers["upload-concat"] == "partial"
    before = blobs(platform)
    absolute = [str(client.base_url).rstrip("/") + places[0], *places[1:]]
    metadata = f"filename {encoded('ação.txt')},filetype {encoded('text/plain')}"
    made = await join(client, *absolute, **{"Upload-Metadata": metadata})
    assert (made.status_code, made.headers["upload-offset"]) == (201, str(len(body)))
    place = made.headers["location"]
    assert await content(platform, place) == body
    assert blobs(platform) == before
    seen = (await client.head(place, headers=VERSION)).headers
    assert seen["upload-concat"] == "final;" + " ".join(places)
    assert (seen["upload-length"], seen["upload-offset"]) == (str(len(body)), str(len(body)))
    assert seen["upload-metadata"] == metadata
    assert await used(platform) == {"resumable": (1, len(body))}
    refused = await send(client, place, len(body), b"")
    assert code(refused) == (403, "upload_final")
    async with platform.db.connection() as conn:
        upload = await uploads.get_upload(conn, 1, place.rpartition("/")[2])
        assert (upload.filename, upload.content_type) == ("ação.txt", "text/plain")
        found = await uploads.segments(conn, 1, upload.token)
    assert [uploads.segment_key(t, n) for t, n, _ in found] == upload.blob_keys()
    assert sum(size for _, _, size in found) == len(body)
    ended = await client.delete(place, headers=VERSION)
    assert ended.status_code == 204
    assert blobs(platform) == []
    assert await used(platform) == {}
    async with platform.db.connection() as conn:
        row = await (await conn.execute("select count(*) from jobs.upload")).fetchone()
    assert row == (0,)


async def test_who_did_not_hear_the_answer_may_ask_again(client: httpx2.AsyncClient) -> None:
    places = [await part(client, b"ab"), await part(client, b"c")]
    answers = await asyncio.gather(*(join(client, *places) for _ in range(5)))
    assert {each.status_code for each in answers} == {201}
    assert len({each.headers["location"] for each in answers}) == 1
    other = await join(client, *reversed(places))
    assert code(other) == (409, "upload_in_use")
    seen = await client.head(places[0], headers=VERSION)
    assert (seen.status_code, seen.headers["upload-offset"]) == (200, "2")
    assert code(await client.delete(places[0], headers=VERSION)) == (409, "upload_in_use")


async def test_what_cannot_be_joined_changes_nothing(
    client: httpx2.AsyncClient, platform: Platform
) -> None:
    whole, plain = await part(client, b"ab"), await begin(client, 0)
    open_part = await begin(client, 9, **PARTIAL)
    missing = "/files/" + "0" * 32
    for given, expected in {
        (whole, open_part): (409, "upload_unfinished"), (whole, missing): (404, "upload_not_found"),
        (whole, plain): (400, "upload_concat_invalid"), (): (400, "upload_concat_invalid"),
        (whole, whole): (400, "upload_concat_invalid"), ("/x",): (400, "upload_concat_invalid"),
    }.items():
        assert code(await join(client, *given)) == expected
    other = await join(client, whole, **{"x-organization": "2"})
    assert code(other) == (404, "upload_not_found")
    length = await join(client, whole, **{"Upload-Length": "2"})
    assert code(length) == (400, "upload_concat_invalid")
    given = VERSION | TYPE | {"Upload-Concat": f"final;{whole}"}
    brings = await client.post("/files", content=b"x", headers=given)
    assert code(brings) == (403, "upload_final")
    strange = await client.post("/files", headers=VERSION | {"Upload-Concat": "whole"})
    assert code(strange) == (400, "upload_concat_invalid")
    assert await used(platform) == {"resumable": (3, 11)}
    assert (await join(client, whole)).status_code == 201


async def test_together_they_may_not_be_too_long(
    client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = [await part(client, b"x" * (LIMIT // 2 + 1)) for _ in range(2)]
    assert code(await join(client, *long)) == (413, "upload_too_large")
    monkeypatch.setattr(joining, "MOST_SEGMENTS", 1)
    short = [await part(client, b"x") for _ in range(2)]
    assert code(await join(client, *short)) == (413, "upload_too_many_pieces")


async def test_a_part_whose_length_is_told_later(
    client: httpx2.AsyncClient, platform: Platform
) -> None:
    given = VERSION | PARTIAL | {"Upload-Defer-Length": "1"}
    place = (await client.post("/files", headers=given)).headers["location"]
    await send(client, place, 0, b"abc", **{"Upload-Length": "3"})
    made = await join(client, place)
    assert await content(platform, made.headers["location"]) == b"abc"


async def test_the_file_expires_with_all_its_parts(
    client: httpx2.AsyncClient, platform: Platform
) -> None:
    places = [await part(client, b"ab"), await part(client, b"c")]
    await join(client, *places)
    async with platform.db.transaction() as conn:
        await conn.execute(
            "update jobs.resumable set expires_at = kit.now() where expires_at is not null"
        )
    await service.expire(platform)
    await intake.sweep(platform)
    assert blobs(platform) == []
    assert await used(platform) == {}
    assert code(await join(client, *places)) == (404, "upload_not_found")


async def test_parts_of_several_addresses_of_the_public_count_for_each(
    client: httpx2.AsyncClient, platform: Platform
) -> None:
    tokens = []
    for address in (7, 5):
        made = await service.create(
            platform, Owner(1, address), bytes_total=0, metadata="", partial=True
        )
        tokens.append(made.token)
    await joining.join(platform, Owner(1, 5), tokens, "")
    async with platform.db.transaction() as conn:
        assert await store.miscounted(conn) == []
        assert (await store.use_of(conn, 1, 5))["resumable"] == (1, 0)
        assert (await store.use_of(conn, 1, 7))["resumable"] == (0, 0)


async def test_a_job_reads_the_parts_as_one_file(
    client: httpx2.AsyncClient, platform: Platform
) -> None:
    """Also where a cut goes through a number."""
    places = [await part(client, piece) for piece in (b"2\n1", b"2\n", b"3\n10")]
    final = (await join(client, *places)).headers["location"]
    asked = {"file": final.rpartition("/")[2]}
    async with working(platform):
        token = (await client.post("/sum-even", json=asked)).json()["token"]

        async def finished() -> bool:
            return (await client.get(f"/sum-even/{token}/result")).status_code == 200

        await eventually(finished)
    result = (await client.get(f"/sum-even/{token}/result")).json()
    assert (result["sum"], result["numbers"]) == (24, 4)
    await intake.sweep(platform)
    assert blobs(platform) == []
    assert await used(platform) == {}


async def test_the_list_of_open_uploads(client: httpx2.AsyncClient) -> None:
    places = [await part(client, b"ab"), await part(client, b"c")]
    final = (await join(client, *places)).headers["location"]
    metadata = {"Upload-Metadata": f"filename {encoded('a.txt')}"}
    waits = await begin(client, 9, **metadata)
    await begin(client, 9, **{"x-organization": "2"})
    page = (await client.get("/files", params={"limit": 1})).json()
    assert [each["location"] for each in page["items"]] == [waits]
    item = page["items"][0]
    assert item.pop("created_at") < item.pop("expires_at")
    assert item == {"id": waits.rpartition("/")[2], "location": waits, "bytes": 0,
                    "bytes_total": 9, "filename": "a.txt"}
    rest = (await client.get("/files", params={"after": page["next"]})).json()
    assert [each["location"] for each in rest["items"]] == [final]
    assert rest["next"] is None
    assert (await client.get("/files", headers={"x-scopes": ""})).status_code == 403
    assert code(await client.get("/files", params={"limit": "0"})) == (400, "limit_invalid")
    head = await client.head("/files")
    assert (head.status_code, head.headers["content-type"]) == (200, "application/json")
