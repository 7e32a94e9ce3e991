"""A pytest plugin for ``scripts/mutants.py``: which test reaches which line of a few files.

Threads and tasks of a test count as its own; processes that it starts do not.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from coverage import Coverage


class Tracing:
    """Coverage with a context for each test."""

    def __init__(self, files: list[str], folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.coverage = Coverage(
            data_file=str(folder / f"{os.getpid()}"), include=files, config_file=False,
            messages=False,
        )
        self.coverage.set_option("run:disable_warnings", ["no-data-collected"])
        self.coverage.start()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """What runs from now on is this test's."""
        self.coverage.switch_context(item.nodeid)

    def pytest_sessionfinish(self) -> None:
        """Write what was seen."""
        self.coverage.stop()
        self.coverage.save()


def pytest_configure(config: pytest.Config) -> None:
    """Trace where tests run."""
    if hasattr(config, "workerinput") or not config.getoption("numprocesses", None):
        files = os.environ["VAZAO_TRACE"].split("\n")
        traced = Tracing(files, Path(os.environ["VAZAO_TRACE_FOLDER"]))
        config.pluginmanager.register(traced, "vazao-tracing")
