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
from vazao.sheets.apart import IsArchive, take_out
from vazao.sheets.errors import (
    SheetDamaged,
    SheetFileTooLarge,
    SheetUnpacksTooLarge,
    SheetUnsupported,
)
from vazao.sheets.kinds import detect_kind
from vazao.sheets.models import FOUND, Choices, Kind, Limits, Note, Preview, Sheet
from vazao.sheets.sample import Sample

_PIECE = 1 << 20


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
    if kind == "gzip":
        return _unpacked(path, filename, "GZIP", choices, limits, batch_rows, sample)
    try:
        return _read(path, filename, kind, choices, limits, batch_rows, sample)
    except IsArchive:
        return _unpacked(path, filename, "ZIP", choices, limits, batch_rows, sample)


def _read(
    path: Path, filename: str, kind: Kind, choices: Choices, limits: Limits, batch_rows: int,
    sample: Sample | None,
) -> Sheet:
    """The sheet of a file that is no archive.

    Raises:
        IsArchive: it is one.
    """
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
    # It lives as long as the sheet, which closes it.
    file = tempfile.NamedTemporaryFile()  # noqa: SIM115
    try:
        if kind == "GZIP":
            name = filename.removesuffix(".gz")
            _write(file, _gunzipped(path, whole=sample is None), limits)
        else:
            name = take_out(path, Path(file.name), limits, sample)
        inner = Path(file.name)
        if (again := detect_kind(inner, name)) == "gzip":
            raise SheetUnsupported(kind="GZIP")
        sheet = _read(inner, name, again, choices, limits, batch_rows, None)
    except IsArchive as error:
        file.close()
        raise SheetUnsupported(kind="ZIP") from error
    except OSError as error:
        file.close()
        if not no_room(error):
            raise
        raise StorageFull(
            "There is no space left in {folder}.",
            remedy="Free some space there, or set another folder in TMPDIR.",
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
