"""Workbooks that chance writes: two readers of the same markup agree, and openpyxl with ours."""

from __future__ import annotations

import io
from contextlib import suppress
from datetime import date, datetime
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from tests.support.fuzzing import examples
from vazao.sheets import markup, open_sheet
from vazao.sheets.errors import SheetDamaged

HEAD = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
)
TEXT = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), max_size=12)
NUMBER = st.one_of(st.integers(-10**17, 10**17).map(str), st.floats(
    allow_nan=False, allow_infinity=False).map(repr))


def _value(kind: str, text: str, number: str, extra: str) -> str:
    said = {"n": number, "": number, "s": "0", "b": "1", "e": "#N/A"}.get(kind, escape(text))
    return {"": f"<v>{said}</v>", "space": f'<v xml:space="preserve">{said}</v>', "none": "",
            "empty": "<v></v>"}[extra]


@st.composite
def cells(draw: st.DrawFn, row: int) -> str:
    """The cells of a row as programs write them, and as none should."""
    made = []
    for column in draw(st.lists(st.integers(0, 30), max_size=5, unique=True).map(sorted)):
        letters = chr(65 + column) if column < 26 else "A" + chr(65 + column - 26)
        kind = draw(st.sampled_from(("", "n", "s", "str", "inlineStr", "b", "e")))
        style = draw(st.sampled_from(("", ' s="3"', " s='7'", ' cm="1"')))
        typed = draw(st.sampled_from((f' t="{kind}"', f" t='{kind}'"))) if kind else ""
        text, number = draw(TEXT), draw(NUMBER)
        if kind == "inlineStr":
            inner = f"<is><t>{escape(text)}</t></is>"
            if draw(st.booleans()):
                inner = f"<is><r><t>{escape(text)}</t></r><r><t>x</t></r></is>"
        else:
            extra = draw(st.sampled_from(("", "space", "none", "empty")))
            inner = _value(kind, text, number, extra)
        formula = draw(st.sampled_from(("", "<f>A1+1</f>", '<f t="shared" si="0"/>')))
        place = draw(st.sampled_from((f'r="{letters}{row}"', f'r="{letters}{row}"', "")))
        order = draw(st.booleans())
        attributes = f"{place}{style}{typed}" if order else f"{style}{typed} {place}"
        attributes = " ".join(attributes.split())
        body = f"{formula if kind != 'inlineStr' else ''}{inner}"
        ended = f"<c {attributes}>{body}</c>" if body else f"<c {attributes}/>"
        made.append(ended.replace("<c >", "<c>").replace("<c />", "<c/>"))
    return draw(st.sampled_from(("", "\n", "\n  "))).join(made)


@st.composite
def sheet_rows(draw: st.DrawFn) -> str:
    """Some rows."""
    return "".join(
        f'<row r="{number}"{draw(st.sampled_from(("", " spans=" + chr(34) + "1:9" + chr(34))))}>'
        f"{draw(cells(number))}</row>"
        for number in range(1, draw(st.integers(1, 4)) + 1)
    )


@examples(300)
@given(sheet_rows())
def test_markup_says_the_same_by_pattern_and_by_parser(rows: str) -> None:
    usual = markup.usual(rows)
    odd = markup.Odd(HEAD).read(rows)
    if usual is not None:
        empty = pl.col("text").replace("", None)
        assert usual.with_columns(empty).rows() == odd.with_columns(empty).rows()


@examples(200)
@given(st.text("<>/=\"'crvistf1A \n&;#xE!-[]?", max_size=60))
def test_broken_markup_is_refused_and_crashes_nothing(text: str) -> None:
    rows = f'<row r="1"><c r="A1"><v>1</v></c>{text}</row>'
    for read in (markup.usual, markup.Odd(HEAD).read):
        found = None
        with suppress(SheetDamaged):
            found = read(rows)
        # Refused, left to the other reader, or cells as they are described.
        assert found is None or dict(found.schema) == markup.SCHEMA
        assert found is None or found.row(0) == (1, 1, "n", 0, "1", False)


VALUES = st.one_of(
    st.none(), TEXT.map(lambda text: text.lstrip("=")), st.booleans(),
    st.integers(-10**14, 10**14), st.floats(-1e9, 1e9).map(lambda x: round(x, 6)),
    st.dates(date(1901, 1, 1), date(2199, 12, 31)),
)


@examples(20)
@given(st.lists(st.lists(VALUES, min_size=3, max_size=3), min_size=1, max_size=8))
def test_a_workbook_means_what_openpyxl_reads(grid: list[list[Any]]) -> None:
    book, body = Workbook(), io.BytesIO()
    page = book.active
    page.append(["e-mail", "a", "b", "c"])
    for number, row in enumerate(grid):
        page.append([f"u{number}@x.com", *row])
    book.save(body)
    body.seek(0)
    theirs = [list(row) for row in load_workbook(body).active.iter_rows(
        min_row=2, max_col=4, values_only=True)]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.xlsx"
        path.write_bytes(body.getvalue())
        with open_sheet(path, "a.xlsx") as sheet:
            assert sheet.headers == ["e-mail", "a", "b", "c"]
            ours = [list(row[1:]) for batch in sheet.batches() for row in batch.frame.iter_rows()]
    assert len(ours) == len(theirs)
    for mine, their in zip(ours, theirs, strict=True):
        for said, value in zip(mine, their, strict=True):
            _same(said, value)


def _same(said: str | None, value: Any) -> None:
    """Whether *said* is what a spreadsheet program would show of *value*, but for its format."""
    if isinstance(value, bool):
        assert said in {True: ("TRUE", "true", "1"), False: ("FALSE", "false", "0")}[value]
    elif isinstance(value, int | float):
        assert float(said or "nan") == pytest.approx(value, rel=1e-14, abs=1e-300)
    elif isinstance(value, datetime):
        assert (said or "")[:10] == value.date().isoformat()
    else:
        assert (said or "") == (value or "")
