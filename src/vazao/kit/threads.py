"""Threads that let all others of the machine go first."""

from __future__ import annotations

import asyncio
import contextvars
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import ParamSpec, TypeVar

from vazao.kit.limits import NICE

AT_ONCE = 4
Given = ParamSpec("Given")
Found = TypeVar("Found")


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
    return ThreadPoolExecutor(AT_ONCE, "last", initializer=step_back)
