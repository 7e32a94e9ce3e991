"""Which columns a condition of a plan tests, as an index could."""

from __future__ import annotations

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

RANGES = (exp.GT, exp.GTE, exp.LT, exp.LTE)


def columns_of(condition: str) -> list[str]:
    """The columns that an index for *condition* begins with: those tested for equality, then one
    that is compared; none where an index would not serve.

    Args:
        condition: as ``EXPLAIN`` writes it, such as ``((lead.email = $1) AND (lead.age > $2))``.
    """
    try:
        parsed = sqlglot.parse_one(condition, read="postgres")
    except SqlglotError:
        return []
    equal: list[str] = []
    compared: list[str] = []
    for part in _all_of(parsed):
        name = _tested(part)
        if name is None:
            continue
        (equal if isinstance(part, exp.EQ) else compared).append(name)
    return [*dict.fromkeys(equal), *[name for name in compared if name not in equal][:1]]


def _all_of(part: exp.Expr) -> list[exp.Expr]:
    """The parts of a conjunction."""
    part = part.unnest()
    if isinstance(part, exp.And):
        return [*_all_of(part.left), *_all_of(part.right)]
    return [part]


def _tested(part: exp.Expr) -> str | None:
    """The column that *part* compares with something that is not of the row."""
    if not isinstance(part, (exp.EQ, *RANGES)):
        return None
    for one, other in ((part.left, part.right), (part.right, part.left)):
        bare = one.unnest()
        while isinstance(bare, exp.Cast):
            bare = bare.this.unnest()
        if isinstance(bare, exp.Column) and not list(other.find_all(exp.Column)):
            return bare.name
    return None
