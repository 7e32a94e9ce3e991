"""A pytest plugin: with ``VAZAO_REQUIRE_ALL=1`` a skipped test is a failed one.

What a machine lacks (a browser, say) skips a test there, loudly; where everything was installed
beforehand, a skip means that something is broken.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """The one process that starts the others makes the folder that all of them share."""
    if hasattr(config, "workerinput") or os.environ.get("VAZAO_TEST_DATABASE_URL"):
        return
    from tests.support import servers

    if servers.FOLDER not in os.environ:
        name = servers.make_folder()
        config.add_cleanup(lambda: servers.remove_folder(name))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, pytest.TestReport]:
    """Turn a test's skip into its failure where everything is required."""
    report: pytest.TestReport = yield
    return _required(report)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, Any, pytest.CollectReport]:
    """Turn a whole module's skip into a failure where everything is required."""
    report: pytest.CollectReport = yield
    return _required(report)


def _required(report: Any) -> Any:
    wanted = os.environ.get("VAZAO_REQUIRE_ALL") == "1"
    if wanted and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"VAZAO_REQUIRE_ALL=1, and this was skipped: {reason}"
    return report
