"""How often a list is transmitted."""

from __future__ import annotations

import re

from vazao.relay.errors import IntervalInvalid

_INTERVAL = re.compile(r"(\d{1,6})([smhd]?)", re.ASCII)
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
SHORTEST, LONGEST = 60, 90 * 86_400


def seconds_of(text: str) -> int:
    """The seconds that ``24h``, ``30m`` or ``60`` say.

    Raises:
        IntervalInvalid: it is none, or out of bounds.
    """
    found = _INTERVAL.fullmatch(text.strip().lower())
    seconds = int(found[1]) * _UNITS[found[2]] if found else 0
    if not SHORTEST <= seconds <= LONGEST:
        raise IntervalInvalid
    return seconds
