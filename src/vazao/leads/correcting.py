"""The file of refused rows: every original column, then which row, which column and why.

It is made from the stored sheet when someone asks, so that an import need not keep its cells in
the database: the sheet is read again, column-wise, and joined with the refused rows of each
batch. Corrected and uploaded again it just works: ``vazao_*`` columns are never mapped, and a row
whose surplus cells still stand in ``vazao_beyond`` is refused again.
"""

from __future__ import annotations

import asyncio
import csv
import io
import tempfile
from collections import Counter
from collections.abc import AsyncGenerator, Collection, Generator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import IO, cast

import polars as pl

from vazao import sheets, uploads
from vazao.kit.limits import NICE
from vazao.kit.platform import Platform
from vazao.kit.processes import unusable
from vazao.kit.sql import Conn
from vazao.kit.threads import to_last_thread
from vazao.kit.turns import Turn
from vazao.kit.web.spooling import AnswersWaiting, blocks
from vazao.leads import service, store, typed, validation
from vazao.leads.cells import escape, escape_once, unescape
from vazao.leads.errors import TookTooLong
from vazao.leads.mapping import CUSTOM
from vazao.leads.models import Import
from vazao.leads.reading import PASSED, ahead, check_sheet
from vazao.leads.reasons import REASONS

COLUMNS = ("vazao_row", "vazao_column", "vazao_reason")
AT_ONCE, AT_ONCE_EACH = 64, 16
"""Files that stand in a web process while they are made or read, of all organizations and of one;
as large as sheets, each."""
MAKING_SECONDS = 300.0
"""How long one may take to be made, turns of others included."""
BOM = "\N{BYTE ORDER MARK}".encode()
_standing = Counter[int]()
_REFUSED = {"row": pl.Int64, COLUMNS[1]: pl.String, "code": pl.String}


async def errors_csv(
    platform: Platform, record: Import, language: str, *, for_excel: bool = False
) -> AsyncGenerator[bytes]:
    """The refused rows as CSV, in blocks.

    Args:
        for_excel: begin with a byte order mark, which is what Excel knows UTF-8 by.

    Raises:
        AnswersWaiting: too many of these files stand.
        NotFound: the stored sheet is gone.
        StorageFull: no room is left for the file.
    """
    async for block in _made(_Correction(platform, record, language), for_excel):
        yield block


async def warnings_csv(
    platform: Platform, record: Import, language: str, *, for_excel: bool = False
) -> AsyncGenerator[bytes]:
    """The values that were left out or doubted as CSV, in blocks: a line each, with its row.

    The stored sheet is read again by the rules under which it was imported. Raises as
    :func:`errors_csv` does.
    """
    async for block in _made(_Warnings(platform, record, language), for_excel):
        yield block


async def corrected_csv(
    platform: Platform, record: Import, cells: Mapping[int, str]
) -> AsyncGenerator[bytes]:
    """Refused rows with their cell put right, as CSV that can be imported by the same mapping.

    Args:
        cells: by row, what the cell is to hold for which it was refused. Rows that were not
            refused are left out, as are those refused for no cell. Raises as :func:`errors_csv`.
    """
    async for block in _made(_Corrected(platform, record, cells), for_excel=False):
        yield block


async def _made(correction: _Correction, for_excel: bool) -> AsyncGenerator[bytes]:
    """A file, whole before its first byte goes out: whoever reads slowly would keep the sheet
    open.
    """
    platform, owner = correction.platform, correction.record.organization_id
    with _place(owner), tempfile.TemporaryFile(dir=platform.settings.folder) as file:
        try:
            file.write(BOM if for_excel else b"")
            async with _turn(platform, owner) as turn:
                await correction.write(file, turn)
        except OSError as error:
            raise unusable(platform.settings.folder, error) from error
        async for block in blocks(file):
            yield block


async def rows_of(
    platform: Platform, record: Import, numbers: Collection[int]
) -> dict[int, dict[str, str]]:
    """Rows of the stored sheet by their number: each its filled cells by their headers.

    The sheet is read again, as far as the last of them. Raises as :func:`errors_csv` does.
    """
    with _place(record.organization_id):
        async with _turn(platform, record.organization_id) as turn:
            return await _Correction(platform, record, "en").rows(numbers, turn)


@asynccontextmanager
async def _turn(platform: Platform, owner: int) -> AsyncGenerator[Turn]:
    """A turn of *owner*'s, for as long as one may take.

    Raises:
        TookTooLong: it was longer.
    """
    try:
        async with asyncio.timeout(MAKING_SECONDS), platform.turns.turn(owner) as turn:
            yield turn
    except TimeoutError as error:
        raise TookTooLong(
            remedy="Try again when the server is less busy.",
            seconds=round(MAKING_SECONDS), retry_after=60,
        ) from error


@contextmanager
def _place(owner: int) -> Generator[None]:
    """Room for one more of *owner*'s files.

    Raises:
        AnswersWaiting: too many of these files stand.
    """
    if _standing[owner] >= AT_ONCE_EACH or _standing.total() >= AT_ONCE:
        raise AnswersWaiting(
            remedy="Wait until the other downloads have ended.", retry_after=30
        )
    _standing[owner] += 1
    try:
        yield
    finally:
        _standing[owner] -= 1
        if not _standing[owner]:
            del _standing[owner]


class _Correction:
    """An import's refused rows, written batch by batch."""

    def __init__(self, platform: Platform, record: Import, language: str) -> None:
        self.platform = platform
        self.record = record
        self.reasons = pl.DataFrame(
            {
                "code": list(REASONS),
                COLUMNS[2]: [
                    f"{code}: {' '.join(service.reason(code, language)).strip()}"
                    for code in REASONS
                ],
            }
        )

    async def write(self, file: IO[bytes], turn: Turn) -> None:
        """Write the header and the rows; between two batches others may have their turn."""
        record = self.record
        check_sheet(self.platform, record.sheet_gone)
        async with self.platform.db.connection() as conn:
            told, long_rows = await self._kinds(conn)
            types = await store.base.custom_types(conn, record.organization_id)
            upload = await uploads.get_upload(conn, record.organization_id, record.upload)
        async with uploads.local_file(self.platform, upload) as path:
            if not told:
                separator = await to_last_thread(self._found, path)
                file.write(_header([h for _, h in _kept(record.headers or [])], [], separator))
                return
            sheet = await to_last_thread(self._open, path)
            try:
                kept = _kept(sheet.headers)
                separator = self._separator(sheet)
                added = [sheets.BEYOND] if long_rows else []
                added_cells = [_safe("beyond", separator)] if long_rows else []
                file.write(_header([h for _, h in kept], added, separator))
                cells = self._cells(sheet, kept, types)
                shown = [*cells, *added_cells, "row", COLUMNS[1], COLUMNS[2]]
                async with aclosing(ahead(sheet.batches(), to_last_thread)) as batches:
                    async for batch in batches:
                        rows = await self._told(batch, sheet)
                        mended = self._mended(batch, sheet, rows)
                        await to_last_thread(_write, file, mended, rows, shown, separator)
                        await turn.pause()
            finally:
                await to_last_thread(sheet.close)

    async def rows(self, numbers: Collection[int], turn: Turn) -> dict[int, dict[str, str]]:
        """Those rows' filled cells by their headers."""
        check_sheet(self.platform, self.record.sheet_gone)
        async with self.platform.db.connection() as conn:
            upload = await uploads.get_upload(
                conn, self.record.organization_id, self.record.upload
            )
        found: dict[int, dict[str, str]] = {}
        async with uploads.local_file(self.platform, upload) as path:
            sheet = await to_last_thread(self._open, path)
            try:
                async with aclosing(ahead(sheet.batches(), to_last_thread)) as batches:
                    async for batch in batches:
                        found |= _picked(batch, sheet.headers, numbers)
                        if len(found) >= len(numbers):
                            break
                        await turn.pause()
            finally:
                await to_last_thread(sheet.close)
        return found

    async def _kinds(self, conn: Conn) -> tuple[bool, bool]:
        """Whether anything is to be told, and whether rows are too long."""
        return await store.imports.rejection_kinds(conn, self.record.id)

    def _found(self, path: Path) -> str:
        """The separator of the sheet; that was named where it could not be read, which it still
        cannot, or a comma.
        """
        with suppress(sheets.SheetError), self._open(path) as sheet:
            return self._separator(sheet)
        return self.record.delimiter or ","

    def _separator(self, sheet: sheets.Sheet) -> str:
        return sheet.delimiter or ","

    def _mended(
        self, batch: sheets.Batch, sheet: sheets.Sheet, rows: pl.DataFrame
    ) -> sheets.Batch:
        """The batch as its rows are to be written."""
        return batch

    def _open(self, path: Path) -> sheets.Sheet:
        record = self.record
        return sheets.open_sheet(
            path, record.filename, choices=record.choices,
            limits=replace(PASSED, child_nice=NICE),
        )

    def _cells(
        self, sheet: sheets.Sheet, kept: Sequence[tuple[str, str]], types: Mapping[str, str]
    ) -> list[pl.Expr]:
        """The sheet's own cells; a workbook's numbers so that text of them reads the same."""
        ours = any(sheets.is_reserved(header) for header in sheet.headers)
        read = sheet.delimiter or ","
        shown = [
            _safe(column, self._separator(sheet), read if ours else None) for column, _ in kept
        ]
        if sheet.encoding is not None:
            return shown
        mapping = self.record.mapping or {}
        kinds = [types.get((mapping.get(h) or "").removeprefix(CUSTOM)) for _, h in kept]
        return [
            typed.export_number(cell) if kind in ("number", "integer") else cell
            for cell, kind in zip(shown, kinds, strict=True)
        ]

    async def _told(self, batch: sheets.Batch, sheet: sheets.Sheet) -> pl.DataFrame:
        """Those of the batch's rows that were refused, and why."""
        return self._explained(await self._refused(batch))

    async def _refused(self, batch: sheets.Batch) -> pl.DataFrame:
        numbers = pl.concat([batch.frame["row"], batch.refused["row"]])
        if not len(numbers):
            return pl.DataFrame(schema=_REFUSED)
        first, last = cast(int, numbers.min()), cast(int, numbers.max())
        async with self.platform.db.connection() as conn:
            found = await store.imports.rejections_between(conn, self.record.id, first, last)
        return await to_last_thread(_parsed, found)

    def _explained(self, found: pl.DataFrame) -> pl.DataFrame:
        return found.join(self.reasons, on="code", how="left")


class _Corrected(_Correction):
    """Some of the refused rows, each with another value in the cell that was refused."""

    def __init__(self, platform: Platform, record: Import, cells: Mapping[int, str]) -> None:
        super().__init__(platform, record, "en")
        self.cells = cells

    def _separator(self, sheet: sheets.Sheet) -> str:
        return ","

    async def _told(self, batch: sheets.Batch, sheet: sheets.Sheet) -> pl.DataFrame:
        refused = await self._refused(batch)
        return self._explained(refused.filter(
            pl.col("row").is_in([*self.cells]) & pl.col(COLUMNS[1]).is_in(sheet.headers)
        ))

    def _mended(
        self, batch: sheets.Batch, sheet: sheets.Sheet, rows: pl.DataFrame
    ) -> sheets.Batch:
        frame = batch.frame.filter(pl.col("row").is_in(rows.get_column("row").implode()))
        for row, header in rows.select("row", COLUMNS[1]).iter_rows():
            column = f"c{sheet.headers.index(header)}"
            this = pl.col("row") == row
            mended = pl.when(this).then(pl.lit(self.cells[row])).otherwise(pl.col(column))
            frame = frame.with_columns(mended.alias(column))
        return replace(batch, frame=frame)


class _Warnings(_Correction):
    """What an import left out or doubted, told by the rules under which it was read."""

    async def _kinds(self, conn: Conn) -> tuple[bool, bool]:
        return bool(self.record.rows_warned), False

    async def _told(self, batch: sheets.Batch, sheet: sheets.Sheet) -> pl.DataFrame:
        record = self.record
        plan = validation.plan(
            sheet.headers, record.mapping or {}, record.types or {},
            decimal="any" if sheet.encoding else "point", strict=record.strict,
            separator=sheet.delimiter,
        )
        checked = await to_last_thread(validation.validate, batch.frame, plan, record.empty)
        refused = await self._refused(batch)
        warned = checked.warned.join(refused, on="row", how="anti")
        return self._explained(
            warned.select(pl.col("row").cast(pl.Int64), pl.col("column").alias(COLUMNS[1]), "code")
        )


def _parsed(refused: bytes) -> pl.DataFrame:
    if not refused:
        return pl.DataFrame(schema=_REFUSED)
    return pl.read_csv(refused, has_header=False, schema=_REFUSED)


def _all(batch: sheets.Batch) -> pl.DataFrame:
    return pl.concat([batch.frame, batch.refused.drop("code", "value")], how="diagonal")


def _picked(
    batch: sheets.Batch, headers: Sequence[str], numbers: Collection[int]
) -> dict[int, dict[str, str]]:
    rows = _all(batch).filter(pl.col("row").is_in([*numbers]))
    columns = [(f"c{n}", header) for n, header in enumerate(headers)]
    return {
        row["row"]: {h: row[c] for c, h in columns if row.get(c) not in (None, "", sheets.UNSTORED)}
        for row in rows.iter_rows(named=True)
    }


def _write(
    file: IO[bytes], batch: sheets.Batch, refused: pl.DataFrame,
    shown: Sequence[pl.Expr | str], separator: str,
) -> None:
    told = _all(batch).join(refused, on="row", how="inner").sort("row")
    if told.height:
        told.select(shown).write_csv(file, include_header=False, separator=separator)


def _kept(headers: Sequence[str]) -> list[tuple[str, str]]:
    """Column and header of all but the remarks of an earlier file of errors."""
    return [(f"c{n}", h) for n, h in enumerate(headers) if h not in (sheets.BEYOND, *COLUMNS)]


def _header(headers: Sequence[str], added: Sequence[str], separator: str = ",") -> bytes:
    # Written by hand: a frame's columns need a name, and each another.
    text = io.StringIO()
    names = pl.Series([*headers, *added, *COLUMNS], dtype=pl.String).to_frame("name")
    told = names.select(escape(pl.col("name"), separator)).to_series().to_list()
    csv.writer(text, delimiter=separator, lineterminator="\n").writerow(told)
    return text.getvalue().encode()


def _safe(column: str, separator: str, ours: str | None = None) -> pl.Expr:
    """A cell as it came; escaped once, also where it was escaped in the sheet already.

    Args:
        separator: of the file that is written.
        ours: of the sheet, if it is a file that we wrote.
    """
    cell = pl.col(column)
    if ours is not None:
        return escape(unescape(cell, ours), separator)
    return escape_once(cell, separator)
