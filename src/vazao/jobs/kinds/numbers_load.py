"""Loads the number kernel: compiled once when a worker starts, kept on disk, shared by all."""

from __future__ import annotations

import asyncio
import hashlib
import os
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from vazao.kit.logging import get

log = get("jobs.numbers")
_SOURCES = ("numbers_kernel.py", "numbers_bits.py", "numbers_layout.py")


def cache_folder(data_folder: Path) -> Path:
    """Where compiled code of these very sources is kept: beside them, else in the data folder."""
    here = Path(__file__).parent
    digest = hashlib.sha256(b"".join((here / name).read_bytes() for name in _SOURCES))
    beside = here / "__pycache__"
    base = beside if os.access(beside if beside.is_dir() else here, os.W_OK) else data_folder
    return base / f"kernel-{digest.hexdigest()[:12]}"


@cache
def load(data_folder: Path) -> Any:
    """The kernel's module; a call blocks some seconds if nothing is compiled yet.

    ``NUMBA_CACHE_DIR`` wins over our choice of the folder.
    """
    from numba import config

    if not os.environ.get("NUMBA_CACHE_DIR"):
        folder = cache_folder(data_folder)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        vars(config)["CACHE_DIR"] = str(folder)
    return import_module("vazao.jobs.kinds.numbers_kernel")


async def prepare(data_folder: Path) -> None:
    """Load the kernel in a thread, as a worker does when it starts; a failure is logged."""
    try:
        await asyncio.to_thread(load, data_folder)
    except Exception as error:
        log.error("the number kernel cannot be loaded", exc_info=error)
