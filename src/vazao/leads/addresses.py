"""The rule for the e-mail by which a lead is known: one form of it, and what is no part of it.

Most cells are bare addresses, which one pattern tells. What is left is looked at more closely, a
column at a time: people and programs put names, brackets, quotes and marks around addresses.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

import polars as pl

from vazao.leads.cells import MARK, Checked, longest

EMAIL_BYTES: Final = 254
# RFC 5321 allows 64 before the @; a label of a domain has at most 63.
EMAIL_PART_BYTES: Final = 63
PUNYCODE: Final = "xn--"

_ASCII_BLANK: Final = "".join(map(chr, range(33))) + "\x7f"
_BLANK: Final = (
    _ASCII_BLANK
    + "".join(map(chr, range(0x80, 0xA1)))
    + "".join(map(chr, range(0x2000, 0x200C)))
    + "\u1680\u2028\u2029\u202f\u205f\u2060\u3000\ufeff"
)
_ATOM: Final = r'[^\x00-\x20\x7f-\xa0\pZ\p{Cf}@,;:<>()\[\]\\".]+'
_LABEL: Final = r"[\pL\pN](?:[\pL\pN\pM-]*[\pL\pN\pM])?"
_TLD: Final = r"(?:[\pL][\pL\pM]+|xn--[a-z0-9-]*[a-z0-9])"
_EMAIL: Final = rf"^{_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+{_TLD}$"
_EMAIL_PARTS: Final = r"^[^@]{65}|@.{254}|[@.][^@.]{64,}(?:\.|$)"

# What spreadsheet programs and people put before an address, and blanks between: text markers,
# quotes, bullets. Marks with which exports begin (= + - @) are others, and belong to the address.
_SIGNS: Final = "'\"`*#^"
_WIDE_SIGNS: Final = (
    "\u00a1\u00a8\u00ab\u00b4\u00b7\u00b8\u00bb\u00bf\u2010-\u206f\u2190-\u2bff\u3001-\u303f"
)
_LEADING: Final = re.compile(
    f"^[{_SIGNS}{_WIDE_SIGNS}][{re.escape(_BLANK)}{_SIGNS}{_WIDE_SIGNS}]*"
)
_LEADING_ASCII: Final = rf"^[{_SIGNS}][\x00-\x20\x7f{_SIGNS}]*"

_INSIDE: Final = r"""[^\s<>"'`(),;:|\[\]{}@]+@[^\s<>"'`(),;:|\[\]{}@]+"""
_TRAILING: Final = r"[.?!*]+$"
# \x01 stands for the address: in angle brackets behind a name, or with marks and a remark.
_NAMED: Final = r"^[^<>@]*<\s*(?:mailto:)?\x01\s*>[\s;,.]*$"
_MARKED: Final = (
    r"""^[\s'"`<\[({*#]*(?:e-?mail\s*:\s*|mailto:\s*)?\x01[\s'"`>\])};,.:?!*]*"""
    r"(?:\([^()@]*\))?[\s;,.]*$"
)
_WHY: Final = (
    # The first that holds says what is wrong.
    (r"^[^@]*$", "email_without_at"), (r"@[^@]*,", "email_comma"), (r"\s", "email_blank"),
    (r"^[^@]+@[^@.]+$", "email_without_ending"),
)


def normalize_email(text: str) -> str:
    """The form by which a lead's e-mail is known: trimmed, case-folded (all of Unicode), NFC.

    Without marks of writing direction and soft hyphens, which nobody can see, and without the
    marks in front that are no part of an address. A domain that programs wrote as ``xn--…`` is
    written as people do: it is the same address, whose opt-out must be found.
    """
    text = text.strip(_BLANK)
    if text.isascii():
        found = _LEADING.sub("", text).lower()
    else:
        folded = unicodedata.normalize("NFC", MARK.sub("", text)).casefold()
        found = _LEADING.sub("", unicodedata.normalize("NFC", folded).strip(_BLANK))
    return _readable(found) if PUNYCODE in found else found


def _readable(address: str) -> str:
    """*address* with the labels of its domain that are Punycode (RFC 3492) decoded, if all are."""
    local, at, domain = address.rpartition("@")
    labels = domain.split(".")
    try:
        shown = [
            label.removeprefix(PUNYCODE).encode().decode("punycode")
            if label.startswith(PUNYCODE) else label for label in labels
        ]
        again = [
            label if label.isascii() else PUNYCODE + label.encode("punycode").decode()
            for label in shown
        ]
    except UnicodeError:
        return address
    found = ".".join(shown)
    # Only what no one else would be written as, and what is a name of its own form.
    alike = again == labels and unicodedata.normalize("NFC", found).casefold() == found and not any(
        label.startswith("-") or label.endswith("-") for label in shown
    )
    return local + at + found if at and alike and found.isprintable() else address


def _normalized(cells: pl.Series) -> pl.Series:
    """`normalize_email` over a column; only rows that aren't ASCII, or stand for such, meet Python,
    one by one: neither polars nor PostgreSQL folds case (they lower it; ``ß`` or ``ς`` differ)."""
    folded = cells.str.strip_chars(_ASCII_BLANK).str.to_lowercase()
    if folded.str.contains(_LEADING_ASCII).any():
        folded = folded.str.replace(_LEADING_ASCII, "")
    odd = cells.str.len_bytes() != cells.str.len_chars()
    wide = (odd | folded.str.contains(PUNYCODE, literal=True)).arg_true()
    if len(wide):
        texts = pl.Series([normalize_email(t) for t in cells.gather(wide)], dtype=pl.String)
        folded = folded.scatter(wide, texts)
    return folded


def _invalid(folded: pl.Series) -> pl.Series:
    invalid = ~folded.str.contains(_EMAIL)
    if longest(folded) > EMAIL_PART_BYTES:
        invalid |= folded.str.contains(_EMAIL_PARTS) | (folded.str.len_bytes() > EMAIL_BYTES)
    return invalid


def email(cells: pl.Series) -> Checked:
    """The rule for an address as a program sends it: required, and of the form local@domain.tld.

    Deliberately narrower than RFC 5322 (no quotes, comments or address literals) and as wide as
    RFC 6531 (letters of any script on both sides).
    """
    folded = _normalized(cells)
    return Checked(
        folded, ((folded.is_null(), "email_missing"), (_invalid(folded), "email_invalid"))
    )


def typed_email(cells: pl.Series) -> Checked:
    """The rule for an address as people and programs write it in a sheet: the same, but for what
    stands around it; and what is wrong is told in particular.
    """
    folded = _normalized(cells)
    invalid = _invalid(folded)
    missing = folded.is_null()
    places = invalid.arg_true()
    if not len(places):
        return Checked(folded, ((missing, "email_missing"),))
    bare, codes = _undecorated(folded.gather(places))
    folded = folded.scatter(places, bare)
    wrong = pl.repeat(None, len(cells), dtype=pl.String, eager=True).scatter(places, codes)
    problems = [(missing, "email_missing")]
    problems += [(wrong == code, code) for code in codes.drop_nulls().unique(maintain_order=True)]
    return Checked(folded, tuple(problems))


def _undecorated(cells: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Cells that are no bare addresses: the address in each, and what is wrong where there is none.

    Returns:
        the addresses (or the cells), and codes of reasons, null where an address was found.
    """
    frame = cells.alias("cell").to_frame().with_columns(
        pl.col("cell").str.extract_all(_INSIDE).alias("found")
    ).with_columns(
        pl.col("found").list.len().alias("count"), pl.col("found").list.first().alias("first"),
    )
    # With a mark in the place of its one address.
    around = frame.select(
        pl.when(pl.col("count") == 1).then(pl.col("cell").str.replace(_INSIDE, "\x01"))
    ).to_series()
    fits = around.str.contains(_NAMED) | around.str.contains(_MARKED)
    bare = frame.get_column("first").str.replace(_TRAILING, "")
    good = (fits & ~_invalid(bare)).fill_null(value=False)
    why = pl.when(pl.col("count") > 1).then(pl.lit("email_several"))
    for pattern, code in _WHY:
        why = why.when(pl.col("cell").str.contains(pattern)).then(pl.lit(code))
    codes = frame.select(why.otherwise(pl.lit("email_invalid"))).to_series()
    chosen = pl.DataFrame({"good": good, "bare": bare, "cell": cells, "code": codes})
    return (
        chosen.select(pl.when("good").then("bare").otherwise("cell")).to_series(),
        chosen.select(pl.when(~pl.col("good")).then("code")).to_series(),
    )
