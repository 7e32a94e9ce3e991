"""Loads the number kernel: compiled once when a worker starts, kept on disk, shared by all.

    python -m vazao.numbers.load FOLDER      compile it beforehand (an image's build)
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import subprocess
import sys
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from vazao.kit.logging import get

log = get("numbers")
COMPILE_SECONDS = 120
_SOURCES = ("kernel.py", "bits.py", "layout.py")


def cache_folder(data_folder: Path) -> Path:
    """Where compiled code of these very sources is kept: beside them, else in the data folder.

    ``NUMBA_CACHE_DIR`` wins over our choice.
    """
    if chosen := os.environ.get("NUMBA_CACHE_DIR"):
        return Path(chosen)
    here = Path(__file__).parent
    digest = hashlib.sha256(b"".join((here / name).read_bytes() for name in _SOURCES))
    beside = here / "__pycache__"
    base = beside if os.access(beside if beside.is_dir() else here, os.W_OK) else data_folder
    return base / f"kernel-{digest.hexdigest()[:12]}"


@cache
def load(data_folder: Path) -> Any:
    """The kernel's module; a call blocks some seconds if nothing is compiled yet."""
    return _bring(compiled(data_folder))


def compiled(data_folder: Path) -> Path:
    """Where the compiled code is, once it is there: seconds the first time on a host."""
    folder = cache_folder(data_folder)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _compile_apart(folder, data_folder)
    return folder


def _bring(folder: Path) -> Any:
    from numba import config

    vars(config)["CACHE_DIR"] = str(folder)
    return import_module("vazao.numbers.kernel")


def _compile_apart(folder: Path, data_folder: Path) -> None:
    """Let a child compile what is not compiled: its memory (100 MB) goes with it. One a host."""
    done = folder / "compiled"
    if done.exists():
        return
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if done.exists():
            return
        ended = subprocess.run(
            [sys.executable, "-m", "vazao.numbers.load", str(data_folder)],
            timeout=COMPILE_SECONDS, capture_output=True, text=True,
        )
        if ended.returncode == 0:
            done.touch()
        else:
            # The loading process compiles by itself, and says what is wrong.
            log.warning("the number kernel was not compiled apart", error=ended.stderr[-2000:])


async def prepare(data_folder: Path, *, load_now: bool) -> None:
    """See in a thread that the kernel is compiled, as a worker does when it starts.

    Args:
        load_now: whether to load it too. A failure is logged.
    """
    try:
        await asyncio.to_thread(load if load_now else compiled, data_folder)
    except Exception as error:
        log.error("the number kernel cannot be loaded", exc_info=error)


if __name__ == "__main__":
    chosen = cache_folder(Path(sys.argv[1]))
    chosen.mkdir(parents=True, exist_ok=True, mode=0o700)
    _bring(chosen)
