"""Workbooks: what their cells become as text, and what hostile ones are answered."""

from __future__ import annotations

import datetime as dt
import os
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter

from tests.support.workbooks import make, row_xml
from vazao.sheets import errors
from vazao.sheets.apart import environment
from vazao.sheets.kinds import is_workbook
from vazao.sheets.looking import letters as column_letters
from vazao.sheets.markup import column_number
from vazao.sheets.models import Choices, Limits
from vazao.sheets.opening import open_sheet, preview
from vazao.sheets.xlsx_sheet import XlsxSheet


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return tmp_path / "a.xlsx"


def read(path: Path, *, sheet: str | None = None, batch_rows: int = 50_000, **limits):
    """Headers, good rows, long rows (number and fields), and the exact total."""
    good, long_rows = [], []
    with open_sheet(
        path, path.name, choices=Choices(sheet=sheet), limits=Limits(**limits),
        batch_rows=batch_rows,
    ) as opened:
        for batch in opened.batches():
            good += batch.frame.rows()
            long_rows += batch.refused.select("row", "code").rows()
        return opened.headers, good, long_rows, opened.rows_total


HEAD = row_xml(1, A="email", B="nome")


def test_values_become_text_as_people_know_them(book):
    with xlsxwriter.Workbook(book) as out:
        sheet = out.add_worksheet("Base")
        day = out.add_format({"num_format": "dd/mm/yyyy"})
        moment = out.add_format({"num_format": "dd/mm/yyyy hh:mm"})
        clock = out.add_format({"num_format": "hh:mm"})
        sheet.write_row(0, 0, ["i", "f", "d", "m", "t", "b", "formula", "err", "text", "phone"])
        sheet.write_row(1, 0, [42, 0.1])
        sheet.write_datetime(1, 2, dt.datetime(2026, 12, 31), day)
        sheet.write_datetime(1, 3, dt.datetime(2026, 12, 31, 14, 30, 15), moment)
        sheet.write_datetime(1, 4, dt.time(12, 5), clock)
        sheet.write_boolean(1, 5, True)
        sheet.write_formula(1, 6, "=1+1", None, 2)
        sheet.write_formula(1, 7, "=NA()", None, "#N/A")
        sheet.write_string(1, 8, "=cmd|' /C calc'!A0")
        sheet.write_number(1, 9, 5511987654321)
    (row,) = read(book)[1]
    assert row == (
        2, "42", "0.1", "2026-12-31", "2026-12-31 14:30:15", "12:05", "true", "2", None,
        "=cmd|' /C calc'!A0", "5511987654321",
    )  # fmt: skip


def test_text_keeps_accents_spaces_and_line_breaks(book):
    with xlsxwriter.Workbook(book) as out:
        sheet = out.add_worksheet("Base")
        sheet.write_row(0, 0, [" email ", "nome"])
        sheet.write_row(1, 0, ["a@b.c", "  João\nÇ €🙂 "])
        sheet.write_string(2, 0, "007")
    headers, good, _, _ = read(book)
    assert headers == ["email", "nome"]
    assert good == [(2, "a@b.c", "  João\nÇ €🙂 "), (3, "007", None)]


def test_row_numbers_are_those_that_excel_shows(book):
    make(book, HEAD + row_xml(4, A="a@b.c") + row_xml(9, B="x") + row_xml(12, A=""))
    assert read(book, batch_rows=2)[1:] == ([(4, "a@b.c", None), (9, None, "x")], [], 2)


def test_a_table_away_from_the_first_column(book):
    make(book, row_xml(1, C="email", E="nome") + row_xml(2, C="a@b.c", D="?", E="x"))
    headers, good, _, _ = read(book)
    assert headers == ["", "", "email", "", "nome"]
    assert good == [(2, None, None, "a@b.c", "?", "x")]


def test_cells_under_no_column_name_are_left_out_and_told(book):
    make(book, HEAD + row_xml(2, A="a", F="x", G="y") + row_xml(3, A="b") + row_xml(4, H="z"))
    with open_sheet(book, "a.xlsx") as sheet:
        (batch,) = sheet.batches()
        notes = [note.say() for note in sheet.notes]
    assert batch.frame.rows() == [(2, "a", None), (3, "b", None)]
    assert notes == ["Cells without a column name, skipped: 3."]


@pytest.mark.parametrize("data", ["", row_xml(3)])
def test_an_empty_sheet_fails(book, data):
    with pytest.raises(errors.SheetEmpty):
        read(make(book, data))


def test_a_table_without_column_names_has_letters(book):
    make(book, row_xml(2, A="a@b.co", B="x") + row_xml(3, A="d@e.fr"))
    assert read(book)[:2] == (["A", "B"], [(2, "a@b.co", "x"), (3, "d@e.fr", None)])


def test_a_header_alone_has_no_rows(book):
    assert read(make(book, HEAD)) == (["email", "nome"], [], [], 0)


def test_repeated_headers_are_numbered(book):
    make(book, row_xml(1, A="E-mail", B="e-MAIL ") + row_xml(2, A="a@b.c", B="d@e.f"))
    assert read(book)[0] == ["E-mail", "e-MAIL (2)"]


def test_sheets_are_chosen_by_name_and_the_first_by_default(book):
    with xlsxwriter.Workbook(book) as out:
        for name in ("Março", "Abril & Maio"):
            sheet = out.add_worksheet(name)
            sheet.write_row(0, 0, ["email", name])
            sheet.write_row(1, 0, ["a@b.c", "x"])
    assert read(book)[0] == ["email", "Março"]
    assert read(book, sheet="Abril & Maio")[0] == ["email", "Abril & Maio"]
    with pytest.raises(errors.SheetNotInWorkbook, match="Março, Abril & Maio"):
        read(book, sheet="Junho")


def test_preview_names_the_sheets(book):
    make(book, HEAD + "".join(row_xml(n, A=f"a{n}@b.c") for n in range(2, 30)))
    shown = preview(book, "a.xlsx", rows=2)
    assert shown.rows == [["a2@b.c", None], ["a3@b.c", None]]
    assert shown.sheets == ["Base"]


def test_batches_are_no_larger_than_asked_and_progress_is_told(book):
    make(book, HEAD + "".join(row_xml(n, A=f"a{n}@b.c") for n in range(2, 102)))
    with open_sheet(book, "a.xlsx", batch_rows=30) as sheet:
        heights = [batch.frame.height for batch in sheet.batches()]
        assert (sheet.rows_total, sheet.fraction_read) == (100, 1.0)
        assert sheet._apart.process.stdout.read() == b""
    assert max(heights) <= 30
    assert sum(heights) == 100


def test_a_long_sheet_comes_in_pieces(book):
    make(book, HEAD + "".join(row_xml(n, A=f"a{n}@b.c", B="x" * 90) for n in range(2, 40_002)))
    with open_sheet(book, "a.xlsx", batch_rows=50_000) as sheet:
        seen = [(batch.frame, sheet.fraction_read, sheet.rows_total) for batch in sheet.batches()]
    rows = [row for frame, _, _ in seen for row in frame.iter_rows()]
    assert rows == [(n, f"a{n}@b.c", "x" * 90) for n in range(2, 40_002)]
    assert len(seen) > 1
    assert 0 < seen[0][1] < seen[-1][1]
    assert abs(seen[0][2] - 40_000) < 4_000


@pytest.mark.parametrize("far", ["XFD1048576", "GS2", "XFD2", "AAA7", "ZZ1048576"])
def test_a_far_stray_cell_is_left_out_and_told(book, far):
    column = far.rstrip("0123456789")
    make(book, HEAD + row_xml(int(far[len(column) :]), **{column: "x"}) )
    with open_sheet(book, "a.xlsx") as sheet:
        assert list(sheet.batches()) == []
        assert [note.say() for note in sheet.notes] == [
            "Cells without a column name, skipped: 1."
        ]


def test_a_far_row_is_read(book):
    make(book, HEAD + row_xml(2, CZ="x") + row_xml(1048576, A="a@b.c"))
    assert read(book)[1] == [(1048576, "a@b.c", None)]


def test_the_last_column_allowed_is_read_and_the_next_refused(book):
    wide = {column_letters(n): f"h{n}" for n in range(1, 201)}
    assert len(read(make(book, row_xml(1, **wide)))[0]) == 200
    with pytest.raises(errors.SheetTooManyColumns, match="201 columns; the limit is 200"):
        read(make(book, row_xml(1, **wide, GS="h201")))


def test_column_names_and_numbers():
    assert [column_letters(n) for n in (1, 26, 27, 200, 16384)] == ["A", "Z", "AA", "GR", "XFD"]
    assert all(column_number(column_letters(n)) == n for n in range(1, 2000))


def test_too_many_rows_names_limit_and_value(book):
    make(book, HEAD + "".join(row_xml(n, A="a@b.c") for n in range(2, 14)))
    with pytest.raises(errors.SheetTooManyRows, match=r"1[12] rows; the limit is 10"):
        read(book, rows=10)


def test_a_cell_too_large_names_row_column_limit_and_value(book):
    make(book, HEAD + row_xml(2, A="a") + row_xml(5, B="é" * 40_000))
    wanted = r"row 5, column 2 \(nome\), has 80000 bytes; the limit is 65536"
    with pytest.raises(errors.SheetCellTooLarge, match=wanted):
        read(book)


def test_a_workbook_that_unpacks_to_more_than_its_limit(book):
    make(book, HEAD, extra={"xl/media/big.bin": os.urandom(1000) * 3000})
    with pytest.raises(errors.SheetUnpacksTooLarge, match="limit is 1000000") as caught:
        read(book, unpacked_bytes=1_000_000)
    assert caught.value.status == 413


def test_a_bomb_is_refused_by_its_ratio(book):
    make(book, HEAD + " " * (80 << 20))
    with pytest.raises(errors.SheetUnpacksTooLarge):
        read(book)


def test_a_size_that_the_directory_understates_is_found(book):
    make(book, HEAD + " " * 5_000_000)
    data = bytearray(book.read_bytes())
    at = data.rindex(b"xl/worksheets/sheet1.xml") - 46
    assert data[at : at + 4] == b"PK\x01\x02"
    data[at + 24 : at + 28] = struct.pack("<I", 1000)
    book.write_bytes(data)
    with pytest.raises(errors.SheetUnpacksTooLarge):
        read(book)


@pytest.mark.parametrize("part", ["sheet", "xl/sharedStrings.xml", "xl/workbook.xml"])
def test_entity_declarations_are_refused(book, part):
    bomb = '<!DOCTYPE x [<!ENTITY a "lol"><!ENTITY b "&a;&a;">]>'
    if part == "sheet":
        make(book, HEAD, before=bomb)
    else:
        make(book, HEAD, extra={part: f'<?xml version="1.0"?>{bomb}<sst/>'.encode()})
    with pytest.raises(errors.SheetUnreadable, match="entities"):
        read(book)


def test_a_reader_out_of_memory_is_an_answer_not_a_crash(book):
    text = os.urandom(300).hex() * 100
    make(book, HEAD + "".join(row_xml(n, A=text) for n in range(2, 3000)))
    with pytest.raises(errors.SheetNeedsTooMuchMemory, match="100000000 bytes"):
        read(book, child_memory_bytes=100_000_000)


def test_a_reader_killed_halfway_is_an_answer(book):
    make(book, HEAD + "".join(row_xml(n, A="x" * 5000) for n in range(2, 2000)))
    with open_sheet(book, "a.xlsx", batch_rows=100) as sheet:
        batches = sheet.batches()
        next(batches)
        sheet._apart.process.kill()
        with pytest.raises(errors.SheetError):
            list(batches)


def test_no_process_is_left_behind(book):
    make(book, HEAD + "".join(row_xml(n, A="x" * 5000) for n in range(2, 2000)))
    with open_sheet(book, "a.xlsx", batch_rows=100) as sheet:
        child = sheet._apart.process
        next(sheet.batches())
    assert child.returncode is not None
    with pytest.raises(errors.SheetNotInWorkbook):
        XlsxSheet(book, choices=Choices(sheet="x"), limits=Limits(), batch_rows=10)


def test_the_child_gets_no_secrets(monkeypatch):
    monkeypatch.setenv("VAZAO_SECRET", "s3cret")
    monkeypatch.setenv("VAZAO_DATABASE_URL", "postgresql://u:s3cret@h/d")
    code = "import os; print(dict(os.environ))"
    shown = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True
    )
    assert "s3cret" not in shown.stdout


@pytest.mark.parametrize("keep", [0.3, 0.9])
def test_a_truncated_workbook_is_unreadable(book, keep):
    data = make(book, HEAD + row_xml(2, A="x" * 1000)).read_bytes()
    book.write_bytes(data[: int(len(data) * keep)])
    with pytest.raises(errors.SheetUnreadable):
        read(book)


@pytest.mark.parametrize("damage", ["<row r='2'><c r='A2'><v>1</c></row>", "<row r='2'><c r='A2'"])
def test_broken_markup_is_unreadable(book, damage):
    with pytest.raises(errors.SheetUnreadable):
        read(make(book, HEAD + damage))


@pytest.mark.parametrize(
    ("parts", "kind"), [(["word/document.xml"], "DOCX"), (["xl/workbook.bin"], "XLSB"),
                        (["Index/Document.iwa"], "Numbers")]
)
def test_other_packed_files_are_refused_with_a_remedy(tmp_path, parts, kind):
    path = tmp_path / "a.xlsx"
    with zipfile.ZipFile(path, "w") as packed:
        for part in parts:
            packed.writestr(part, "x")
    with pytest.raises(errors.SheetUnsupported, match=f"{kind} are not accepted"):
        open_sheet(path, "a.xlsx")


def test_a_workbook_under_any_name_is_a_workbook(tmp_path):
    path = make(tmp_path / "a.csv", HEAD)
    assert is_workbook(path)
    with open_sheet(path, "a.csv") as sheet:
        assert sheet.encoding is None


def test_frames_have_the_agreed_columns(book):
    make(book, HEAD + row_xml(2, A="a"))
    with open_sheet(book, "a.xlsx") as sheet:
        (batch,) = sheet.batches()
    assert batch.frame.schema == {"row": pl.Int64, "c0": pl.String, "c1": pl.String}
