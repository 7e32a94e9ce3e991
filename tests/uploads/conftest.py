"""A platform whose files lie in small segments, and a client of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from tests.support.jobs import make_platform
from tests.support.tus import SEGMENT
from tests.support.web import serving
from vazao.kit.platform import Platform


@pytest.fixture
def platform(database_url: str, data_dir: Path) -> Platform:
    return make_platform(database_url, data_dir, upload_segment_bytes=SEGMENT)


@pytest.fixture
async def client(platform: Platform) -> AsyncIterator[httpx2.AsyncClient]:
    async with serving(platform) as made:
        yield made
