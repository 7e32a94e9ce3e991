"""Numbers, sizes and durations as people of each language write them; filters of the pages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import partial

from babel.dates import format_date

_SWAP = str.maketrans(",.", ".,")
NOTHING = "—"


def number(value: float | None, language: str, places: int = 0) -> str:
    """*value* with thousands separated: ``1,234.5`` in English, ``1.234,5`` in Portuguese."""
    if value is None:
        return NOTHING
    text = f"{value:,.{places}f}"
    return text.translate(_SWAP) if language == "pt_BR" else text


def percent(value: float | None, language: str) -> str:
    """A share between 0 and 1 as whole per cent, rounded down so that only 1 shows as 100 %."""
    if value is None:
        return NOTHING
    # 0.29 times 100 is a little less than 29 in binary.
    whole = int(round(value * 100, 6))
    return f"{number(min(whole, 99) if value < 1 else whole, language)}%"


def size(value: float | None, language: str) -> str:
    """*value* bytes in the unit (of 1024) that leaves at most four digits: ``12.4 MiB``."""
    if value is None:
        return NOTHING
    for unit in ("B", "KiB", "MiB", "GiB"):
        places = 0 if unit == "B" else 1
        if abs(round(value, places)) < 1024:
            return f"{number(value, language, places)} {unit}"
        value /= 1024
    return f"{number(value, language, 1)} TiB"


def duration(value: float | None, language: str) -> str:
    """*value* seconds: ``12 ms``, ``1.4 s``, ``2 min 05 s``, ``3 h 20 min``."""
    if value is None:
        return NOTHING
    if round(value * 1000) < 1000:
        return f"{number(value * 1000, language)} ms"
    if round(value, 1) < 60:
        return f"{number(value, language, 1)} s"
    minutes, seconds = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes} min {seconds:02} s"
    hours, minutes = divmod(minutes, 60)
    return f"{number(hours, language)} h {minutes:02} min"


def moment(value: datetime | None, language: str) -> str:
    """*value* in UTC to the minute, in the language's order; the page's script makes it local."""
    if value is None:
        return NOTHING
    pattern = "%d/%m/%Y %H:%M UTC" if language == "pt_BR" else "%Y-%m-%d %H:%M UTC"
    return value.astimezone(UTC).strftime(pattern)


def day(value: date, language: str) -> str:
    """A day of the calendar with its weekday, as the language writes it."""
    return format_date(value, "full", locale=language)


def month(value: date, language: str) -> str:
    """A month and its year, short."""
    return format_date(value, "MMM yyyy", locale=language)


def exact(value: float, language: str) -> str:
    """A number with all of its digits, its thousands separated from 10,000 on."""
    whole, point, rest = f"{value}".partition(".")
    if not whole.lstrip("-").isdecimal():
        return f"{value}"
    text = f"{int(whole):,}{point}{rest}" if abs(int(whole)) >= 10_000 else f"{value}"
    return text.translate(_SWAP) if language == "pt_BR" else text


def short_day(value: str, language: str) -> str:
    """A day such as 2026-12-31 in the language's order; what is none stays as it is."""
    try:
        found = date.fromisoformat(value)
    except ValueError:
        return value
    return f"{found:%d/%m/%Y}" if language == "pt_BR" else value


def wall(value: datetime, language: str) -> str:
    """A wall-clock time to the minute, in the language's order."""
    return value.strftime("%d/%m/%Y %H:%M" if language == "pt_BR" else "%Y-%m-%d %H:%M")


def filters(language: str) -> dict[str, Callable[..., str]]:
    """The Jinja filters of this module, with *language* filled in."""
    made = {"number": number, "percent": percent, "size": size, "duration": duration,
            "moment": moment, "day": day, "month": month, "wall": wall,
            "exact": exact, "short_day": short_day}
    return {name: partial(function, language=language) for name, function in made.items()}
