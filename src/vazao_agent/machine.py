"""The machine: when it started, which one it is, and how much room it has."""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shutil
import time
import uuid
from pathlib import Path


def booted_at() -> float:
    """When this machine started, seconds since the epoch by its own clock."""
    if os.name == "nt":
        milliseconds = ctypes.windll.kernel32.GetTickCount64()  # type: ignore[attr-defined]
        return time.time() - milliseconds / 1000
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)


def fingerprint() -> str:
    """The same for one machine, another one for another; says nothing else of it."""
    known = Path("/etc/machine-id")
    text = known.read_text().strip() if known.exists() else str(uuid.getnode())
    return hashlib.sha256(f"vazao-agent {text}".encode()).hexdigest()[:32]


def described() -> str:
    """Its system, for people: ``Linux x86_64, Python 3.11.2``."""
    return f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"


def free_bytes(folder: Path) -> int:
    """Room on the disk of *folder*."""
    return shutil.disk_usage(folder).free
