"""What a process apart may use, and a thread that lets others go first.

Processes that read what strangers send bound themselves first.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
import resource
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import ParamSpec, TypeVar

NICE = 10
THREADS = 4
Given = ParamSpec("Given")
Found = TypeVar("Found")


def limit_process(memory_bytes: int, seconds: int, *, nice: int = 0) -> None:
    """Bound this process; what it maps without using it (code, reservations) gets 1 GiB more.

    Args:
        nice: how far it lets others go first.
    """
    os.nice(nice)
    wanted = (
        (resource.RLIMIT_DATA, memory_bytes),
        (resource.RLIMIT_AS, memory_bytes + (1 << 30)),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_CORE, 0),
    )
    for kind, value in wanted:
        _, ceiling = resource.getrlimit(kind)
        value = value if ceiling == resource.RLIM_INFINITY else min(value, ceiling)
        resource.setrlimit(kind, (value, value))


def step_back() -> None:
    """Let this thread come after all others of the machine, and those that it begins."""
    # On Linux niceness is a thread's own: the event loop then goes first.
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)


async def to_last_thread(
    function: Callable[Given, Found], *args: Given.args, **kwargs: Given.kwargs
) -> Found:
    """Like :func:`asyncio.to_thread`, in a thread that lets all others go first."""
    context = contextvars.copy_context()
    return await asyncio.get_running_loop().run_in_executor(
        _last(), lambda: context.run(function, *args, **kwargs)
    )


@cache
def _last() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS, "last", initializer=step_back)
