"""The window of a search: bounds that compare instants, or wall clocks where the events are.

Times are counted in microseconds since 2000-01-01, as PostgreSQL does; a bound without an offset
counts its wall clock alike.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from vazao.events.errors import BoundInvalid, BoundMissing, BoundsReversed
from vazao.kit.errors import detail

EPOCH = datetime(2000, 1, 1)
MICROSECOND = timedelta(microseconds=1)
SECOND, DAY = 1_000_000, 86_400 * 1_000_000
OFFSETS = 26 * 3600 * SECOND
"""How far wall clocks of one instant can lie apart."""
_EPOCH_DAY = EPOCH.toordinal()
_DAYS_OF_YEAR_0 = 366
_FORM = re.compile(
    r"(\d{4})-?(\d\d)-?(\d\d)[Tt ](\d\d)(?::?(\d\d)(?::?(\d\d)(?:[.,](\d{1,9})\d*)?)?)?"
    r"(?:([Zz])|([+\- ])(\d\d)(?::?(\d\d))?)?", re.ASCII,
)


class Bound(NamedTuple):
    """One end of a window: its time, and whether that is a wall clock."""

    at: int
    local: bool

    @property
    def moment(self) -> datetime | str:
        """The time for SQL: naive where it is a wall clock, else in UTC."""
        try:
            found = EPOCH + timedelta(microseconds=self.at)
        except OverflowError:
            return "-infinity" if self.at < 0 else "infinity"
        return found if self.local else found.replace(tzinfo=UTC)


class Window(NamedTuple):
    """What is searched: events that start at or after *starts*, and end at or before *ends*."""

    starts: Bound
    ends: Bound


def bound(name: str, text: str | None) -> Bound:
    """The bound that the parameter *name* says: ISO 8601, a date and a time.

    A plus sign that reached us as a blank is taken for what it was. The year 0000 is before all
    years; a leap second is the second after it.

    Raises:
        BoundMissing, BoundInvalid: it is none; the message names the parameter.
    """
    if not text:
        raise BoundMissing(name=name)
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise _no_bound(name, text)
    try:
        return _made(*found.groups())
    except ValueError:
        raise _no_bound(name, text) from None


def _no_bound(name: str, text: str) -> BoundInvalid:
    return BoundInvalid(
        name=name, value=text[:80], details=[detail(name, text, "2026-03-14T21:00:00Z")]
    )


def _made(
    year: str, month: str, day: str, hour: str, minute: str | None, second: str | None,
    fraction: str | None, zulu: str | None, sign: str | None, hours: str | None,
    minutes: str | None,
) -> Bound:
    clock = (int(hour), int(minute or 0), int(second or 0))
    midnight = clock == (24, 0, 0) and not int(fraction or 0)
    if not midnight and (clock[0] > 23 or clock[1] > 59 or clock[2] > 60):
        raise ValueError
    days = _day(int(year), int(month), int(day))
    at = days * DAY + (clock[0] * 3600 + clock[1] * 60 + clock[2]) * SECOND
    at += int((fraction or "0").ljust(6, "0")[:6])
    if sign:
        offset = (int(hours or 0) * 60 + int(minutes or 0)) * 60 * SECOND
        if offset > DAY or int(minutes or 0) > 59:
            raise ValueError
        at += offset if sign == "-" else -offset
    return Bound(at, local=not (zulu or sign))


def _day(year: int, month: int, day: int) -> int:
    """The number of a day from the epoch; year 0 was a leap year, as 4 is."""
    if year == 0:
        return date(4, month, day).toordinal() - date(5, 1, 1).toordinal() + 1 - _EPOCH_DAY
    return date(year, month, day).toordinal() - _EPOCH_DAY


def window(starts_at: str | None, ends_at: str | None) -> Window:
    """The window between two parameters.

    Raises:
        BoundMissing, BoundInvalid: as :func:`bound`.
        BoundsReversed: it ends before it starts.
    """
    found = Window(bound("starts_at", starts_at), bound("ends_at", ends_at))
    # A wall clock is before an instant everywhere only by more than any two offsets differ.
    slack = 0 if found.starts.local == found.ends.local else OFFSETS // 2 + 2 * 3600 * SECOND
    if found.starts.at > found.ends.at + slack:
        raise BoundsReversed
    return found
