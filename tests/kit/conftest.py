"""A data folder for tests that start the embedded server themselves."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.servers import memory_folder
from vazao.kit.embedded.server import EmbeddedPostgres


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that a system account can reach: pytest's own are closed to it."""
    path = Path(tempfile.mkdtemp(prefix="vazao-test-", dir=memory_folder()))
    yield path
    EmbeddedPostgres(path).stop()
    shutil.rmtree(path)
