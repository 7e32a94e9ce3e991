"""How often a list is transmitted, and in which window of the day."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from vazao.kit import times
from vazao.relay.errors import IntervalInvalid, WindowInvalid

_WINDOW = re.compile(r"(\d{1,2}):(\d\d)-(\d{1,2}):(\d\d)", re.ASCII)
SHORTEST, LONGEST = 60, 90 * 86_400


def seconds_of(text: str) -> int:
    """The seconds that ``24h``, ``30m`` or ``60`` say.

    Raises:
        IntervalInvalid: it is none, or out of bounds.
    """
    seconds = times.seconds_of(text)
    if not SHORTEST <= seconds <= LONGEST:
        raise IntervalInvalid
    return seconds


def window_of(text: str) -> tuple[int, int]:
    """The minutes of a day between which ``06:00-20:00`` lies; ``22:00-04:00`` passes midnight.

    Raises:
        WindowInvalid: it is none.
    """
    found = _WINDOW.fullmatch(text.strip())
    if found is None:
        raise WindowInvalid
    hours_from, minutes_from, hours_to, minutes_to = map(int, found.groups())
    opens, closes = hours_from * 60 + minutes_from, hours_to * 60 + minutes_to
    if minutes_from > 59 or minutes_to > 59 or opens > 1439 or closes > 1440 or opens == closes:
        raise WindowInvalid
    return opens, closes or 1440


def is_open(window: tuple[int, int], now: datetime, timezone: str) -> bool:
    """Whether *now* lies in the window, by the clock of *timezone*."""
    local = now.astimezone(ZoneInfo(timezone))
    minute, (opens, closes) = local.hour * 60 + local.minute, window
    if opens < closes:
        return opens <= minute < closes
    return minute >= opens or minute < closes


def opens_next(window: tuple[int, int], at: datetime, timezone: str) -> datetime:
    """When the window opens next after *at*, by the clock of *timezone*."""
    local = at.astimezone(ZoneInfo(timezone))
    opening = local.replace(hour=window[0] // 60, minute=window[0] % 60, second=0, microsecond=0)
    return opening if opening >= local else opening + timedelta(days=1)
