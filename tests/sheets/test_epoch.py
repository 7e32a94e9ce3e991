"""Workbooks that count their dates from 1904: dates and times as the workbook shows them."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pytest
import xlsxwriter

from vazao.sheets.opening import open_sheet, preview

FIXTURES = Path(__file__).parent.parent / "fixtures" / "cases"
MORE = (
    '<extLst><ext uri="{140A7094-0E35-4892-8432-C4D2E57EDEB5}" xmlns:x15="http://schemas.microsoft'
    '.com/office/spreadsheetml/2010/11/main"><x15:workbookPr chartTrackingRefBase="1"/></ext>'
    "</extLst>"
)
FORMATS = ("dd/mm/yyyy", "hh:mm", "dd/mm/yyyy hh:mm")


def book(path: Path, properties: str, more: str = "", *, prefix: str = "", rows: int = 1) -> Path:
    """A workbook with a date, a time, both, and text and a number that look like these."""
    with xlsxwriter.Workbook(path) as out:
        sheet = out.add_worksheet("Base")
        formats = [out.add_format({"num_format": code}) for code in FORMATS]
        sheet.write_row(0, 0, ["email", "dia", "hora", "momento", "texto", "número"])
        for row in range(1, rows + 1):
            sheet.write_string(row, 0, f"a{row}@b.c")
            for column, (value, form) in enumerate(zip((43538, 0.5, 111.25), formats, strict=True)):
                sheet.write_number(row, column + 1, value, form)
            sheet.write_string(row, 4, "2019-03-14")
            sheet.write_number(row, 5, 43538)
    with zipfile.ZipFile(path) as packed:
        parts = {name: packed.read(name) for name in packed.namelist()}
    text = parts["xl/workbook.xml"].decode()
    text = re.sub("<workbookPr[^>]*/>", properties, text)
    text = text.replace("</workbook>", f"{more}</workbook>")
    if prefix:
        text = re.sub(r"<(/?)(?![?!])(?!x15:)(\w)", rf"<\1{prefix}:\2", text)
        text = text.replace("xmlns=", f"xmlns:{prefix}=")
    parts["xl/workbook.xml"] = text.encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in parts.items():
            packed.writestr(name, content)
    return path


def read(path: Path, **how) -> list[tuple]:
    with open_sheet(path, path.name, **how) as sheet:
        return [row for batch in sheet.batches() for row in batch.frame.iter_rows()]


SHOWN_1904 = ("2023-03-15", "12:00", "1904-04-21 06:00:00", "2019-03-14", "43538")
SHOWN_1900 = ("2019-03-14", "12:00", "1900-04-20 06:00:00", "2019-03-14", "43538")


@pytest.mark.parametrize("more", ["", MORE, "<extLst/>", f"<!-- <workbookPr/> -->{MORE}"])
@pytest.mark.parametrize(
    ("properties", "shown"),
    [
        ('<workbookPr date1904="1"/>', SHOWN_1904),
        ("<workbookPr defaultThemeVersion='166925' date1904='true'></workbookPr>", SHOWN_1904),
        ('<workbookPr date1904="0"/>', SHOWN_1900),
        ('<workbookPr date1904="false"/>', SHOWN_1900),
        ("<workbookPr/>", SHOWN_1900),
        ("", SHOWN_1900),
    ],
)
def test_dates_are_those_that_the_workbook_shows(tmp_path, properties, more, shown):
    path = book(tmp_path / "a.xlsx", properties, more)
    before = path.read_bytes()
    assert read(path) == [(2, "a1@b.c", *shown)]
    assert path.read_bytes() == before, "the stored sheet is not touched"


def test_an_extension_cannot_claim_1904(tmp_path):
    more = MORE.replace("chartTracking", 'date1904="1" chartTracking')
    assert read(book(tmp_path / "a.xlsx", "<workbookPr/>", more)) == [(2, "a1@b.c", *SHOWN_1900)]


def test_names_with_a_prefix(tmp_path):
    path = book(tmp_path / "a.xlsx", '<workbookPr date1904="1"/>', MORE, prefix="x")
    assert read(path) == [(2, "a1@b.c", *SHOWN_1904)]


def test_every_row_of_every_batch_and_the_preview(tmp_path):
    path = book(tmp_path / "a.xlsx", '<workbookPr date1904="1"/>', MORE, rows=50)
    rows = read(path, batch_rows=7)
    assert [row[2:] for row in rows] == [SHOWN_1904] * 50
    assert preview(path, "a.xlsx", rows=1).rows == [["a1@b.c", *SHOWN_1904]]


@pytest.mark.parametrize("name", ["x_1904_ext", "x_1904_theme"])
def test_workbooks_as_excel_for_mac_saves_them(name):
    days = [row[2] for row in read(FIXTURES / f"{name}.xlsx")]
    assert days == ["2023-03-15", "1904-04-21"]


def test_midnight_of_the_first_day_stays_a_date(tmp_path):
    with xlsxwriter.Workbook(tmp_path / "a.xlsx", {"date_1904": True}) as out:
        sheet = out.add_worksheet()
        sheet.write_row(0, 0, ["email", "dia"])
        sheet.write_number(1, 1, 0, out.add_format({"num_format": FORMATS[0]}))
    assert read(tmp_path / "a.xlsx") == [(2, None, "1904-01-01")]
