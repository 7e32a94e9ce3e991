"""What generators of clients make of the reference works: types, and a client that is used."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.routes import application
from tests.support.running import Running
from tests.support.sources import ROOT
from vazao.kit.web import document

sys.path.insert(0, str(ROOT / "scripts" / "clients"))
import generate
import running as tools

pytestmark = [
    pytest.mark.external,
    pytest.mark.skipif(
        not tools.installed(), reason="the generators of clients are not installed: make clients"
    ),
]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The document as a file."""
    path = tmp_path_factory.mktemp("document") / "openapi.json"
    path.write_text(json.dumps(document.build(application())))
    return path


def test_types_in_typescript_are_made_without_a_warning(written: Path, tmp_path: Path) -> None:
    generate.typescript(written, tmp_path)
    made = (tmp_path / "api.d.ts").read_text()
    assert "WaitingJobView" in made


def test_a_warning_of_a_generator_is_a_failure(written: Path, tmp_path: Path) -> None:
    spoilt: dict[str, Any] = json.loads(written.read_text())
    spoilt["components"]["schemas"]["Me"]["properties"]["roles"] = {"type": "array"}
    (tmp_path / "openapi.json").write_text(json.dumps(spoilt))
    with pytest.raises(SystemExit, match="type array must have items"):
        generate.python_client(tmp_path / "openapi.json", tmp_path / "made")


def test_the_generated_client_does_a_day_s_work(
    platform_up: Running, written: Path, tmp_path: Path
) -> None:
    generate.python_client(written, tmp_path / "vazao_client")
    said = platform_up.vazao(
        "accounts", "create-token", "--organization", "acme", "--application", "journey",
        "--scope", "jobs:read", "--scope", "jobs:write", "--scope", "leads:read",
        "--scope", "leads:write",
    )
    done = subprocess.run(
        [tools.tool("python"), "-W", "error", str(tools.HERE / "journey.py"),
         platform_up.address],
        env=os.environ | {
            "PYTHONPATH": str(tmp_path), "VAZAO_TOKEN": said.strip().splitlines()[-1],
        },
        capture_output=True, text=True, check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all as the reference says" in done.stdout
