"""Records with text after a closing quote: whole, on however many lines their fields stand."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vazao.sheets import errors
from vazao.sheets.careful import CarefulReader
from vazao.sheets.csv_sheet import CsvSheet
from vazao.sheets.dialect import Dialect
from vazao.sheets.models import Limits

FIXTURE = Path(__file__).parent.parent / "fixtures" / "cases" / "mend_multiline.csv"
HEADER = "nome;email;obs\n"


def read(folder: Path, text: str | bytes, *, block: int = 1 << 22, batch: int = 50_000, **limits):
    """All good rows of a text, each with its number first."""
    path = folder / "a.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    sheet = CsvSheet(path, "a.csv", limits=Limits(**limits), batch_rows=batch, block_bytes=block)
    with sheet:
        return [row for found in sheet.batches() for row in found.frame.iter_rows()]


@pytest.mark.parametrize("block", [4, 33, 1 << 22])
def test_a_record_with_text_after_a_quote_keeps_its_later_lines(tmp_path, block):
    assert read(tmp_path, FIXTURE.read_bytes(), block=block) == [
        (2, "Bar do Zé Ltda", "ze@mend-multiline.example.org", "ligar amanhã\r\nfalar com a Ana"),
        (3, "Bruno", "bruno@mend-multiline.example.org", "ok"),
    ]


@pytest.mark.parametrize(
    ("record", "fields"),
    [
        ('"a" b;c;"d\ne"', ("a b", "c", "d\ne")),
        ('"a" b;"c\nd\n\ne";f', ("a b", "c\nd\n\ne", "f")),
        ('"a" b;"c\nd";"e\nf"', ("a b", "c\nd", "e\nf")),
        ('"c\nd";"a" b;e', ("c\nd", "a b", "e")),
        ('"c\nd";"e\nf";"a" b', ("c\nd", "e\nf", "a b")),
        ('"c\nd";"a" b;"e\nf"', ("c\nd", "a b", "e\nf")),
        ('a;"b" c;"d ""e""\n""f"""', ("a", "b c", 'd "e"\n"f"')),
        ('"a;b" c;d;"e;f\ng;h"', ("a;b c", "d", "e;f\ng;h")),
        ('"a" b;"c"d;"e\nf"', ("a b", "cd", "e\nf")),
        ('"a" b;c;"\n\nd"', ("a b", "c", "\n\nd")),
        ('"a" b;c;"d\n"', ("a b", "c", "d\n")),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_every_place_of_the_two(tmp_path, record, fields, end):
    text = (HEADER + f"x;y;z\n{record}\nu;v;w\n{record}").replace("\n", end)
    fields = tuple(field.replace("\n", end) for field in fields)
    assert read(tmp_path, text, block=5) == [
        (2, "x", "y", "z"), (3, *fields), (4, "u", "v", "w"), (5, *fields),
    ]


def test_the_header_may_be_such_a_record(tmp_path):
    text = '"nome" do lead;email;"obs\nlonga"\na;b;"c\nd"\n'
    assert read(tmp_path, text) == [(2, "a", "b", "c\nd")]


def test_one_is_mended_on_both_sides_of_a_batch(tmp_path):
    odd = '"Bar" {0};{0}@b.c;"x\ny"\n'
    rows = read(tmp_path, HEADER + "".join(odd.format(n) for n in range(60)), batch=7, block=100)
    assert rows == [(n + 2, f"Bar {n}", f"{n}@b.c", "x\ny") for n in range(60)]


@pytest.mark.parametrize(
    "record",
    [
        '"a" b;"c\nd" e;f',  # the field on two lines may have been opened by mistake
        '"c\nd" e;f;g',
        '"a" b;"c;d\ne;f;g',
        '"a" b;"c\nd"',
        '"a" b;c;"d\ne";f',
    ],
)
def test_where_a_record_ends_is_not_guessed(tmp_path, record):
    path = tmp_path / "a.csv"
    path.write_text(f"{HEADER}x;y;z\n{record}\nu;v;w\n")
    with CsvSheet(path, "a.csv", limits=Limits(), batch_rows=50) as sheet:
        (batch,) = sheet.batches()
    assert batch.refused.select("row", "code").rows()[0] == (3, "quote_unclosed")
    assert batch.frame.rows()[0] == (2, "x", "y", "z")
    assert batch.frame.rows()[-1] == (3 + len(record.split("\n")), "u", "v", "w")


@pytest.mark.parametrize("text", ["x" * 140_000, '"x\n' + "y\n" * 40_000 + '"'])
def test_a_record_that_is_mended_has_limits_too(tmp_path, text):
    with pytest.raises(errors.SheetCellTooLarge, match="row 2, column 3"):
        read(tmp_path, f'{HEADER}"a" b;c;{text}\n')


def test_mending_stops_at_the_limit_of_a_cell():
    lines = iter(['"a" b;"c\n', *["x\n"] * 1000])
    with pytest.raises(errors.SheetCellTooLarge):
        list(CarefulReader(lines, Dialect(";"), 2, Limits(cell_bytes=50)).records())
    assert next(lines, None), "the rest of the file was not read"


plain = st.text(st.sampled_from("ab é,.'="), min_size=1, max_size=5)
inner = st.text(st.sampled_from('ab é;,"\n'), max_size=8)
cell = st.one_of(
    plain.map(lambda text: (text, text)),
    inner.map(lambda text: ('"' + text.replace('"', '""') + '"', text)),
    st.tuples(st.text(st.sampled_from("ab;é"), max_size=4), plain).map(
        lambda parts: (f'"{parts[0]}"{parts[1]}', "".join(parts))
    ),
)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(cell, cell, cell), min_size=1, max_size=12), st.integers(1, 40),
    st.integers(1, 5),
)
def test_whatever_stands_together_in_a_record(tmp_path_factory, table, block, batch):
    text = HEADER + "".join(";".join(raw for raw, _ in row) + "\n" for row in table)
    rows = read(tmp_path_factory.mktemp("mend"), text, block=block, batch=batch)
    values = [[value or None for _, value in row] for row in table]
    assert rows == [(n, *row) for n, row in enumerate(values, 2)
                    if any(value and value.strip() for value in row)]
