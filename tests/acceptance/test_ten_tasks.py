"""A new user does ten things without the docs, on a phone and at a desk, in both languages."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.running import PASSWORD, Running, enter, running_platform
from tests.support.ten_tasks import TASKS, Visitor

pytestmark = pytest.mark.browser
PICTURES = os.environ.get("VAZAO_PICTURES")
LANGUAGES = {"en": "en-US", "pt_BR": "pt-BR"}


@pytest.fixture
def running() -> Iterator[Running]:
    with running_platform(VAZAO_WEB_PROCESSES="1") as made:
        made.vazao("accounts", "create-organization", "acme")
        made.vazao("accounts", "create-user", "maria", "--organization", "acme", "--role", "admin",
                   "--password-stdin", text=PASSWORD + "\n")
        yield made


@pytest.mark.parametrize("language", list(LANGUAGES))
@pytest.mark.parametrize("width", [390, 1366])
def test_ten_things_are_done(
    running: Running, browser: Any, tmp_path: Path, width: int, language: str
) -> None:
    context = browser.new_context(
        locale=LANGUAGES[language], viewport={"width": width, "height": 844 if width < 500 else 800}
    )
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(f"{running.address}/login")
    enter(page)
    page.wait_for_url("**/")
    at = Visitor(page, running.address, language, tmp_path, Path(PICTURES) if PICTURES else None)
    for task in TASKS:
        task(at)
    assert problems == []
    context.close()
