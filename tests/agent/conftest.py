"""What tests of the agent share: a hub, and each version of PostgreSQL as a source."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.hubs import hub, shared_hub
from tests.support.old_servers import MAJORS, Server, running_server

__all__ = ["hub", "server", "shared_hub"]


@pytest.fixture(scope="package", params=MAJORS, ids=lambda major: f"postgresql-{major}")
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """The server of each version; all that is tried on one comes before the next."""
    with running_server(request.param) as made:
        yield made
