"""Whatever looks into what strangers packed is a process apart."""

from __future__ import annotations

import struct
import zipfile
import zlib
from pathlib import Path

import pytest

from tests.support.workbooks import make, row_xml
from vazao.sheets import Limits, open_sheet
from vazao.sheets.errors import SheetNeedsTooMuchMemory, SheetUnpacksTooLarge


def archive(path: Path, body: bytes) -> Path:
    """A ZIP with one sheet in it."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("lista.csv", body)
    return path


def crowded(path: Path, entries: int) -> Path:
    """A ZIP whose directory names so many files."""
    entry = struct.pack(
        "<4s6H3L5H2L1s", b"PK\x01\x02", 20, 20, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, b"a"
    )
    directory = entry * entries
    end = struct.pack(
        "<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0
    )
    large = struct.pack(
        "<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, entries, entries, len(directory), 4
    )
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, 4 + len(directory), 1)
    path.write_bytes(b"PK\x03\x04" + directory + large + locator + end)
    return path


@pytest.mark.parametrize("kind", ["workbook", "archive", "directory"])
def test_nothing_packed_is_taken_apart_in_this_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    files = {
        "workbook": make(tmp_path / "a.xlsx", row_xml(1, A="E-mail") + row_xml(2, A="ana@x.com")),
        "archive": archive(tmp_path / "a.zip", b"E-mail\nana@x.com\n"),
        "directory": crowded(tmp_path / "b.zip", 300_000),
    }

    def here(*_: object, **__: object) -> None:
        raise AssertionError("it was looked into here")

    for name in ("ZipFile", "_EndRecData"):
        monkeypatch.setattr(zipfile, name, here)
    monkeypatch.setattr(zlib, "decompressobj", here)
    path = files[kind]
    if kind == "directory":
        with pytest.raises(SheetNeedsTooMuchMemory):
            open_sheet(path, path.name, limits=Limits(child_memory_bytes=96 << 20))
        return
    with open_sheet(path, path.name) as sheet:
        rows = [row for batch in sheet.batches() for row in batch.frame.rows()]
    assert [row[1] for row in rows] == ["ana@x.com"]


def test_an_archive_ends_at_the_limit_of_a_file(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", b"E-mail\n" + b"ana@x.com\n" * 10_000)
    with pytest.raises(SheetUnpacksTooLarge) as told:
        open_sheet(path, "a.zip", limits=Limits(file_bytes=path.stat().st_size + 1000))
    assert told.value.code == "sheet_unpacks_too_large"
