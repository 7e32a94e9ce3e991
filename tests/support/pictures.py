"""What tests of ``/randomize`` share: a picture, a client of a real server, and how to ask."""

from __future__ import annotations

import re
import zlib
from typing import Any

import httpx2

from tests.support import pngs
from tests.support.pngs import SIGNATURE, chunk, header
from tests.support.waiting import eventually

PNG = {"Content-Type": "image/png"}
ROWS = pngs.pixels(150, 130, 8, 2)
PICTURE = pngs.write(ROWS, 8, 2)


async def ask(client: httpx2.AsyncClient, body: bytes = PICTURE, **headers: str) -> str:
    answer = await client.post("/randomize", content=body, headers=PNG | headers)
    assert answer.status_code == 201, answer.text
    assert answer.headers["content-type"] == "application/json"
    token = answer.json().pop("token")
    assert re.fullmatch("[0-9a-f]{32}", token)
    return token


async def ended(client: httpx2.AsyncClient, token: str) -> dict[str, Any]:
    async def look() -> dict[str, Any] | None:
        said = (await client.get(f"/randomize/{token}/status")).json()
        return said if said["status"] in ("finished", "errored") else None

    return await eventually(look)


def flat(width: int, height: int) -> bytes:
    """A picture in which only the filter bytes and stripes differ: large, and small as a file."""
    squeeze = zlib.compressobj(9)
    row = b"\1" + bytes((3, 0, 250)) + bytes((width - 1) * 3)
    packed = b"".join(squeeze.compress(row) for _ in range(height)) + squeeze.flush()
    return SIGNATURE + header(width, height) + chunk(b"IDAT", packed) + chunk(b"IEND")
