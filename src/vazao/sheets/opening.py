"""Sheets, column-wise: what an import reads from a file of any kind, in bounded memory.

``open_sheet`` gives a `Sheet`, whose batches are polars frames with every cell as text; the
readers behind it are ``parsing_csv`` and ``parsing_xlsx``, loaded when they are needed.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from vazao.sheets.errors import SheetFileTooLarge, SheetUnreadable, SheetUnsupported
from vazao.sheets.models import Kind, Limits, Preview, Sheet

if TYPE_CHECKING:
    pass


_MAGIC = (
    (b"\xd0\xcf\x11\xe0", "XLS, or a workbook with a password"),
    (b"%PDF", "PDF"),
    (b"\x89PNG", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x1f\x8b", "GZIP"),
    (b"Rar!", "RAR"),
    (b"7z\xbc\xaf", "7Z"),
)
_MARKUP = (b"<html", b"<!doctype html", b"<table", b"<?xml")
_OBJECT = re.compile(rb'^(?:\xef\xbb\xbf)?\s*\[?\s*\{\s*"(?:[^"\\\n]|\\.)*"\s*:')
_NAMES = {".xls": "XLS", ".ods": "ODS", ".xlsb": "XLSB", ".numbers": "Numbers", ".pdf": "PDF"}


def detect_kind(path: Path, filename: str) -> Kind:
    """What *path* holds: by its content first, and by its name where that says nothing.

    Raises:
        SheetUnsupported: it is of a kind that is known and not read.
        SheetUnreadable: it begins as a workbook and is damaged.
    """
    with path.open("rb") as file:
        head = file.read(512)
    if head.startswith(b"PK\x03\x04") or head.startswith(b"PK\x05\x06"):
        return _detect_packed(path)
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            raise SheetUnsupported(kind=kind)
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_MARKUP):
        raise SheetUnsupported(kind="HTML/XML")
    if _OBJECT.match(head):
        raise SheetUnsupported(kind="NDJSON/JSON")
    suffix = Path(filename).suffix.lower()
    # A name alone does not condemn: programs save plain text under .xls and call it Excel.
    if b"\0\0\0" in head and suffix in _NAMES:
        raise SheetUnsupported(kind=_NAMES[suffix])
    if head and suffix in (".xlsx", ".xlsm") and b"\0" in head[:64]:
        raise SheetUnreadable("The file is not a workbook.")
    return "csv"


def _detect_packed(path: Path) -> Kind:
    from vazao.sheets.workbook import packed_entries

    names = {info.filename for info in packed_entries(path)}
    if "xl/workbook.xml" in names:
        return "xlsx"
    if "xl/workbook.bin" in names:
        raise SheetUnsupported(kind="XLSB")
    raise SheetUnsupported(kind="ODS" if "content.xml" in names else "ZIP")


def open_sheet(
    path: Path,
    filename: str,
    *,
    sheet: str | None = None,
    limits: Limits | None = None,
    batch_rows: int = 50_000,
) -> Sheet:
    """Open a local file as a `Sheet`, its header read and its form checked.

    Args:
        path: the file.
        filename: the name its sender gave it.
        sheet: which sheet of a workbook; by default the first that is not hidden.
        limits: what it may measure.
        batch_rows: rows in a batch, at most.

    Raises:
        SheetError: any of ``vazao.leads.errors``; some appear only while iterating.
    """
    limits = limits or Limits()
    size = path.stat().st_size
    if size > limits.file_bytes:
        raise SheetFileTooLarge(value=size, limit=limits.file_bytes)
    if detect_kind(path, filename) == "csv":
        from vazao.sheets.csv_sheet import CsvSheet

        return CsvSheet(path, filename, limits=limits, batch_rows=batch_rows)
    from vazao.sheets.xlsx_sheet import XlsxSheet

    return XlsxSheet(path, sheet=sheet, limits=limits, batch_rows=batch_rows)


def preview(
    path: Path,
    filename: str,
    *,
    sheet: str | None = None,
    rows: int = 10,
    limits: Limits | None = None,
) -> Preview:
    """The header and the first *rows* rows with content, for a person to check a mapping by.

    A file of text is scanned whole (its encoding depends on it), a workbook's sheet likewise.
    Raises as `open_sheet` does.
    """
    found: list[list[str | None]] = []
    with open_sheet(path, filename, sheet=sheet, limits=limits, batch_rows=max(rows, 1)) as opened:
        for batch in opened.batches():
            found += [list(row[1:]) for row in batch.frame.head(rows - len(found)).iter_rows()]
            if len(found) >= rows:
                break
        return Preview(
            headers=opened.headers,
            rows=found,
            sheets=opened.sheets,
            sheet=opened.name or None,
            encoding=opened.encoding,
            delimiter=opened.delimiter,
            notes=opened.notes,
        )
