"""The agent as a service: systemd on Linux; Task Scheduler on Windows, which is untested."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

from vazao_agent.errors import AgentError

UNIT = Path("/etc/systemd/system/vazao-agent.service")
TEMPLATE = """[Unit]
Description=Vazao agent: transmits lists of a database to a hub
After=network-online.target
Wants=network-online.target

[Service]
ExecStart={command}
Restart=always
RestartSec=10
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=yes
CapabilityBoundingSet=
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
ReadWritePaths={folder}
MemoryMax=200M
Nice=10

[Install]
WantedBy=multi-user.target
"""
TASK = "VazaoAgent"


def start() -> list[str]:
    """How this very program is started."""
    if getattr(sys, "frozen", False):
        return [sys.executable]
    if sys.argv[0].endswith(".pyz"):
        return [sys.executable, str(Path(sys.argv[0]).resolve())]
    return [sys.executable, "-m", "vazao_agent"]


def command(folder: Path) -> list[str]:
    """How this very agent is started as a service."""
    return [*start(), "run", "--state", str(folder.resolve())]


def unit(folder: Path) -> str:
    """The unit of systemd."""
    return TEMPLATE.format(command=shlex.join(command(folder)), folder=folder.resolve())


def install(folder: Path) -> str:
    """Start the agent now and with the machine; what was done.

    Raises:
        AgentError: this user may not, or the system has neither.
    """
    if os.name == "nt":
        _run("schtasks", "/Create", "/F", "/SC", "ONSTART", "/RU", "SYSTEM", "/TN", TASK, "/TR",
             subprocess.list2cmdline(command(folder)))
        _run("schtasks", "/Run", "/TN", TASK)
        return TASK
    try:
        UNIT.write_text(unit(folder))
    except OSError as error:
        raise AgentError("agent_error", f"{UNIT} cannot be written: {error.strerror}.") from error
    _run("systemctl", "daemon-reload")
    _run("systemctl", "enable", "--now", UNIT.name)
    return str(UNIT)


def uninstall() -> None:
    """Stop the agent, now and with the machine."""
    if os.name == "nt":
        _run("schtasks", "/End", "/TN", TASK)
        _run("schtasks", "/Delete", "/F", "/TN", TASK)
        return
    _run("systemctl", "disable", "--now", UNIT.name)
    UNIT.unlink(missing_ok=True)
    _run("systemctl", "daemon-reload")


def _run(*words: str) -> None:
    try:
        subprocess.run(words, check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise AgentError("agent_error", f"This machine has no {words[0]}.") from error
    except subprocess.CalledProcessError as error:
        said = (error.stderr or error.stdout or "").strip()
        raise AgentError("agent_error", f"{words[0]} failed: {said}") from error
