"""The demonstration of ``/randomize``, and the words of the root routes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.jobs import working
from vazao.images import demo
from vazao.images.png import Check
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
        lines = await demo.show(platform, said.append)
    assert "900 × 900" in said[0]
    assert "from the request to the end" in lines[0]
    assert "$TOKEN" in lines[1]
    picture = Path(lines[1].partition("--data-binary @")[2].split()[0])
    check = Check(1_000_000)
    check.feed(picture.read_bytes())
    assert check.finish().megapixels == 0.81
    platform.settings.public = True
    async with working(platform):
        assert "TOKEN" not in (await demo.show(platform, said.append))[1]
