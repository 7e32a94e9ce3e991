"""The file of refused rows: every original column, then which row, which column and why.

It is made from the stored sheet when someone asks, so that an import need not keep its cells in
the database: the sheet is read again, column-wise, and joined with the refused rows' numbers.
Corrected and uploaded again it just works: ``vazao_*`` columns are never mapped.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Iterator
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
    refused = await _refused(platform, record, language)
    async with platform.db.connection() as conn:
        upload = await jobs.get_upload(conn, record.organization_id, record.upload)
    async with jobs.local_file(platform, upload) as path:
        blocks = _blocks(platform, record, path, refused, for_excel=for_excel)
        while (block := await asyncio.to_thread(next, blocks, None)) is not None:
            if block:
                yield block


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
    platform: Platform, record: Import, path: Path, refused: pl.DataFrame, *, for_excel: bool
) -> Iterator[bytes]:
    with parsing.open_sheet(
        path, record.filename, sheet=record.sheet, limits=limits(platform)
    ) as sheet:
        separator = sheet.delimiter or ","
        kept = [(f"c{n}", h) for n, h in enumerate(sheet.headers) if h not in COLUMNS]
        header = pl.DataFrame(schema=dict.fromkeys([h for _, h in kept] + list(COLUMNS), pl.String))
        yield (BOM if for_excel else b"") + header.write_csv(separator=separator).encode()
        for batch in sheet.batches():
            rows = pl.concat([batch.frame, batch.long_rows.drop("fields")])
            told = rows.join(refused, on="row", how="inner").sort("row")
            buffer = io.BytesIO()
            told.select(
                *(validation.escape(pl.col(c)) for c, _ in kept), "row", COLUMNS[1], COLUMNS[2]
            ).write_csv(buffer, include_header=False, separator=separator)
            yield buffer.getvalue()
