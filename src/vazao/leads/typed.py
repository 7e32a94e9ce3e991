"""The rules for custom fields, by the type an organization declared: cells become JSON values.

A rule answers JSON text (a number, ``true``, a quoted string) for each cell, null where it is
empty. Numbers are worked on as text, so none loses a digit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, Literal

import polars as pl

from vazao.leads.cells import Checked, Rule, boolean
from vazao.leads.models import options_in

Decimal = Literal["any", "point"]

_NUMBER_LIMIT: Final = 40
# An export writes 1e-99 out in full, and that has to come back: zeros at the ends don't count.
_WRITTEN_OUT_LIMIT: Final = 140
_COMMA_LAST: Final = r"^[+-]?[1-9][0-9]{0,2}(?:\.[0-9]{3})+(?:,[0-9]+)?$"
_POINT_LAST: Final = r"^[+-]?[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:\.[0-9]+)?$"
_PLAIN: Final = r"^[+-]?(?:[0-9]+|[0-9]*[.,][0-9]+)$"
_SCIENTIFIC: Final = r"^[+-]?[0-9](?:\.[0-9]{1,34})?[eE][+-]?[0-9]{1,2}$"
_SIGN: Final = r"(?:R\$|US\$|[$€£]|BRL|USD|EUR)"
_MONEY: Final = rf"^([+-]?)\s?{_SIGN}\s?([+-]?[0-9.,]+)$"
_CANONICAL: Final = r"^-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,2})?$"
_TIME: Final = (
    r"(?:(?:T|,? +)[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?"
    r"(?: ?(?i:[ap]\.?m\.?))?(?:Z| ?[+-][0-9]{2}:?[0-9]{2})?)?"
)
_YEAR_FIRST: Final = rf"^([1-9][0-9]{{3}})[-/.]([0-9]{{1,2}})[-/.]([0-9]{{1,2}}){_TIME}$"
_EIGHT_DIGITS: Final = r"^((?:19|20)[0-9]{2})([0-9]{2})([0-9]{2})$"
_DAY_FIRST: Final = rf"^([0-9]{{1,2}})[/.-]([0-9]{{1,2}})[/.-]([1-9][0-9]{{3}}){_TIME}$"
# Years of two digits as spreadsheet programs take them: those to 29 are of this century.
_OF_THIS: Final = rf"^([0-9]{{1,2}})[/.-]([0-9]{{1,2}})[/.-]([0-2][0-9]){_TIME}$"
_OF_THE_LAST: Final = rf"^([0-9]{{1,2}})[/.-]([0-9]{{1,2}})[/.-]([3-9][0-9]){_TIME}$"
_WORDS: Final = (
    r"(?i)^([0-9]{1,2})º?(?: de |[ /.-])([a-zç]{3,9})\.?(?: de |[ /.-]|, ?)([1-9][0-9]{3})"
)
_MONTHS: Final = (
    "jan", "fev|feb", "mar", "abr|apr", "mai|may", "jun", "jul", "ago|aug", "set|sep", "out|oct",
    "nov", "dez|dec",
)
MONTH_FIRST: Final = rf"^(?:0?[1-9]|1[0-2])/(?:1[3-9]|2[0-9]|3[01])/[0-9]{{2,4}}{_TIME}$"
"""A date whose second number cannot be a month, as they are written in the United States."""


def _ambiguous(decimal: Decimal) -> str:
    """Pattern of what reads as a thousand in one country and as a fraction in another."""
    return rf"^[+-]?[1-9][0-9]{{0,2}}{',' if decimal == 'point' else '[.,]'}[0-9]{{3}}$"


def _canonical(cell: pl.Expr) -> pl.Expr:
    """A plain number as JSON has it: no plus sign, no zeros without a meaning."""
    number = cell.str.strip_prefix("+").str.replace(r"^(-?)(?:0+)?([0-9])", "${1}${2}")
    number = number.str.replace(r"^(-?)\.", "${1}0.")
    fraction = number.str.contains(r"^[^eE]*\.[^eE]*$")
    number = pl.when(fraction).then(number.str.replace(r"\.?0+$", "")).otherwise(number)
    return number.replace("-0", "0")


def _too_many_digits(cell: pl.Expr) -> pl.Expr:
    size = cell.str.len_bytes()
    digits = cell.str.replace_all("[^0-9]", "").str.strip_chars("0").str.len_bytes()
    return (size > _NUMBER_LIMIT) & ((size > _WRITTEN_OUT_LIMIT) | (digits > _NUMBER_LIMIT - 2))


def number(decimal: Decimal) -> Rule:
    """The rule for decimals as people write them: ``1.234,56``, ``1,234.56``, ``1234.5``.

    Of two kinds of separators the last is the decimal one; a repeated one groups thousands. One
    alone is the decimal one, except that ``1.234`` and ``1,234`` (one to three digits, then
    three) are refused: guessing would silently be wrong by a thousand for half the world. With
    *decimal* = ``point`` (a workbook's number cells, JSON) the point is known to be decimal. A
    sign of money in front is taken off.
    """
    cell = pl.col("cell")
    grouped_points = cell.str.contains(_COMMA_LAST)
    if decimal == "point":
        grouped_points &= ~cell.str.contains(r"^[+-]?[0-9]+\.[0-9]{3}$")
    text = (
        pl.when(grouped_points)
        .then(cell.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True))
        .when(cell.str.contains(_POINT_LAST))
        .then(cell.str.replace_all(",", "", literal=True))
        .when(cell.str.contains(_PLAIN))
        .then(cell.str.replace(",", ".", literal=True))
        .when(cell.str.contains(_SCIENTIFIC))
        .then(cell)
    )

    def rule(cells: pl.Series) -> Checked:
        frame = (
            _without_money(cells).alias("cell")
            .to_frame()
            .select(
                _canonical(text).alias("value"),
                cell.str.contains(_ambiguous(decimal)).alias("ambiguous"),
                (
                    cell.is_not_null() & (text.is_null() | _too_many_digits(cell))
                ).alias("invalid"),
            )
        )
        problems = ((frame["ambiguous"], "number_ambiguous"), (frame["invalid"], "number_invalid"))
        return Checked(frame["value"], problems)

    return rule


def _without_money(cells: pl.Series) -> pl.Series:
    found = cells.str.contains(_MONEY)
    return cells.str.replace(_MONEY, "${1}${2}") if found.any() else cells


def integer(decimal: Decimal) -> Rule:
    """The rule for whole numbers: thousands may be grouped, a fraction of zeros is let pass.

    ``1.234`` is 1234 here, since a whole number has no fraction; not where *decimal* is
    ``point``: there it is a fraction, and refused.
    """
    cell = pl.col("cell")
    grouped = r"^[+-]?[1-9][0-9]{0,2}(?:(?:\.[0-9]{3})+|(?:,[0-9]{3})+)$"
    if decimal == "point":
        grouped = r"^[+-]?[1-9][0-9]{0,2}(?:\.[0-9]{3}(?:\.[0-9]{3})+|(?:,[0-9]{3})+)$"
    text = (
        pl.when(cell.str.contains(grouped))
        .then(cell.str.replace_all("[.,]", ""))
        .when(cell.str.contains(r"^[+-]?[0-9]+(?:[.,]0+)?$"))
        .then(cell.str.replace("[.,].*$", ""))
    )

    def rule(cells: pl.Series) -> Checked:
        frame = (
            cells.alias("cell")
            .to_frame()
            .select(
                _canonical(text).alias("value"),
                (
                    cell.is_not_null() & (text.is_null() | (cell.str.len_bytes() > _NUMBER_LIMIT))
                ).alias("invalid"),
            )
        )
        return Checked(frame["value"], ((frame["invalid"], "integer_invalid"),))

    return rule


def date(cells: pl.Series) -> Checked:
    """The rule for dates: ``31/12/2026`` (also ``-`` or ``.``), ``2026-12-31``, ``31 de dezembro de
    2026``; a time of day is dropped.

    The day comes before the month, unless the year comes first.
    """
    cell = pl.col("cell")
    text = (
        pl.when(cell.str.contains(_YEAR_FIRST))
        .then(cell.str.replace(_YEAR_FIRST, "${1}-${2}-${3}"))
        .when(cell.str.contains(_DAY_FIRST))
        .then(cell.str.replace(_DAY_FIRST, "${3}-${2}-${1}"))
    )
    values = cells.alias("cell").to_frame().select(
        text.str.to_date("%Y-%m-%d", strict=False)
    ).to_series()
    odd = values.is_null() & cells.is_not_null()
    if odd.any():
        places = odd.arg_true()
        values = values.scatter(places, _odd_dates(cells.gather(places)))
    return Checked(
        ('"' + values.dt.to_string("%Y-%m-%d") + '"'),
        ((values.is_null() & cells.is_not_null(), "date_invalid"),),
    )


def _odd_dates(cells: pl.Series) -> pl.Series:
    """Dates as few people write them."""
    cell = pl.col("cell")
    month = cell.str.extract(_WORDS, 2).str.to_lowercase()
    number = pl.lit(None, pl.String)
    for place, names in enumerate(_MONTHS, 1):
        number = pl.when(month.str.contains(f"^(?:{names})")).then(pl.lit(str(place))).otherwise(
            number
        )
    text = (
        pl.when(cell.str.contains(_EIGHT_DIGITS))
        .then(cell.str.replace(_EIGHT_DIGITS, "${1}-${2}-${3}"))
        .when(cell.str.contains(_OF_THIS)).then(cell.str.replace(_OF_THIS, "20${3}-${2}-${1}"))
        .when(cell.str.contains(_OF_THE_LAST))
        .then(cell.str.replace(_OF_THE_LAST, "19${3}-${2}-${1}"))
        .when(number.is_not_null()).then(pl.concat_str(
            [cell.str.extract(_WORDS, 3), number, cell.str.extract(_WORDS, 1)], separator="-",
        ))
    )
    return cells.alias("cell").to_frame().select(
        text.str.to_date("%Y-%m-%d", strict=False)
    ).to_series()


def text(cells: pl.Series) -> Checked:
    """The rule for text: a JSON string.

    What `vazao.leads.cells.tidy` left needs four escapes only, so no JSON library is asked.
    """
    plain = ["\\", '"', "\n", "\t"]
    return Checked('"' + cells.str.replace_many(plain, ["\\\\", '\\"', "\\n", "\\t"]) + '"')


def truth(cells: pl.Series) -> Checked:
    """The rule for yes or no: ``true`` or ``false``."""
    checked = boolean("boolean_invalid")(cells)
    return Checked(checked.values.cast(pl.String), checked.problems)


def folded(texts: pl.Series) -> pl.Series:
    """*texts* as options are compared: without case, accents, and blanks around or doubled."""
    plain = texts.str.normalize("NFKD").str.replace_all(r"\pM", "").str.to_lowercase()
    return plain.str.replace_all(r"\s+", " ").str.strip_chars()


def choice(options: Sequence[str]) -> Rule:
    """The rule for one of several values: as its option is written, however the cell is."""
    known = pl.Series("option", options, dtype=pl.String)
    keys = folded(known)
    # Options that are alike count as one: the first.
    known, keys = known.filter(keys.is_first_distinct()), keys.unique(maintain_order=True)

    def rule(cells: pl.Series) -> Checked:
        found = folded(cells).replace_strict(keys, known, default=None)
        return Checked(
            text(found).values, ((found.is_null() & cells.is_not_null(), "choice_unknown"),)
        )

    return rule


def rule_for(kind: str, decimal: Decimal) -> Rule:
    """The rule for a custom field declared as *kind*; text where it is none of those known."""
    if (options := options_in(kind)) is not None:
        return choice(options)
    rules: Mapping[str, Rule] = MappingProxyType(
        {"number": number(decimal), "integer": integer(decimal), "date": date, "boolean": truth}
    )
    return rules.get(kind, text)


def to_json(
    names: Sequence[str], values: Sequence[pl.Series], *, nulls: bool,
    left_out: Mapping[str, pl.Series] | None = None,
) -> pl.Series:
    """One column of JSON objects from columns of JSON values, keyed by *names* (ASCII slugs).

    An empty cell is left out of its object, or with *nulls* stands there as ``null``.

    Args:
        left_out: by name, which rows' values are left out even so.
    """
    members = []
    for name, value in zip(names, values, strict=True):
        member = f'"{name}":' + (value.fill_null("null") if nulls else value)
        mask = (left_out or {}).get(name)
        members.append(member if mask is None else member.set(mask, None))
    frame = pl.DataFrame([m.alias(str(i)) for i, m in enumerate(members)])
    joined = pl.concat_str(pl.all(), separator=",", ignore_nulls=True)
    return frame.select(("{" + joined + "}").alias("custom")).to_series()


def export_number(text: pl.Expr) -> pl.Expr:
    """Canonical numbers as an import reads them unchanged: ``1.234`` is written ``1.2340``."""
    return text.str.replace(r"^([+-]?[1-9][0-9]{0,2}\.[0-9]{3})$", "${1}0")
