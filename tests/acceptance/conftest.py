"""The real platform as a process, and a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.line import Line, line_to
from tests.support.running import (
    CHROMIUM,
    FLAGS,
    PASSWORD,
    Running,
    free_port,
    running_platform,
)


@pytest.fixture(scope="package")
def platform_up() -> Iterator[Running]:
    """A platform with the organization ``acme`` and its admin ``maria``.

    It shows its metrics on a port of their own, too.
    """
    with running_platform(VAZAO_METRICS_PORT=str(free_port())) as running:
        running.vazao("accounts", "create-organization", "acme")
        running.vazao(
            "accounts", "create-user", "maria", "--organization", "acme", "--role", "admin",
            "--password-stdin", text=PASSWORD + "\n",
        )
        yield running


@pytest.fixture
def line(platform_up: Running) -> Iterator[Line]:
    """A line to the platform that a test may cut."""
    with line_to(platform_up.port) as made:
        yield made


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Debian's or another chromium, headless.

    No longer than a module's tests: its driver's event loop would stay in the way of others.
    """
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine: the browser test did not run")
    from playwright.sync_api import expect, sync_playwright

    # Only a page that never shows it fails; five seconds are little on a busy machine.
    expect.set_options(timeout=60_000)
    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()
