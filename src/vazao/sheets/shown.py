"""Numbers of a workbook as their cells show them: dates, times, durations, codes, all digits.

Columns of text go in and come out; nothing looks at one value after another.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import polars as pl

from vazao.sheets.formats import Format

_DAY_MS: Final = 86_400_000
_FROM_1900: Final = -25_569
"""The day 0 of serial numbers from 61 on, in days since 1970."""
_FROM_1904: Final = -24_107
# The 29th of February 1900, which the calendar does not have, and the last day of 9999.
_NO_DAY, _LAST_DAY = 60, 2_958_465
_DIGITS: Final = 15
_WHOLE: Final = r"^-?[0-9]+$"
_TOO_MANY: Final = r"[1-9](?:\.?[0-9]){15}"
_PLAIN: Final = r"^-?[0-9]{1,15}$"


def numbers(values: pl.Series) -> pl.Series:
    """Numbers in their shortest form, with the fifteen digits that a workbook can show; a whole
    number as it is written, however long.
    """
    frame = values.alias("v").to_frame()
    plain = frame.select(pl.col("v").str.contains(_PLAIN).all()).item()
    if plain:
        return values
    exact = pl.col("v").cast(pl.Float64, strict=False)
    # Rounding what has no digits too many would only bring in errors of its own.
    long = pl.col("v").str.contains(_TOO_MANY) & exact.abs().is_between(1e-20, 1e20)
    number = pl.when(long).then(exact.round_sig_figs(_DIGITS)).otherwise(exact)
    text = (
        number.cast(pl.String).str.replace(r"\.0$", "").str.replace("e+", "e", literal=True)
        .replace("-0", "0")
    )
    kept = pl.col("v").str.contains(_WHOLE) | ~exact.is_finite().fill_null(value=False)
    return frame.select(pl.when(kept).then("v").otherwise(text).alias(values.name)).to_series()


def shown(values: pl.Series, format: Format, *, from_1904: bool) -> pl.Series:
    """What cells of *format* show of *values*, which are numbers as text."""
    if format.kind == "code":
        return _codes(values, format)
    if format.kind == "number":
        return numbers(values)
    # In milliseconds, and so exact: a serial number has some eleven digits of a day's fraction.
    ms = (pl.col("v").cast(pl.Float64, strict=False) * _DAY_MS).round(0)
    if format.kind == "date":
        text = _dates(ms, from_1904)
    elif format.kind == "time":
        text = _clock(ms % _DAY_MS, format)
    else:
        text = pl.when(ms >= 0).then(_clock(ms, format))
    frame = pl.DataFrame({"v": values, "n": numbers(values)})
    # What is no serial number of a day stays the number that it is.
    return frame.select(pl.coalesce(text, "n").alias(values.name)).to_series()


def _dates(ms: pl.Expr, from_1904: bool) -> pl.Expr:
    """Days as ISO 8601, with the time where there is one; a time alone where the day is none."""
    days, rest = (ms // _DAY_MS), ms % _DAY_MS
    base = _FROM_1904 if from_1904 else _FROM_1900
    since = days if from_1904 else pl.when(days < _NO_DAY).then(days + 1).otherwise(days)
    day = (since + base).cast(pl.Int32, strict=False).cast(pl.Date).dt.to_string("%Y-%m-%d")
    if not from_1904:
        day = pl.when(days == _NO_DAY).then(pl.lit("1900-02-29")).otherwise(day)
    time = _clock(rest, Format("time", seconds=True))
    whole = pl.when(rest == 0).then(day).otherwise(day + " " + time)
    if not from_1904:
        whole = pl.when(days == 0).then(time).otherwise(whole)
    return pl.when((days >= 0) & (days <= _LAST_DAY)).then(whole)


def _clock(ms: pl.Expr, format: Format) -> pl.Expr:
    """A time: hours, minutes and seconds as far as *format* shows them; thousandths if any."""
    total = (ms // 1000).cast(pl.Int64, strict=False)

    def two(number: pl.Expr) -> pl.Expr:
        return number.cast(pl.String).str.zfill(2)

    minutes = total // 60
    parts = [two(total // 3600), two(minutes % 60)] if format.hours else [two(minutes)]
    text = pl.concat_str([*parts, two(total % 60)], separator=":")
    short = pl.concat_str(parts, separator=":")
    thousandths = (ms % 1000).cast(pl.Int64, strict=False)
    fraction = "." + thousandths.cast(pl.String).str.zfill(3)
    precise = pl.when(thousandths == 0).then(text).otherwise(text + fraction)
    if format.seconds or not format.hours:
        return precise
    return pl.when((total % 60 == 0) & (thousandths == 0)).then(short).otherwise(precise)


def _codes(values: pl.Series, format: Format) -> pl.Series:
    """Whole numbers with the zeros and signs of their format; others as numbers."""
    frame = pl.DataFrame({"v": values, "n": numbers(values)})
    number = pl.col("n").cast(pl.Float64, strict=False)
    whole = pl.col("n").str.contains("^[0-9]+$")
    text = pl.lit(None, pl.String)
    for most, pattern in reversed(format.codes):
        fits = whole if most is None else whole & (number <= most)
        text = pl.when(fits & _is_long_enough(pattern)).then(_code(pattern)).otherwise(text)
    return frame.select(pl.coalesce(text, "n").alias(values.name)).to_series()


def _is_long_enough(pattern: str) -> pl.Expr:
    """Whether each digit that may lack is there: without it, the signs would stand nowhere."""
    first = pattern.find("\1")
    least = 0 if first < 0 else sum(sign in "\0\1" for sign in pattern[first:])
    return pl.col("n").str.len_bytes() >= least


def _code(pattern: str) -> pl.Expr:
    places = sum(sign in "\0\1" for sign in pattern)
    padded = pl.col("n").str.zfill(places)
    beyond = padded.str.len_bytes() - places
    pieces: list[pl.Expr] = []
    taken, run = 0, ""
    for sign in [*pattern, ""]:
        if sign and sign in "\0\1":
            run += sign
            continue
        if run:
            pieces.append(_digits(padded, beyond, taken, len(run)))
            taken, run = taken + len(run), ""
        if sign:
            pieces.append(pl.lit(sign))
    return pl.concat_str(pieces)


def _digits(padded: pl.Expr, beyond: pl.Expr, taken: int, count: int) -> pl.Expr:
    """So many digits; the first ones take those with them that the pattern has no place for."""
    start = beyond.cast(pl.Int64) + taken
    return padded.str.slice(start if taken else pl.lit(0), count if taken else beyond + count)


def present(formats: Sequence[Format]) -> list[int]:
    """Which styles show something else than the number itself."""
    return [place for place, format in enumerate(formats) if format.kind != "number"]
