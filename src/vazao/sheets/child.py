"""The process that looks into workbooks and archives, with limits, for :mod:`vazao.sheets.apart`.

Standard input brings a line of JSON: what to open, what of it to read, and within which limits.
For an archive, standard output carries a line of JSON with the name of what was unpacked; for a
workbook it carries a line of JSON on what was found, then frames as Arrow streams, each after
its length and the fraction read so far (eight bytes each), a length of zero, and a line of JSON
with counts. An error comes as a line of JSON, too, behind a length of -1 once frames have begun.
"""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from vazao.kit.errors import no_room
from vazao.kit.limits import limit_process

if TYPE_CHECKING:
    import polars as pl

    from vazao.sheets.grid import Grid
    from vazao.sheets.looking import Look, Row
    from vazao.sheets.models import Limits
    from vazao.sheets.sample import Sample
    from vazao.sheets.workbook import Part

_PEEKED = 20
"""Sheets that are looked into for a table."""
_SHEETS = (".csv", ".tsv", ".tab", ".txt", ".xlsx", ".xlsm", ".xls", ".ods", ".gz", ".zip")
# Folders, and what an operating system adds of its own.
_ASIDE = ("__macosx/", ".ds_store", "thumbs.db", "desktop.ini")


def _only_entry(path: Path) -> str:
    """The name of the one file in a ZIP.

    Raises:
        SheetUnsupported: it has several, or none.
    """
    from vazao.sheets.errors import SheetUnsupported
    from vazao.sheets.package import packed_entries

    names = [
        info.filename for info in packed_entries(path)
        if not info.filename.endswith("/") and not info.filename.casefold().startswith(_ASIDE[0])
        and Path(info.filename).name.casefold() not in _ASIDE[1:]
    ]
    if len(names) == 1 and Path(names[0]).suffix.lower() not in _SHEETS:
        raise SheetUnsupported(kind="ZIP")
    if len(names) != 1:
        raise SheetUnsupported(
            "The archive contains {count} files: {names}.",
            remedy="Extract the sheet that you want to import, and send it alone.",
            count=len(names), names=", ".join(names[:20])[:200] or "-",
        )
    return names[0]


def _take_out(request: dict[str, Any], limits: Limits, sample: Sample | None) -> dict[str, Any]:
    """Unpack the one file of an archive."""
    from vazao.sheets.errors import SheetUnpacksTooLarge
    from vazao.sheets.package import Package

    path = Path(request["path"])
    name = _only_entry(path)
    size = 0
    with Path(request["into"]).open("wb") as file:
        for piece in Package(path, limits, sample).pieces(name):
            size += len(piece)
            if size > limits.file_bytes:
                raise SheetUnpacksTooLarge(value=size, limit=limits.file_bytes)
            file.write(piece)
    return {"name": Path(name).name}


def _opened(
    path: Path, limits: Limits, sample: Sample | None
) -> tuple[list[Part], Callable[[Part], Grid]]:
    """The sheets of a workbook of any kind, and what makes a grid of one."""
    from vazao.sheets.errors import SheetUnsupported
    from vazao.sheets.grid import XlsxGrid
    from vazao.sheets.ods import CONTENT, Document, OdsGrid
    from vazao.sheets.package import Package
    from vazao.sheets.workbook import Workbook
    from vazao.sheets.xls import OldWorkbook, XlsGrid

    if not _is_packed(path):
        if sample is not None:
            raise SheetUnsupported(kind="XLS")
        old = OldWorkbook(path)
        return old.sheets, lambda part: XlsGrid(
            part, old.formats, from_1904=old.from_1904, book=old
        )
    package = Package(path, limits, sample)
    if CONTENT in package and "xl/workbook.xml" not in package:
        document = Document(package)
        return document.sheets, lambda part: OdsGrid(part, document=document)
    book = Workbook(package)
    shared = book.shared()
    return book.sheets, lambda part: XlsxGrid(
        part, book.formats, from_1904=book.from_1904, shared=shared, book=book
    )


def _chosen(
    request: dict[str, Any], limits: Limits, sample: Sample | None
) -> tuple[Grid, Look, Iterator[pl.DataFrame], dict[str, Any]]:
    """Open the workbook and look at the sheet to read: its grid, the column names, its cells."""
    from vazao.sheets.errors import SheetNotInWorkbook
    from vazao.sheets.looking import look

    sheets, grid_of = _opened(Path(request["path"]), limits, sample)
    names = [each.name for each in sheets]
    wanted = request["sheet"]
    if wanted is not None and wanted not in names:
        raise SheetNotInWorkbook(sheet=wanted, sheets=", ".join(names), details=names)
    visible = [each for each in sheets if not each.hidden] or sheets
    parts = [each for each in sheets if each.name == wanted] or visible[:_PEEKED]
    grid, rows, pieces = _table(parts, grid_of)
    found = look(rows, request["header_row"])
    about = {
        "sheets": names, "visible": [each.name for each in visible], "sheet": grid.part.name,
        "samples": [list(cells) for number, cells in rows if number > found.row],
        "row": found.row, "names": found.names, "above": found.above,
    }
    return grid, found, pieces, about


def _table(
    parts: list[Part], grid_of: Callable[[Part], Grid]
) -> tuple[Grid, list[Row], Iterator[pl.DataFrame]]:
    """The first sheet that holds addresses; else the first that holds anything."""
    from vazao.sheets.grid import first_rows
    from vazao.sheets.looking import is_address

    first: tuple[Grid, list[Row], Iterator[pl.DataFrame]] | None = None
    for part in parts:
        grid = grid_of(part)
        pieces = grid.pieces()
        rows, read = first_rows(pieces)
        found = grid, rows, _again(read, pieces)
        if any(is_address(cell) for _, cells in rows for cell in cells):
            return found
        if first is None or (rows and not first[1]):
            first = found
    assert first is not None
    return first


def _again(read: list[pl.DataFrame], pieces: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    yield from read
    yield from pieces


def _frames(
    grid: Grid, found: Look, pieces: Iterator[pl.DataFrame]
) -> Iterator[pl.DataFrame]:
    """The rows under the column names, with as many columns as have names."""
    import polars as pl

    from vazao.sheets.grid import wide
    from vazao.sheets.looking import is_blank

    named = [place for place, name in enumerate(found.names) if not is_blank(name)]
    width = named[-1] + 1 if named else 0
    for piece in pieces:
        under = piece.filter(pl.col("row") > found.row)
        inside = under.filter(pl.col("col") <= width)
        # Right of the last name.
        grid.counts.beside += under.height - inside.height
        if inside.height:
            yield wide(inside, width)


def _serve(request: dict[str, Any], answers: BinaryIO) -> None:
    from vazao.sheets.kinds import is_workbook
    from vazao.sheets.models import Limits
    from vazao.sheets.sample import Sample

    limits = Limits(
        unpacked_bytes=request["unpacked_bytes"], columns=request["columns"],
        file_bytes=request["file_bytes"],
    )
    given = request["sample"]
    sample = given and Sample(given[0], tuple((at, length) for at, length in given[1]))
    path = Path(request["path"])
    if "into" in request:
        _say(answers, _take_out(request, limits, sample))
    elif _is_packed(path) and not is_workbook(path):
        _say(answers, {"archive": True})
    else:
        _tell(*_chosen(request, limits, sample), answers)


def _is_packed(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"PK"


def _tell(
    grid: Grid, found: Look, pieces: Iterator[pl.DataFrame], about: dict[str, Any],
    answers: BinaryIO,
) -> None:
    """What was found, and then the rows."""
    _say(answers, about)
    for frame in _frames(grid, found, pieces):
        buffer = BytesIO()
        frame.write_ipc_stream(buffer)
        answers.write(struct.pack(">qd", buffer.tell(), grid.fraction))
        answers.write(buffer.getbuffer())
        answers.flush()
    answers.write(struct.pack(">qd", 0, 1.0))
    _say(answers, asdict(grid.counts))


def _say(answers: BinaryIO, message: dict[str, Any]) -> None:
    answers.write(json.dumps(message).encode() + b"\n")
    answers.flush()


def _error(error: Exception) -> dict[str, Any]:
    """What the parent makes the same error of."""
    from vazao.sheets.apart import FULL
    from vazao.sheets.errors import SheetError

    if isinstance(error, SheetError):
        return {"error": type(error).__name__, "template": error.template,
                "params": error.params, "details": error.details, "remedy": error.remedy}
    if no_room(error):
        return {"error": FULL}
    # Its text is about this machine: paths, places in code.
    return {"error": "SheetDamaged", "template": None, "params": {}, "details": [],
            "remedy": None}


class _Answers:
    """Standard output, which knows whether anything went out."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.lines = 0

    def write(self, body: Any) -> None:
        """Pass on."""
        self._stream.write(body)
        self.lines += 1

    def flush(self) -> None:
        """Pass on."""
        self._stream.flush()


def main() -> int:
    """Serve one request from standard input; 0 unless the workbook could not be read."""
    answers: Any = _Answers(sys.stdout.buffer)
    request = json.loads(sys.stdin.buffer.readline())
    limit_process(request["memory_bytes"], request["seconds"], nice=request["nice"])
    try:
        _serve(request, answers)
    # A library that cannot be mapped within the limits cannot be imported.
    except (MemoryError, ImportError):
        told: dict[str, Any] = {"error": "memory"}
    except Exception as error:  # the caller tells the reader; there is nobody else to tell
        told = _error(error)
    else:
        return 0
    if answers.lines:
        answers.write(struct.pack(">qd", -1, 0.0))
    _say(answers, told)
    return 1


if __name__ == "__main__":
    sys.exit(main())
