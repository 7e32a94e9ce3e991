"""Sheets, column-wise: what an import reads from a file of any kind, in bounded memory.

``open_sheet`` gives a `Sheet`, whose batches are polars frames with every cell as text; the
readers behind it are ``parsing_csv`` and ``parsing_xlsx``, loaded when they are needed.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

from vazao.leads.errors import SheetFileTooLarge, SheetUnreadable, SheetUnsupported
from vazao.leads.models import Note

if TYPE_CHECKING:
    import polars as pl

Kind = Literal["csv", "xlsx"]

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


@dataclass(frozen=True)
class Limits:
    """What a sheet may measure; above any of these an import fails and names limit and value.

    ``file_bytes``, ``cell_bytes`` (a cell as UTF-8), ``unpacked_bytes`` (a workbook's entries
    together) and ``child_memory_bytes`` (the process that reads workbooks) are bytes;
    ``child_seconds`` is that process's processor time.
    """

    file_bytes: int = 1 << 30
    rows: int = 5_000_000
    columns: int = 200
    cell_bytes: int = 65_536
    unpacked_bytes: int = 4 << 30
    child_memory_bytes: int = 3 << 29
    child_seconds: int = 300


@dataclass(frozen=True)
class Batch:
    """Some rows of a sheet, in the file's order.

    ``frame``: ``row`` (Int64, the number a spreadsheet program shows) and one String column
    per header, ``c0``, ``c1``…; null is an empty or missing cell.
    ``long_rows``: rows with content beyond the last header; the same columns, and ``fields``
    (Int64): how many fields that row has up to its last one with content, null if unknown;
    ``beyond`` (String): the content there, as one text.
    """

    frame: pl.DataFrame
    long_rows: pl.DataFrame


@dataclass(frozen=True)
class Preview:
    """A sheet's beginning: ``rows`` are aligned with ``headers``; ``sheets`` a workbook's names."""

    headers: list[str]
    rows: list[list[str | None]]
    sheets: list[str] = field(default_factory=list)
    encoding: str | None = None
    delimiter: str | None = None
    notes: list[Note] = field(default_factory=list)


class Sheet(ABC):
    """A sheet that stands open, ready to be iterated once.

    ``rows_total`` counts rows with content under the header, long ones included: an estimate
    until the last batch was read, exact after it. ``fraction_read`` goes from 0 to 1.
    ``notes`` say what was changed while reading, complete at the end.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.headers: list[str] = []
        self.rows_total = 0
        self.notes: list[Note] = []
        self.encoding: str | None = None
        self.delimiter: str | None = None
        self.sheets: list[str] = []
        self.fraction_read = 0.0
        self.closed = False

    @abstractmethod
    def batches(self) -> Iterator[Batch]:
        """The rows under the header, batch by batch; raises `SheetError` where a limit is met."""

    def close(self) -> None:
        """Let go of files and processes; the sheet cannot be read any further."""
        self.closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


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
    from vazao.leads.parsing_workbook import packed_entries

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
        sheet: which sheet of a workbook; the first by default.
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
        from vazao.leads.parsing_csv import CsvSheet

        return CsvSheet(path, filename, limits=limits, batch_rows=batch_rows)
    from vazao.leads.parsing_xlsx import XlsxSheet

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
            encoding=opened.encoding,
            delimiter=opened.delimiter,
            notes=opened.notes,
        )
