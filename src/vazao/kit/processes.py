"""What every process of ours does first: live and die with its parent, add up metrics, take files.

A host's processes hang together by three things: a child ends when its supervisor does, however
that ends; all write their metrics into one folder; and one lock a data folder says who is up.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import stat
import sys
import threading
import time
from pathlib import Path
from typing import Any

from vazao.kit import metric_files
from vazao.kit.errors import ConfigurationError, StorageFull, VazaoError, no_room

PR_SET_PDEATHSIG = 1
METRICS = "PROMETHEUS_MULTIPROC_DIR"


def die_with_parent(parent: int | None = None) -> None:
    """End this process when its parent ends, even by SIGKILL.

    Linux tells us by a signal; elsewhere a thread looks once a second.

    Args:
        parent: the process that started us, in case it is already gone.
    """
    expected = os.getppid() if parent is None else parent
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    else:
        threading.Thread(target=_watch_parent, args=[expected], daemon=True).start()
    # It may have died before we asked to be told.
    if os.getppid() != expected:
        os._exit(1)


def _watch_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def raise_file_limit() -> None:
    """Let this process open as many files and connections as the system allows it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65_536 if hard == resource.RLIM_INFINITY else hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def prepare_folder(folder: Path) -> None:
    """Make the data folder, and see that it can be written.

    Raises:
        ConfigurationError: it cannot.
        StorageFull: the disk is full.
    """
    probe = folder / f".probe-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _close_to_others(folder)
        probe.write_bytes(b"\0" * 4096)
        probe.unlink()
    except OSError as error:
        probe.unlink(missing_ok=True) if folder.is_dir() else None
        raise unusable(folder, error) from error


def _close_to_others(folder: Path) -> None:
    """Nobody else reads what lies in the data folder; its group, that of the database's account,
    may pass through.
    """
    status = folder.stat()
    mode = stat.S_IMODE(status.st_mode)
    ours = status.st_uid == os.geteuid() and folder not in (Path.home(), Path("/"))
    if ours and mode & 0o067:
        folder.chmod(mode & 0o7710)


def unusable(folder: Path, error: OSError) -> VazaoError:
    """The sentence for a data folder that the system refuses with *error*."""
    if no_room(error):
        return StorageFull(
            "There is no space left in {folder}.",
            remedy="Free some space there, or name another folder in VAZAO_DATA_DIR.",
            folder=str(folder),
        )
    return ConfigurationError(
        "The data folder {folder} cannot be used: {reason}.",
        remedy="Set VAZAO_DATA_DIR to a folder that this user may write.",
        folder=str(folder), reason=error.strerror or str(error),
    )


def claim_folder(folder: Path, address: str) -> int:
    """Be the one ``vazao up`` of *folder*; returns the lock, held until this process ends.

    Raises:
        ConfigurationError: another one is up; the message says where it answers.
    """
    from vazao.kit.files import try_lock

    file = folder / "up.lock"
    try:
        lock = try_lock(file)
    except OSError as error:
        raise unusable(folder, error) from error
    if lock is None:
        other = who_is_up(folder)
        raise ConfigurationError(
            "Vazão is already running with the data folder {folder} (process {pid}, {address}).",
            remedy="Use that one, stop it with Ctrl-C, or set another folder in VAZAO_DATA_DIR and "
            "another port in VAZAO_PORT.",
            folder=str(folder), pid=other.get("pid", "?"), address=other.get("address", "?"),
        )
    os.ftruncate(lock, 0)
    os.write(lock, json.dumps({"pid": os.getpid(), "address": address}).encode())
    return lock


def who_is_up(folder: Path) -> dict[str, Any]:
    """What the last ``vazao up`` of *folder* wrote about itself; empty if unreadable."""
    try:
        return json.loads((folder / "up.lock").read_text())
    except (OSError, ValueError):
        return {}


def share_metrics(folder: Path, *, alone: bool) -> Path:
    """Let this process and its children write metrics below *folder*; returns where.

    Must come before the first import of the metrics library. What is left of a run before is
    removed, everything if *alone*.

    Raises:
        ConfigurationError: the folder cannot be written.
    """
    place = folder / "metrics"
    try:
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        metric_files.begin(place, alone=alone)
    except OSError as error:
        raise unusable(folder, error) from error
    os.environ[METRICS] = str(place)
    return place


def serve_metrics(port: int) -> None:
    """Answer ``/metrics`` on *port*, from a thread, with the sum of this host's processes.

    Raises:
        ConfigurationError: the port is taken.
    """
    from prometheus_client import start_http_server

    from vazao.kit import metrics

    try:
        start_http_server(port, registry=metrics.of_all_processes())
    except OSError as error:
        raise ConfigurationError(
            "Port {port} cannot be used for metrics: {reason}.",
            remedy="Choose another port in VAZAO_METRICS_PORT.", port=port, reason=error.strerror,
        ) from error
