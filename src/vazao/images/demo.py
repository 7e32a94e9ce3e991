"""The demonstration of ``/randomize``: a picture is drawn, shuffled, and left to be sent again."""

from __future__ import annotations

import asyncio
import shlex
import zlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from vazao import uploads
from vazao.images import tasks
from vazao.images.png import SIGNATURE, Check, chunk
from vazao.images.settings import ImageSettings
from vazao.jobs import curl_line, finished, lead_seconds
from vazao.kit.cli import language
from vazao.kit.formats import duration, size
from vazao.kit.platform import Platform
from vazao.kit.steps import text as _

SIDE = 900
PICTURE = "picture.png"


def body(platform: Platform) -> str:
    """What ``curl`` sends to ``/randomize``."""
    picture = shlex.quote(str(platform.settings.folder / PICTURE))
    return f"-H 'Content-Type: image/png' --data-binary @{picture}"


def draw(side: int = SIDE) -> bytes:
    """A PNG of *side* × *side* pixels: circles in colours that tell where a block came from."""
    rows = bytearray()
    for y in range(side):
        rows.append(0)
        for x in range(side):
            ring = ((x - side // 2) ** 2 + (y - side // 2) ** 2) * 8 // (side * side) % 2
            rows += bytes((x * 255 // side, y * 255 // side, 200 if ring else 60))
    header = side.to_bytes(4, "big") * 2 + bytes((8, 2, 0, 0, 0))
    return b"".join((
        SIGNATURE, chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")
    ))


async def show(platform: Platform, say: Callable[[str], Any]) -> list[str]:
    """Shuffle a picture as the organization ``demo``; the line that sends it from a terminal."""
    path = platform.settings.folder / PICTURE
    picture = await asyncio.to_thread(draw)
    await asyncio.to_thread(_keep, path, picture)
    say(_("Sending an image of {side} × {side} pixels ({size}) …", side=SIDE,
          size=size(len(picture), language())))
    async with platform.db.connection() as conn:
        organization_id = await platform.registry.organization_id(conn, "demo")
    seconds = await _shuffle(platform, organization_id, picture)
    return [
        _("Its blocks were shuffled in {time}, from the request to the end.",
          time=duration(seconds, language())),
        curl_line(platform, tasks.CONTENT_TYPE, "--data-binary @", path, "/randomize"),
    ]


def _keep(path: Path, picture: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(picture)


async def _shuffle(platform: Platform, organization_id: int, picture: bytes) -> float | None:
    """Ask for it and wait for its end; the lead time in seconds."""
    async def body() -> AsyncIterator[bytes]:
        yield picture

    check = Check(platform.settings.of(ImageSettings).max_pixels)
    check.feed(picture)
    upload = await uploads.receive(
        platform, uploads.Owner(organization_id), body(), filename=PICTURE,
        content_type=tasks.CONTENT_TYPE, limit_bytes=len(picture),
    )
    async with platform.db.transaction() as conn:
        job = await tasks.enqueue(conn, upload, check.finish(), requested_by="demo")
    return lead_seconds(await finished(platform, organization_id, job))
