"""Every mode of the real clients, each against the real server: the file arrives whole."""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.tus_clients import MODES, Web, digest_of_stored, send

pytestmark = pytest.mark.anyio
SIZE = 6 << 20


@pytest.fixture(scope="module")
async def web(
    module_database: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Web]:
    # aiotus takes no relative address: the host is one that the operator named.
    made = Web(module_database, tmp_path_factory.mktemp("data"), hosts="127.0.0.1")
    await made.start()
    yield made
    made.kill()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("file") / "números.txt"
    made.write_bytes(os.urandom(SIZE + 7))
    return made


async def sent(
    web: Web, file: Path, folder: Path, client: str, mode: str
) -> list[dict[str, Any]]:
    told = send(client, mode, endpoint=f"{web.address}/files", file=file, folder=folder)
    assert "url" in told[-1], told
    stored = await digest_of_stored(web, told[-1]["url"])
    assert stored == hashlib.sha256(file.read_bytes()).hexdigest()
    return told


@pytest.mark.parametrize(("client", "mode"), [
    (client, mode) for client, modes in MODES.items() for mode in modes
])
async def test_a_file_arrives_whole(
    web: Web, file: Path, tmp_path: Path, client: str, mode: str
) -> None:
    told = await sent(web, file, tmp_path, client, mode)
    if "resumed" not in mode:
        return
    if client == "tuspy":
        assert told[1]["offset"] == told[0]["offset"] > 0
        return
    marks = [each.get("mark") for each in told]
    again = told[marks.index("again") :] if "again" in marks else told[-8:]
    assert "HEAD" in {each.get("method") for each in again}
