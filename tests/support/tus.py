"""What tests of resumable uploads share: the requests, and a look at what is stored."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import httpx2

from vazao import uploads
from vazao.kit.platform import Platform

SEGMENT = 1 << 16
VERSION = {"Tus-Resumable": "1.0.0"}
TYPE = {"Content-Type": "application/offset+octet-stream"}


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def checksum(body: bytes, algorithm: str = "sha1") -> dict[str, str]:
    digest = hashlib.new(algorithm, body).digest()
    return {"Upload-Checksum": f"{algorithm} {base64.b64encode(digest).decode()}"}


async def begin(client: httpx2.AsyncClient, length: int, **headers: str) -> str:
    made = await client.post(
        "/files", headers=VERSION | {"Upload-Length": str(length)} | headers
    )
    assert made.status_code == 201, made.text
    return made.headers["location"]


async def send(
    client: httpx2.AsyncClient, place: str, offset: int, body: Any, **headers: str
) -> httpx2.Response:
    given = VERSION | TYPE | {"Upload-Offset": str(offset)} | headers
    return await client.patch(place, content=body, headers=given)


async def offset_of(client: httpx2.AsyncClient, place: str, **headers: str) -> int:
    seen = await client.head(place, headers=VERSION | headers)
    assert seen.status_code == 200
    assert seen.headers["cache-control"] == "no-store"
    return int(seen.headers["upload-offset"])


async def content(platform: Platform, place: str) -> bytes:
    async with platform.db.connection() as conn:
        upload = await uploads.get_upload(conn, 1, place.rpartition("/")[2])
    return b"".join([c async for c in uploads.read(platform, upload)])


def blobs(platform: Platform) -> list[str]:
    assert platform.blobs.root is not None
    return sorted(p.name for p in platform.blobs.root.rglob("*") if p.is_file())


def code(answer: httpx2.Response) -> tuple[int, str]:
    assert answer.headers["tus-resumable"] == "1.0.0"
    return answer.status_code, answer.json()["error"]["code"]
