"""Measures what the engine promises; prints a JSON line a claim.

    python bench/jobs.py                       every claim (a quarter of an hour, 15 GB of disk)
    python bench/jobs.py throughput pickup     only these

Ours and what it is held against run in turn on the same server.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable

import jobs_hosts
import jobs_order
import jobs_rate
import jobs_survival
import jobs_whale
from engine import Engine, engine

CLAIMS: dict[str, Callable[[Engine], Awaitable[None]]] = {
    "throughput": jobs_rate.throughput, "pickup": jobs_rate.pickup, "flood": jobs_rate.flood,
    "jain": jobs_order.jain, "storm": jobs_survival.storm, "hosts": jobs_hosts.hosts,
}


async def measure(chosen: list[str]) -> None:
    """Each claim on a server of its own: queues and their dead rows are part of a claim."""
    for name in chosen:
        async with engine() as made:
            await CLAIMS[name](made)


SERVED: dict[str, Callable[[], None]] = {"five": jobs_whale.five, "minnow": jobs_whale.minnow}


def main() -> int:
    """Run the chosen claims."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("claims", nargs="*", help=", ".join([*CLAIMS, *SERVED]))
    arguments = parser.parse_args()
    chosen = arguments.claims or [*CLAIMS, *SERVED]
    asyncio.run(measure([name for name in chosen if name in CLAIMS]))
    for name in chosen:
        if name in SERVED:
            SERVED[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main())
