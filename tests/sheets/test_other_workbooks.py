"""XLS and OpenDocument: the same values as the workbook of XLSX that they were made from."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from vazao.sheets import errors
from vazao.sheets.models import Choices
from vazao.sheets.opening import open_sheet

FIXTURES = Path(__file__).parent.parent / "fixtures" / "sheets"
NAMES = ("typed_book.xlsx", "typed.xls", "typed.ods")
ANA = (
    2, "ana@x.com.br", "  Ana  Souza", "2026-12-31", "2026-12-31 14:30:00", "12:00", "30:00:00",
    "01310-100", "(81) 98888-0001", "-8.05427751234567", "true", None, "2", "0.25",
    "linha 1\nlinha 2",
)
BIA = (4, "bia@x.com.br", "Bia", *[None] * 6, "1234.5", "x", *[None] * 4)
NOTES = [
    "Hidden rows were read too: 1.",
    "Areas of merged cells, read with the value in their first cell only: 1.",
]
DOCUMENT = (
    '<office:document-content xmlns:office="o" xmlns:table="t" xmlns:text="x">'
    '<office:body><office:spreadsheet><table:table table:name="A">{}</table:table>'
    "</office:spreadsheet></office:body></office:document-content>"
)


def read(path: Path, sheet: str | None = None) -> tuple[list[tuple[object, ...]], list[str]]:
    with open_sheet(path, path.name, choices=Choices(sheet=sheet)) as opened:
        rows = [row for batch in opened.batches() for row in batch.frame.iter_rows()]
        return rows, [note.say() for note in opened.notes]


@pytest.mark.parametrize("name", NAMES)
def test_values_are_those_that_people_see(name):
    assert read(FIXTURES / name) == ([ANA, BIA], NOTES)


@pytest.mark.parametrize("name", NAMES)
def test_a_hidden_sheet_is_read_when_it_is_named(name):
    rows, notes = read(FIXTURES / name, "Velha")
    assert (rows, notes) == ([(2, "velha@x.com.br")], [])


def document(path: Path, rows: str, **parts: str) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("content.xml", DOCUMENT.format(rows))
        for name, text in parts.items():
            packed.writestr(name.replace("_", "/", 1), text)
    return path


def cell(text: str, given: str = "") -> str:
    return f"<table:table-cell {given}><text:p>{text}</text:p></table:table-cell>"


def row(*cells: str, given: str = "") -> str:
    return f"<table:table-row {given}>{''.join(cells)}</table:table-row>"


def test_what_is_repeated_stands_as_often(tmp_path):
    rows = row(cell("E-mail"), cell("Nome")) + row(
        cell("a@x.com.br"), cell("x", 'table:number-columns-repeated="3"'),
        given='table:number-rows-repeated="3"',
    ) + row("<table:table-cell/>", given='table:number-rows-repeated="1048570"')
    found, notes = read(document(tmp_path / "a.ods", rows))
    assert found == [(n, "a@x.com.br", "x") for n in (2, 3, 4)]
    assert notes == ["Cells without a column name, skipped: 6."]


def test_remarks_and_blanks_of_a_cell(tmp_path):
    remark = "<office:annotation><text:p>remark</text:p></office:annotation>"
    text = f"<table:table-cell>{remark}<text:p>a<text:s text:c=\"2\"/>b</text:p>"
    text += "<text:p>c<text:tab/>d</text:p></table:table-cell>"
    rows = row(cell("E-mail"), cell("Nome")) + row(cell("a@x.com.br"), text)
    assert read(document(tmp_path / "a.ods", rows))[0] == [(2, "a@x.com.br", "a  b\nc\td")]


def test_a_document_with_a_password_is_named(tmp_path):
    path = document(tmp_path / "a.ods", "", **{"META-INF_manifest.xml": "<encryption-data/>"})
    with pytest.raises(errors.SheetUnsupported, match="password"):
        read(path)


@pytest.mark.parametrize("name", ["typed.xls", "typed.ods"])
@pytest.mark.parametrize("keep", [0.3, 0.7, 0.99])
def test_what_is_cut_off_is_refused(tmp_path, name, keep):
    data = (FIXTURES / name).read_bytes()
    path = tmp_path / name
    path.write_bytes(data[: int(len(data) * keep)])
    with pytest.raises(errors.SheetError):
        read(path)
