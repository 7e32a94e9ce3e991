"""Sheets of leads to measure and try imports with: the same numbers give the same sheet.

    python bench/sheets.py --rows 300000 --out sheet.csv
    python bench/sheets.py --rows 300000 --existing 240000 --out sheet.xlsx --xlsx
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from vazao.leads.samples import HEADERS, Known, clean_frame, pieces, sheet_csv

__all__ = ["Known", "clean_frame", "sheet_csv", "sheet_xlsx"]


def sheet_xlsx(
    path: Path | str,
    start: int,
    count: int,
    *,
    wrong: float = 0.02,
    existing: Known = (0, 0, 1),
    changed: bool = True,
    duplicates: float = 0.0,
    seed: int = 1,
    shared: bool = False,
) -> None:
    """Write an XLSX sheet of *count* rows (at most 1,048,575); arguments as of `sheet_csv`.

    Args:
        shared: texts stand in a part of their own, as Excel writes them; else in their cells.
    """
    import xlsxwriter  # only this needs it, and it is no dependency of the package

    options = {"constant_memory": not shared, "strings_to_urls": False}
    with xlsxwriter.Workbook(path, options) as book:
        page = book.add_worksheet("Leads")
        page.write_row(0, 0, list(HEADERS.values()))
        number = 1
        for sheet in pieces(start, count, wrong, existing, changed, duplicates, seed):
            for cells in sheet.iter_rows():
                for column, cell in enumerate(cells):
                    if cell:
                        page.write_string(number, column, cell)
                number += 1


def main() -> None:
    """Write one sheet, as the command line says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--start", type=int, default=0, help="index of the first new lead")
    parser.add_argument("--existing", type=int, default=0, help="rows that a base from 0 on has")
    parser.add_argument("--wrong", type=float, default=0.02, help="share of refused rows")
    parser.add_argument("--duplicates", type=float, default=0.0, help="share of repeated leads")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--unchanged", action="store_true", help="existing leads as they are")
    parser.add_argument("--xlsx", action="store_true")
    args = parser.parse_args()
    began = time.perf_counter()
    write = sheet_xlsx if args.xlsx else sheet_csv
    write(
        args.out,
        max(args.start, args.existing),
        args.rows,
        wrong=args.wrong,
        existing=(0, args.existing, 1),
        changed=not args.unchanged,
        duplicates=args.duplicates,
        seed=args.seed,
    )
    seconds = time.perf_counter() - began
    print(f"{args.rows} rows, {args.out.stat().st_size / 1e6:.0f} MB, {seconds:.1f} s")


if __name__ == "__main__":
    main()
