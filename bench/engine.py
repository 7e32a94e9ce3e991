"""An engine to measure: an embedded server with its defaults, workers as processes, one client."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import jobs_kinds
from platform_under_test import base_folder
from rights import widen
from vazao import jobs
from vazao import main as composition
from vazao.kit.embedded.server import EmbeddedPostgres
from vazao.kit.platform import Platform
from vazao.kit.settings import Settings

HERE = Path(__file__).resolve().parent


class Engine:
    """A migrated database, a platform to enqueue from, and the worker processes started here."""

    def __init__(self, folder: Path, server: EmbeddedPostgres, url: str) -> None:
        self.folder = folder
        self.server = server
        self.url = url
        registry = composition.registry()
        jobs_kinds.register(registry)
        settings = Settings(database_url=url, data_dir=folder, secret="x" * 32)
        self.platform = Platform(settings, url, registry, direct=True)
        self.workers: list[subprocess.Popen[bytes]] = []

    def start(self, which: str = "ours", concurrency: int = 4) -> subprocess.Popen[bytes]:
        """Start a worker process."""
        environment = os.environ | {
            "VAZAO_DATABASE_URL": self.url, "VAZAO_DATA_DIR": str(self.folder),
            "VAZAO_SECRET": "x" * 32, "VAZAO_WORKER_CONCURRENCY": str(concurrency),
            "VAZAO_LOG_LEVEL": "info",
        }
        log = (self.folder / "workers.log").open("ab")
        process = subprocess.Popen(
            [sys.executable, str(HERE / "jobs_kinds.py"), which, str(concurrency)],
            env=environment, stdout=log, stderr=log,
        )
        self.workers.append(process)
        return process

    def stop(self) -> None:
        """End the worker processes."""
        for process in self.workers:
            process.send_signal(signal.SIGTERM)
        for process in self.workers:
            process.wait(30)
        self.workers.clear()

    async def enqueue(self, kind: str, organization: int, count: int, **payload: Any) -> None:
        """Enqueue *count* jobs, a thousand a transaction."""
        cost = float(payload.get("seconds", 1.0))
        for start in range(0, count, 1000):
            async with self.platform.db.transaction() as conn:
                for _ in range(min(1000, count - start)):
                    await jobs.enqueue(
                        conn, kind, organization_id=organization, payload=payload, cost=cost
                    )

    async def one(self, query: str, *values: Any) -> tuple[Any, ...]:
        """The only row of a query."""
        async with self.platform.db.connection() as conn:
            row = await (await conn.execute(query.encode(), values)).fetchone()
        assert row is not None
        return row

    async def until(self, query: str, *values: Any, within: float = 300) -> None:
        """Wait until the query's only value is true."""
        deadline = time.monotonic() + within
        while not (await self.one(query, *values))[0]:
            if time.monotonic() > deadline:
                raise SystemExit(f"not reached in {within} s: {query}")
            await asyncio.sleep(0.05)


@asynccontextmanager
async def engine() -> AsyncIterator[Engine]:
    """An engine in a folder of its own, which goes afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="vazao-bench-", dir=base_folder()))
    server = EmbeddedPostgres(folder)
    url = server.start()
    widen(folder)
    try:
        subprocess.run(
            [sys.executable, "-m", "vazao", "migrate"], check=True, stdout=subprocess.DEVNULL,
            env=os.environ | {"VAZAO_DATABASE_URL": url, "VAZAO_DATA_DIR": str(folder)},
        )
        made = Engine(folder, server, url)
        await made.platform.open()
        try:
            yield made
        finally:
            made.stop()
            await made.platform.close()
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
