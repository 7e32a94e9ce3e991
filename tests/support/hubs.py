"""A hub that the tests of a package share; each test has an organization of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.relay import Hub, running_hub


@pytest.fixture(scope="package")
def shared_hub() -> Iterator[Hub]:
    """A running hub."""
    with running_hub() as made:
        yield made


@pytest.fixture
def hub(shared_hub: Hub) -> Hub:
    """The same for a new organization: sites run the lists of one test alone."""
    return shared_hub.of_new_organization()
