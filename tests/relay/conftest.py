"""A hub that the tests of a module share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.relay import Hub, running_hub


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    """A running hub; each test has lists and sites of its own."""
    with running_hub() as made:
        yield made
