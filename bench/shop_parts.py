"""One reader of a feed against two that read halves of it, on two cores.

    python bench/shop_parts.py        a million zones

No goal hangs on it: it is what the decision for one reader rests on (docs/decisions).
"""

from __future__ import annotations

import asyncio
import resource
import tempfile
import time
from pathlib import Path

from platform_under_test import median, say
from shop_syncs import write_feed
from vazao.events.feeds import apart

EVENTS, ZONES, RUNS = 10_000, 100, 3
MEMORY = 512 << 20


def processor() -> float:
    """Seconds of the processor that readers have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


async def read(folder: Path, names: list[str]) -> tuple[float, float]:
    """Seconds by the clock and of the processor that reading these feeds at once takes."""
    began, before = time.perf_counter(), processor()
    await asyncio.gather(*(
        apart.read(folder / name, folder / f"{name}.rows", "Europe/Madrid", MEMORY)
        for name in names
    ))
    return time.perf_counter() - began, processor() - before


async def main() -> None:
    """Measure, in turns."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        write_feed(folder / "whole", EVENTS, ZONES)
        for name in ("first", "second"):
            write_feed(folder / name, EVENTS // 2, ZONES)
        one, two = [], []
        for _ in range(RUNS):
            one.append(await read(folder, ["whole"]))
            two.append(await read(folder, ["first", "second"]))
    clock = median([t for t, _ in one]) / median([t for t, _ in two])
    used = median([u for _, u in two]) / median([u for _, u in one])
    say("reading a feed in two halves at once: times faster", "no goal", clock, ok=True,
        one=round(median([t for t, _ in one]), 2), processor=round(used, 2))


if __name__ == "__main__":
    asyncio.run(main())
