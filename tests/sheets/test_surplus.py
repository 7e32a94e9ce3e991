"""Cells beyond the last header: each is found, numbered and kept, by both readers of text."""

from __future__ import annotations

from pathlib import Path

import pytest

from vazao.sheets.careful import UNCLOSED
from vazao.sheets.csv_sheet import CsvSheet
from vazao.sheets.models import Limits

# A quote in the middle of a field leaves the whole file to the careful reader.
ODD = '"q";tubo "12" b;\n'


def long_rows(path: Path, text: str, *, careful: bool = False) -> list[tuple[int, int, str]]:
    """Number, fields and surplus of the long rows."""
    path.write_text("email;nome;cidade\n" + text + (ODD if careful else ""))
    sheet = CsvSheet(path, "a.csv", limits=Limits(), batch_rows=50)
    found = [b.refused.select("row", "value", "beyond").rows() for b in sheet.batches()]
    sheet.close()
    return [(row, int(value), beyond) for rows in found for row, value, beyond in rows]


@pytest.mark.parametrize("careful", [False, True])
@pytest.mark.parametrize("place", [*range(4, 16), 40])
def test_one_cell_beyond_the_header_is_found_wherever_it_stands(
    tmp_path: Path, place: int, careful: bool
) -> None:
    far = ";".join(["a", "b", "c", *[""] * (place - 4), "x"])
    text = f"1;2;3\n{far}\n4;5;6\n"
    assert long_rows(tmp_path / "a.csv", text, careful=careful) == [(3, place, "x")]


@pytest.mark.parametrize("careful", [False, True])
@pytest.mark.parametrize("count", [*range(1, 12), 40])
def test_all_cells_beyond_the_header_are_kept_in_their_order(
    tmp_path: Path, count: int, careful: bool
) -> None:
    names = [f"x{n}" for n in range(count)]
    text = ";".join(["a", "b", "c", *names]) + "\n1;2;3\n"
    found = long_rows(tmp_path / "a.csv", text, careful=careful)
    assert found == [(2, 3 + count, " | ".join(names))]


@pytest.mark.parametrize("careful", [False, True])
@pytest.mark.parametrize("empty", range(12))
def test_the_last_cell_is_found_behind_a_first_one_and_empty_ones(
    tmp_path: Path, empty: int, careful: bool
) -> None:
    text = "a;b;c;x" + ";" * empty + ";y\n1;2;3\n"
    found = long_rows(tmp_path / "a.csv", text, careful=careful)
    assert found == [(2, 5 + empty, "x | y")]


@pytest.mark.parametrize("careful", [False, True])
@pytest.mark.parametrize("count", range(1, 12))
def test_empty_cells_beyond_the_header_make_no_row_long(
    tmp_path: Path, count: int, careful: bool
) -> None:
    text = "a;b;c" + ";" * count + "\n"
    assert long_rows(tmp_path / "a.csv", text, careful=careful) == []


@pytest.mark.parametrize("surplus", ["d", ";d", '"d"'])
def test_a_quote_closed_amid_a_field_of_a_long_row_is_left_open(
    tmp_path: Path, surplus: str
) -> None:
    """Where the row has more cells than the header, nobody can say where its quotes belong."""
    path = tmp_path / "a.csv"
    path.write_text(f'email;nome;cidade\n1;2;3\n"a" x;b;c;{surplus}\n4;5;6\n')
    with CsvSheet(path, "a.csv", limits=Limits(), batch_rows=50) as sheet:
        found = [(b.frame["row"].to_list(), b.refused["row"].to_list(), b.refused["code"].to_list())
                 for b in sheet.batches()]
    assert found == [([2, 4], [3], [UNCLOSED])]


@pytest.mark.parametrize("surplus", ["", ";", ";;"])
def test_a_quote_closed_amid_a_field_of_a_row_as_wide_as_the_header_is_text(
    tmp_path: Path, surplus: str
) -> None:
    assert long_rows(tmp_path / "a.csv", f'1;2;3\n"a" x;b;c{surplus}\n') == []
