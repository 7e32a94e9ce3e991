"""What a sum must be, said as simply as it can be: one expression over the whole text."""

from __future__ import annotations

import re
from typing import Any

TOKEN = re.compile(rb"[^ \t,;\r\n]+")
NUMBER = re.compile(rb"[+-]?[0-9]{1,100000}")


def value_of(text: bytes) -> int:
    """An integer of any length, past the interpreter's limit on conversions."""
    digits = text.lstrip(b"+-")
    total = 0
    for at in range(0, len(digits), 4000):
        piece = digits[at : at + 4000]
        total = total * 10 ** len(piece) + int(piece)
    return -total if text.startswith(b"-") else total


def expected(data: bytes) -> dict[str, Any]:
    """Sum, counts, and the first ten offenders as (byte, line)."""
    begin = 3 if data.startswith(b"\xef\xbb\xbf") else 0
    tokens = [(m.start(), m.group()) for m in TOKEN.finditer(data, begin)]
    values = [value_of(t) for _, t in tokens if NUMBER.fullmatch(t)]
    evens = [v for v in values if v % 2 == 0]
    bad = [at for at, t in tokens if not NUMBER.fullmatch(t)]
    return {
        "sum": sum(evens), "count": len(evens), "numbers": len(values), "bytes": len(data),
        "offenders": [(at, data.count(b"\n", 0, at) + 1) for at in bad[:10]],
    }
