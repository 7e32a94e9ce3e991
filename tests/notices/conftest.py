"""A platform with the outbox for a module, a receiver, and an organization of each test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.support.notices import Outbox, delivering, outbox
from tests.support.receivers import Receiver, receiver
from vazao.notices import couriers, outcomes


@pytest.fixture(scope="module")
async def quiet(
    module_database: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Outbox]:
    """A platform of a whole module, without a worker."""
    async with outbox(module_database, tmp_path_factory.mktemp("data")) as made:
        yield made


@pytest.fixture(scope="module")
async def busy(quiet: Outbox) -> AsyncIterator[Outbox]:
    """The same with a worker."""
    async with delivering(quiet.platform):
        yield quiet


@pytest.fixture
async def organization(quiet: Outbox) -> int:
    """A new organization."""
    return await quiet.found_organization()


@pytest.fixture
async def takes() -> AsyncIterator[Receiver]:
    """A receiver that takes everything, until told otherwise."""
    async with receiver() as made:
        yield made


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits of a tenth, so that tests see what follows one."""
    monkeypatch.setattr(outcomes, "FIRST_SECONDS", 0.2)
    monkeypatch.setattr(outcomes, "YOUNG_SECONDS", 1.0)
    monkeypatch.setattr(couriers, "LOOK_SECONDS", 0.1)
