"""The file of refused rows: every original column, then which row, which column and why.

It is made from the stored sheet when someone asks, so that an import need not keep its cells in
the database: the sheet is read again, column-wise, and joined with the refused rows' numbers.
Corrected and uploaded again it just works: ``vazao_*`` columns are never mapped.
"""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from vazao import jobs
from vazao.kit.platform import Platform
from vazao.leads import parsing, service, store, validation
from vazao.leads.models import Import
from vazao.leads.reading import limits

COLUMNS = ("vazao_row", "vazao_column", "vazao_reason")
BOM = "\N{BYTE ORDER MARK}".encode()


async def errors_csv(
    platform: Platform, record: Import, language: str, *, for_excel: bool = False
) -> AsyncIterator[bytes]:
    """The refused rows as CSV, in blocks.

    Args:
        for_excel: begin with a byte order mark, which is what Excel knows UTF-8 by.
    """
    if for_excel:
        yield BOM
    refused = await _refused(platform, record, language)
    if refused.is_empty():
        # Also where the sheet could not be read at all, which it still cannot.
        yield _header([h for _, h in _kept(record.headers or [])])
        return
    async with platform.db.connection() as conn:
        upload = await jobs.get_upload(conn, record.organization_id, record.upload)
    async with jobs.local_file(platform, upload) as path:
        blocks = _blocks(platform, record, path, refused)
        while (block := await asyncio.to_thread(_next, blocks)) is not None:
            if block:
                yield block


def _next(blocks: Iterator[bytes]) -> bytes | None:
    return next(blocks, None)


async def _refused(platform: Platform, record: Import, language: str) -> pl.DataFrame:
    rows: dict[str, list[Any]] = {"row": [], COLUMNS[1]: [], COLUMNS[2]: []}
    reasons: dict[str, str] = {}
    async with platform.db.connection() as conn:
        async for number, place, code, _ in store.all_rejections(conn, record.id):
            if code not in reasons:
                reasons[code] = " ".join(service.reason(code, language)).strip()
            rows["row"].append(number)
            rows[COLUMNS[1]].append(place)
            rows[COLUMNS[2]].append(f"{code}: {reasons[code]}")
    schema = {"row": pl.Int64, COLUMNS[1]: pl.String, COLUMNS[2]: pl.String}
    return pl.DataFrame(rows, schema=schema)


def _blocks(
    platform: Platform, record: Import, path: Path, refused: pl.DataFrame
) -> Iterator[bytes]:
    with parsing.open_sheet(
        path, record.filename, sheet=record.sheet, limits=limits(platform)
    ) as sheet:
        separator = sheet.delimiter or ","
        kept = _kept(sheet.headers)
        yield _header([h for _, h in kept], separator)
        for batch in sheet.batches():
            rows = pl.concat([batch.frame, batch.long_rows.drop("fields")])
            told = rows.join(refused, on="row", how="inner").sort("row")
            buffer = io.BytesIO()
            told.select(*(_safe(c) for c, _ in kept), "row", COLUMNS[1], COLUMNS[2]).write_csv(
                buffer, include_header=False, separator=separator
            )
            yield buffer.getvalue()


def _kept(headers: Sequence[str]) -> list[tuple[str, str]]:
    """Column and header of all but the remarks of an earlier file of errors."""
    return [(f"c{n}", h) for n, h in enumerate(headers) if h not in COLUMNS]


def _header(headers: Sequence[str], separator: str = ",") -> bytes:
    # Written by hand: a frame's columns need a name, and each another.
    text = io.StringIO()
    names = pl.Series([*headers, *COLUMNS], dtype=pl.String).to_frame("name")
    told = names.select(validation.escape(pl.col("name"))).to_series().to_list()
    csv.writer(text, delimiter=separator, lineterminator="\n").writerow(told)
    return text.getvalue().encode()


def _safe(column: str) -> pl.Expr:
    """A cell as it came; escaped once, also where it was escaped in the sheet already."""
    cell = pl.col(column)
    bare = cell.str.strip_chars().str.replace(r"^'('*[=+\-@])", "${1}")
    formula = cell.str.contains(r"^\s*'*[=+\-@]")
    return pl.when(formula).then(validation.escape(bare)).otherwise(cell)
