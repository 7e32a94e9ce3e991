"""A platform over the test's own database, with kinds of work made for tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.jobs import make_platform
from vazao.kit.platform import Platform


@pytest.fixture
async def platform(database_url: str, data_dir: Path) -> AsyncIterator[Platform]:
    made = make_platform(database_url, data_dir)
    await made.open()
    yield made
    await made.close()
