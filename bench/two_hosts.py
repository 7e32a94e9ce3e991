"""Two worker hosts on one machine: network and process namespaces behind a bridge."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit, urlunsplit

HERE = Path(__file__).resolve().parent


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


class Host:
    """A host: its own network, host name and process ids; its cable is plugged into the bridge.

    Args:
        name: host name, namespace and cable; at most 13 characters.
        address: IPv4 address in the bridge's network of 256.
    """

    def __init__(self, name: str, address: str) -> None:
        self.name = name
        self.address = address
        self.processes: list[subprocess.Popen[bytes]] = []
        self.log: IO[bytes] | None = None

    def make(self, bridge: str) -> None:
        """Make its network and plug it in."""
        _ip("netns", "add", self.name)
        _ip("link", "add", f"{self.name}-o", "type", "veth", "peer", "name", "eth0",
            "netns", self.name)
        _ip("link", "set", f"{self.name}-o", "master", bridge, "up")
        _ip("-n", self.name, "address", "add", f"{self.address}/24", "dev", "eth0")
        _ip("-n", self.name, "link", "set", "lo", "up")
        _ip("-n", self.name, "link", "set", "eth0", "up")

    def cut(self) -> None:
        """Pull the cable: nothing comes through, and nobody is told."""
        _ip("link", "set", f"{self.name}-o", "down")

    def mend(self) -> None:
        """Plug the cable in again."""
        _ip("link", "set", f"{self.name}-o", "up")

    def work(self, url: str, folder: Path) -> None:
        """Start a worker process with four slots against the database behind *url*."""
        folder.mkdir()
        environment = os.environ | {
            "VAZAO_DATABASE_URL": url, "VAZAO_DATA_DIR": str(folder), "VAZAO_SECRET": "x" * 32,
            "VAZAO_WORKER_CONCURRENCY": "4", "VAZAO_LOG_LEVEL": "info",
        }
        self.log = (folder / "worker.log").open("ab")
        self.processes.append(subprocess.Popen(
            ["ip", "netns", "exec", self.name, "unshare", "--uts", "--pid", "--fork",
             "--mount-proc", "--kill-child", "sh", "-c",
             'hostname "$1" && shift && exec "$@"', "sh", self.name,
             sys.executable, str(HERE / "jobs_kinds.py"), "ours", "4"],
            env=environment, stdout=self.log, stderr=self.log,
        ))

    def remove(self) -> None:
        """Take it away: its processes and its network."""
        self.end()
        subprocess.run(["ip", "netns", "delete", self.name], check=False)

    def end(self) -> None:
        """End its processes."""
        for process in self.processes:
            process.kill()
            process.wait()
        self.processes.clear()
        if self.log is not None:
            self.log.close()


@contextmanager
def network() -> Iterator[tuple[str, list[Host]]]:
    """A bridge's address on this machine and two hosts behind it, gone afterwards.

    Needs root and ``ip`` of iproute2.
    """
    mark, net = secrets.token_hex(3), f"10.{secrets.randbelow(200) + 20}.{secrets.randbelow(256)}"
    bridge = f"vz{mark}"
    hosts = [Host(f"vz{mark}{letter}", f"{net}.{number}")
             for number, letter in enumerate("ab", start=2)]
    try:
        _ip("link", "add", bridge, "type", "bridge")
        _ip("address", "add", f"{net}.1/24", "dev", bridge)
        _ip("link", "set", bridge, "up")
        for host in hosts:
            host.make(bridge)
        yield f"{net}.1", hosts
    finally:
        for host in hosts:
            host.remove()
        subprocess.run(["ip", "link", "delete", bridge], check=False)


def listening(folder: Path, address: str) -> dict[str, str]:
    """Settings of an embedded server that also serves the network of *address*, by password."""
    rules = folder / "pg_hba.conf"
    rules.write_text(
        "host all all 127.0.0.1/32 scram-sha-256\n"
        f"host all vazao {address.rpartition('.')[0]}.0/24 scram-sha-256\n"
    )
    rules.chmod(0o644)
    return {"listen_addresses": f"127.0.0.1,{address}", "hba_file": str(rules)}


def seen_from(url: str, address: str) -> str:
    """The database's address as the hosts see it."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[0] + f"@{address}:{parts.port}"
    return urlunsplit(parts._replace(netloc=place))
