"""The demonstration of ``/randomize``, and the words of the root routes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.support.jobs import ask, working
from vazao.jobs.kinds import randomize_demo
from vazao.jobs.kinds.answers import status_of
from vazao.jobs.kinds.png import Check
from vazao.kit.platform import Platform

pytestmark = pytest.mark.anyio


async def organization(conn: Any, slug: str) -> int:
    return {"demo": 1}[slug]


async def test_the_demo_shuffles_a_picture_and_shows_the_line_that_sends_it(
    platform: Platform
) -> None:
    platform.registry.resolve_organization = organization
    said: list[str] = []
    async with working(platform):
        lines = await randomize_demo.show(platform, said.append)
    assert "900 × 900" in said[0]
    assert "from the request to the end" in lines[0]
    assert "$TOKEN" in lines[1]
    picture = Path(lines[1].partition("--data-binary @")[2].split()[0])
    check = Check(1_000_000)
    check.feed(picture.read_bytes())
    assert check.finish().megapixels == 0.81
    platform.settings.public = True
    async with working(platform):
        assert "TOKEN" not in (await randomize_demo.show(platform, said.append))[1]


@pytest.mark.parametrize(
    ("status", "word"),
    [("queued", "requested"), ("running", "received"), ("finished", "finished"),
     ("failed", "errored"), ("cancelled", "errored")],
)
async def test_old_clients_read_their_own_words(
    platform: Platform, status: str, word: str
) -> None:
    job = msgspec.structs.replace(await ask(platform, "test.echo"), status=status)
    job = msgspec.structs.replace(job, finished_at=job.requested_at if job.ended else None)
    said = status_of(job, "pt_BR")
    assert said["status"] == word
    assert ("lead_time_seconds" in said) == ("execution_time_seconds" in said) == job.ended
    assert ("error" in said) == (word == "errored")
    if status == "cancelled":
        assert said["error"]["message"] == "A tarefa foi cancelada."
