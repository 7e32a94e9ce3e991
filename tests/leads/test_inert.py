"""What a spreadsheet would run is inert in our files, whichever separator they are read by."""

from __future__ import annotations

import csv
import io
import re

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.leads import Tenant
from vazao.leads import cells

DANGEROUS = re.compile("[ \u00a0]*[=+\\-@＝＋－＠]")
VALUES = (
    "=1+1", "'=1+1", "＝1+1", "＋55", "a;=1+1", "a; =cmd|' /C calc'!A0", "a\t@SUM(1)", "a|-1+1",
    "a;'=1", "x\n=1+1", "x;=1;=2;|=3", 'x";=1', "a,=1", "a, -10 %", "só texto; nada mais",
    "' =", "a;' =",
)


def read_by(text: str, separator: str, own: str) -> list[str]:
    """The cells that a program sees which takes *separator*, with quotes or without.

    Args:
        own: the file's, by which quotes are surely read.
    """
    quoted = [cell for row in csv.reader(io.StringIO(text), delimiter=separator) for cell in row]
    plain = [cell for line in text.splitlines() for cell in line.split(separator)]
    return quoted + plain if separator != own else quoted


def written(values: list[str], separator: str) -> str:
    """A file of one column, as files of errors are written."""
    frame = pl.DataFrame({"c": values}).select(cells.escape(pl.col("c"), separator))
    return frame.write_csv(include_header=False, separator=separator)


@pytest.mark.parametrize("separator", [",", ";"])
@given(more=st.lists(st.text("a;,\t|\n'\" =+-@＝", max_size=12), max_size=5))
def test_no_cell_begins_with_what_is_calculated(separator: str, more: list[str]) -> None:
    values = [*VALUES, *more]
    text = written(values, separator)
    for other in {";", "\t", "|", separator}:
        for cell in read_by(text, other, separator):
            assert not DANGEROUS.match(cell), (other, cell, text)
    again = pl.DataFrame({"c": values}).select(
        cells.unescape(cells.escape(pl.col("c"), separator), separator)
    )
    assert again.get_column("c").to_list() == values


@pytest.mark.anyio
async def test_an_export_is_inert_and_comes_back_as_it_was(tenant: Tenant) -> None:
    sheet = io.StringIO()
    out = csv.writer(sheet)
    out.writerow(["E-mail", "Nome", "Nota"])
    for number, value in enumerate(VALUES):
        # An apostrophe in front of a formula is what a person or an export put there.
        said = f"'{value}" if value.startswith("'") else value
        out.writerow([f"p{number}@x.com", said, said])
    await tenant.run(sheet.getvalue())
    before = await tenant.base()
    text = (await tenant.export()).decode()
    for separator in (",", ";", "\t", "|"):
        for cell in read_by(text, separator, ","):
            assert not DANGEROUS.match(cell), (separator, cell)
    shown = await tenant.run(text)
    assert (shown["created"], shown["updated"], shown["rejected"]) == (0, 0, 0)
    assert await tenant.base() == before


@pytest.mark.anyio
async def test_a_file_of_errors_is_inert_and_means_the_same_when_sent_again(
    tenant: Tenant,
) -> None:
    rows = "".join(f"not an address {n};{v!r}\n" for n, v in enumerate(("x", "y")))
    body = "E-mail;Nota\n" + rows + 'bad;"a,=1+1"\nworse;"b\t=2"\n'
    shown = await tenant.run(body)
    text = (await tenant.errors(shown)).decode()
    for separator in (",", ";", "\t", "|"):
        for cell in read_by(text, separator, ";"):
            assert not DANGEROUS.match(cell), (separator, cell)
    mended = text.replace("bad;", "bad@x.com;").replace("worse;", "worse@x.com;")
    again = await tenant.run(mended)
    assert again["created"] == 2
    found = await tenant.base()
    assert found["bad@x.com"]["custom"] == {"nota": "a,=1+1"}
    assert found["worse@x.com"]["custom"] == {"nota": "b\t=2"}
