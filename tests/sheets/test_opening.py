"""Which kind a file is, and what is shown of its beginning."""

from __future__ import annotations

import pytest

from vazao.sheets import errors
from vazao.sheets.models import Limits
from vazao.sheets.opening import detect_kind, open_sheet, preview


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "a.xls"),
        (b"%PDF-1.7", "a.csv"),
        (b"<html><table>", "a.xls"),
        (b"\x1f\x8b\x08", "a.csv.gz"),
    ],
)
def test_other_kinds_are_refused_with_a_remedy(tmp_path, content, name):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(errors.SheetUnsupported, match="Save it as XLSX or CSV"):
        detect_kind(path, name)


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
