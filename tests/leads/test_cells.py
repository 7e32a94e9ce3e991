"""Phones that a program took for decimals, and marks in front of addresses: from file to value."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
import xlsxwriter

from vazao.leads import addresses, mapping, validation
from vazao.sheets.opening import open_sheet

FIXTURES = Path(__file__).parent.parent / "fixtures" / "cases"

PHONES = {
    "81988880001.0": "81988880001",
    "+5581988880001.0": "+5581988880001",
    "81988880001.00": "81988880001",
    "81988880001.0000": "81988880001",
    "33330000.000000": "33330000",
    "8133330000.0": "8133330000",
    "(81.0) 98888-0001": "(81) 98888-0001",
    "81.0 988880001.0": "81 988880001",
    "81988880001.0 ramal 12": "81988880001 ramal 12",
    # Zeros that are the phone's own.
    "3333.0000": "3333.0000",
    "(81) 98888.0000": "(81) 98888.0000",
    "8198888.0000": "8198888.0000",
    "0800123.000": "0800123.000",
    "01.42.68.53.00": "01.42.68.53.00",
    "+55.81.98888.0000": "+55.81.98888.0000",
    "81988880000": "81988880000",
    # Not a phone without the zero that it gained.
    "3333000.0": None,
    "3333000.00": None,
}
ADDRESSES = {
    f"{mark}ana@b.co": "ana@b.co"
    for mark in [
        "'", "’", "‘", '"', "“", "”", "`", "´", "*", "#", "^", "•", "·", "●", "▪", "–", "—", "→",
        "✉", "«", "‹", "¿", "「", "''", "'’ ", "• ", "*\u00a0", " ' ",
    ]
} | {
    # No marks but letters of an address, or what an export puts an apostrophe before.
    "_ana@b.co": "_ana@b.co",
    "+ana@b.co": "+ana@b.co",
    "=ana@b.co": "=ana@b.co",
    "'-ana@b.co": "-ana@b.co",
    "d'ana@b.co": "d'ana@b.co",
    "😀@b.co": "😀@b.co",
    "çana@b.co": "çana@b.co",
    "ªana@b.co": "ªana@b.co",
    # Nothing is left before the @.
    "'@b.co": None,
    "•@b.co": None,
}


def write(folder: Path, form: str, header: str, values: list[str]) -> Path:
    """A sheet with an e-mail and a column *header*, each cell as text."""
    path = folder / f"a.{form.partition('-')[0]}"
    table = [("E-mail", header), *((f"u{n}@x.co", value) for n, value in enumerate(values))]
    if header == "E-mail":
        table = [("E-mail", "Nome"), *((value, "x") for value in values)]
    if form == "xlsx":
        with xlsxwriter.Workbook(path, {"strings_to_numbers": False}) as out:
            sheet = out.add_worksheet()
            for number, row in enumerate(table):
                for column, cell in enumerate(row):
                    sheet.write_string(number, column, cell)
        return path
    always = form == "csv-quoted"
    quoted = [
        ['"' + cell.replace('"', '""') + '"' if always or '"' in cell else cell for cell in row]
        for row in table
    ]
    path.write_text("".join(";".join(row) + "\r\n" for row in quoted), encoding="utf-8")
    return path


def values(path: Path, field: str) -> list[str | None]:
    """What a file's rows give for *field*; None where the row is refused. In batches of five."""
    found: dict[int, str | None] = {}
    with open_sheet(path, path.name, batch_rows=5) as sheet:
        plan = validation.plan(sheet.headers, mapping.propose(sheet.headers), {})
        for batch in sheet.batches():
            done = validation.validate(batch.frame, plan)
            found |= dict.fromkeys(done.rejected["row"])
            found |= dict(done.rows.select("row", field).iter_rows())
    return [found[row] for row in sorted(found)]


FORMS = ["csv", "csv-quoted", "xlsx"]


@pytest.mark.parametrize("form", FORMS)
def test_no_phone_gains_a_digit(tmp_path, form):
    path = write(tmp_path, form, "Telefone", list(PHONES))
    assert dict(zip(PHONES, values(path, "phone"), strict=True)) == PHONES


@pytest.mark.parametrize("form", FORMS)
def test_no_mark_in_front_belongs_to_an_address(tmp_path, form):
    path = write(tmp_path, form, "E-mail", list(ADDRESSES))
    assert dict(zip(ADDRESSES, values(path, "email"), strict=True)) == ADDRESSES


def test_files_of_programs_that_write_decimals():
    assert values(FIXTURES / "pandas_float_ids.csv", "phone") == ["81988880001", None]
    assert values(FIXTURES / "phone_float.csv", "phone") == ["5581988880003", "8133330000"]


def test_a_file_with_marks_before_its_addresses():
    found = [email and email.partition("@")[0] for email in values(
        FIXTURES / "email_apostrophe.csv", "email"
    )]
    assert found == ["ana", "bia", "caio", "dora", "eva", "fabio"]


def test_numbers_of_json_are_phones_too():
    assert validation.clean_lead({"phone": 81988880001.0}) == {"phone": "81988880001"}
    assert validation.clean_lead({"email": "’ana@b.co"}) == {"email": "ana@b.co"}


@pytest.mark.parametrize("text", ["'ana@b.co", "* ana@b.co", "•ana@b.co", "“ é@b.co"])
def test_a_column_and_one_address_are_read_alike(text):
    column = addresses.email(pl.Series(["x@y.co", text])).values
    assert column[1] == addresses.normalize_email(text)
