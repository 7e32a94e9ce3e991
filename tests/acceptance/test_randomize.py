"""The lines of an existing client of the image service, as it types them."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support import pngs
from tests.support.running import Running, running_platform
from tests.support.waiting import until

pytestmark = pytest.mark.external
NOISE = pngs.chunk(b"tEXt", b"noise\0" + bytes(i * 7919 % 256 for i in range(3_000_000)))


@pytest.fixture
def up(platform_up: Running) -> Running:
    if shutil.which("curl") is None:
        pytest.skip("no curl on this machine: an existing client's lines were not tried")
    return platform_up


def shell(line: str, folder: Path, code: int = 0) -> str:
    """What a line that a client types prints."""
    done = subprocess.run(line, shell=True, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return done.stdout


def test_the_three_lines_of_an_existing_client(up: Running, tmp_path: Path) -> None:
    rows = pngs.pixels(200, 190, 8, 6)
    # Over a megabyte, so that curl asks first whether it may send (Expect: 100-continue).
    (tmp_path / "cat.png").write_bytes(pngs.write(rows, 8, 6, extra=NOISE))
    said = shell(
        f"curl -H 'Content-Type: image/png' --data-binary @./cat.png {up.address}/randomize",
        tmp_path,
    )
    (token,) = json.loads(said).values()

    def ended() -> dict[str, Any] | None:
        status = json.loads(shell(f"curl {up.address}/randomize/{token}/status", tmp_path))
        return None if status["status"] in ("requested", "received") else status

    assert until(ended)["status"] == "finished"
    shell(f"curl {up.address}/randomize/{token}/result > out.png", tmp_path)
    shape, shuffled, _ = pngs.read((tmp_path / "out.png").read_bytes())
    assert shape == (200, 190, 8, 6)
    assert shuffled != rows
    assert Counter(p for row in shuffled for p in row) == Counter(p for row in rows for p in row)


@pytest.mark.parametrize("megabytes", [0, 3, 24, 60])
@pytest.mark.parametrize("kind", ["image/jpeg", "image/png"])
def test_a_refusal_reaches_a_client_that_is_still_sending(
    up: Running, tmp_path: Path, megabytes: int, kind: str
) -> None:
    (tmp_path / "cat.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(megabytes << 20))
    for expect in ("", "-H 'Expect:' "):
        said = shell(
            f"curl -s -w '%{{http_code}}' -H 'Content-Type: {kind}' {expect}"
            f"--data-binary @./cat.jpg {up.address}/randomize", tmp_path,
        )
        assert said.endswith("400")
        assert "error" in json.loads(said[:-3])
    answer = httpx2.post(
        f"{up.address}/randomize", content=(tmp_path / "cat.jpg").read_bytes(),
        headers={"Content-Type": kind}, timeout=20,
    )
    assert answer.status_code == 400


def test_where_the_public_is_not_served_a_token_is_needed(tmp_path: Path) -> None:
    (tmp_path / "cat.png").write_bytes(pngs.write(pngs.pixels(9, 9, 8, 2), 8, 2))
    with running_platform(VAZAO_PUBLIC="0") as running:
        line = (f"curl -s -w '%{{http_code}}' -H 'Content-Type: image/png' "
                f"--data-binary @./cat.png {running.address}/randomize")
        assert shell(line, tmp_path).endswith("401")
        running.vazao("accounts", "create-organization", "acme")
        token = running.vazao(
            "accounts", "create-token", "--organization", "acme", "--application", "cats",
            "--scope", "jobs:write",
        ).splitlines()[-1]
        pair = f" -H 'application: cats' -H 'api-token: {token}'"
        assert shell(line + pair, tmp_path).endswith("201")
