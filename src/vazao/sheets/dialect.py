"""How a text separates its values: found in its first records by what the pieces look like.

Of the separators that people use, the one is taken that splits the first records evenly and makes
cells of their addresses; names of files decide ties only.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from dataclasses import dataclass
from typing import Final

from vazao.sheets.looking import is_address, is_blank

DELIMITERS: Final = (",", ";", "\t", "|")
RECORDS: Final = 60
"""Records that are looked at."""
# A carriage return inside a line is content, and csv refuses it; NUL bytes are gone by now, so
# one can stand for it meanwhile.
INNER_RETURN: Final = re.compile(r"\r(?!\n)")
_SEP: Final = re.compile(r'^"?sep\s*=\s*(.)?\s*"?$', re.IGNORECASE)


@dataclass(frozen=True)
class Dialect:
    """How values are separated.

    Attributes:
        skip: whether the first line says so (``sep=;``), and is no record.
        spaced: whether a blank stands between a delimiter and a quote.
        told: whether the file or somebody says the delimiter.
    """

    delimiter: str
    skip: bool = False
    spaced: bool = False
    told: bool = False


def find_dialect(head: str, filename: str, *, complete: bool, said: str | None = None) -> Dialect:
    """The dialect of a text that begins with *head*.

    Args:
        head: the cleaned beginning.
        filename: its name may decide a tie.
        complete: whether *head* is the whole text; if not, its last record is not judged.
        said: the delimiter that somebody named.
    """
    first, _, rest = head.partition("\n")
    line = _SEP.match(first.strip("\r"))
    if line:
        # Without a sign it was a tab, which some program took for a blank at the end.
        sign = line[1] if line[1] and line[1] != '"' else "\t"
        return Dialect(said or sign, True, _is_spaced(rest, said or sign), told=True)
    if said is not None:
        return Dialect(said, False, _is_spaced(head, said), told=True)
    preferred = "\t" if filename.lower().endswith((".tsv", ".tab")) else ","
    ranked = [(*_fitness(head, each, complete), each == preferred, each) for each in DELIMITERS]
    best = max(ranked)
    chosen = best[-1] if best[2] > 1 else preferred
    return Dialect(chosen, False, _is_spaced(head, chosen))


def records_of(
    text: str, delimiter: str, *, spaced: bool = False, most: int = RECORDS
) -> list[list[str]]:
    """The first records of *text*; one that stands in quotes as a whole is taken out of them."""
    text = INNER_RETURN.sub(" ", text)
    if spaced:
        text = re.sub(f'" +(?={re.escape(delimiter)}|[\r\n]|$)', '"', text)
    lines = io.StringIO(text, newline="\n")
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=spaced, strict=True)
    found: list[list[str]] = []
    try:
        for record in reader:
            found.append(unwrapped(record, delimiter, spaced=spaced))
            if len(found) >= most:
                break
    except csv.Error:
        if not found:
            # The very first line leaves a quote open: then it is taken for itself.
            first, _, rest = text.partition("\n")
            begin = [cell.strip('"') for cell in first.rstrip("\r").split(delimiter)]
            return [begin, *records_of(rest, delimiter, spaced=spaced, most=most - 1)]
    return found


def unwrapped(
    record: list[str], delimiter: str, width: int | None = None, *, spaced: bool = False
) -> list[str]:
    """A record of one field that itself is a record: some program quoted the whole line.

    Args:
        width: how many fields it then must have.
    """
    if len(record) != 1 or delimiter not in record[0]:
        return record
    inner = io.StringIO(record[0], newline="\n")
    found = next(csv.reader(inner, delimiter=delimiter, skipinitialspace=spaced), record)
    return found if width in (None, len(found)) else record


def _fitness(head: str, delimiter: str, complete: bool) -> tuple[float, float, int]:
    """How many records have an address as a cell, how many are of one width, and that width."""
    records = records_of(head, delimiter, spaced=_is_spaced(head, delimiter))
    if not complete and 1 < len(records) < RECORDS:
        records.pop()
    records = [each for each in records if not all(map(is_blank, each))]
    if not records:
        return 0.0, 0.0, 1
    widths = Counter(map(len, records))
    width = max(widths, key=lambda each: (widths[each], each))
    addresses = sum(any(map(is_address, each)) for each in records)
    return (
        round(addresses / len(records), 1),
        round(widths[width] / len(records), 1) if width > 1 else 0.0, width,
    )


def _is_spaced(head: str, delimiter: str) -> bool:
    """Whether quotes stand behind a delimiter and a blank, and none right behind one; and most of
    them close before the next delimiter, as no nickname in quotes does.
    """
    sign = re.escape(delimiter)
    after = len(re.findall(f'{sign} +"(?!")', head))
    if after <= len(re.findall(f'{sign}"', head)):
        return False
    whole = re.findall(f'{sign} +"(?:[^"]|"")*" *(?={sign}|[\r\n]|$)', head)
    return len(whole) * 2 > after
