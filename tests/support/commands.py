"""The command line as a process."""

from __future__ import annotations

import logging as std_logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import structlog

from vazao.kit import cli
from vazao.kit.errors import NotFound
from vazao.kit.platform import Platform

SLUGS = {"acme": 1, "other": 2}


@contextmanager
def commanded(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Commands of this process act on *platform*, which knows the organizations ``SLUGS``."""

    async def resolve(conn: Any, slug: str) -> int:
        if slug not in SLUGS:
            raise NotFound("There is no organization {slug}.", slug=slug)
        return SLUGS[slug]

    platform.registry.resolve_organization = resolve
    monkeypatch.setenv("VAZAO_DATABASE_URL", platform.database_url)
    monkeypatch.setenv("VAZAO_SECRET", "x" * 32)
    monkeypatch.setenv("VAZAO_DATA_DIR", str(platform.settings.folder))
    monkeypatch.setattr(cli, "_registry", lambda: platform.registry)
    yield
    # The commands logged to the runner's own stderr, which is closed by then.
    structlog.reset_defaults()
    std_logging.getLogger().handlers[:] = []


def vazao(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command outside any configuration."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("VAZAO_")}
    return subprocess.run(
        [sys.executable, "-m", "vazao", *arguments], capture_output=True, text=True, check=False,
        env=clean | {"LC_ALL": "C.UTF-8"} | settings, timeout=60,
    )


def refused(*arguments: str, **settings: str) -> str:
    """What a command that fails says: one line on stderr, exit code 1."""
    done = vazao(*arguments, **settings)
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr
