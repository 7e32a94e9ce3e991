"""A file is looked into for a person: every sheet of it, every piece, and nothing of others."""

from __future__ import annotations

import gzip
import io
import random
from pathlib import Path

import pytest
import xlsxwriter

from vazao.kit.platform import Platform
from vazao.leads import sifting

ANA = "ana@x.com"
pytestmark = pytest.mark.anyio


def workbook(*sheets: list[str]) -> bytes:
    """A workbook of so many sheets, a column each."""
    made = io.BytesIO()
    with xlsxwriter.Workbook(made, {"in_memory": True}) as book:
        for cells in sheets:
            book.add_worksheet().write_column(0, 0, cells)
    return made.getvalue()


def noise(size: int) -> list[str]:
    """So many different addresses, which pack badly."""
    chance = random.Random(5)
    return [f"{chance.randbytes(9).hex()}@x.com" for _ in range(size)]


BOOK = workbook(["E-mail", ANA, *noise(3000)])
PACKED = gzip.compress("\n".join(["E-mail", ANA, *noise(3000)]).encode())


def found(platform: Platform, folder: Path, body: bytes, name: str = "a.csv") -> bool:
    path = folder / "file"
    path.write_bytes(body)
    return sifting.holds(path, name, [ANA, "other@x.com"], platform)


@pytest.mark.parametrize("text", [
    "E-mail\nANA@X.com\n", "E-mail;Nome\nb@x.com;write to ana@x.com.\n",
    "Nome\n<mailto:ana@x.com>\n", "ana@x.com", "E-mail\nk@x.com\nana@x.com", "\x00\x01ana@x.com,",
    "E-mail,Nome\nk@x.com,K,ana@x.com\n",
])
async def test_an_address_is_found(busy: Platform, tmp_path: Path, text: str) -> None:
    assert found(busy, tmp_path, text.encode())


@pytest.mark.parametrize("other", [
    "joana@x.com", "mari.ana@x.com", "ana@x.com.br", "ana@x.community", "ana+1@x.com",
    "x-ana@x.com", "ana@x.com-a.br",
])
@pytest.mark.parametrize("form", ["E-mail\n{}\n", "{}", "\x00 {} \x00"])
async def test_a_longer_one_is_another_persons(
    busy: Platform, tmp_path: Path, other: str, form: str
) -> None:
    assert not found(busy, tmp_path, form.format(other).encode())
    assert not found(busy, tmp_path, form.format(other).encode("utf-16-le"))


async def test_it_is_found_in_utf_16_and_at_any_place_of_a_large_file(
    busy: Platform, tmp_path: Path
) -> None:
    assert found(busy, tmp_path, f"\x00 {ANA} ".encode("utf-16-le"))
    for at in range(sifting.BLOCK - 12, sifting.BLOCK + 3):
        assert found(busy, tmp_path, b"\x00" * at + b" ana@x.com \x00")
    for at in range(sifting.BLOCK - 12, sifting.BLOCK + 3):
        assert not found(busy, tmp_path, b"\x00" * at + b" ana@x.com.br \x00")


async def test_every_sheet_of_a_workbook_is_looked_into(busy: Platform, tmp_path: Path) -> None:
    assert found(busy, tmp_path, workbook(["E-mail", "k@x.com"], ["E-mail", ANA]), "a.xlsx")
    assert not found(busy, tmp_path, workbook(["E-mail", "joana@x.com"]), "a.xlsx")


@pytest.mark.parametrize(("whole", "name"), [(BOOK, "a.xlsx"), (PACKED, "a.csv.gz")])
async def test_the_beginning_of_a_packed_file_is_unpacked(
    busy: Platform, tmp_path: Path, whole: bytes, name: str
) -> None:
    assert ANA.encode() not in whole
    assert found(busy, tmp_path, whole[: len(whole) * 2 // 3], name)
    assert found(busy, tmp_path, whole, name)


async def test_many_people_are_found_as_one_is(busy: Platform, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("E-mail,Nome\nk@x.com,see ANA@x.com\n")
    many = [f"n{n}@x.com" for n in range(sifting.FEW)]
    assert sifting.holds(path, "a.csv", [*many, ANA], busy)
    assert not sifting.holds(path, "a.csv", [*many, "na@x.com"], busy)
    assert not sifting.holds(path, "a.csv", [], busy)
    path.write_bytes(b"\x00\x01 ana@x.com")
    assert sifting.holds(path, "a.csv", [*many, ANA], busy)
