"""The real platform as a process, signed in to by a real browser."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from tests.support.forked import command
from tests.support.servers import memory_folder
from tests.support.waiting import until

CHROMIUM = next(
    (p for n in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(n))), None
)

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
         "--disable-background-networking", "--disable-component-update"]

PASSWORD = "um segredo bem comprido"


@dataclass
class Running:
    """``vazao up`` on a port of its own."""

    process: subprocess.Popen[bytes]
    folder: Path
    port: int
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """Where its web listens."""
        return f"http://127.0.0.1:{self.port}"

    def vazao(self, *arguments: str, text: str | None = None, code: int | None = 0) -> str:
        """Run a command; its standard output (and the errors, where it fails)."""
        ended, said, wrong = command("vazao", arguments, self.environment, text)
        assert code is None or ended == code, said + wrong
        return said if ended == 0 else said + wrong


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ready(running: Running, within: float = 60) -> None:
    """Wait until ``/readyz`` says 200."""
    def look() -> bool:
        assert running.process.poll() is None, (running.folder / "up.log").read_text()
        return answers(running, "/readyz")

    until(look, within)


def answers(running: Running, path: str) -> bool:
    """Whether *path* is answered with 200 now."""
    connection = HTTPConnection("127.0.0.1", running.port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


@contextmanager
def running_platform(folder: Path | None = None, **settings: str) -> Iterator[Running]:
    """``vazao up`` in a folder of its own until the block ends."""
    made = folder or Path(tempfile.mkdtemp(prefix="vazao-test-", dir=memory_folder()))
    port = free_port()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("VAZAO_")} | {
        "VAZAO_DATA_DIR": str(made), "VAZAO_PORT": str(port), "VAZAO_LOG_LEVEL": "warning",
        "LC_ALL": "C.UTF-8", **settings,
    }
    with (made / "up.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "vazao", "up"], env=environment, stdout=log, stderr=log
        )
    running = Running(process, made, port, environment)
    try:
        ready(running)
        yield running
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        if folder is None:
            shutil.rmtree(made, ignore_errors=True)


def sign_in(page: Any, running: Running, address: str | None = None) -> None:
    """Sign maria in, at the platform's address unless told."""
    page.goto(f"{address or running.address}/login")
    enter(page)
    page.wait_for_url(re.compile(r".*/$"))


def enter(page: Any, username: str = "maria") -> None:
    """Fill in the sign-in page, and send it."""
    page.fill("input[name=username]", username)
    page.fill("input[name=password]", PASSWORD)
    page.click("main button[type=submit]")


def throttle(page: Any, bytes_per_second: int) -> None:
    """Let the browser send so much a second; -1 for all it can."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", {
        "offline": False, "latency": 0, "downloadThroughput": -1,
        "uploadThroughput": bytes_per_second,
    })
