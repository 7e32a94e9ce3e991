"""A ZIP whose directory says what cannot be is refused, and stops nothing else."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import pytest

from vazao.sheets import open_sheet
from vazao.sheets.errors import SheetError

ENTRY, OFFSET = b"PK\x01\x02", 42


def packed(body: str = "E-mail\nana@x.com\n") -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("lista.csv", body)
    return sink.getvalue()


@pytest.mark.parametrize(("at", "form", "value"), [
    (OFFSET, "<I", 0xFFFFFFF0), (OFFSET, "<I", 40), (24, "<I", 1), (10, "<H", 99),
    (46, "<9s", b"\xff" * 9),
])
def test_entries_that_cannot_be(tmp_path: Path, at: int, form: str, value: object) -> None:
    body = bytearray(packed())
    struct.pack_into(form, body, body.index(ENTRY) + at, value)
    path = tmp_path / "a.zip"
    path.write_bytes(body)
    with pytest.raises(SheetError):
        open_sheet(path, "a.zip").close()


def test_an_entry_without_a_name(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("lista.csv", "E-mail\nana@x.com\n")
        made.writestr("x", "more")
    body = bytearray(path.read_bytes())
    # The second entry's name becomes a part of its comment.
    at = body.rindex(ENTRY)
    struct.pack_into("<H", body, at + 28, 0)
    struct.pack_into("<H", body, at + 32, 1)
    path.write_bytes(body)
    with pytest.raises(SheetError):
        open_sheet(path, "a.zip").close()


def test_a_directory_before_the_file(tmp_path: Path) -> None:
    """Its offsets become negative: bytes were cut off in front of it."""
    body = packed("E-mail\n" + "ana@x.com\n" * 400)
    path = tmp_path / "a.zip"
    path.write_bytes(b"PK\x03\x04" + body[body.index(ENTRY) - 4:])
    with pytest.raises(SheetError):
        open_sheet(path, "a.zip").close()
