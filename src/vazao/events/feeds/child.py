"""The process that reads a feed, apart, with limits, and after everything else (nice).

Standard input brings a line of JSON: which file to read, where to write, the time zone and the
limits. Standard output carries one line of JSON: the summary, or ``error`` and its values.
"""

from __future__ import annotations

import gc
import json
import sys
from pathlib import Path
from typing import Any

from vazao.kit.limits import NICE, limit_process

CPU_SECONDS = 3600
BUFFER = 1 << 20


def answer(asked: dict[str, Any]) -> dict[str, Any]:
    """Read the feed; what the parent is told."""
    import msgspec

    from vazao.events.errors import FeedError
    from vazao.events.feeds import reading

    try:
        with Path(asked["out"]).open("wb", buffering=BUFFER) as out:
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
    limit_process(asked["memory"], CPU_SECONDS, nice=NICE)
    # Nothing that reading makes refers to itself: looking for such things is a tenth of its time.
    gc.disable()
    print(json.dumps(answer(asked)), flush=True)  # noqa: T201 (read by the parent)


if __name__ == "__main__":
    main()
