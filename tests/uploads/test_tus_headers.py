"""Headers of tus as clients send them: any bytes as metadata, lines that repeat, coded bodies."""

from __future__ import annotations

import base64
import gzip
import hashlib
from pathlib import Path

import httpx2
import pytest

from tests.support.jobs import make_platform
from tests.support.tus import TYPE, VERSION, begin, code, encoded, offset_of, send
from tests.support.web import serving
from vazao import uploads
from vazao.kit.platform import Platform

pytestmark = pytest.mark.anyio


async def metadata_of(client: httpx2.AsyncClient, place: str) -> str:
    return (await client.head(place, headers=VERSION)).headers["upload-metadata"]


def message(answer: httpx2.Response) -> str:
    return answer.json()["error"]["message"]


@pytest.mark.parametrize("value", [
    hashlib.sha256(b"x").digest(), "ação.txt".encode("latin-1"), b"\x93\x81\x00", b"\xef\xbb\xbfa",
], ids=["digest", "latin-1", "control characters", "byte order mark"])
async def test_a_value_of_metadata_may_be_any_bytes(
    client: httpx2.AsyncClient, value: bytes
) -> None:
    sent = f"filename {encoded('a')},sha256 {base64.b64encode(value).decode()},empty"
    place = await begin(client, 3, **{"Upload-Metadata": sent})
    assert await metadata_of(client, place) == sent


async def test_a_name_of_an_old_system_is_readable(
    client: httpx2.AsyncClient, platform: Platform
) -> None:
    name = base64.b64encode("ação €.txt".encode("cp1252")).decode()
    place = await begin(client, 1, **{"Upload-Metadata": f"filename {name}"})
    assert (await send(client, place, 0, b"1")).status_code == 204
    async with platform.db.connection() as conn:
        upload = await uploads.get_upload(conn, 1, place.rpartition("/")[2])
    assert upload.filename == "ação €.txt"


@pytest.mark.parametrize(("metadata", "why"), [
    ("k " + "A" * 5000, "has 5002 characters; the limit is 4096"),
    (f"other,a {encoded('1')},a {encoded('2')}", "has the key a twice"),
    (f"filename {encoded('a')},kind a.txt", "The value of kind in"),
    (f"filename {encoded('a')},", "needs a key"),
], ids=["long", "key twice", "no base64", "no key"])
async def test_metadata_that_is_refused_says_why(
    client: httpx2.AsyncClient, metadata: str, why: str
) -> None:
    given = VERSION | {"Upload-Length": "3", "Upload-Metadata": metadata}
    refused = await client.post("/files", headers=given)
    assert code(refused) == (400, "tus_header_invalid")
    assert why in message(refused)


async def test_lines_of_metadata_are_one_list(client: httpx2.AsyncClient) -> None:
    first, second = f"filename {encoded('a.txt')}", f"filetype {encoded('text/plain')},x"
    lines = [*VERSION.items(), ("Upload-Length", "3"), ("Upload-Metadata", first),
             ("Upload-Metadata", second)]
    made = await client.post("/files", headers=lines)
    assert made.status_code == 201, made.text
    assert await metadata_of(client, made.headers["location"]) == f"{first},{second}"


@pytest.mark.parametrize("name", ["Upload-Length", "Tus-Resumable", "Upload-Checksum"])
async def test_any_other_header_may_stand_there_once(
    client: httpx2.AsyncClient, name: str
) -> None:
    given = VERSION | {"Upload-Length": "3", "Upload-Checksum": "sha1 x"}
    refused = await client.post("/files", headers=[*given.items(), (name, given[name])])
    assert code(refused) == (400, "tus_header_invalid")
    assert f"{name} may be sent only once" in message(refused)


async def test_two_offsets_are_refused(client: httpx2.AsyncClient) -> None:
    place = await begin(client, 3)
    lines = [*(VERSION | TYPE).items(), ("Upload-Offset", "0"), ("Upload-Offset", "1")]
    refused = await client.patch(place, content=b"abc", headers=lines)
    assert code(refused) == (400, "tus_header_invalid")


async def test_a_coded_body_is_refused(client: httpx2.AsyncClient) -> None:
    coded = {"Content-Encoding": "gzip"}
    body = gzip.compress(b"abc")
    given = VERSION | TYPE | coded | {"Upload-Length": "100"}
    created = await client.post("/files", content=body, headers=given)
    assert code(created) == (415, "content_coding_unsupported")
    assert "Content-Encoding gzip" in message(created)
    place = await begin(client, 100)
    continued = await send(client, place, 0, body, **coded)
    assert code(continued) == (415, "content_coding_unsupported")
    assert await offset_of(client, place) == 0
    plain = await send(client, place, 0, b"abc", **{"Content-Encoding": "identity"})
    assert plain.status_code == 204


async def test_a_wrong_offset_is_answered_with_the_right_one(client: httpx2.AsyncClient) -> None:
    place = await begin(client, 9)
    await send(client, place, 0, b"abc")
    refused = await send(client, place, 0, b"abc")
    assert code(refused) == (409, "offset_mismatch")
    assert refused.headers["upload-offset"] == "3"


@pytest.mark.parametrize(("hosts", "absolute"), [("", False), ("127.0.0.1", True)])
async def test_the_address_is_absolute_where_the_host_is_known(
    database_url: str, data_dir: Path, hosts: str, absolute: bool
) -> None:
    platform = make_platform(database_url, data_dir, hosts=hosts)
    async with serving(platform) as client:
        before = str(client.base_url).rstrip("/") if absolute else ""
        assert (await begin(client, 1)).startswith(f"{before}/files/")


async def test_behind_a_trusted_proxy_the_address_has_its_scheme(
    database_url: str, data_dir: Path
) -> None:
    platform = make_platform(
        database_url, data_dir, hosts="app.example", trusted_proxies="127.0.0.1"
    )
    async with serving(platform) as client:
        given = {"Host": "app.example:8443", "X-Forwarded-Proto": "https"}
        place = await begin(client, 1, **given)
        assert place.startswith("https://app.example:8443/files/")
