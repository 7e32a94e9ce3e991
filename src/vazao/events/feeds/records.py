"""One record of a feed: its values as they are kept, or why it is put aside."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from vazao.events.errors import BoundInvalid, BoundMissing
from vazao.events.feeds import zones
from vazao.events.feeds.dialects import Dialect
from vazao.events.windows import bound

LONGEST_ID = 200
LONGEST_TITLE = 1000
SHOWN_VALUE = 80
HIGHEST = 1e15
# As XML writes decimals and doubles; neither INF nor NaN is a price.
_number = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?").fullmatch
_usual = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}").fullmatch
EDGE_YEAR = 5000
MOMENTS_KEPT = 10_000
_TRUTH = {"true": True, "1": True, "false": False, "0": False, "": False}
_encode = msgspec.json.Encoder().encode
ZONE = ("zone_id", "name", "price", "capacity", "numbered")
Columns = Sequence[Sequence[Any]]
"""Of zones: a sequence for each of :data:`ZONE`, texts or ``None``."""


class Refused(Exception):
    """Why a record is put aside: a code, the attribute, and its value."""

    def __init__(self, code: str, place: str, value: str | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.place = place
        self.value = None if value is None else value[:SHOWN_VALUE]


class Record(msgspec.Struct, frozen=True):
    """A good record; ``shown`` is the JSON of search after the event's id."""

    title: str | None
    shown: str
    starts_at: datetime
    ends_at: datetime
    starts_local: datetime
    ends_local: datetime
    min_price: float | None
    max_price: float | None
    sell_from: datetime | None
    sell_to: datetime | None
    sold_out: bool
    zones: bytes
    digest: bytes


def identity(value: str | None, place: str, code: str) -> str:
    """An id of the feed.

    Raises:
        Refused: it is missing, or longer than any id is.
    """
    text = (value or "").strip()
    if not text:
        raise Refused(code, place)
    if len(text) > LONGEST_ID:
        raise Refused("value_too_long", place, text)
    return text


class Checker:
    """Checks the records of one feed.

    Args:
        timezone: of the provider; times without an offset are its wall clock.
    """

    def __init__(self, dialect: Dialect, timezone: str) -> None:
        self._dialect = dialect
        self._zone = ZoneInfo(timezone)
        # Events begin, end and sell at the times of others.
        self._moment = lru_cache(MOMENTS_KEPT)(self.moment)

    def check(self, title: str | None, given: Mapping[str, str], columns: Columns) -> Record:
        """The record of an event element.

        Args:
            title: its base's.
            given: its attributes.
            columns: of its zones, in the order of :data:`ZONE`.

        Raises:
            Refused: something is wrong with it.
        """
        names = self._dialect
        if title is not None and len(title) > LONGEST_TITLE:
            raise Refused("value_too_long", "title", title)
        starts_local, starts_at = self._needed(given, names.starts, "start_missing")
        ends_local, ends_at = self._needed(given, names.ends, "end_missing")
        if ends_at < starts_at:
            # It may begin in the first of two equal hours and end in the second.
            ends_local, ends_at = self._moment(given[names.ends].strip(), names.ends, fold=1)
        if ends_at < starts_at:
            raise Refused("end_before_start", names.ends, given.get(names.ends))
        sell_from, sell_to = self._maybe(given, "sell_from"), self._maybe(given, "sell_to")
        sold_out = _TRUTH.get(given.get("sold_out", "").strip().lower())
        if sold_out is None:
            raise Refused("sold_out_invalid", "sold_out", given["sold_out"])
        low, high = check_zones(columns)
        shown = _shown(title, starts_local, ends_local, low, high)
        packed = _encode(columns)
        digest = blake2b(packed, digest_size=16)
        digest.update(repr((shown, starts_at, ends_at, starts_local, ends_local, sell_from, sell_to,
                            sold_out)).encode())
        return Record(
            title, shown, starts_at, ends_at, starts_local, ends_local, low, high, sell_from,
            sell_to, sold_out, zones.compress(packed), digest.digest(),
        )

    def _needed(
        self, given: Mapping[str, str], place: str, missing: str
    ) -> tuple[datetime, datetime]:
        text = given.get(place, "").strip()
        if not text:
            raise Refused(missing, place)
        return self._moment(text, place)

    def _maybe(self, given: Mapping[str, str], place: str) -> datetime | None:
        text = given.get(place, "").strip()
        return self._moment(text, place)[1] if text else None

    def moment(self, text: str, place: str, *, fold: int = 0) -> tuple[datetime, datetime]:
        """A time of the feed as the provider's wall clock, and in UTC.

        In a daylight-saving gap it is taken forward; of a fold's two it is the first, or the one
        that *fold* says. What lies beyond the calendar in UTC is its first or last moment.

        Raises:
            Refused: there is no such time.
        """
        found = _naive(text) or _unusual(place, text)
        try:
            if found.tzinfo is None:
                found = found.replace(tzinfo=self._zone, fold=fold)
            instant = found.astimezone(UTC)
            return instant.astimezone(self._zone).replace(tzinfo=None, fold=0), instant
        except OverflowError:
            edge = datetime.max if found.year > EDGE_YEAR else datetime.min
            return found.replace(tzinfo=None, fold=0), edge.replace(tzinfo=UTC)


def _naive(text: str) -> datetime | None:
    """A wall clock in the usual form, read quickly; ``None`` where it is in another, or is none."""
    if not _usual(text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _unusual(place: str, text: str) -> datetime:
    """A time in any form of ISO 8601 that search takes.

    Raises:
        Refused: it is none.
    """
    try:
        found = bound(place, text).moment
    except (BoundInvalid, BoundMissing):
        found = ""
    if isinstance(found, str):
        raise Refused("date_impossible", place, text)
    return found


def check_zones(columns: Columns) -> tuple[float | None, float | None]:
    """The lowest and the highest price over all zones as listed.

    Raises:
        Refused: a zone has no id, or its price or capacity is no number.
    """
    ids, _, prices, capacities, _ = columns
    if not ids:
        return None, None
    numbers = _plain(prices) if all(ids) and _plain(capacities) else None
    if numbers is None:
        _check_one_by_one(columns)
        numbers = [*map(float, prices)]
    return min(numbers), max(numbers)


def _plain(texts: Sequence[Any]) -> list[float] | None:
    """The numbers of *texts* where all of them are digits with a point at most; by native code,
    since a feed has millions. ``None`` where each has to be looked at.
    """
    try:
        joined = "".join(texts)
        if not (joined.isascii() and joined.replace(".", "").isdecimal()):
            return None
        numbers = [*map(float, texts)]
    except (TypeError, ValueError):
        return None
    return numbers if max(numbers) < HIGHEST else None


def _check_one_by_one(columns: Columns) -> None:
    """Zones whose numbers are not all of the usual form: a capacity may be -1, for no limit."""
    for number, (id, _, price, capacity, _) in enumerate(zip(*columns, strict=True), 1):
        place = f"zone {number} "
        if not (id or "").strip():
            raise Refused("zone_id_missing", f"{place}zone_id")
        if not 0 <= _value(price) < HIGHEST:
            raise Refused("price_invalid", f"{place}price", price)
        if not -HIGHEST < _value(capacity) < HIGHEST:
            raise Refused("capacity_invalid", f"{place}capacity", capacity)


def _value(text: str | None) -> float:
    """The number that *text* is; not a number (which compares with none) where it is none."""
    stripped = (text or "").strip()
    return float(stripped) if _number(stripped) else float("nan")


def _shown(
    title: str | None, starts: datetime, ends: datetime, low: float | None, high: float | None
) -> str:
    start_date, start_time = starts.isoformat(timespec="seconds").split("T")
    end_date, end_time = ends.isoformat(timespec="seconds").split("T")
    return _encode({
        "title": title, "start_date": start_date, "start_time": start_time,
        "end_date": end_date, "end_time": end_time, "min_price": low, "max_price": high,
    })[1:].decode()
