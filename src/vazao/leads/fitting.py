"""How well the first rows of a sheet fit the fields that its columns are to become.

A person who sets up an import sees it at once: "320 of 320 values are no e-mail addresses". The
rules are those of the import itself, over the rows of the preview.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from vazao.leads import cells, validation
from vazao.leads.mapping import CUSTOM
from vazao.leads.models import choice_of
from vazao.leads.typed import Decimal, folded

GUESSED: Final = ("boolean", "date", "integer", "number")
_CODE: Final = r"^[+-]?0[0-9]"
_LONGEST_NUMBER: Final = 15
_ENOUGH: Final = 3
"""Values from which a type is guessed."""
_FEW_OPTIONS: Final = 12
_REPEATED: Final = 5
"""How often each value of a choice comes, in the middle."""
_SHORT: Final = 40
MOST_OPTIONS: Final = 50


@dataclass(frozen=True)
class Fit:
    """How a column fits its field: how many cells are filled, how many of these do not fit, and the
    first that does not, with the code of the reason.
    """

    filled: int
    misfits: int = 0
    code: str = ""
    sample: str = ""

    @property
    def mostly_wrong(self) -> bool:
        """Whether the field is probably another one."""
        return self.misfits * 2 > self.filled


def fit(
    values: Sequence[str | None], target: str | None, types: Mapping[str, str], decimal: Decimal
) -> Fit:
    """How a column's *values* fit the field *target*; ``None`` takes anything."""
    column = pl.Series("cell", values, dtype=pl.String)
    filled = _filled(column)
    if target is None or filled.is_empty():
        return Fit(len(filled))
    plan = validation.Plan((), types, decimal)
    codes = pl.Series("code", [None] * len(filled), dtype=pl.String)
    for mask, code in validation.check(filled, target, plan).problems:
        codes = codes.set(mask.fill_null(value=False) & codes.is_null(), code)
    wrong = codes.is_not_null().arg_true()
    if not len(wrong):
        return Fit(len(filled))
    first = wrong[0]
    return Fit(len(filled), len(wrong), codes[first], (filled[first] or "")[:80])


def guess(values: Sequence[str | None], decimal: Decimal, *, whole: bool) -> str:
    """The type of a new field: the narrowest that all of its *values* have, else text.

    Digits that say a code and no quantity (zeros in front, more than a number holds) stay text.
    One of several values is guessed only where these are the *whole* column: what comes later
    would be left out.
    """
    filled = _filled(pl.Series("cell", values, dtype=pl.String))
    if len(filled) < _ENOUGH or filled.str.contains(_CODE).any():
        return "text"
    if (filled.str.count_matches("[0-9]") > _LONGEST_NUMBER).any():
        return "text"
    words = filled.str.contains(r"\pL").any()
    for kind in GUESSED:
        if kind == "boolean" and not words:
            continue
        misfits = fit(values, f"{CUSTOM}x", {"x": kind}, decimal).misfits
        # A few dates among many are mistyped; the page says how many do not fit.
        if not misfits or (kind == "date" and misfits * 20 <= len(filled)):
            return kind
    return choice_of(options_seen(values)) if whole and _is_choice(filled) else "text"


def options_seen(values: Sequence[str | None]) -> list[str]:
    """The different values of a column, the commonest first: what a choice may be made of."""
    filled = _filled(pl.Series("cell", values, dtype=pl.String))
    # Between the values on the page.
    filled = filled.filter(~filled.str.contains(";", literal=True))
    counted = pl.DataFrame({"cell": filled, "key": folded(filled)}).group_by("key").agg(
        pl.col("cell").mode().sort().first(), pl.len()
    ).sort("len", "cell", descending=[True, False])
    return counted.get_column("cell").str.slice(0, 100).head(MOST_OPTIONS).to_list()


def _is_choice(filled: pl.Series) -> bool:
    different = folded(filled).n_unique()
    return (
        1 < different <= _FEW_OPTIONS and different * _REPEATED <= len(filled)
        and not filled.str.contains(";", literal=True).any()
        and bool((filled.str.len_chars() <= _SHORT).all())
    )


def _filled(column: pl.Series) -> pl.Series:
    return cells.without_placeholders(cells.tidy(column), words=True).drop_nulls()
