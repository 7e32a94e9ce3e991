"""A platform over the test's own database, with kinds of work made for tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from tests.support.jobs import make_platform
from tests.support.people import People
from vazao.kit.platform import Platform


@pytest.fixture
async def platform(database_url: str, data_dir: Path) -> AsyncIterator[Platform]:
    made = make_platform(database_url, data_dir)
    await made.open()
    yield made
    await made.close()


@pytest.fixture
async def people(database_url: str, data_dir: Path) -> AsyncIterator[People]:
    made = People(make_platform(database_url, data_dir))
    await made.platform.open()
    yield made
    await made.close()
    await made.platform.close()


@pytest.fixture
async def organization(people: People) -> int:
    return await people.found_organization()


@pytest.fixture
async def browser(people: People, organization: int) -> httpx2.AsyncClient:
    return await people.signed_in(organization)
