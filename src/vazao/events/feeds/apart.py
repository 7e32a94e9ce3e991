"""Has a feed read by a process of its own, which no feed can make harm the worker."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from vazao.events.errors import FEED_ERRORS, FeedNeedsTooMuch
from vazao.events.models import Summary

LONGEST_LINE = 1 << 20


async def read(
    path: Path, out: Path, timezone: str, memory_bytes: int, *, charset: str | None = None
) -> Summary:
    """Read the feed in *path* into COPY text in *out*; see :func:`.reading.read`.

    Raises:
        FeedError: what reading raised, or that it needs more than it may take.
    """
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "vazao.events.feeds.child",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=LONGEST_LINE,
    )
    asked = {
        "path": str(path), "out": str(out), "timezone": timezone, "memory": memory_bytes,
        "charset": charset,
    }
    try:
        said, _ = await child.communicate(msgspec.json.encode(asked) + b"\n")
    except BaseException:
        with suppress(ProcessLookupError):
            child.kill()
        await asyncio.shield(child.wait())
        raise
    return _summary(said)


def _summary(said: bytes) -> Summary:
    """What the child said; one that died has said nothing."""
    try:
        answer: dict[str, Any] = msgspec.json.decode(said)
    except msgspec.DecodeError:
        raise FeedNeedsTooMuch from None
    if "error" in answer:
        raise FEED_ERRORS[answer["error"]](**answer["params"])
    return msgspec.convert(answer, Summary)
