"""Resumable uploads by tus 1.0.0: what each request is answered, and what stays of it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from tests.support.jobs import make_platform
from tests.support.tus import (
    SEGMENT,
    TYPE,
    VERSION,
    begin,
    blobs,
    checksum,
    code,
    content,
    encoded,
    offset_of,
    send,
)
from tests.support.web import serving
from vazao import uploads
from vazao.kit.platform import Platform
from vazao.kit.web import document
from vazao.kit.web.frame import create_app
from vazao.uploads import intake
from vazao.uploads.errors import UploadNotFound
from vazao.uploads.tus import service as tus_service

pytestmark = pytest.mark.anyio
LIMIT = 10 << 20


@pytest.fixture
def platform(database_url: str, data_dir: Path) -> Platform:
    return make_platform(
        database_url, data_dir, upload_segment_bytes=SEGMENT, upload_max_bytes=LIMIT,
        upload_max_open=20,
    )


@pytest.fixture
async def client(platform: Platform) -> AsyncIterator[httpx2.AsyncClient]:
    async with serving(platform) as made:
        yield made


@pytest.mark.parametrize("path", ["/files", "/files/" + "0" * 32])
async def test_options_says_what_is_offered(client: httpx2.AsyncClient, path: str) -> None:
    told = await client.options(path, headers={"x-organization": ""})
    assert told.status_code == 204
    assert told.headers["tus-version"] == "1.0.0"
    assert told.headers["tus-max-size"] == str(LIMIT)
    assert told.headers["tus-checksum-algorithm"] == "sha1,sha256"
    assert set(told.headers["tus-extension"].split(",")) == {
        "creation", "creation-defer-length", "creation-with-upload", "termination", "expiration",
        "checksum", "concatenation",
    }


async def test_the_document_names_headers_body_and_refusals(platform: Platform) -> None:
    paths = document.build(create_app(platform))["paths"]
    written = paths["/files/{upload}"]["patch"]
    headers = {p["name"]: p["required"] for p in written["parameters"] if p["in"] == "header"}
    assert headers == {"Tus-Resumable": True, "Upload-Offset": True, "Upload-Length": False,
                       "Upload-Checksum": False}
    assert list(written["requestBody"]["content"]) == [TYPE["Content-Type"]]
    assert {"204", "404", "409", "412", "413", "415", "423", "460", "507"} <= set(
        written["responses"]
    )
    assert {"options", "post"} <= set(paths["/files"])
    assert {"head", "patch", "delete", "post"} <= set(paths["/files/{upload}"])


async def test_what_came_in_pieces_is_one_stored_file(
    client: httpx2.AsyncClient, platform: Platform
) -> None:
    body = os.urandom(3 * SEGMENT + 5)
    metadata = f"filename {encoded('números ç.txt')},filetype {encoded('text/plain')},empty"
    place = await begin(client, len(body), **{"Upload-Metadata": metadata})
    assert place.startswith("/files/")
    seen = await client.head(place, headers=VERSION)
    assert seen.headers["upload-metadata"] == metadata
    assert (seen.headers["upload-offset"], seen.headers["upload-length"]) == ("0", str(len(body)))
    assert seen.headers["upload-expires"].endswith("GMT")
    at = 0
    for size in (1, 0, 2 * SEGMENT, len(body)):
        piece = body[at : at + size]
        done = await send(client, place, at, piece)
        at += len(piece)
        assert (done.status_code, done.headers["upload-offset"]) == (204, str(at))
        assert done.headers["upload-expires"].endswith("GMT")
    assert at == await offset_of(client, place) == len(body)
    assert await content(platform, place) == body
    async with platform.db.connection() as conn:
        upload = await uploads.get_upload(conn, 1, place.rpartition("/")[2])
    assert (upload.filename, upload.content_type) == ("números ç.txt", "text/plain")
    assert (upload.bytes, upload.segments) == (len(body), 5)
    assert (await send(client, place, at, b"")).status_code == 204
    assert code(await send(client, place, at, b"x")) == (413, "beyond_upload_length")


async def test_an_empty_file_is_whole_at_once(
    client: httpx2.AsyncClient, platform: Platform
) -> None:
    assert await content(platform, await begin(client, 0)) == b""


@pytest.mark.parametrize("whole", [True, False])
async def test_a_creation_may_bring_the_beginning(
    client: httpx2.AsyncClient, platform: Platform, whole: bool
) -> None:
    body = os.urandom(SEGMENT + 7)
    brought = body if whole else body[:99]
    made = await client.post(
        "/files", content=brought,
        headers=VERSION | TYPE | {"Upload-Length": str(len(body))} | checksum(brought),
    )
    assert (made.status_code, made.headers["upload-offset"]) == (201, str(len(brought)))
    if not whole:
        await send(client, made.headers["location"], 99, body[99:])
    assert await content(platform, made.headers["location"]) == body


async def test_a_creation_whose_beginning_is_wrong_leaves_nothing(
    client: httpx2.AsyncClient, platform: Platform
) -> None:
    given = VERSION | TYPE | {"Upload-Length": "10"}
    wrong = await client.post("/files", content=b"x" * 9, headers=given | checksum(b"y"))
    assert code(wrong) == (460, "checksum_mismatch")
    beyond = await client.post("/files", content=b"x" * 11, headers=given)
    assert code(beyond) == (413, "beyond_upload_length")
    typed = await client.post("/files", content=b"x", headers=given | {"Content-Type": "a/b"})
    assert code(typed) == (415, "content_type_unsupported")
    assert blobs(platform) == []
    async with platform.db.connection() as conn:
        row = await (await conn.execute("select count(*) from jobs.upload")).fetchone()
    assert row == (0,)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, (400, "upload_length_required")),
        ({"Upload-Length": "-1"}, (400, "tus_header_invalid")),
        ({"Upload-Length": "1_0"}, (400, "tus_header_invalid")),
        ({"Upload-Length": "9" * 30}, (400, "tus_header_invalid")),
        ({"Upload-Defer-Length": "2"}, (400, "upload_length_required")),
        ({"Upload-Defer-Length": "1", "Upload-Length": "5"}, (400, "upload_length_required")),
        ({"Upload-Length": str(LIMIT + 1)}, (413, "upload_too_large")),
        ({"Upload-Length": "1", "Tus-Resumable": "0.2.2"}, (412, "tus_version_unsupported")),
        ({"Upload-Length": "1", "Upload-Metadata": "a b c"}, (400, "tus_header_invalid")),
        ({"Upload-Length": "1", "Upload-Metadata": "a YQ==,a YQ=="}, (400, "tus_header_invalid")),
        ({"Upload-Length": "1", "Upload-Metadata": "a,,b"}, (400, "tus_header_invalid")),
        ({"Upload-Length": "1", "Upload-Metadata": "a " + "YWFh" * 1100},
         (400, "tus_header_invalid")),
        ({"Upload-Length": "1", "Upload-Checksum": "md5 YQ=="}, (400, "checksum_unsupported")),
        ({"Upload-Length": "1", "Upload-Checksum": "sha1 YQ=="}, (400, "tus_header_invalid")),
    ],
)
async def test_a_creation_that_is_not_right_is_refused(
    client: httpx2.AsyncClient, headers: dict[str, str], expected: tuple[int, str]
) -> None:
    assert code(await client.post("/files", headers=VERSION | headers)) == expected


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        ({"Tus-Resumable": ""}, b"x", (412, "tus_version_unsupported")),
        ({"Content-Type": "text/plain"}, b"x", (415, "content_type_unsupported")),
        ({"Upload-Offset": "3"}, b"x", (409, "offset_mismatch")),
        ({"Upload-Offset": "x"}, b"x", (400, "tus_header_invalid")),
        ({}, b"x" * 11, (413, "beyond_upload_length")),
        ({"Upload-Checksum": "crc9 x"}, b"x", (400, "checksum_unsupported")),
    ],
)
async def test_a_patch_that_is_not_right_changes_nothing(
    client: httpx2.AsyncClient, platform: Platform, headers: dict[str, str], body: bytes,
    expected: tuple[int, str],
) -> None:
    place = await begin(client, 10)
    assert code(await send(client, place, 0, body, **headers)) == expected
    assert await offset_of(client, place) == 0
    assert blobs(platform) == []


async def test_without_the_version_nothing_is_done(client: httpx2.AsyncClient) -> None:
    place = await begin(client, 10)
    for method in ("HEAD", "DELETE", "POST"):
        refused = await client.request(method, place, headers={"Tus-Resumable": "2.0.0"})
        assert (refused.status_code, refused.headers["tus-version"]) == (412, "1.0.0")
    assert await offset_of(client, place) == 0


async def test_a_body_of_unknown_length_beyond_the_end_is_refused(
    client: httpx2.AsyncClient, platform: Platform
) -> None:
    async def stream() -> AsyncIterator[bytes]:
        for _ in range(4):
            yield b"x" * SEGMENT

    place = await begin(client, 2 * SEGMENT)
    assert code(await send(client, place, 0, stream())) == (413, "beyond_upload_length")
    at = await offset_of(client, place)
    assert at % SEGMENT == 0
    assert len(blobs(platform)) == at // SEGMENT
    rest = 2 * SEGMENT - at
    assert (await send(client, place, at, b"x" * rest)).status_code == 204
    assert await content(platform, place) == b"x" * 2 * SEGMENT


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
async def test_bytes_with_a_wrong_checksum_are_dropped(
    client: httpx2.AsyncClient, platform: Platform, algorithm: str
) -> None:
    body = os.urandom(3 * SEGMENT)
    place = await begin(client, len(body))
    first, rest = body[:SEGMENT], body[SEGMENT:]
    assert (await send(client, place, 0, first, **checksum(first, algorithm))).status_code == 204
    wrong = await send(client, place, SEGMENT, rest, **checksum(first, algorithm))
    assert code(wrong) == (460, "checksum_mismatch")
    assert await offset_of(client, place) == SEGMENT
    assert blobs(platform) == ["000001"]
    right = await send(client, place, SEGMENT, rest, **checksum(rest, algorithm))
    assert right.status_code == 204
    assert await content(platform, place) == body


async def test_delete_ends_it_and_gives_the_space_back(
    client: httpx2.AsyncClient, platform: Platform
) -> None:
    place = await begin(client, 10)
    await send(client, place, 0, b"abc")
    assert (await client.delete(place, headers=VERSION)).status_code == 204
    assert blobs(platform) == []
    assert (await client.head(place, headers=VERSION)).status_code == 404
    assert code(await client.delete(place, headers=VERSION)) == (404, "upload_not_found")
    assert code(await send(client, place, 3, b"d")) == (404, "upload_not_found")


async def test_a_post_may_stand_for_other_methods(
    client: httpx2.AsyncClient, platform: Platform
) -> None:
    place = await begin(client, 3)

    async def post(method: str, body: bytes = b"", **more: str) -> httpx2.Response:
        given = VERSION | TYPE | {"X-HTTP-Method-Override": method} | more
        return await client.post(place, content=body, headers=given)

    done = await post("PATCH", b"abc", **{"Upload-Offset": "0"})
    assert (done.status_code, done.headers["upload-offset"]) == (204, "3")
    assert (await post("HEAD")).headers["upload-offset"] == "3"
    assert await content(platform, place) == b"abc"
    assert (await post("DELETE")).status_code == 204
    assert code(await post("PUT")) == (400, "method_override_invalid")
    assert blobs(platform) == []


async def test_another_organization_finds_nothing(
    client: httpx2.AsyncClient, platform: Platform
) -> None:
    place = await begin(client, 10)
    other = {"x-organization": "2"}
    assert (await client.head(place, headers=VERSION | other)).status_code == 404
    assert code(await send(client, place, 0, b"x", **other)) == (404, "upload_not_found")
    assert code(await client.delete(place, headers=VERSION | other)) == (404, "upload_not_found")
    assert await offset_of(client, place) == 0
    async with platform.db.transaction() as conn:
        with pytest.raises(UploadNotFound):
            await uploads.claim_upload(platform, conn, 2, place.rpartition("/")[2])


async def test_who_may_not_write_is_refused(client: httpx2.AsyncClient) -> None:
    given = VERSION | {"Upload-Length": "1"}
    assert code(await client.post("/files", headers=given | {"x-scopes": ""})) == (403, "forbidden")
    del client.headers["x-organization"]
    assert code(await client.post("/files", headers=given)) == (401, "unauthenticated")


async def test_an_organization_has_so_many_that_wait(client: httpx2.AsyncClient) -> None:
    places = [await begin(client, 1) for _ in range(20)]
    given = VERSION | {"Upload-Length": "1"}
    refused = await client.post("/files", headers=given)
    assert code(refused) == (429, "too_many_uploads")
    other = await client.post("/files", headers=given | {"x-organization": "2"})
    assert other.status_code == 201
    await client.delete(places[0], headers=VERSION)
    assert (await client.post("/files", headers=given)).status_code == 201


async def test_so_many_pieces_and_no_more(
    client: httpx2.AsyncClient, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tus_service, "MOST_SEGMENTS", 3)
    place = await begin(client, 10)
    for at in range(3):
        assert (await send(client, place, at, b"x")).status_code == 204
    assert code(await send(client, place, 3, b"x")) == (413, "upload_too_many_pieces")
    assert await offset_of(client, place) == 3


async def test_what_expired_is_gone_and_swept(
    client: httpx2.AsyncClient, platform: Platform
) -> None:
    late, stored, claimed = [await begin(client, 3) for _ in range(3)]
    for place in (stored, claimed):
        await send(client, place, 0, b"abc")
    await send(client, late, 0, b"a")
    young = await begin(client, 3)
    async with platform.db.transaction() as conn:
        await uploads.claim_upload(platform, conn, 1, claimed.rpartition("/")[2])
        await conn.execute(
            "update jobs.resumable set expires_at = kit.now() - interval '1 second' "
            "where expires_at is not null and upload_id < (select max(id) from jobs.upload)"
        )
        await conn.execute("update jobs.upload set last_segment_at = kit.now() - interval '2 h'")
    assert (await client.head(late, headers=VERSION)).status_code == 404
    await tus_service.expire(platform)
    await intake.sweep(platform)
    assert blobs(platform) == ["000001"]
    assert await content(platform, claimed) == b"abc"
    assert (await client.head(stored, headers=VERSION)).status_code == 404
    assert await offset_of(client, young) == 0
    refused = await client.delete(claimed, headers=VERSION)
    assert code(refused) == (409, "upload_in_use")
