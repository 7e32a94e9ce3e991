"""What people write of time: zones, and how often something happens."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo

from vazao.kit.errors import BadRequest

_INTERVAL = re.compile(r"(\d{1,6})([smhd]?)", re.ASCII)
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


class TimezoneInvalid(BadRequest):
    """There is no time zone named {value}; write one such as America/Sao_Paulo."""

    code = "timezone_invalid"


def timezone_of(name: str) -> str:
    """The name of a time zone that is known.

    Raises:
        TimezoneInvalid: none is known by it.
    """
    try:
        return ZoneInfo(name).key
    except (ValueError, OSError, KeyError):
        raise TimezoneInvalid(value=name[:80]) from None


def seconds_of(text: str) -> int:
    """The seconds that ``24h``, ``30m``, ``7d``, ``5s`` or ``60`` say; 0 where it is none."""
    found = _INTERVAL.fullmatch(text.strip().lower())
    return int(found[1]) * _UNITS[found[2]] if found else 0
