"""What the fuzzer runs (scripts/fuzz.py): the readers of sheets, on whatever it has written.

A sheet may be refused with one of the errors that say why; nothing else may be raised. What two
readers of the same markup say is compared, and what Python's csv wrote is what comes back.
"""

from __future__ import annotations

import csv
import io
import sys
import tempfile
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import atheris

with atheris.instrument_imports(include=["vazao.sheets"]):
    from vazao.sheets import child, kinds, markup, opening
    from vazao.sheets.csv_sheet import CsvSheet
    from vazao.sheets.errors import SheetDamaged, SheetError
    from vazao.sheets.models import FOUND, Limits

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
HEAD = f'<worksheet xmlns="{MAIN}"><sheetData>'
LIMITS = Limits(file_bytes=1 << 20, rows=10_000, unpacked_bytes=8 << 20)
FOLDER = Path(tempfile.mkdtemp(prefix="vazao-fuzz-"))
PATH = FOLDER / "sheet"


def text(body: bytes) -> None:
    """A file as it is, by the reader of texts."""
    PATH.write_bytes(body)
    with suppress(SheetError), CsvSheet(
        PATH, "a.csv", choices=FOUND, limits=LIMITS, batch_rows=7
    ) as sheet:
        last = 0
        for batch in sheet.batches():
            for frame in (batch.frame, batch.refused):
                rows = frame.get_column("row").to_list()
                assert rows == sorted(rows)
            rows = batch.frame.get_column("row").to_list()
            assert batch.frame.width == len(sheet.headers) + 1
            assert not rows or rows[0] > last
            last = rows[-1] if rows else last


def sheet_markup(body: bytes) -> None:
    """The rows of a worksheet, by both readers, alone and within a workbook."""
    rows = body.decode("utf-8", "replace")
    odd = usual = None
    with suppress(SheetDamaged):
        odd = markup.Odd(HEAD).read(rows)
    with suppress(SheetDamaged):
        usual = markup.usual(rows)
    if odd is not None and usual is not None and "<c" in rows:
        assert [_said(row) for row in usual.rows()] == [_said(row) for row in odd.rows()]
    with zipfile.ZipFile(PATH, "w") as packed:
        for name, part in _parts(f"{HEAD}{rows}</sheetData></worksheet>").items():
            packed.writestr(name, part)
    workbook()


def _said(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(value or None if isinstance(value, str) else value for value in row)


def _parts(worksheet: str) -> dict[str, str]:
    kinds = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    return {
        "_rels/.rels": f'<Relationships xmlns="{package}"><Relationship Id="a" '
                       f'Type="{kinds}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{kinds}"><sheets><sheet name="A" '
                           'sheetId="1" r:id="a"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels":
            f'<Relationships xmlns="{package}"><Relationship Id="a" Type="{kinds}/worksheet" '
            f'Target="worksheets/sheet1.xml"/><Relationship Id="b" Type="{kinds}/sharedStrings" '
            'Target="sharedStrings.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": worksheet,
        "xl/sharedStrings.xml": f'<sst xmlns="{MAIN}"><si><t>e-mail</t></si><si><t>a@x.com</t>'
                                "</si></sst>",
    }


def workbook() -> None:
    """The file that was written, as the process apart reads a workbook.

    Any exception is an answer of that process; what would end it (a panic), or keep it, is none.
    """
    request = {"path": str(PATH), "sheet": None, "header_row": None}
    with suppress(Exception):
        grid, found, pieces, _ = child._chosen(request, LIMITS, None)
        for frame in child._frames(grid, found, pieces):
            frame.rows()


def package(body: bytes) -> None:
    """A file as it is, whatever it says that it is."""
    PATH.write_bytes(body)
    with suppress(SheetError):
        kind = kinds.detect_kind(PATH, "a")
        if kind == "packed" and kinds.is_workbook(PATH):
            workbook()
        elif kind in ("gzip", "packed"):
            opening.open_sheet(PATH, "a", limits=LIMITS).close()


def table(body: bytes) -> None:
    """What Python's csv has written is read back, cell by cell."""
    cells = [cell for cell in body.decode("utf-8", "ignore").split("\0") if _is_plain(cell)]
    rows = [[f"u{n}@x.com", *cells[n:n + 2]] for n in range(0, len(cells) - 1, 2)]
    if not rows:
        return
    sink = io.StringIO()
    csv.writer(sink, lineterminator="\n").writerows([["e-mail", "one", "two"], *rows])
    PATH.write_text(sink.getvalue(), newline="")
    with opening.open_sheet(PATH, "a.csv", limits=LIMITS) as sheet:
        batches = list(sheet.batches())
    found = [row[1:] for batch in batches for row in batch.frame.iter_rows()]
    read = [[cell or "" for cell in row] for row in found]
    assert sheet.headers == ["e-mail", "one", "two"], (sheet.headers, sink.getvalue())
    assert read == rows, (read, rows)


def _is_plain(cell: str) -> bool:
    return cell.isprintable() and "\ufeff" not in cell and len(cell) < 200


TARGETS = (text, sheet_markup, package, table)


def one(data: bytes) -> None:
    """One input: its first byte says what reads the others."""
    if data:
        TARGETS[data[0] % len(TARGETS)](data[1:])


if __name__ == "__main__":
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()
