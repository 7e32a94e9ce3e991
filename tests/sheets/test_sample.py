"""A file's first rows from pieces of it: as from the whole, and never stuck or wrong otherwise."""

from __future__ import annotations

import gzip
import io
import random
import tempfile
import zipfile
from pathlib import Path

import pytest
from openpyxl import Workbook

from tests.support.samples import sample_of
from vazao import sheets
from vazao.sheets.errors import SheetError, SheetFileTooLarge, SheetSampleInvalid

ROWS = 40_000


def text() -> str:
    noise = random.Random(12)
    return "E-mail;Nome;Obs\n" + "".join(
        f"p{n}@exemplo.com.br;João {n};{noise.randbytes(30).hex()}\n" for n in range(ROWS)
    )


def workbook(path: Path, *, rows: int = ROWS) -> Path:
    noise = random.Random(12)
    book = Workbook(write_only=True)
    for title in ("Capa", "Lista"):
        sheet = book.create_sheet(title)
        if title == "Capa":
            sheet.append(["Relatório"])
            continue
        sheet.append(["E-mail", "Nome", "Obs"])
        for n in range(rows):
            sheet.append([f"p{n}@exemplo.com.br", f"João {n}", noise.randbytes(30).hex()])
    book.save(path)
    return path


def seen(path: Path, *, sample: bool, rows: int = 300) -> sheets.Preview:
    """The preview of *path*, or of the pieces of it that a browser sends first."""
    if not sample:
        return sheets.preview(path, path.name, rows=rows)
    pieces, body = sample_of(path)
    made = sheets.Sample(path.stat().st_size, tuple(pieces))
    made.check(len(body), 1 << 30)
    with tempfile.NamedTemporaryFile() as file:
        made.spread(io.BytesIO(body), file)
        return sheets.preview(Path(file.name), path.name, rows=rows, sample=made)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("large")
    (made / "utf8.csv").write_text(text())
    (made / "cp1252.csv").write_bytes(text().encode("cp1252"))
    (made / "utf16.csv").write_text(text(), encoding="utf-16")
    (made / "packed.csv.gz").write_bytes(gzip.compress(text().encode(), 1))
    with zipfile.ZipFile(made / "packed.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("lista.csv", text())
    with zipfile.ZipFile(made / "stored.zip", "w", zipfile.ZIP_STORED) as packed:
        packed.writestr("lista.csv", text())
    workbook(made / "book.xlsx")
    return made


@pytest.mark.parametrize("name", [
    "utf8.csv", "cp1252.csv", "utf16.csv", "packed.csv.gz", "packed.zip", "stored.zip",
    "book.xlsx",
])
def test_pieces_show_what_the_whole_shows(folder: Path, name: str) -> None:
    path = folder / name
    assert len(sample_of(path)[1]) < path.stat().st_size
    part, whole = seen(path, sample=True), seen(path, sample=False)
    assert (part.headers, part.rows, part.header_row) == (
        whole.headers, whole.rows, whole.header_row
    )
    assert (part.sheet, part.sheets, part.encoding, part.delimiter) == (
        whole.sheet, whole.sheets, whole.encoding, whole.delimiter
    )
    assert [note.text for note in part.notes] == [note.text for note in whole.notes]
    assert not part.whole


@pytest.mark.parametrize("name", ["utf8.csv", "packed.csv.gz", "stored.zip", "book.xlsx"])
def test_rows_end_before_one_that_is_cut(folder: Path, name: str) -> None:
    part = seen(folder / name, sample=True, rows=ROWS)
    assert 1000 < len(part.rows) < ROWS
    assert {len(row[2] or "") for row in part.rows} == {60}


def test_pieces_that_miss_what_is_needed_are_refused_not_guessed(folder: Path) -> None:
    path = folder / "book.xlsx"
    body = path.read_bytes()[:4096]
    made = sheets.Sample(path.stat().st_size, ((0, len(body)),))
    with tempfile.NamedTemporaryFile() as file:
        made.spread(io.BytesIO(body), file)
        with pytest.raises(SheetError):
            sheets.preview(Path(file.name), path.name, sample=made)


def test_any_piece_may_be_missing(folder: Path) -> None:
    path = folder / "book.xlsx"
    pieces, _ = sample_of(path)
    size, body = path.stat().st_size, path.read_bytes()
    noise = random.Random(5)
    for _ in range(12):
        cuts = sorted(noise.sample(range(1, size), 4))
        chosen = [(0, cuts[0]), (cuts[1], cuts[2] - cuts[1]), (cuts[3], size - cuts[3])]
        made = sheets.Sample(size, tuple(chosen))
        with tempfile.NamedTemporaryFile() as file:
            made.spread(io.BytesIO(b"".join(body[a:a + n] for a, n in chosen)), file)
            try:
                found = sheets.preview(Path(file.name), path.name, rows=50, sample=made)
            except SheetError:
                continue
        assert found.headers[0] in ("E-mail", "Relatório")
    assert pieces


@pytest.mark.parametrize(("size", "pieces", "held"), [
    (10, ((0, 4), (2, 4)), 8), (10, ((0, 11),), 11), (10, ((0, 4),), 5), (10, ((1, 4),), 4),
    (10, ((0, 0),), 0), (10, ((0, -1),), 0), (10, (), 0), (10, ((4, 2), (0, 2)), 4),
    (5000, tuple((n * 2, 1) for n in range(1001)), 1001),
])
def test_what_are_no_pieces_is_refused(
    size: int, pieces: tuple[tuple[int, int], ...], held: int
) -> None:
    with pytest.raises(SheetSampleInvalid):
        sheets.Sample(size, pieces).check(held, 1 << 20)


def test_a_file_above_the_limit_is_refused_by_its_beginning() -> None:
    with pytest.raises(SheetFileTooLarge):
        sheets.Sample(11, ((0, 1),)).check(1, 10)
