"""The rule for phones as people and programs write them: eight to fifteen digits, kept as written.

What is around a number is taken off; of several numbers in a cell the first counts.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from vazao.leads.cells import MARKS, Checked, longest, unmarked

PHONE_LIMIT: Final = 50
_HYPHENS: Final = "[\u2010-\u2015\u2212]"
_NUMBER: Final = r"[ ()+./-]*(?:[0-9][ ()+./-]*){8,15}"
_PHONE: Final = (
    rf"^{_NUMBER}(?:,? ?(?i:ramal|ram|r|extension|ext|x|#)[ .:]*[0-9]{{1,6}})?$"
)
# Eight digits, and a day of the calendar all the same.
_DATE: Final = (
    r"^[0-9]{1,2}[/.-][0-9]{1,2}[/.-](?:19|20)[0-9]{2}$"
    r"|^(?:19|20)[0-9]{2}-[0-9]{2}-[0-9]{2}$"
)
# A number that a program took for a decimal: 81988880001.0. Three or four zeros can be the last
# group of a phone, as in 3333.0000, unless the phone is whole without them.
_DECIMAL: Final = r"^(\+?[0-9]+)\.(?:0{1,2}|0{5,})$|^(\+?[0-9]{10,})\.0{3,4}$"
_DECIMAL_PART: Final = r"([0-9])\.0([ )/-]|$)"
_SCIENTIFIC: Final = r"^[+]?[0-9](?:[.,][0-9]+)?[eE][+]?[0-9]{1,2}$"
_BEFORE: Final = (
    r"(?i)^(?:https?://(?:wa\.me/|api\.whatsapp\.com/send/?\?phone=)|"
    r"(?:p|t|tel|fone|telefone|cel|celular|whatsapp|zap|wpp|phone|mobile|mob|call)[ ]?[:.][ ]*|"
    r"[*#'\"= ]+)"
)
_AFTER: Final = r"(?i)(?:@(?:s\.whatsapp\.net|c\.us)|[\"'*;,. ]+)$"
_BETWEEN: Final = r"(?i) ?(?::::|[/;|,\n]| e | ou | and | or ) ?"


def phone(cells: pl.Series) -> Checked:
    """The rule for a phone: 8 to 15 digits and perhaps an extension."""
    values = _tidied(cells)
    return Checked(values, ((_invalid(values), "phone_invalid"),))


def _tidied(cells: pl.Series) -> pl.Series:
    """Numbers with one kind of blank and of hyphen, and no fraction that a program has added."""
    if cells.str.contains(r"\s\s|[^\S ]").any():
        cells = cells.str.replace_all(r"\s+", " ")
    if cells.str.contains(f"[{MARKS}]|{_HYPHENS}").any():
        cells = unmarked(cells).str.replace_all(_HYPHENS, "-")
    places = cells.str.contains(".0", literal=True).arg_true()
    if len(places):
        whole = cells.gather(places).str.replace(_DECIMAL, "${1}${2}")
        cells = cells.scatter(places, whole.str.replace_all(_DECIMAL_PART, "${1}${2}"))
    return cells


def _invalid(cells: pl.Series) -> pl.Series:
    invalid = ~cells.str.contains(_PHONE) | cells.str.contains(_DATE)
    if longest(cells) > PHONE_LIMIT:
        invalid |= cells.str.len_chars() > PHONE_LIMIT
    return invalid


def typed_phone(cells: pl.Series) -> Checked:
    """The rule for a phone in a sheet: the same, without what stands around it.

    A second number in a cell is left out, and told; so is a number whose digits a spreadsheet
    program has rounded away.
    """
    values = _tidied(cells)
    places = _invalid(values).fill_null(value=False).arg_true()
    if not len(places):
        return Checked(values)
    odd = cells.gather(places)
    found = _bare(odd)
    rounded = (odd.str.contains(_SCIENTIFIC) & _invalid(found)).fill_null(value=False)
    first = _first(odd)
    several = (_invalid(found) & ~_invalid(first)).fill_null(value=False)
    chosen = pl.DataFrame({"one": found, "first": first, "several": several}).select(
        pl.when("several").then("first").otherwise("one")
    ).to_series()
    wrong = _invalid(chosen)
    code = pl.DataFrame({"rounded": rounded, "wrong": wrong, "several": several}).select(
        pl.when("rounded").then(pl.lit("phone_rounded"))
        .when("wrong").then(pl.lit("phone_invalid"))
        .when("several").then(pl.lit("phone_several"))
    ).to_series()
    told = pl.repeat(None, len(cells), dtype=pl.String, eager=True).scatter(places, code)
    return Checked(
        values.scatter(places, chosen),
        ((told == "phone_rounded", "phone_rounded"), (told == "phone_invalid", "phone_invalid")),
        doubts=((told == "phone_several", "phone_several"),),
    )


def _bare(cells: pl.Series) -> pl.Series:
    """Numbers without what people and programs put around them."""
    bare = cells.str.strip_chars().str.replace(_BEFORE, "").str.replace(_BEFORE, "")
    bare = bare.str.replace(_AFTER, "").str.replace(_AFTER, "")
    bare = bare.str.replace_all("_", "-").str.replace(r"(?i)\(?0xx?([0-9]{2})\)?", "(0${1})")
    return _tidied(_expanded(bare))


def _expanded(cells: pl.Series) -> pl.Series:
    """Numbers in powers of ten written out, where all of their digits are there."""
    is_power = cells.str.contains(_SCIENTIFIC).fill_null(value=False)
    if not is_power.any():
        return cells
    whole = cells.str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)
    digits = cells.str.replace(r"[eE].*$", "").str.replace_all("[^0-9]", "").str.len_bytes()
    power = cells.str.extract(r"[eE]\+?([0-9]{1,2})$").cast(pl.Int64, strict=False)
    exact = (is_power & (digits == power + 1)).fill_null(value=False)
    frame = pl.DataFrame({"c": cells, "w": whole, "e": exact})
    text = pl.col("w").cast(pl.Int64, strict=False).cast(pl.String)
    return frame.select(pl.when("e").then(text).otherwise("c")).to_series()


def _first(cells: pl.Series) -> pl.Series:
    """The first of several numbers, which stand behind a sign or a word that parts them."""
    return _bare(cells.str.replace(f"(?s){_BETWEEN}.*$", "").str.strip_chars())
