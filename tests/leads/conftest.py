"""A platform with jobs and leads over the test's own database, and a worker inside the test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.leads.helpers import make_platform
from vazao.kit.platform import Platform


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def platform(database_url: str, data_dir: Path) -> AsyncIterator[Platform]:
    made = make_platform(database_url, data_dir)
    await made.open()
    yield made
    await made.close()
