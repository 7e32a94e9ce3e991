"""The real client, tus-js-client, against the real server; either is killed in the middle."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.tus_clients import (
    SEGMENT,
    SIZE,
    Client,
    Web,
    assert_whole,
    said,
    until_some_is_recorded,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
async def web(database_url: str, data_dir: Path) -> AsyncIterator[Web]:
    made = Web(database_url, data_dir)
    await made.start()
    yield made
    made.kill()


@pytest.fixture
def client(web: Web, tmp_path: Path) -> Client:
    return Client(web, tmp_path)


@pytest.mark.parametrize(
    "how", [{}, {"chunkSize": 3 << 20}, {"chunkSize": 3 << 20, "duringCreation": True}]
)
async def test_a_file_arrives(web: Web, client: Client, how: dict[str, Any]) -> None:
    await assert_whole(web, client, client.run(**how))


async def test_the_client_is_killed_and_goes_on_where_it_was(web: Web, client: Client) -> None:
    killed = client.start(dieAt=SIZE // 2, chunkSize=SIZE // 4)
    first = said(killed)
    assert killed.returncode == -9
    assert first[0] == {"previous": 0}
    told = client.run()
    assert told[0] == {"previous": 1}
    asked = [t for t in told if t.get("method") == "HEAD"]
    assert 0 < asked[-1]["offset"] < SIZE
    assert not [t for t in told if t.get("method") == "POST"]
    await assert_whole(web, client, told)


async def test_the_server_is_killed_and_the_client_goes_on(web: Web, client: Client) -> None:
    process = client.start(standAt=SIZE // 2)
    assert process.stdout is not None
    while "standing" not in process.stdout.readline():
        assert process.poll() is None
    await until_some_is_recorded(web)
    web.kill()
    await web.start()
    client.go.touch()
    told = said(process)
    asked = [t for t in told if t.get("method") == "HEAD" and t["status"] == 200]
    assert SEGMENT < asked[-1]["offset"] < SIZE
    assert asked[-1]["offset"] % SEGMENT == 0
    await assert_whole(web, client, told)


async def test_the_client_may_end_its_upload(web: Web, client: Client) -> None:
    told = client.run(thenEnd=True)
    assert told[-1] == {"ended": True}
    folder = web.settings["data_dir"] / "blobs"
    assert [p for p in folder.rglob("*") if p.is_file()] == []
