"""From a stored sheet to staged rows: parse, map, validate and COPY, a batch at a time.

While PostgreSQL takes one batch, threads validate the next two and another parses the one after;
polars and the driver release the GIL, so they overlap.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl

from vazao import jobs, sheets
from vazao.kit.platform import Platform
from vazao.leads import mapping, store, suppressing, validation
from vazao.leads.errors import SEND_WITHOUT, SheetErased, SheetExpired
from vazao.leads.models import Import
from vazao.leads.settings import LeadSettings
from vazao.sheets import Note

BATCH_ROWS = 40_000
PREPARED_AHEAD = 2


@dataclass(frozen=True)
class Prepared:
    """A batch, ready for COPY."""

    rows: bytes
    refused: bytes
    count: int
    refused_count: int
    warned: int
    warnings: list[store.imports.Told]
    left_out: bool
    month_first: dict[str, int]


@dataclass
class Reading:
    """One attempt at reading a sheet into its own staging tables."""

    platform: Platform
    record: Import
    path: Path
    staging: str
    headers: list[str] = field(default_factory=list)
    mapping: dict[str, str | None] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    rows_total: int = 0
    rows_staged: int = 0
    rejected: int = 0
    warned: int = 0
    warnings: list[store.imports.Told] = field(default_factory=list)
    left_out: bool = False
    month_first: Counter[str] = field(default_factory=Counter)
    types: dict[str, str] = field(default_factory=dict)
    suppressed: frozenset[bytes] = frozenset()

    async def stage(self, run: jobs.PartRun) -> None:
        """Read the whole sheet.

        Raises:
            SheetError: the sheet cannot be read, or is above a limit; nothing was merged.
            MappingError: the mapping does not fit the sheet.
        """
        async with self.platform.db.connection() as conn:
            # A sheet that is read again, since its staging was lost, is read by the same rules.
            self.types = self.record.types if self.record.types is not None else (
                (self.record.new_types or {})
                | await store.base.custom_types(conn, self.record.organization_id)
            )
            self.suppressed = await store.suppression.suppressed(conn, self.record.organization_id)
        sheet = await asyncio.to_thread(
            sheets.open_sheet, self.path, self.record.filename,
            choices=self.record.choices,
            limits=PASSED if self.record.headers else limits(self.platform),
            batch_rows=BATCH_ROWS,
        )
        try:
            self.headers = sheet.headers
            self.mapping = choose_mapping(self.record, sheet)
            decimal = "any" if sheet.encoding else "point"
            plan = validation.plan(
                sheet.headers, self.mapping, self.types, decimal=decimal,
                strict=self.record.strict, separator=sheet.delimiter,
            )
            await self._copy(run, sheet, plan)
            self.rows_total = sheet.rows_total
            self.notes = [*sheet.notes, *self._findings()]
        finally:
            await asyncio.to_thread(sheet.close)

    def _findings(self) -> Iterator[Note]:
        """What is said of the rows as a whole."""
        if not self.rows_total:
            yield Note("The sheet has no rows under its header: there was nothing to import.")
        for column, count in self.month_first.items():
            yield Note("The dates of {column} look like month/day/year. They are read as "
                       "day/month/year, and {count} could not be read.",
                       {"column": column[:80], "count": count})

    async def _copy(
        self, run: jobs.PartRun, sheet: sheets.Sheet, plan: validation.Plan
    ) -> None:
        fields = mapping.staged(self.mapping)
        async with self.platform.db.connection() as conn:
            await store.staging.create(conn, self.staging, fields)
            async with aclosing(self._prepared(sheet, plan)) as ready:
                async for batch in ready:
                    await store.staging.copy_rows(conn, self.staging, fields, batch.rows)
                    await store.staging.copy_rejections(conn, self.staging, batch.refused)
                    self.rows_staged += batch.count
                    self.rejected += batch.refused_count
                    self._told(batch)
                    await run.progress(
                        sheet.fraction_read, rows_done=0,
                        rows_total=max(sheet.rows_total, self.rows_staged + self.rejected),
                    )
            await store.staging.index(conn, self.staging)

    def _told(self, batch: Prepared) -> None:
        self.warned += batch.warned
        self.left_out = self.left_out or batch.left_out
        self.month_first.update(batch.month_first)
        room = store.imports.MOST_WARNINGS - len(self.warnings)
        self.warnings += batch.warnings[:room]

    async def _prepared(
        self, sheet: sheets.Sheet, plan: validation.Plan
    ) -> AsyncGenerator[Prepared]:
        """The batches, ready for COPY: some are prepared while one is copied, another parsed."""
        waiting: deque[asyncio.Task[Prepared]] = deque()
        try:
            async with aclosing(ahead(sheet.batches())) as batches:
                async for batch in batches:
                    preparing = asyncio.to_thread(self._prepare, plan, batch)
                    waiting.append(asyncio.create_task(preparing))
                    if len(waiting) > PREPARED_AHEAD:
                        yield await waiting.popleft()
            while waiting:
                yield await waiting.popleft()
        finally:
            for task in waiting:
                await _let_end(task)

    def _prepare(self, plan: validation.Plan, batch: sheets.Batch) -> Prepared:
        checked = validation.validate(batch.frame, plan, self.record.empty)
        if self.suppressed:
            checked = self._without_suppressed(checked)
        refused = with_refused(checked.rejected, batch.refused)
        return Prepared(
            # In the order of the e-mail a slice finds its rows side by side.
            validation.to_copy_csv(checked.rows.sort("email")),
            validation.to_copy_csv(refused), len(checked.rows), len(refused),
            checked.warned.get_column("row").n_unique(),
            checked.warned.head(store.imports.MOST_WARNINGS).rows(), checked.left_out,
            checked.month_first(),
        )

    def _without_suppressed(self, checked: validation.Validated) -> validation.Validated:
        """Refuse who opted out and left; their e-mail is not written down again."""
        secrets = self.platform.secrets
        gone = pl.Series(
            [
                any(suppressing.email_hash(each, email) in self.suppressed for each in secrets)
                for email in checked.rows["email"]
            ], dtype=pl.Boolean,
        )
        header = next(h for h, field in self.mapping.items() if field == "email")
        told = checked.rows.filter(gone).select(
            "row", pl.lit(header).alias("column"), pl.lit("suppressed").alias("code"),
            pl.lit(None, pl.String).alias("value"),
        )
        return replace(
            checked, rows=checked.rows.filter(~gone),
            rejected=pl.concat([checked.rejected, told]),
            warned=checked.warned.filter(
                ~pl.col("row").is_in(told.get_column("row").implode())
            ),
        )


async def ahead(
    batches: Iterator[sheets.Batch], run: Callable[..., Any] = asyncio.to_thread
) -> AsyncGenerator[sheets.Batch]:
    """*batches*, the next being read in a thread, by *run*, while one is used."""
    following = asyncio.create_task(run(_next, batches))
    try:
        while (batch := await following) is not None:
            following = asyncio.create_task(run(_next, batches))
            yield batch
    finally:
        await _let_end(following)


def _next(batches: Iterator[sheets.Batch]) -> sheets.Batch | None:
    return next(batches, None)


async def _let_end(task: asyncio.Task[Any]) -> None:
    """Wait for a thread's work: it cannot be stopped, and what it reads is about to be closed."""
    await asyncio.wait([task])
    if not task.cancelled():
        task.exception()


def with_refused(refused: pl.DataFrame, shapeless: pl.DataFrame) -> pl.DataFrame:
    """*refused* and, each with its reason, the rows whose shape is wrong."""
    if shapeless.is_empty():
        return refused
    told = shapeless.select("row", pl.lit(None, pl.String).alias("column"), "code", "value")
    return pl.concat([refused, told])


def check_sheet(platform: Platform, gone: str | None) -> None:
    """See that the stored sheet may still be there.

    Args:
        gone: why it is not, as its import says.

    Raises:
        SheetErased, SheetExpired: it was removed.
    """
    if gone == "erased":
        raise SheetErased(remedy=SEND_WITHOUT)
    if gone is not None:
        raise SheetExpired(
            remedy="Send it again to see its rejected rows.",
            days=platform.settings.of(LeadSettings).sheets_kept_days,
        )


PASSED = sheets.Limits(file_bytes=1 << 50, rows=1 << 40, columns=1 << 14, cell_bytes=1 << 30)
"""Of a sheet that was read to its end before: it passed the limits of that time, and what was told
of its rows is found again whatever the settings say now."""


def limits(platform: Platform, stored: Path | None = None) -> sheets.Limits:
    """The limits of a sheet, from the settings.

    Args:
        stored: a file that is stored already: its length was held to the limit as it came in.
    """
    settings = platform.settings.of(LeadSettings)
    size = stored.stat().st_size if stored else 0
    return sheets.Limits(
        file_bytes=max(settings.max_file_bytes, size), rows=settings.max_rows,
        columns=settings.max_columns, cell_bytes=settings.max_cell_bytes,
    )


def searched(platform: Platform, stored: Path) -> sheets.Limits:
    """The limits within which a stored file is searched for a person.

    Whether an import ever read it is not known here, so it cannot be without limits; lowered
    settings must not hide a person, so none is below its default.
    """
    now, first = limits(platform, stored), sheets.Limits()
    return replace(
        now, file_bytes=max(now.file_bytes, first.file_bytes), rows=PASSED.rows,
        columns=max(now.columns, first.columns), cell_bytes=max(now.cell_bytes, first.cell_bytes),
    )


def choose_mapping(record: Import, sheet: sheets.Sheet) -> dict[str, str | None]:
    """The mapping given with the import, held against the headers; or the automatic one."""
    if record.mapping is not None:
        return mapping.parse(record.mapping, sheet.headers, sheet)
    proposed = mapping.propose(sheet.headers, sheet.samples)
    mapping.require_email(proposed, sheet)
    return proposed
