"""A platform with jobs and leads, alone or shared by a module, and tenants to import for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path

import httpx2
import pytest

from tests.support.leads import Tenant, make_platform, working
from tests.support.sites import Site, site
from vazao.kit.platform import Platform

_numbers = count(100)


@pytest.fixture
async def platform(database_url: str, data_dir: Path) -> AsyncIterator[Platform]:
    """A platform over the test's own database, without a worker."""
    made = make_platform(database_url, data_dir)
    await made.open()
    yield made
    await made.close()


@pytest.fixture(scope="module")
async def busy(
    module_database: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Platform]:
    """A platform with a worker at work, for a whole module; its slices are small."""
    made = make_platform(
        module_database, tmp_path_factory.mktemp("data"), leads_slice_rows=100
    )
    await made.open()
    async with working(made):
        yield made
    await made.close()


@pytest.fixture
def tenant(busy: Platform) -> Tenant:
    """An organization with an empty base, on the module's platform."""
    return Tenant(busy, next(_numbers))


@pytest.fixture
def other(busy: Platform) -> Tenant:
    """Another organization on the same platform."""
    return Tenant(busy, next(_numbers))


@pytest.fixture(scope="module")
async def place(
    module_database: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Site]:
    """The application with a worker at work, for a whole module; organizations come as needed."""
    async with site(module_database, tmp_path_factory.mktemp("data")) as made:
        yield made


@pytest.fixture
async def client(place: Site, tenant: Tenant) -> httpx2.AsyncClient:
    """A program with a token of *tenant*, which the module makes at its *place*."""
    return await place.api(tenant)


@pytest.fixture
async def browser(place: Site, tenant: Tenant) -> httpx2.AsyncClient:
    """A browser of somebody of *tenant*, without scripts."""
    return await place.browser(tenant)
