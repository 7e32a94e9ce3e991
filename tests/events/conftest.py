"""A platform with events for a whole module, a partner's server, and organizations."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.support.events import Feeds, Partner, Shop, make_platform, partner, shop, syncing
from vazao.kit.platform import Platform

_numbers = count(100)


@pytest.fixture(scope="module")
async def busy(
    module_database: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Platform]:
    """A platform with a worker at work, for a whole module."""
    async with syncing(module_database, tmp_path_factory.mktemp("data")) as made:
        yield made


@pytest.fixture(scope="module")
def provider_server() -> Iterator[Partner]:
    """A partner's server for a whole module."""
    with partner() as made:
        yield made


@pytest.fixture
def feeds(busy: Platform, provider_server: Partner) -> Feeds:
    """A new organization on the module's platform."""
    return Feeds(busy, provider_server, next(_numbers))


@pytest.fixture
def platform_at_rest(database_url: str, data_dir: Path) -> Platform:
    """A platform that is not open."""
    return make_platform(database_url, data_dir)


@pytest.fixture(scope="module")
async def place(
    module_database: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Shop]:
    """The application with a worker at work and its models kept, for a whole module."""
    async with shop(module_database, tmp_path_factory.mktemp("data")) as made:
        yield made
