"""Prices over time as a drawing: places in per cent, for SVG that the template writes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from vazao.events.models import Event

FEWEST = 2


class Stretch(msgspec.Struct, frozen=True):
    """A time in which prices held: its begin and width, its top and height (0 to 100)."""

    x: float
    width: float
    y: float
    height: float
    low: float
    high: float


class PricesPicture(msgspec.Struct, frozen=True):
    """The range of prices over time, from *begin* to *end*; the scale is from *least* to *most*."""

    stretches: list[Stretch]
    begin: datetime
    end: datetime
    least: float
    most: float


def of_prices(versions: Sequence[Event], now: datetime) -> PricesPicture | None:
    """What prices were, from versions, newest first; ``None`` where they never changed."""
    priced = [v for v in reversed(versions) if v.min_price is not None and v.max_price is not None]
    ranges = {(v.min_price, v.max_price) for v in priced}
    if len(ranges) < FEWEST:
        return None
    begin, end = priced[0].held_from, max(now, priced[-1].held_from)
    least = min(v.min_price or 0.0 for v in priced)
    most = max(v.max_price or 0.0 for v in priced)
    seconds = (end - begin).total_seconds() or 1.0
    spread = most - least or 1.0

    def place(at: datetime) -> float:
        return round(100 * min(1.0, (at - begin).total_seconds() / seconds), 2)

    stretches = []
    for version in priced:
        low, high = version.min_price or 0.0, version.max_price or 0.0
        x = place(version.held_from)
        y = round(100 * (most - high) / spread, 2)
        stretches.append(Stretch(
            x, max(0.5, round(place(version.held_until or end) - x, 2)), min(y, 98.0),
            max(2.0, round(100 * (high - low) / spread, 2)), low, high,
        ))
    return PricesPicture(stretches, begin, end, least, most)
