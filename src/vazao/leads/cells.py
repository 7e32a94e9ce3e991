"""The rules for the cells of a lead's standard fields, a column at a time.

A rule takes a String column (null = empty) that `tidy` has been over and answers what to store
and which rows it refuses. Most columns have nothing to repair, so each repair is tried on the
whole column first (one pass, no copy) and done only where something needs it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, cast

import polars as pl

TEXT_LIMIT: Final = 500
TAG_LIMIT: Final = 100
TAGS_LIMIT: Final = 100
PHONE_LIMIT: Final = 50
EMAIL_BYTES: Final = 254
# RFC 5321 allows 64 before the @; a label of a domain has at most 63.
EMAIL_PART_BYTES: Final = 63

# Tab and newline stay: they mean something inside a cell. The others, and the three invisible
# characters that pasting from a page brings along, can't be seen by whoever has to correct them.
_UNSEEN: Final = "\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\u200b\u2060\ufeff"
# Marks of writing direction that apps put around numbers and addresses: nobody sees them either,
# but a name in Hebrew or Arabic may need them.
_MARKS: Final = "\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\u00ad"
_MARK: Final = re.compile(f"[{_MARKS}]")
_HYPHENS: Final = "[\u2010-\u2015\u2212]"
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
_WEBSITE: Final = rf"(?i)^(?:https?://)?(?:{_LABEL}\.)+{_TLD}\.?(?::[0-9]{{1,5}})?(?:[/?#][^\s]*)?$"
_PHONE: Final = (
    r"^[ ()+./-]*(?:[0-9][ ()+./-]*){8,15}"
    r"(?:,? ?(?i:ramal|ram|r|extension|ext|x|#)[ .:]*[0-9]{1,6})?$"
)

# What spreadsheet programs and people put before an address, and blanks between: text markers,
# quotes, bullets. Marks with which exports begin (= + - @) are others, and belong to the address.
_SIGNS: Final = "'\"`*#^"
_WIDE_SIGNS: Final = (
    "\u00a1\u00a8\u00ab\u00b4\u00b7\u00b8\u00bb\u00bf\u2010-\u206f\u2190-\u2bff\u3001-\u303f"
)
PUNYCODE: Final = "xn--"
_LEADING: Final = re.compile(
    f"^[{_SIGNS}{_WIDE_SIGNS}][{re.escape(_BLANK)}{_SIGNS}{_WIDE_SIGNS}]*"
)
_LEADING_ASCII: Final = rf"^[{_SIGNS}][\x00-\x20\x7f{_SIGNS}]*"
# A number that a program took for a decimal: 81988880001.0. Three or four zeros can be the last
# group of a phone, as in 3333.0000, unless the phone is whole without them.
_DECIMAL: Final = r"^(\+?[0-9]+)\.(?:0{1,2}|0{5,})$|^(\+?[0-9]{10,})\.0{3,4}$"
_DECIMAL_PART: Final = r"([0-9])\.0([ )/-]|$)"

TRUE: Final = ("sim", "s", "yes", "y", "true", "t", "verdadeiro", "v", "1", "x")
FALSE: Final = ("não", "na\u0303o", "nao", "n", "no", "false", "f", "falso", "0")
_NUMBER_OF: Final = r"^\+?([01])[.,]0+$"
# What stands in a cell that holds nothing: dashes, words of programs, error marks of spreadsheets.
PLACEHOLDERS: Final = (
    *("-", "--", "---", "–", "—", "n/a", "n/d", "na", "nd", "null", "none", "nan"),
    *("#n/a", "#n/d", "#ref!", "#value!", "#valor!", "#name?", "#nome?", "#num!", "#núm!"),
    *("#null!", "#nulo!", "#div/0!", "#spill!", "#despejar!", "#calc!", "#cálc!", "#field!"),
)


@dataclass(frozen=True)
class Checked:
    """A column after its rule.

    Attributes:
        values: what to store, as long as the column given; null = empty. Where a row is
            refused its value means nothing.
        problems: (Boolean column of the rows refused, code of the reason), worst first.
        unclear: Boolean column of the rows whose cell was taken for something it does not say.
    """

    values: pl.Series
    problems: tuple[tuple[pl.Series, str], ...] = ()
    unclear: pl.Series | None = None


Rule = Callable[[pl.Series], Checked]


def tidy(cells: pl.Series, *, escaped: bool = True) -> pl.Series:
    """*cells* without control characters and blanks around them; what is then empty is null.

    With *escaped*, an apostrophe in front of ``= + - @`` is taken off, as `escape` put it on.
    """
    if cells.str.contains(f"[{_UNSEEN}]").any():
        cells = cells.str.replace_all("\r\n?", "\n").str.replace_all(f"[{_UNSEEN}]", "")
    cells = cells.str.strip_chars()
    if escaped and cells.str.starts_with("'").any():
        cells = cells.str.replace(r"^'('*[=+\-@])", "${1}")
    blank = cells == ""
    return cells.set(blank, None) if blank.any() else cells


def escape(text: pl.Expr) -> pl.Expr:
    """*text* for an export: an apostrophe in front of what a spreadsheet would calculate.

    Also in front of text that looks escaped already, so that an import takes off exactly what
    an export put on.
    """
    return text.str.replace(r"^('*[=+\-@])", "'${1}")


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
        folded = unicodedata.normalize("NFC", _MARK.sub("", text)).casefold()
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
    alike = again == labels and unicodedata.normalize("NFC", found).casefold() == found
    return local + at + found if at and alike and found.isprintable() else address


def _normalize_emails(cells: pl.Series) -> pl.Series:
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


def _longest(cells: pl.Series) -> int:
    """Bytes of the longest cell: what is within a limit in bytes is so in characters."""
    return cast("int", cells.str.len_bytes().max() or 0)


def _too_long(cells: pl.Series, limit: int) -> tuple[tuple[pl.Series, str], ...]:
    if _longest(cells) <= limit:
        return ()
    return ((cells.str.len_chars() > limit, "too_long"),)


def text(limit: int) -> Rule:
    """The rule for free text of at most *limit* characters."""
    return lambda cells: Checked(cells, _too_long(cells, limit))


def email(cells: pl.Series) -> Checked:
    """The rule for the e-mail: required, and of the form local@domain.tld.

    Deliberately narrower than RFC 5322 (no quotes, comments or address literals) and as wide as
    RFC 6531 (letters of any script on both sides).
    """
    folded = _normalize_emails(cells)
    invalid = ~folded.str.contains(_EMAIL)
    if _longest(folded) > EMAIL_PART_BYTES:
        invalid |= folded.str.contains(_EMAIL_PARTS) | (folded.str.len_bytes() > EMAIL_BYTES)
    return Checked(folded, ((folded.is_null(), "email_missing"), (invalid, "email_invalid")))


def _unmarked(cells: pl.Series) -> pl.Series:
    bare = cells.str.replace_all(f"[{_MARKS}]", "").str.strip_chars()
    return bare.set(bare == "", None)


def phone(cells: pl.Series) -> Checked:
    """The rule for a phone as people write it: 8 to 15 digits and perhaps an extension."""
    if cells.str.contains(r"\s\s|[^\S ]").any():
        cells = cells.str.replace_all(r"\s+", " ")
    if cells.str.contains(f"[{_MARKS}]|{_HYPHENS}").any():
        cells = _unmarked(cells).str.replace_all(_HYPHENS, "-")
    if cells.str.contains(".0", literal=True).any():
        cells = cells.str.replace(_DECIMAL, "${1}${2}").str.replace_all(_DECIMAL_PART, "${1}${2}")
    invalid = ~cells.str.contains(_PHONE)
    if _longest(cells) > PHONE_LIMIT:
        invalid |= cells.str.len_chars() > PHONE_LIMIT
    return Checked(cells, ((invalid, "phone_invalid"),))


def website(cells: pl.Series) -> Checked:
    """The rule for a website: a domain name or an http(s) address, kept as written."""
    if cells.str.contains(f"[{_MARKS}]").any():
        cells = _unmarked(cells)
    invalid = ~cells.str.contains(_WEBSITE)
    return Checked(cells, (*_too_long(cells, TEXT_LIMIT), (invalid, "website_invalid")))


def boolean(code: str) -> Rule:
    """The rule for yes or no in Portuguese or English; Boolean values, *code* when neither."""

    def rule(cells: pl.Series) -> Checked:
        words = cells.str.to_lowercase()
        true, false = words.is_in(TRUE), words.is_in(FALSE)
        return Checked(true, ((~(true | false), code),))

    return rule


def opt_out(cells: pl.Series) -> Checked:
    """The rule for an opt-out column of a sheet: who filled it in wants out, unless it says no.

    A date, a tick or a remark stands there because the person left; a placeholder is empty.
    """
    words = cells.str.to_lowercase().str.replace(_NUMBER_OF, "${1}")
    words = words.set(words.is_in(PLACEHOLDERS), None)
    out = ~words.is_in(FALSE)
    return Checked(out, unclear=out & ~words.is_in(TRUE))


def split_tags(cells: pl.Series) -> pl.Series:
    """List column of the tags in each cell, in the order written, each once, as written."""
    parts = cells.str.replace_all(r"\s+", " ").str.replace_all("[;|]", ",").str.split(",")
    trimmed = parts.list.eval(pl.element().str.strip_chars())
    return trimmed.list.eval(pl.element().filter(pl.element() != "")).list.unique(
        maintain_order=True
    )


def tags(cells: pl.Series) -> Checked:
    """The rule for tags: a PostgreSQL array literal, null where the cell holds none.

    Few distinct cells stand in a column of tags, so each is worked out once and joined back.
    """
    distinct = cells.drop_nulls().unique().alias("cell")
    lists = split_tags(distinct)
    quoted = lists.list.eval(
        '"' + pl.element().str.replace_many(["\\", '"'], ["\\\\", '\\"']) + '"'
    )
    known = pl.DataFrame(
        {
            "cell": distinct,
            "literal": "{" + quoted.list.join(",") + "}",
            "long": lists.list.eval(pl.element().str.len_chars()).list.max() > TAG_LIMIT,
            "count": lists.list.len(),
        }
    )
    found = cells.alias("cell").to_frame().join(known, on="cell", how="left", maintain_order="left")
    literal = found.select(pl.when(pl.col("count") > 0).then("literal")).to_series()
    many = found["count"] > TAGS_LIMIT
    return Checked(literal, ((found["long"], "too_long"), (many, "too_many_tags")))


RULES: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        "email": email,
        "phone": phone,
        "website": website,
        "tags": tags,
        "opted_out": opt_out,
        "legal_basis": text(100),
        **dict.fromkeys(
            ("name", "company", "job_title", "city", "state", "country"), text(TEXT_LIMIT)
        ),
    }
)
