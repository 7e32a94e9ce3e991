"""What a process apart may use: those that read what strangers send bound themselves first."""

from __future__ import annotations

import os
import resource

NICE = 10
"""How far what can wait lets others go first: readers of sheets and feeds, hashing of passwords."""


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
