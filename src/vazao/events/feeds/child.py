"""The process that reads a feed, apart, with limits, and after everything else (nice).

Standard input brings a line of JSON: which file to read, where to write, the time zone and the
limits. Standard output carries one line of JSON: the summary, or ``error`` and its values.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from pathlib import Path
from typing import Any

NICE = 10
CPU_SECONDS = 3600


def limit_process(memory_bytes: int) -> None:
    """Bound this process; what it maps without using it (code, reservations) gets 1 GiB more."""
    wanted = (
        (resource.RLIMIT_DATA, memory_bytes),
        (resource.RLIMIT_AS, memory_bytes + (1 << 30)),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_CORE, 0),
    )
    for kind, value in wanted:
        _, ceiling = resource.getrlimit(kind)
        value = value if ceiling == resource.RLIM_INFINITY else min(value, ceiling)
        resource.setrlimit(kind, (value, value))


def answer(asked: dict[str, Any]) -> dict[str, Any]:
    """Read the feed; what the parent is told."""
    import msgspec

    from vazao.events.errors import FeedError
    from vazao.events.feeds import reading

    try:
        with Path(asked["out"]).open("wb") as out:
            summary = reading.read(
                Path(asked["path"]), out, asked["timezone"], charset=asked["charset"]
            )
    except FeedError as error:
        return {"error": error.code, "params": error.params}
    except MemoryError:
        return {"error": "feed_needs_too_much", "params": {}}
    return msgspec.to_builtins(summary)


def main() -> None:
    """Read, and tell."""
    asked = json.loads(sys.stdin.readline())
    limit_process(asked["memory"])
    os.nice(NICE)
    print(json.dumps(answer(asked)), flush=True)  # noqa: T201 (read by the parent)


if __name__ == "__main__":
    main()
