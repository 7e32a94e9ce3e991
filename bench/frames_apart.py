"""What pandas, polars and dlt make of a sheet, each as its guide says, with no option given.

    frames_apart.py < cases     in the environment of requirements/frames.txt (scripts/apart.py)

Standard input brings a line of JSON for each sheet (path, and what it must give); standard output
a line with each program's verdict. Judged kindly: every expected value has to stand in some cell of
its person's row, whatever the column is called; what else stands there does not matter.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import sqlite3
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dlt
import pandas as pd
import polars as pl
from dlt.sources.filesystem import filesystem, read_csv

WORKBOOKS = (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods")
Rows = list[tuple[Any, ...]]


def by_pandas(path: Path) -> Rows:
    """``read_csv`` or ``read_excel``, then ``to_sql``; what the table holds."""
    frame = pd.read_excel(path) if path.suffix in WORKBOOKS else pd.read_csv(path)
    with sqlite3.connect(":memory:") as conn:
        frame.to_sql("sheet", conn, index=False)
        return conn.execute("select * from sheet").fetchall()


def by_polars(path: Path) -> Rows:
    """``read_csv``, ``read_excel`` or ``read_ods``."""
    if path.suffix == ".ods":
        return pl.read_ods(path).rows()
    return (pl.read_excel(path) if path.suffix in WORKBOOKS else pl.read_csv(path)).rows()


def by_dlt(path: Path) -> Rows:
    """The filesystem source with its reader of CSV, or with that of workbooks from its guide."""
    files = filesystem(bucket_url=path.parent.as_uri(), file_glob=path.name)
    reader = _read_excel() if path.suffix in WORKBOOKS else read_csv()
    return [tuple(item.values()) for item in files | reader]


@dlt.transformer
def _read_excel(items: Any) -> Iterator[Any]:
    for item in items:
        with item.open() as file:
            yield pd.read_excel(file).to_dict(orient="records")


PROGRAMS: dict[str, Callable[[Path], Rows]] = {
    "pandas": by_pandas, "polars": by_polars, "dlt": by_dlt,
}


def verdict(program: str, path: Path, expected: dict[str, Any]) -> str:
    """``right``, ``refused`` or ``wrong``."""
    try:
        rows = PROGRAMS[program](path)
    except Exception:  # a program that says that it cannot is honest, whatever it says
        return "right" if expected["status"] == "failed" else "refused"
    if expected["status"] == "failed":
        return "wrong"
    people = {}
    for row in rows:
        cells = [_plain(cell) for cell in row if cell is not None and cell == cell]
        for cell in cells:
            people.setdefault(cell.casefold(), []).append(cells)
    fits = all(_fits(lead, people.get(email, [])) for email, lead in expected["leads"].items())
    return "right" if fits else "wrong"


def _fits(lead: dict[str, Any], rows: list[list[str]]) -> bool:
    return any(all(_stands(value, cells) for value in _values(lead)) for cells in rows)


def _plain(cell: Any) -> str:
    if isinstance(cell, dt.datetime) and cell.time() == dt.time():
        return cell.date().isoformat()
    text = str(cell).strip()
    return text.removesuffix(" 00:00:00")


def _values(lead: dict[str, Any]) -> list[Any]:
    flat = [value for name, value in lead.items() if name not in ("custom", "opted_out", "tags")]
    return [*flat, *lead.get("custom", {}).values(), *lead.get("tags", [])]


def _stands(value: Any, cells: list[str]) -> bool:
    wanted = str(value).casefold()
    found = [cell.casefold() for cell in cells]
    if wanted in found or wanted in ("true", "false"):
        return True
    # Names of two columns; tags among others; phones, whatever stands between their digits.
    digits = re.sub(r"\D", "", wanted)
    return (
        all(word in found for word in wanted.split())
        or any(wanted in re.split(r"\s*[,;|]\s*", cell) for cell in found)
        or (len(digits) > 7 and any(re.sub(r"\D", "", c) == digits and ".0" not in c
                                    for c in found))
    )


def main() -> int:
    """Judge every sheet of standard input."""
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        case = json.loads(line)
        path = Path(case["path"])
        found = {name: verdict(name, path, case["expected"]) for name in PROGRAMS}
        print(json.dumps({"name": path.name} | found), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
