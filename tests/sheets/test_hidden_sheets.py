"""Hidden sheets of a workbook are not read unless someone names them."""

from __future__ import annotations

from pathlib import Path

import pytest
import xlsxwriter

from vazao.sheets.errors import SheetEmpty
from vazao.sheets.models import Choices
from vazao.sheets.opening import open_sheet, preview

FIXTURES = Path(__file__).parent.parent / "fixtures" / "cases"


def book(path: Path, *states: str) -> Path:
    """A workbook whose sheets S0, S1, … are ``shown``, ``hidden``, ``very_hidden`` or ``chart``."""
    with xlsxwriter.Workbook(path) as out:
        for number, state in enumerate(states):
            if state == "chart":
                chart = out.add_chart({"type": "line"})
                chart.add_series({"values": "=S1!$A$1:$A$2"})
                out.add_chartsheet(f"S{number}").set_chart(chart)
                continue
            sheet = out.add_worksheet(f"S{number}")
            sheet.write_column(0, 0, ["email", f"s{number}@b.c"])
            if state != "shown":
                getattr(sheet, {"hidden": "hide", "very_hidden": "very_hidden"}[state])()
            else:
                sheet.activate()
    return path


def read(path: Path, sheet: str | None = None) -> list[str]:
    with open_sheet(path, path.name, choices=Choices(sheet=sheet)) as opened:
        return [row[1] for batch in opened.batches() for row in batch.frame.iter_rows()]


@pytest.mark.parametrize(
    ("states", "wanted"),
    [
        (("shown", "shown"), "s0"),
        (("hidden", "shown"), "s1"),
        (("very_hidden", "shown"), "s1"),
        (("hidden", "very_hidden", "shown", "shown"), "s2"),
        (("shown", "hidden"), "s0"),
        (("hidden", "shown", "hidden"), "s1"),
        (("chart", "hidden", "shown"), "s2"),
    ],
)
def test_the_first_sheet_that_is_not_hidden_is_read(tmp_path, states, wanted):
    path = book(tmp_path / "a.xlsx", *states)
    assert read(path) == [f"{wanted}@b.c"]
    shown = preview(path, "a.xlsx")
    assert (shown.sheet, shown.rows) == (wanted.upper(), [[f"{wanted}@b.c"]])
    names = [f"S{n}" for n, state in enumerate(states) if state != "chart"]
    assert shown.sheets == names, "hidden ones can be chosen"
    for name in names:
        assert read(path, name) == [f"{name.lower()}@b.c"]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("x_first_hidden", 2), ("x_first_veryhidden_ok", 2)],
)
def test_workbooks_with_a_hidden_first_sheet(name, wanted):
    found = read(FIXTURES / f"{name}.xlsx")
    assert len(found) == wanted
    assert not any(email.startswith("velha@") for email in found)


def test_a_visible_sheet_that_is_empty_does_not_bring_a_hidden_one(tmp_path):
    with xlsxwriter.Workbook(tmp_path / "a.xlsx") as out:
        out.add_worksheet("S0").hide()
        out.get_worksheet_by_name("S0").write_column(0, 0, ["email", "s0@b.c"])
        out.add_worksheet("S1").activate()
    with pytest.raises(SheetEmpty):
        read(tmp_path / "a.xlsx")
