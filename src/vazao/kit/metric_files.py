"""The files in which a host's processes keep their metrics, and those of processes that are gone.

What a dead process counted stays counted: without it sums would go back. What it showed of itself
while it lived (open streams, connections) goes with it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path


def forget_dead(place: Path) -> None:
    """Remove what processes that are gone showed of themselves."""
    for file in _of_the_dead(place):
        if file.name.startswith("gauge_live"):
            file.unlink(missing_ok=True)


def begin(place: Path, *, alone: bool) -> None:
    """Remove what is left of a run before this one: everything if *alone* or if nobody lives."""
    gone, there = list(_of_the_dead(place)), list(place.glob("*.db"))
    if not alone and len(gone) < len(there):
        forget_dead(place)
        return
    for file in there:
        file.unlink(missing_ok=True)


def _of_the_dead(place: Path) -> Iterator[Path]:
    """Their names end in the number of their process."""
    runs: dict[str, bool] = {}
    for file in place.glob("*.db"):
        pid = file.stem.rpartition("_")[2]
        if not runs.setdefault(pid, _runs(pid)):
            yield file


def _runs(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True
