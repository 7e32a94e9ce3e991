"""The demonstration of ``/sum-even``: a file of numbers is summed while it comes in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from vazao import uploads
from vazao.jobs import Job, curl_line, finished, lead_seconds
from vazao.kit.cli import language
from vazao.kit.formats import duration, number, size
from vazao.kit.platform import Platform
from vazao.kit.steps import text as _
from vazao.numbers.arriving import Arriving
from vazao.numbers.ranges import after_separator
from vazao.numbers.settings import NumberSettings

NUMBERS = 200_000
TIMES = 50
FILE = "numbers.txt"


def body(platform: Platform) -> str:
    """What ``curl`` sends to ``/sum-even``."""
    return "-H 'Content-Type: text/plain' --data-binary $'2\\n3\\n4\\n'"


def write_numbers(path: Path) -> None:
    """A text file of ten million numbers, about 75 MB."""
    block = "\n".join(str(n * 7919 % 10_000_019) for n in range(NUMBERS)) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        for _again in range(TIMES):
            file.write(block)


async def show(platform: Platform, say: Callable[[str], Any]) -> list[str]:
    """Sum a file as the organization ``demo``; the line that sends it from a terminal."""
    path = platform.settings.folder / FILE
    await asyncio.to_thread(write_numbers, path)
    say(_("Sending a file of {count} numbers ({size}) …",
          count=number(NUMBERS * TIMES, language()), size=size(path.stat().st_size, language())))
    async with platform.db.connection() as conn:
        organization_id = await platform.registry.organization_id(conn, "demo")
    job = await _sum(platform, organization_id, path)
    return [
        _("{count} even numbers add up to {sum}, {time} after the first byte.",
          count=number(job.result["count"], language()), sum=job.result["sum"],
          time=duration(lead_seconds(job), language())),
        curl_line(platform, "text/plain", "-X POST -T ", path, "/sum-even"),
    ]


async def _sum(platform: Platform, organization_id: int, path: Path) -> Job:
    async def body() -> AsyncIterator[bytes]:
        with path.open("rb") as file:
            while block := await asyncio.to_thread(file.read, 1 << 20):
                yield block

    follower = Arriving(organization_id, requested_by="demo")
    await uploads.receive(
        platform, uploads.Owner(organization_id), body(), filename=FILE,
        content_type="text/plain", limit_bytes=platform.settings.of(NumberSettings).max_bytes,
        boundary=after_separator, follower=follower,
    )
    assert follower.job is not None
    return await finished(platform, organization_id, follower.job)
