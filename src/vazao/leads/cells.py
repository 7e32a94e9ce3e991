"""The rules for the cells of a lead's standard fields, a column at a time.

A rule takes a String column (null = empty) that `tidy` has been over and answers what to store
and which rows it refuses. Most columns have nothing to repair, so each repair is tried on the
whole column first (one pass, no copy) and done only where something needs it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast

import polars as pl

TEXT_LIMIT: Final = 500
TAG_LIMIT: Final = 100
TAGS_LIMIT: Final = 100
# Tab and newline stay: they mean something inside a cell. The others, and the three invisible
# characters that pasting from a page brings along, can't be seen by whoever has to correct them.
_UNSEEN: Final = "\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\u200b\u2060\ufeff"
# Marks of writing direction that apps put around numbers and addresses: nobody sees them either,
# but a name in Hebrew or Arabic may need them.
MARKS: Final = "\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\u00ad"
MARK: Final = re.compile(f"[{MARKS}]")
_LABEL: Final = r"[\pL\pN](?:[\pL\pN\pM-]*[\pL\pN\pM])?"
_TLD: Final = r"(?:[\pL][\pL\pM]+|xn--[a-z0-9-]*[a-z0-9])"
_WEBSITE: Final = rf"(?i)^(?:https?://)?(?:{_LABEL}\.)+{_TLD}\.?(?::[0-9]{{1,5}})?(?:[/?#][^\s]*)?$"
# Blanks, apostrophes, and a sign at which a spreadsheet begins to calculate; the wide ones are what
# keyboards of Eastern Asia write.
_CALCULATED: Final = "[ \u00a0']*[=+\\-@＝＋－＠]"
_BEGINS: Final = f"^({_CALCULATED})"
_AT_ITS_BEGINNING: Final = f"^'({_CALCULATED})"
_SEPARATORS: Final = ";,\t|"
TRUE: Final = ("sim", "s", "yes", "y", "true", "t", "verdadeiro", "v", "1", "x")
FALSE: Final = ("não", "na\u0303o", "nao", "n", "no", "false", "f", "falso", "0")
_NUMBER_OF: Final = r"^\+?([01])[.,]0+$"
# What stands in a cell that holds nothing: dashes, words of programs, error marks of spreadsheets.
_ALWAYS: Final = (
    *("-", "--", "---", "–", "—", "n/a", "n/d"),
    *("#n/a", "#n/d", "#ref!", "#value!", "#valor!", "#name?", "#nome?", "#num!", "#núm!"),
    *("#null!", "#nulo!", "#div/0!", "#spill!", "#despejar!", "#calc!", "#cálc!", "#field!"),
)
# Words, too, where no name or place can be called so.
PLACEHOLDERS: Final = (
    *_ALWAYS, "na", "nd", "null", "none", "nan", "nil", "não informado",
    "sem informação",
)
_LONGEST_PLACEHOLDER: Final = 20


@dataclass(frozen=True)
class Checked:
    """A column after its rule.

    Attributes:
        values: what to store, as long as the column given; null = empty. Where a row is
            refused its value means nothing.
        problems: (Boolean column of the rows whose cell cannot be stored, code of the reason),
            worst first.
        doubts: the same of cells that were taken for something which they do not quite say.
    """

    values: pl.Series
    problems: tuple[tuple[pl.Series, str], ...] = ()
    doubts: tuple[tuple[pl.Series, str], ...] = ()


Rule = Callable[[pl.Series], Checked]


def tidy(cells: pl.Series, *, escaped: bool = True, written: str | None = None) -> pl.Series:
    """*cells* without control characters and blanks around them; what is then empty is null.

    Args:
        escaped: an apostrophe in front of what a spreadsheet would calculate is taken off, as
            `escape` put it on.
        written: the separator of a file that we wrote: those within cells are taken off, too.
    """
    if cells.str.contains(f"[{_UNSEEN}]").any():
        cells = cells.str.replace_all("\r\n?", "\n").str.replace_all(f"[{_UNSEEN}]", "")
    cells = cells.str.strip_chars()
    if escaped and cells.str.starts_with("'").any():
        cells = cells.str.replace(_AT_ITS_BEGINNING, "${1}").str.strip_chars()
    if written is not None and cells.str.contains("'", literal=True).any():
        cells = cells.str.replace_all(_within(written, "'"), "${1}${2}")
    blank = cells == ""
    return cells.set(blank, None) if blank.any() else cells


def without_placeholders(cells: pl.Series, *, words: bool) -> pl.Series:
    """*cells* without what stands for an empty one.

    Args:
        words: words that may be a name are none here, such as ``na`` or ``none``.
    """
    short = (cells.str.len_bytes() <= _LONGEST_PLACEHOLDER).fill_null(value=False)
    few = cells.filter(short).unique()
    known = PLACEHOLDERS if words else _ALWAYS
    empty = few.filter(few.str.to_lowercase().is_in(known))
    return cells.set(cells.is_in(empty.implode()), None) if len(empty) else cells


def escape(text: pl.Expr, separator: str = ",") -> pl.Expr:
    """*text* for a file of values: an apostrophe in front of what a spreadsheet would calculate.

    Also behind each character within it at which a program that takes another separator for that
    of the file begins a cell; and in front of text that looks escaped already, so that an import
    takes off exactly what an export put on.

    Args:
        separator: of the file.
    """
    begun = text.str.replace(_BEGINS, "'${1}")
    return begun.str.replace_all(_within(separator), "${1}'${2}")


def escape_once(text: pl.Expr, separator: str = ",") -> pl.Expr:
    """A cell as it came, escaped once, also where somebody escaped its beginning before."""
    bare = text.str.strip_chars().str.replace(_AT_ITS_BEGINNING, "${1}")
    calculated = text.str.contains(rf"^\s*{_CALCULATED}")
    return escape(pl.when(calculated).then(bare).otherwise(text), separator)


def unescape(text: pl.Expr, separator: str) -> pl.Expr:
    """*text* as it was before `escape`."""
    begun = text.str.replace(_AT_ITS_BEGINNING, "${1}")
    return begun.str.replace_all(_within(separator, "'"), "${1}${2}")


def _within(separator: str, apostrophe: str = "") -> str:
    """Where cells begin within a cell, for a reader by another separator."""
    others = "".join(each for each in _SEPARATORS if each != separator)
    return rf"([{others}\r\n]){apostrophe}({_CALCULATED})"


def longest(cells: pl.Series) -> int:
    """Bytes of the longest cell: what is within a limit in bytes is so in characters."""
    return cast("int", cells.str.len_bytes().max() or 0)


def _too_long(cells: pl.Series, limit: int) -> tuple[tuple[pl.Series, str], ...]:
    if longest(cells) <= limit:
        return ()
    return ((cells.str.len_chars() > limit, "too_long"),)


def text(limit: int) -> Rule:
    """The rule for free text of at most *limit* characters."""
    return lambda cells: Checked(cells, _too_long(cells, limit))


def unmarked(cells: pl.Series) -> pl.Series:
    """*cells* without marks of writing direction."""
    bare = cells.str.replace_all(f"[{MARKS}]", "").str.strip_chars()
    return bare.set(bare == "", None)


def website(cells: pl.Series) -> Checked:
    """The rule for a website: a domain name or an http(s) address, kept as written."""
    if cells.str.contains(f"[{MARKS}]").any():
        cells = unmarked(cells)
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
    return Checked(out, doubts=((out & ~words.is_in(TRUE), "opted_out_unclear"),))


def split_tags(cells: pl.Series) -> pl.Series:
    """List column of the tags in each cell, in the order written, each once, as written."""
    plain = cells.str.replace_all(r"\s+", " ").str.replace_all(":::", ",", literal=True)
    parts = plain.str.replace_all("[;|]", ",").str.split(",")
    # Programs put quotes around tags, brackets around all of them, and an asterisk before theirs.
    trimmed = parts.list.eval(
        pl.element().str.strip_chars().str.replace(r"^\[\s*|^\*\s+", "").str.replace(
            r"^([^\[]*?)\s*\]$", "${1}"
        ).str.replace(r"""^(?:"([^"]*)"|'([^']*)')$""", "${1}${2}").str.strip_chars()
    )
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
