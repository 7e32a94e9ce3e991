"""Large answers of programs, packed where their reader takes it, and all that stays as it is."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import zstandard
from litestar import Request, Response, get, post
from litestar.datastructures import Cookie
from litestar.params import FromQuery
from litestar.response import Stream

from tests.support.web import serving
from vazao.kit.platform import Platform
from vazao.kit.registry import Registry
from vazao.kit.settings import Settings
from vazao.kit.web import packing

pytestmark = pytest.mark.anyio
PUBLIC: dict[str, Any] = {"public": True, "anonymous": True}
ROWS = [{"id": n, "name": f"Ana {n * n}"} for n in range(3000)]
LARGE = json.dumps(ROWS).encode()
JSON = "application/json"
PIECES = [b"%d,ana\n" % n * 500 for n in range(40)]
go = asyncio.Event()


@get("/large", opt=PUBLIC)
async def large() -> Response[bytes]:
    return Response(LARGE, media_type=JSON, headers={"ETag": '"one"', "Vary": "Cookie"})


@get("/small", opt=PUBLIC)
async def small() -> Response[bytes]:
    return Response(LARGE[: packing.SMALLEST - 1], media_type=JSON)


@get("/huge", opt=PUBLIC)
async def huge() -> Response[bytes]:
    return Response(LARGE * 30, media_type=JSON)


@get("/other", opt=PUBLIC)
async def other(kind: FromQuery[str]) -> Response[bytes]:
    return Response(LARGE, media_type=kind)


@get("/as", opt=PUBLIC)
async def headed(name: FromQuery[str], value: FromQuery[str]) -> Response[bytes]:
    return Response(LARGE, media_type=JSON, headers={name: value})


@get("/announced", opt=PUBLIC)
async def announced(request: Request[Any, Any, Any]) -> Response[Any]:
    headers = {"Content-Length": str(len(LARGE))}
    if request.scope["state"].get("head"):
        return Response(None, media_type=JSON, headers=headers)

    async def give() -> AsyncIterator[bytes]:
        yield LARGE[:5000]
        yield LARGE[5000:]

    return Stream(give(), media_type=JSON, headers=headers)


@get("/cookie", opt=PUBLIC)
async def cookie() -> Response[bytes]:
    return Response(LARGE, media_type=JSON, cookies=[Cookie("a", value="b")])


@get("/missing", opt=PUBLIC)
async def missing() -> Response[bytes]:
    return Response(LARGE, media_type=JSON, status_code=404)


@post("/made", opt=PUBLIC)
async def made() -> Response[bytes]:
    return Response(LARGE, media_type=JSON, status_code=200)


@get("/pieces", opt=PUBLIC)
async def pieces() -> Stream:
    async def give() -> AsyncIterator[bytes]:
        for number, piece in enumerate(PIECES):
            if number == len(PIECES) - 1:
                await go.wait()
            yield piece

    return Stream(give(), media_type="text/csv")


ROUTES = [announced, large, small, huge, other, headed, cookie, missing, made, pieces]


@pytest.fixture
async def client(database_url: str, data_dir: Path) -> AsyncIterator[httpx2.AsyncClient]:
    settings = Settings(
        _env_file=None, database_url=database_url, data_dir=data_dir, secret="s" * 32  # type: ignore[call-arg]
    )
    platform = Platform(settings, database_url, Registry(web=[lambda: ROUTES]))
    async with serving(platform) as made:
        yield made


@pytest.fixture(autouse=True)
def set_free() -> None:
    go.set()


async def raw(
    client: httpx2.AsyncClient, path: str, accept: str | None, method: str = "GET"
) -> tuple[httpx2.Headers, bytes]:
    """Head and body as they travel."""
    headers = {} if accept is None else {"Accept-Encoding": accept}
    request = client.build_request(method, path, headers=headers)
    if accept is None:
        del request.headers["accept-encoding"]
    answer = await client.send(request, stream=True)
    body = b"".join([piece async for piece in answer.aiter_raw()])
    await answer.aclose()
    return answer.headers, body


def unpacked(coding: str | None, body: bytes) -> bytes:
    if coding == "zstd":
        return zstandard.ZstdDecompressor().decompressobj().decompress(body)
    return zlib.decompress(body, 31) if coding == "gzip" else body


@pytest.mark.parametrize(("accept", "coding"), [
    ("gzip", "gzip"), ("zstd", "zstd"), ("gzip, deflate, br, zstd", "zstd"), ("*", "zstd"),
    ("zstd;q=0.5, gzip", "gzip"), ("gzip;q=0", None), ("identity", None), ("br", None),
    ("", None), (None, None), ("gzip;q=0.3, identity;q=0.7", None),
])
async def test_a_large_answer_is_packed_as_its_reader_takes_it(
    client: httpx2.AsyncClient, accept: str | None, coding: str | None
) -> None:
    headers, body = await raw(client, "/large", accept)
    assert headers.get("content-encoding") == coding
    assert unpacked(coding, body) == LARGE
    assert int(headers["content-length"]) == len(body)
    assert headers["vary"] == "Cookie, Accept-Encoding", "also where it was not packed"
    # Packed it is another thing with the same meaning.
    assert headers["etag"] == ('W/"one"' if coding else '"one"')
    assert (len(body) < len(LARGE) / 3) == bool(coding)


@pytest.mark.parametrize("path", [
    "/large", "/small", "/huge", "/pieces", "/announced", "/other?kind=text/html",
])
@pytest.mark.parametrize("accept", ["gzip", "zstd", "gzip, zstd", None])
async def test_head_says_what_get_does(
    client: httpx2.AsyncClient, path: str, accept: str | None
) -> None:
    (given, _), (head, body) = await raw(client, path, accept), await raw(
        client, path, accept, "HEAD")
    assert body == b""
    for name in ("content-encoding", "vary", "etag", "content-type"):
        assert head.get(name) == given.get(name), name
    # How long a stream is once packed, nobody knows before it is made.
    streamed = path == "/announced" and "content-encoding" in head
    assert head.get("content-length") == (None if streamed else given.get("content-length"))


@pytest.mark.parametrize("kind", [
    "application/x-ndjson", "text/csv; charset=utf-8", "text/plain", "Application/JSON",
])
async def test_data_is_packed(client: httpx2.AsyncClient, kind: str) -> None:
    headers, body = await raw(client, f"/other?kind={kind.replace('; ', '%3B')}", "gzip")
    assert unpacked("gzip", body) == LARGE
    assert headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize("path", [
    "/small", "/cookie", "/missing", "/other?kind=text/html", "/other?kind=image/png",
    "/other?kind=text/event-stream", "/other?kind=application/octet-stream",
    "/as?name=Content-Encoding&value=x-own", "/as?name=Accept-Ranges&value=bytes",
    "/as?name=Content-Range&value=x", "/as?name=Cache-Control&value=no-transform",
])
async def test_what_is_small_secret_or_no_data_stays_as_it_is(
    client: httpx2.AsyncClient, path: str
) -> None:
    headers, body = await raw(client, path, "gzip, zstd")
    assert headers.get("content-encoding") in (None, "x-own")
    assert headers.get("vary") is None
    assert body in (LARGE, LARGE[: packing.SMALLEST - 1])


async def test_what_a_post_made_stays_as_it_is(client: httpx2.AsyncClient) -> None:
    headers, body = await raw(client, "/made", "gzip", "POST")
    assert "content-encoding" not in headers
    assert body == LARGE


async def test_a_download_stays_as_it_is_and_is_sent_in_pieces(
    client: httpx2.AsyncClient,
) -> None:
    go.clear()
    got = b""
    headers = {"Accept-Encoding": "gzip, zstd"}
    async with client.stream("GET", "/pieces", headers=headers) as answer:
        assert "content-encoding" not in answer.headers
        assert "content-length" not in answer.headers
        async for piece in answer.aiter_raw():
            got += piece
            # The last piece is made only now: the first ones were not held back for it.
            if got:
                go.set()
    assert got == b"".join(PIECES)


async def test_an_answer_too_large_for_memory_s_sake_is_gzip(client: httpx2.AsyncClient) -> None:
    headers, body = await raw(client, "/huge", "gzip, zstd")
    assert headers["content-encoding"] == "gzip"
    assert unpacked("gzip", body) == LARGE * 30
    headers, body = await raw(client, "/huge", "zstd")
    assert "content-encoding" not in headers
