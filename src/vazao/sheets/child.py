"""The process that reads workbooks, apart and with limits, for ``xlsx_sheet``.

Standard input brings a line of JSON: what to open, what of it to read, and within which limits.
Standard output carries a line of JSON on what was found, then frames as Arrow streams, each after
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

    with path.open("rb") as file:
        is_packed = file.read(2) == b"PK"
    if not is_packed:
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


def _chosen(request: dict[str, Any]) -> tuple[Grid, Look, Iterator[pl.DataFrame], dict[str, Any]]:
    """Open the workbook and look at the sheet to read: its grid, the column names, its cells."""
    from vazao.sheets.errors import SheetNotInWorkbook
    from vazao.sheets.looking import look
    from vazao.sheets.models import Limits
    from vazao.sheets.sample import Sample

    limits = Limits(unpacked_bytes=request["unpacked_bytes"], columns=request["columns"])
    given = request["sample"]
    sample = given and Sample(given[0], tuple((at, length) for at, length in given[1]))
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
    grid, found, pieces, about = _chosen(request)
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
    from vazao.sheets.errors import SheetError

    if isinstance(error, SheetError):
        return {"error": type(error).__name__, "template": error.template,
                "params": error.params, "details": error.details}
    # Its text is about this machine: paths, places in code.
    return {"error": "SheetDamaged", "template": None, "params": {}, "details": []}


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
    limit_process(request["memory_bytes"], request["seconds"])
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
