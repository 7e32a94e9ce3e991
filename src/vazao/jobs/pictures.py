"""Numbers become drawings: places in per cent, for SVG that the templates write."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime

import msgspec

from vazao.jobs.models import PartRow, Times, between

# Seconds that people know; the scale of times spans from one of them to another.
TICKS = {
    0.001: "1 ms", 0.01: "10 ms", 0.1: "100 ms", 1.0: "1 s", 10.0: "10 s", 60.0: "1 min",
    600.0: "10 min", 3600.0: "1 h", 36000.0: "10 h", 360000.0: "100 h",
}
SHORTEST, LONGEST = min(TICKS), max(TICKS)
TALLEST, SMALLEST, HIGHEST = 14.0, 1.0, 240.0


class Span(msgspec.Struct, frozen=True):
    """Median and 95th percentile: their places (0 to 100) and the seconds they stand for."""

    name: str
    x1: float
    x2: float
    median: float
    p95: float


class KindPicture(msgspec.Struct, frozen=True):
    """One kind of work: how many jobs, and the spans of queue, execution and lead time."""

    kind: str
    count: int
    spans: list[Span]


class TimesPicture(msgspec.Struct, frozen=True):
    """Times of kinds on one logarithmic scale; ticks are (place, label)."""

    ticks: list[tuple[float, str]]
    kinds: list[KindPicture]


class Bar(msgspec.Struct, frozen=True):
    """A part over time: where it waited from, ran from and ran to (0 to 100), and its height."""

    number: int
    step: str
    state: str
    y: float
    height: float
    asked: float
    began: float
    ended: float


class PartsPicture(msgspec.Struct, frozen=True):
    """Parts over time, from the request to *seconds* later; *height* in pixels."""

    bars: list[Bar]
    seconds: float
    height: float
    total: int


def picture_of_times(found: Sequence[Times]) -> TimesPicture | None:
    """The times of kinds on a common scale; ``None`` where nothing ended."""
    if not found:
        return None
    values = [v for each in found for pair in (each.queue, each.execution, each.lead) for v in pair]
    low = max((t for t in TICKS if t <= min(values) and t < LONGEST), default=SHORTEST)
    high = min((t for t in TICKS if t >= max(values) and t > low), default=LONGEST)

    def place(seconds: float) -> float:
        inside = min(max(seconds, low), high)
        return round(100 * math.log(inside / low) / math.log(high / low), 2)

    def spans(each: Times) -> list[Span]:
        named = (("queue", each.queue), ("execution", each.execution), ("lead", each.lead))
        return [Span(n, place(a), place(b), a, b) for n, (a, b) in named]

    return TimesPicture(
        [(place(t), label) for t, label in TICKS.items() if low <= t <= high],
        [KindPicture(each.kind, each.count, spans(each)) for each in found],
    )


def picture_of_parts(
    parts: Sequence[PartRow], begin: datetime, end: datetime, total: int
) -> PartsPicture | None:
    """A bar a part, from when it was asked for, over when it began, to when it ended (or *end*).

    Args:
        total: how many parts the job has; *parts* may be a sample of them.
    """
    seconds = between(begin, end) or 0.0
    if not parts or seconds <= 0:
        return None

    def place(at: datetime) -> float:
        return round(100 * min(1.0, (between(begin, at) or 0.0) / seconds), 2)

    row = max(SMALLEST, min(TALLEST, HIGHEST / len(parts)))
    bars = []
    for n, part in enumerate(parts):
        began = place(part.started_at or end)
        ended = place(part.finished_at or end) if part.started_at else began
        bars.append(Bar(
            part.number, part.step, part.state, round(n * row, 2), max(1.0, round(row * 0.8, 2)),
            place(part.requested_at), began, max(ended, began),
        ))
    return PartsPicture(bars, seconds, math.ceil(row * len(parts)), total)
