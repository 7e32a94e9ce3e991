"""Sheets, column-wise: what an import reads from a file of any kind, in bounded memory.

``open_sheet`` gives a `Sheet`, whose batches are polars frames with every cell as text; the
readers behind it are ``csv_sheet`` and ``xlsx_sheet``, loaded when they are needed. A file that is
compressed is unpacked first, beside the others that are temporary.
"""

from __future__ import annotations

import gzip
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from vazao.kit.errors import StorageFull, no_room
from vazao.sheets.errors import (
    SheetDamaged,
    SheetFileTooLarge,
    SheetUnpacksTooLarge,
    SheetUnsupported,
)
from vazao.sheets.kinds import detect_kind
from vazao.sheets.models import FOUND, Choices, Limits, Note, Preview, Sheet
from vazao.sheets.package import Package, packed_entries
from vazao.sheets.sample import Sample

_PIECE = 1 << 20
_SHEETS = (".csv", ".tsv", ".tab", ".txt", ".xlsx", ".xlsm", ".xls", ".ods", ".gz", ".zip")
# Folders, and what an operating system adds of its own.
_ASIDE = ("__macosx/", ".ds_store", "thumbs.db", "desktop.ini")


def open_sheet(
    path: Path,
    filename: str,
    *,
    choices: Choices = FOUND,
    limits: Limits | None = None,
    batch_rows: int = 50_000, sample: Sample | None = None,
) -> Sheet:
    """Open a local file as a `Sheet`, its header read and its form checked.

    Args:
        path: the file.
        filename: the name its sender gave it.
        choices: what somebody has said of how to read it; the rest is found.
        limits: what it may measure.
        batch_rows: rows in a batch, at most.
        sample: which of the file is there, if not all of it.

    Raises:
        SheetError: any of ``vazao.sheets.errors``; some appear only while iterating.
        StorageFull: there is no room to unpack it.
    """
    limits = limits or Limits()
    size = sample.size if sample else path.stat().st_size
    if size > limits.file_bytes:
        raise SheetFileTooLarge(value=size, limit=limits.file_bytes)
    kind = detect_kind(path, filename)
    if kind in ("gzip", "zip"):
        return _unpacked(path, filename, kind, choices, limits, batch_rows, sample)
    if kind == "csv":
        from vazao.sheets.csv_sheet import CsvSheet

        return CsvSheet(
            path, filename, choices=choices, limits=limits, batch_rows=batch_rows
        )
    from vazao.sheets.xlsx_sheet import XlsxSheet

    return XlsxSheet(path, choices=choices, limits=limits, batch_rows=batch_rows, sample=sample)


def _unpacked(
    path: Path, filename: str, kind: str, choices: Choices, limits: Limits, batch_rows: int,
    sample: Sample | None,
) -> Sheet:
    """The one file in an archive, as a sheet."""
    name, pieces = (
        (filename.removesuffix(".gz"), _gunzipped(path, whole=sample is None))
        if kind == "gzip" else _only_entry(path, limits, sample)
    )
    # It lives as long as the sheet, which closes it.
    file = tempfile.NamedTemporaryFile(suffix=Path(name).suffix[:8])  # noqa: SIM115
    try:
        _write(file, pieces, limits)
        inner = Path(file.name)
        if (again := detect_kind(inner, name)) in ("gzip", "zip"):
            raise SheetUnsupported(kind=again.upper())
        sheet = open_sheet(
            inner, name, choices=choices, limits=limits, batch_rows=batch_rows
        )
    except OSError as error:
        file.close()
        if not no_room(error):
            raise
        raise StorageFull(
            "There is no room left in {folder}.",
            remedy="Free some space there, or name another folder in TMPDIR.",
            folder=tempfile.gettempdir(),
        ) from error
    except BaseException:
        file.close()
        raise
    sheet.holds(file)
    sheet.notes.insert(0, Note("The file {name} of the archive was read.", {"name": name[:100]}))
    return sheet


def _write(file: IO[bytes], pieces: Iterator[bytes], limits: Limits) -> None:
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > limits.file_bytes:
            raise SheetUnpacksTooLarge(value=size, limit=limits.file_bytes)
        file.write(piece)
    file.flush()


def _gunzipped(path: Path, *, whole: bool) -> Iterator[bytes]:
    try:
        with gzip.open(path) as packed:
            while piece := packed.read1(_PIECE):
                yield piece
    except EOFError as error:
        if whole:
            raise SheetDamaged("The archive is damaged or incomplete.") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise SheetDamaged("The archive is damaged or incomplete.") from error


def _only_entry(
    path: Path, limits: Limits, sample: Sample | None
) -> tuple[str, Iterator[bytes]]:
    """The name and the content of the one file in a ZIP.

    Raises:
        SheetUnsupported: it has several, or none.
    """
    names = [
        info.filename for info in packed_entries(path)
        if not info.filename.endswith("/") and not info.filename.casefold().startswith(_ASIDE[0])
        and Path(info.filename).name.casefold() not in _ASIDE[1:]
    ]
    if len(names) == 1 and Path(names[0]).suffix.lower() not in _SHEETS:
        raise SheetUnsupported(kind="ZIP")
    if len(names) != 1:
        raise SheetUnsupported(
            "The archive holds {count} files: {names}.",
            remedy="Take out the sheet that you want to import and send it alone.",
            count=len(names), names=", ".join(names)[:200] or "-",
        )
    return Path(names[0]).name, Package(path, limits, sample).pieces(names[0])


def preview(
    path: Path,
    filename: str,
    *,
    choices: Choices = FOUND,
    rows: int = 10,
    limits: Limits | None = None,
    sample: Sample | None = None,
) -> Preview:
    """The header and the first *rows* rows with content, for a person to check a mapping by.

    A file of text is scanned whole (its encoding depends on it), or what there is of it in a
    *sample*. Raises as `open_sheet` does.
    """
    found: list[list[str | None]] = []
    with open_sheet(
        path, filename, choices=choices, limits=limits, batch_rows=max(rows, 1),
        sample=sample,
    ) as opened:
        for batch in opened.batches():
            found += [list(row[1:]) for row in batch.frame.head(rows - len(found)).iter_rows()]
            if len(found) >= rows:
                break
        if sample is not None and len(found) < rows:
            # The last line may not be there to its end.
            found = found[:-1]
        return Preview(
            headers=opened.headers,
            rows=found,
            sheets=opened.sheets,
            sheet=opened.name or None,
            encoding=opened.encoding,
            delimiter=opened.delimiter,
            header_row=opened.header_row,
            whole=len(found) < rows and sample is None,
            notes=opened.notes,
        )
