"""The database is away for a while: clients wait, and go on where they were."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.servers import EXTRA, memory_folder
from tests.support.tus import TYPE, VERSION
from tests.support.tus_clients import (
    SIZE,
    Client,
    Web,
    assert_whole,
    said,
    until_some_is_recorded,
)
from vazao.kit.embedded.server import EmbeddedPostgres
from vazao.migrations import migrate

pytestmark = pytest.mark.anyio


@pytest.fixture
def database() -> Iterator[EmbeddedPostgres]:
    """A server of its own, which may be stopped."""
    folder = Path(tempfile.mkdtemp(prefix="vazao-test-", dir=memory_folder()))
    server = EmbeddedPostgres(folder, extra=EXTRA)
    migrate(server.start())
    yield server
    server.stop()
    shutil.rmtree(folder)


@pytest.fixture
async def web(database: EmbeddedPostgres, data_dir: Path) -> AsyncIterator[Web]:
    url = database.url()
    assert url is not None
    made = Web(url, data_dir)
    await made.start()
    yield made
    made.kill()


async def test_a_client_waits_and_goes_on_where_it_was(
    web: Web, database: EmbeddedPostgres, tmp_path: Path
) -> None:
    client = Client(web, tmp_path)
    process = client.start(standAt=SIZE // 2)
    assert process.stdout is not None
    while "standing" not in process.stdout.readline():
        assert process.poll() is None
    await until_some_is_recorded(web)
    database.stop()
    client.go.touch()
    heard: list[dict[str, Any]] = []
    while not heard or heard[-1].get("method") != "HEAD":
        heard.append(json.loads(process.stdout.readline()))
    assert heard[-1]["status"] == 423
    database.start()
    told = said(process)
    assert "POST" not in {each.get("method") for each in heard + told}
    asked = [each for each in told if each.get("method") == "HEAD" and each["status"] == 200]
    assert 0 < asked[-1]["offset"] < SIZE
    await assert_whole(web, client, told)


async def test_what_is_answered_while_the_database_is_away(
    web: Web, database: EmbeddedPostgres
) -> None:
    async with httpx2.AsyncClient(base_url=web.address, timeout=60) as client:
        begun = VERSION | {"Upload-Length": "9"}
        place = (await client.post("/files", headers=begun)).headers["location"]
        database.stop()
        asked = await client.head(place, headers=VERSION)
        assert (asked.status_code, asked.headers["retry-after"]) == (423, "5")
        override = VERSION | {"X-HTTP-Method-Override": "HEAD"}
        asked = await client.post(place, headers=override)
        assert (asked.status_code, asked.json()["error"]["code"]) == (423, "upload_unsure")
        for refused in (
            await client.post("/files", headers=begun),
            await client.patch(place, content=b"abc",
                               headers=VERSION | TYPE | {"Upload-Offset": "0"}),
        ):
            assert refused.status_code == 503
            assert refused.json()["error"]["code"] == "database_unavailable"
            assert refused.headers["tus-resumable"] == "1.0.0"
        database.start()
        assert (await client.head(place, headers=VERSION)).headers["upload-offset"] == "0"
