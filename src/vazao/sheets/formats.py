"""Number formats of a workbook: what kind of value a cell shows by them.

A format is a text such as ``dd/mm/yyyy`` or ``00000-000``; ECMA-376 part 1, 18.8.30 and 18.8.31.
Only what changes the meaning counts here: dates, times of day, durations, and codes whose zeros
the number itself does not have. Amounts stay numbers, with all of their digits.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["number", "date", "time", "duration", "code"]

_DATES: Final = (*range(14, 18), 22, *range(27, 37), *range(50, 59))
BUILT_IN: Final[dict[int, str]] = {
    **dict.fromkeys(_DATES, "yyyy-mm-dd"), 18: "h:mm", 19: "h:mm:ss", 20: "h:mm", 21: "h:mm:ss",
    22: "yyyy-mm-dd h:mm", 45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss.0",
    32: "h:mm", 33: "h:mm:ss", 34: "h:mm", 35: "h:mm:ss", 55: "h:mm", 56: "h:mm:ss",
}
"""Formats that a workbook names by their number alone and that mean dates or times, in any of the
languages in which Excel writes them."""
# What stands in a format and is no symbol of it: quoted text, an escaped character, room for one.
_PIECE: Final = re.compile(r'"([^"]*)"|\\(.)|_.|\*.|\[([^\]]*)\]|([^"\\_*\[\]])')
_ELAPSED: Final = re.compile(r"h+|m+|s+", re.IGNORECASE)
_CONDITION: Final = re.compile(r"(<=|>=|<>|<|>|=)(-?[0-9.]+)")
_CODE_SIGNS: Final = frozenset("()-/. +")


@dataclass(frozen=True)
class Section:
    """A part of a format.

    Attributes:
        symbols: what stands for digits, dates and times, in its order and in lower case.
        literals: the same with what is shown as it is; ``\\0`` stands for a digit that is always
            shown, ``\\1`` for one that may lack.
        elapsed: ``h``, ``m`` or ``s`` where it counts on past a day, an hour or a minute.
        most: the largest number that it is for, where it says so.
    """

    symbols: str
    literals: str
    elapsed: str
    most: float | None


@dataclass(frozen=True)
class Format:
    """What a cell of this format shows.

    Attributes:
        seconds: whether a time shows its seconds.
        hours: whether a time shows its hours.
        codes: for codes: of each section that may hold, up to which number, and the pattern,
            in which ``\\0`` stands for a digit, and ``\\1`` for one that may lack.
    """

    kind: Kind = "number"
    seconds: bool = False
    hours: bool = True
    codes: tuple[tuple[float | None, str], ...] = ()


NUMBER: Final = Format()


def format_of(code: str) -> Format:
    """What the format *code* shows."""
    sections = [_section(part) for part in _sections(code)]
    first = sections[0] if sections else Section("", "", "", None)
    if first.elapsed:
        return Format("duration", seconds="s" in first.symbols + first.elapsed,
                      hours=first.elapsed == "h")
    symbols = first.symbols.replace("general", "")
    if re.search("[ymdhs]", symbols):
        return _moment(symbols)
    codes = [(each.most, each.literals) for each in sections[:2] if _is_code(each)]
    # A second section without a condition is for negative numbers, which no code has.
    shown = codes[:2] if len(codes) == 2 and codes[0][0] is not None else codes[:1]
    if shown and _is_code(first):
        return Format("code", codes=tuple(shown))
    return NUMBER


def _moment(symbols: str) -> Format:
    clock = bool(re.search("[hs]", symbols))
    # An m beside hours or seconds is a minute.
    months = re.sub("(?<=h)[^ymdhs]*m+|m+(?=[^ymdhs]*s)", "", symbols)
    if re.search("[ymd]", months):
        return Format("date", seconds=clock)
    return Format("time", seconds="s" in symbols, hours="h" in symbols)


def _sections(code: str) -> list[str]:
    """The parts between semicolons that stand in no quotes."""
    parts, start = [], 0
    for found in _PIECE.finditer(code):
        if found[4] == ";":
            parts.append(code[start:found.start()])
            start = found.end()
    return [*parts, code[start:]]


def _section(part: str) -> Section:
    symbols, literals, elapsed, most = "", "", "", None
    for found in _PIECE.finditer(re.sub("(?i)am/pm|a/p", "", part)):
        quoted, escaped, bracket, plain = found.groups()
        if quoted is not None or escaped is not None:
            literals += quoted or escaped or ""
        elif bracket is not None:
            if _ELAPSED.fullmatch(bracket):
                elapsed = elapsed or bracket[0].lower()
            elif (condition := _CONDITION.fullmatch(bracket)) and condition[1] in ("<", "<="):
                most = float(condition[2])
        elif plain is not None:
            symbols += plain.lower()
            literals += {"0": "\0", "#": "\1"}.get(plain, plain)
    return Section(symbols, literals, elapsed, most)


def _is_code(section: Section) -> bool:
    """Whether it writes a number as a code: digits with signs between them, or with zeros before.

    One point between digits is a decimal point, a comma groups thousands: an amount.
    """
    digits = re.sub("[^0#]", "", section.symbols)
    signs = frozenset(section.literals) - {"\0", "\1"}
    is_amount = section.literals.count(".") == 1 and "." in section.symbols and (
        not signs - {".", " "}
    )
    return (
        len(digits) > 1 and signs <= _CODE_SIGNS and not is_amount
        and (bool(signs - {" "}) or digits.startswith("00"))
        and not section.literals.startswith("-")
    )
