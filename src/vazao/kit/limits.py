"""What a process apart may use, and a thread that lets others go first.

Processes that read what strangers send bound themselves first.
"""

from __future__ import annotations

import os
import resource
import sys
import threading

NICE = 10


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
