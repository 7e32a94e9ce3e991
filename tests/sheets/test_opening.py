"""Which kind a file is, and what is shown of its beginning."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import pytest

from tests.support.workbooks import make, row_xml
from vazao.sheets import errors
from vazao.sheets.kinds import detect_kind
from vazao.sheets.models import Limits
from vazao.sheets.opening import open_sheet, preview

PEOPLE = b"E-mail;Nome\nana@x.com.br;Ana\n"
ROWS = [(2, "ana@x.com.br", "Ana")]


def rows(path: Path, name: str, **limits: int) -> list[tuple[object, ...]]:
    with open_sheet(path, name, limits=Limits(**limits)) as sheet:
        return [row for batch in sheet.batches() for row in batch.frame.iter_rows()]


@pytest.mark.parametrize(
    ("content", "name", "kind"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "a.xls", "OLE"),
        (b"%PDF-1.7", "a.csv", "PDF"),
        (b"<html><table>", "a.xls", "HTML"),
        (b"\xef\xbb\xbf\n<!-- x -->\n<div><table>", "a.xls", "HTML"),
        (b'<meta http-equiv="Content-Type">\n<table>', "a.xls", "HTML"),
        (b'<?xml version="1.0"?><Workbook/>', "a.xls", "XML"),
        (b"MIME-Version: 1.0\nContent-Type: multipart/related", "a.xls", "MHTML"),
        (b"BEGIN:VCARD\nVERSION:3.0", "contacts.csv", "vCard"),
        (b"{\\rtf1\\ansi Nome}", "a.csv", "RTF"),
        (b"PAR1\x15\x04", "a.csv", "Parquet"),
        (b'{"email": "a@b.c"}\n', "a.csv", "NDJSON/JSON"),
        (b"SQLite format 3\0", "a.db", "SQLite"),
    ],
)
def test_other_kinds_are_named_with_a_remedy(tmp_path, content, name, kind):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(errors.SheetUnsupported, match=f"kind {kind} are not accepted.*send that"):
        detect_kind(path, name)


def test_text_that_begins_like_markup_is_text(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("<E-mail>;Nome\nana@x.com.br;Ana\n")
    assert rows(path, "a.csv") == ROWS


def test_a_compressed_text_is_read(tmp_path):
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(PEOPLE * 9))
    assert rows(path, path.name)[:1] == ROWS
    with pytest.raises(errors.SheetUnpacksTooLarge):
        rows(path, path.name, file_bytes=path.stat().st_size)
    path.write_bytes(gzip.compress(PEOPLE)[:-4])
    with pytest.raises(errors.SheetDamaged):
        rows(path, path.name)


def test_the_one_file_of_an_archive_is_read(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("folder/", "")
        packed.writestr("folder/leads.csv", PEOPLE)
        packed.writestr("__MACOSX/folder/._leads.csv", "x")
        packed.writestr("folder/.DS_Store", "x")
    assert rows(path, "a.zip") == ROWS
    with zipfile.ZipFile(path, "a") as packed:
        packed.writestr("other.csv", PEOPLE)
    with pytest.raises(errors.SheetUnsupported, match=r"2 files: folder/leads.csv, other.csv"):
        rows(path, "a.zip")


def test_a_workbook_in_an_archive_is_read_and_an_archive_in_one_is_not(tmp_path):
    book = make(tmp_path / "a.xlsx", row_xml(1, A="E-mail") + row_xml(2, A="ana@x.com.br"))
    path = tmp_path / "a.zip"
    for name, content in (("a.xlsx", book.read_bytes()), ("a.csv.gz", gzip.compress(PEOPLE))):
        with zipfile.ZipFile(path, "w") as packed:
            packed.writestr(name, content)
        if name == "a.xlsx":
            assert rows(path, "a.zip") == [(2, "ana@x.com.br")]
        else:
            with pytest.raises(errors.SheetUnsupported, match="GZIP"):
                rows(path, "a.zip")


def test_text_under_a_wrong_name_is_read_as_text(tmp_path):
    path = tmp_path / "base.xls"
    path.write_text("email;nome\na@b.c;x\n")
    assert detect_kind(path, "base.xls") == "csv"


def test_a_file_over_the_limit_is_refused_unread(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("email\n" * 10)
    with pytest.raises(errors.SheetFileTooLarge, match="60 bytes; the limit is 59"):
        open_sheet(path, "a.csv", limits=Limits(file_bytes=59))


def test_preview_shows_the_beginning(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("email;nome\n\n" + "a@b.c;x\nd@e.f\n" * 20)
    shown = preview(path, "a.csv", rows=3)
    assert shown.headers == ["email", "nome"]
    assert shown.rows == [["a@b.c", "x"], ["d@e.f", None], ["a@b.c", "x"]]
    assert (shown.encoding, shown.delimiter, shown.sheets) == ("utf-8", ";", [])
