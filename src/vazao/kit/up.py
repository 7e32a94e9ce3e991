"""``vazao up``: the whole platform on one machine, from one process that watches over the others.

Order of start: the data folder's lock, the port, the database, migrations, workers and web.
Order of end: web, workers, database. Killed with -9, its children die with it and the database
stays; the next ``up`` adopts it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psycopg

from vazao.kit import processes, serving
from vazao.kit.cancelling import end_all
from vazao.kit.cli import language
from vazao.kit.db import check_server
from vazao.kit.errors import Unavailable, VazaoError
from vazao.kit.logging import get
from vazao.kit.platform import check_settings
from vazao.kit.readiness import EXPECT_WORKERS
from vazao.kit.settings import Settings
from vazao.kit.steps import Steps
from vazao.kit.steps import text as _
from vazao.kit.supervisor import Child, Supervisor, ours, start_workers

READY_SECONDS = 60.0
WATCH_SECONDS = 1.0
FAILURES = 4
log = get("up")

Migrate = Callable[[str], tuple[str | None, str]]


class Stopped(Exception):
    """Somebody asked us to stop while we were still starting."""


class Up:
    """One run of ``vazao up``.

    Args:
        settings: the configuration.
        migrate: brings the database at a URL to the newest revision.
        demo: whether to run ``vazao demo`` once everything is up.
    """

    def __init__(self, settings: Settings, migrate: Migrate, *, demo: bool = False) -> None:
        self.settings = settings
        self.address = serving.address_of(settings)
        self._migrate = migrate
        self._demo = demo
        self._steps = Steps()
        self._stop = asyncio.Event()
        self._presses = 0
        self._server: Any = None
        self._tasks: list[asyncio.Task[None]] = []
        self._supervisor = Supervisor({EXPECT_WORKERS: "1"})

    async def run(self) -> None:
        """Start everything, stay until told to stop, stop everything.

        Raises:
            VazaoError: something could not be started; whatever was is stopped again.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._interrupted)
        processes.prepare_folder(self.settings.folder)
        check_settings(self.settings)
        lock = processes.claim_folder(self.settings.folder, self.address)
        try:
            with serving.reserve(self.settings.host, self.settings.port), suppress(Stopped):
                await self._start()
                await self._stop.wait()
        finally:
            await self._end()
            os.close(lock)

    def _interrupted(self) -> None:
        self._presses += 1
        self._stop.set()
        if self._presses == 2:
            self._supervisor.hurry.set()
        elif self._presses > 2:
            os._exit(1)

    async def _start(self) -> None:
        url = await self._start_database()
        with self._step(_("Migrations")):
            await asyncio.to_thread(self._migrate, url)
        processes.share_metrics(self.settings.folder, alone=True)
        if self.settings.metrics_port is not None:
            processes.serve_metrics(self.settings.metrics_port)
        with self._step(_("Web and workers")) as wait:
            await self._start_children()
            await self._until_ready(wait)
        self._steps.say()
        self._steps.say(_("Vazão is running: {address}", address=self.address))
        if self._demo:
            self._tasks.append(asyncio.create_task(self._run_demo(), name="demo"))
        else:
            self._steps.say(_("Ctrl-C stops it."))

    def _step(self, name: str) -> Any:
        if self._stop.is_set():
            raise Stopped
        return self._steps.step(name)

    async def _start_database(self) -> str:
        with self._step(_("Database")) as wait:
            if self.settings.direct_url is not None:
                await asyncio.to_thread(check_server, self.settings.direct_url)
                return self.settings.direct_url
            from vazao.kit.embedded.server import EmbeddedPostgres

            self._server = EmbeddedPostgres(self.settings.folder)

            def tell(waited_for: str, seconds: float) -> None:
                wait(f"{_(waited_for)} ({seconds:.0f} s)")

            url: str = await asyncio.to_thread(self._server.start, tell)
        self._tasks.append(asyncio.create_task(self._watch_database(), name="database"))
        return url

    async def _watch_database(self) -> None:
        """Bring the embedded database back whenever it is gone."""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            try:
                if await asyncio.to_thread(self._server.url) is None:
                    log.warning("the database is gone; it is started again")
                    await asyncio.to_thread(self._server.start)
            except (VazaoError, psycopg.Error) as error:
                log.error("the database cannot be started", reason=str(error))

    async def _start_children(self) -> None:
        """Web first, since it is also the first to be stopped."""
        await self._supervisor.start(
            Child("web", ours("web"), grace_seconds=serving.STOP_SECONDS + 3.0)
        )
        await start_workers(self._supervisor, self.settings)

    async def _until_ready(self, wait: Callable[[str], None]) -> None:
        """Return once ``/readyz`` says so.

        Raises:
            Unavailable: it did not in a minute, or a child keeps ending.
        """
        loop = asyncio.get_running_loop()
        deadline, said = loop.time() + READY_SECONDS, loop.time() + 5
        while True:
            if self._stop.is_set():
                raise Stopped
            status, body = await ask(self.address, "/readyz")
            if status == 200:
                return
            broken = [c.name for c in self._supervisor.children if c.failures >= FAILURES]
            if broken or loop.time() > deadline:
                raise Unavailable(
                    "The platform did not become ready: {reason}.",
                    remedy="See the messages above. vazao doctor checks the rest.",
                    reason=_("{name} keeps stopping", name=broken[0]) if broken
                    else body or _("no answer"),
                )
            if loop.time() > said:
                wait(body or _("waiting for the web server"))
                said += 5
            await asyncio.sleep(0.05)

    async def _run_demo(self) -> None:
        process = await asyncio.create_subprocess_exec(
            *ours("demo"), stdin=asyncio.subprocess.DEVNULL, start_new_session=True
        )
        try:
            if await process.wait() == 0:
                self._steps.say(_("Vazão keeps running. Ctrl-C stops it."))
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGTERM)
                await process.wait()

    async def _end(self) -> None:
        """Stop in order; a failure of one step does not keep the next from being tried."""
        began = bool(self._supervisor.children or self._server)
        await end_all(self._tasks)
        if began and sys.exc_info()[0] is None:
            self._steps.say(_("Stopping. Press Ctrl-C again to stop at once."))
        try:
            await self._supervisor.stop()
        finally:
            if self._server is not None:
                await asyncio.to_thread(self._server.stop)


async def ask(address: str, path: str) -> tuple[int, str]:
    """Ask our own web server for *path*: the status (0 without an answer) and what it said."""
    host, _, port = address.removeprefix("http://").rpartition(":")
    try:
        async with asyncio.timeout(3):
            reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
            writer.write(
                f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n"
                f"Accept-Language: {language().replace('_', '-')}\r\n\r\n".encode()
            )
            answer = (await reader.read(65_536)).decode(errors="replace")
            writer.close()
    except (OSError, TimeoutError, socket.gaierror):
        return 0, ""
    head, _, body = answer.partition("\r\n\r\n")
    words = head.split(maxsplit=2)
    return (int(words[1]) if len(words) > 1 and words[1].isdigit() else 0), _told(body)


def _told(body: str) -> str:
    start, end = body.find('"message":"'), body.find('","details"')
    return body[start + 11 : end] if 0 <= start < end else ""
