"""Background work of leads: reading a sheet, merging its slices, and search behind it.

An import is a job of two steps. *read* stages the valid rows and records the refused ones;
its last transaction cuts the staged rows into slices. *merge* is one part a slice. Search rows
are a job of their own that starts when the import has ended, so that the import pays nothing.
"""

from __future__ import annotations

import asyncio
import math
import secrets
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from psycopg import errors as pg

from vazao import jobs, notices, uploads
from vazao.jobs import HandBack
from vazao.kit.errors import VazaoError
from vazao.kit.logging import get
from vazao.kit.platform import Platform
from vazao.leads import merging, searching, settling, store, suppressing
from vazao.leads.errors import ReadsDifferently
from vazao.leads.mapping import staged
from vazao.leads.models import IMPORT_FINISHED, Import, Outcomes
from vazao.leads.settings import LeadSettings

log = get("leads")

ATTEMPTS = 6
RENEWED = 20_000
"""Search rows that are made anew every ten seconds: a second's work."""
GOLDEN = (math.sqrt(5) - 1) / 2


class Revived(RuntimeError):
    """A slice made leads for *emails* that someone left, having opted out, since the reading."""

    def __init__(self, emails: list[str]) -> None:
        super().__init__(len(emails))
        self.emails = emails


class ImportGone(RuntimeError):
    """The import's record vanished under its job."""


async def _record(run: jobs.PartRun) -> Import:
    async with run.platform.db.connection() as conn:
        record = await store.imports.get(conn, run.job.id)
    if record is None:
        raise ImportGone
    return record


async def _upload(platform: Platform, record: Import) -> uploads.Upload:
    from vazao.leads.reading import check_sheet

    check_sheet(platform, record.sheet_gone)
    async with platform.db.connection() as conn:
        try:
            return await uploads.get_upload(conn, record.organization_id, record.upload)
        except uploads.UploadNotFound:
            # A trial's sheet may have gone while the import that applies it was being asked for.
            check_sheet(platform, await store.erasing.why_gone(
                conn, record.organization_id, record.upload
            ))
            raise


async def read(run: jobs.PartRun) -> None:
    """Stage the sheet's valid rows, record its refused ones, and cut the rest into slices."""
    from vazao.leads.reading import Reading

    record = await _record(run)
    await run.progress(0.0, phase="reading")
    upload = await _upload(run.platform, record)
    digest = settling.digest(record, await uploads.sha256_of(run.platform, upload))
    if record.applies is not None and await _take_over(run, record):
        return
    if not record.dry_run and await _repeat(run, record, digest, upload.bytes):
        return
    async with _staging(run, record) as staging:
        async with uploads.local_file(run.platform, upload) as path:
            reading = Reading(run.platform, record, path, staging)
            await reading.stage(run)
        run.count(bytes=upload.bytes)
        await _hand_over(run, record, reading, digest)


async def _take_over(run: jobs.PartRun, record: Import) -> bool:
    """Take in what a trial has read, if it is still there; else the sheet is read anew."""
    async with run.platform.db.connection() as conn:
        trial = await store.imports.get(conn, record.applies or 0)
        if trial is None or trial.staging is None or (
            await store.staging.count(conn, trial.staging) != trial.rows_staged
        ):
            return False
        slices = await store.staging.slices(
            conn, trial.staging, trial.rows_staged or 0,
            run.platform.settings.of(LeadSettings).slice_rows,
        )
    await run.progress(phase="merging", rows_total=trial.rows_total)
    async with run.finishing() as conn:
        name = f"i{record.id}_{secrets.token_hex(4)}"
        await store.trials.take_over(conn, record, trial, name)
        run.count(rows=trial.rows_refused or 0, bytes=run.job.bytes_total or 0)
        if payloads := await store.staging.save_edges(conn, record.id, slices):
            await run.split(conn, "merge", payloads, join=None)
        else:
            await run.finish(conn, None)
    return True


async def _repeat(
    run: jobs.PartRun, record: Import, digest: bytes | None, size: int
) -> bool:
    """End the import at once where the base is known to hold this very sheet."""
    async with run.platform.db.connection() as conn:
        if await settling.find(conn, record, digest) is None:
            return False
    async with run.finishing() as conn:
        found = await settling.find(conn, record, digest)
        if found is None or digest is None:
            raise HandBack("the base changed between two looks: the next attempt reads the sheet")
        await store.imports.repeat(conn, record.id, digest, *found)
        if (known := await store.imports.get(conn, record.id)) is not None:
            run.count(rows=known.outcomes.total, bytes=size)
            await run.progress(rows_total=known.rows_total)
        await run.finish(conn, None)
    return True


async def _hand_over(
    run: jobs.PartRun, record: Import, reading: Any, digest: bytes | None
) -> None:
    async with run.platform.db.connection() as conn:
        slices = await store.staging.slices(
            conn, reading.staging, reading.rows_staged,
            run.platform.settings.of(LeadSettings).slice_rows,
        )
    # Slices are begun at a place of the import's own, so that imports of the same people which
    # run at once rarely meet in the same slice, or in the next: multiples of the golden ratio
    # stay apart however many there are.
    turn = int(record.id * GOLDEN % 1 * len(slices))
    await run.progress(phase="merging", rows_total=reading.rows_total)
    async with run.finishing() as conn:
        if record.dry_run:
            fields = staged(reading.mapping)
            await store.trials.prepare(conn, reading.staging, fields)
        # The job's row last: whoever cancels need not wait for a million rejections.
        await store.imports.save_reading(
            conn, record, headers=reading.headers, mapping=reading.mapping, notes=reading.notes,
            staging=reading.staging, rows_total=reading.rows_total,
            rows_staged=reading.rows_staged, rejected=reading.rejected, warned=reading.warned,
            warnings=reading.warnings, left_out=reading.left_out, types=reading.types,
            digest=digest,
        )
        run.count(rows=reading.rejected)
        if payloads := await store.staging.save_edges(conn, record.id, slices):
            await run.split(conn, "merge", payloads[turn:] + payloads[:turn], join=None)
        else:
            await run.finish(conn, None)


@asynccontextmanager
async def _staging(run: jobs.PartRun, record: Import) -> AsyncGenerator[str]:
    """A name for this attempt's staging; whatever it made goes if the attempt fails."""
    name = f"i{record.id}_{secrets.token_hex(4)}"
    try:
        yield name
    except BaseException:
        await asyncio.shield(_drop(run, name))
        raise


async def _drop(run: jobs.PartRun, name: str) -> None:
    async with run.platform.db.connection() as conn:
        await store.staging.drop(conn, name)


async def merge(run: jobs.PartRun) -> None:
    """Merge one slice, its outcomes and its end in one short transaction."""
    record = await _record(run)
    gone: list[str] = []
    for attempt in range(ATTEMPTS):
        try:
            await _merge_once(run, record, gone, careful=attempt > 0)
            return
        except Revived as error:
            log.info("slice without those who left", import_id=record.id, count=len(error.emails))
            if attempt == ATTEMPTS - 1:
                raise
            gone += error.emails
        except (pg.UniqueViolation, pg.SerializationFailure, pg.DeadlockDetected) as error:
            log.info("slice again", import_id=record.id, attempt=attempt, why=error.sqlstate)
            if attempt == ATTEMPTS - 1:
                raise
        except store.staging.EdgesGone:
            raise HandBack("the import has ended or begun anew") from None
        except (store.staging.StagingLost, pg.UndefinedTable):
            if attempt == ATTEMPTS - 1:
                raise
            await _stage_again(run)
            record = await _record(run)


async def _merge_once(
    run: jobs.PartRun, record: Import, gone: list[str], *, careful: bool
) -> None:
    if record.staging is None:
        raise ImportGone
    if record.dry_run:
        await _compare_once(run, record, record.staging)
        return
    async with run.finishing() as conn:
        emails = await store.staging.span(conn, record.id, run.part.payload)
        await store.staging.prepare_slice(conn)
        folded = await store.staging.has_repeated(conn, record.staging, emails)
        rules = merging.compose(
            merging.staged_fields(record), record.empty, careful=careful, folded=folded,
            left_out=record.left_out,
        )
        done = await store.staging.merge_slice(
            conn, record.staging, rules, record, run.part.number, emails, gone
        )
        if done is None:
            raise pg.SerializationFailure("another writer got in between")
        number, secrets = run.part.number, run.platform.secrets
        if done.created and (back := await suppressing.revived(conn, record, secrets, number)):
            raise Revived(back)
        run.result = {"created": done.created, "updated": done.updated}
        run.count(rows=done.rows)


async def _compare_once(run: jobs.PartRun, record: Import, staging: str) -> None:
    """A slice of a trial: what it would do, and nothing done."""
    async with run.finishing() as conn:
        emails = await store.staging.span(conn, record.id, run.part.payload)
        await store.staging.prepare_slice(conn)
        folded = await store.staging.has_repeated(conn, staging, emails)
        comparison = merging.compare(record, folded=folded)
        done = await store.trials.compare_slice(
            conn, staging, comparison, record, run.part.number, emails
        )
        run.result = {"created": done.created, "updated": done.updated}
        run.count(rows=done.rows)


async def _stage_again(run: jobs.PartRun) -> None:
    """Read the sheet once more after the server lost its unlogged staging."""
    from vazao.leads.reading import Reading

    async with run.platform.db.transaction() as guard:
        await store.staging.lock(guard, run.job.id)
        record = await _record(run)
        if record.staging and (
            await store.staging.count(guard, record.staging) == record.rows_staged
        ):
            return
        async with _staging(run, record) as staging:
            upload = await _upload(run.platform, record)
            async with uploads.local_file(run.platform, upload) as path:
                reading = Reading(run.platform, record, path, staging)
                await reading.stage(run)
            if reading.rows_staged != record.rows_staged:
                raise ReadsDifferently
            if record.dry_run:
                await store.trials.prepare(guard, staging, merging.staged_fields(record))
            await store.imports.replace_staging(guard, record.id, staging)
        if record.staging:
            await store.staging.drop(guard, record.staging)


async def ended(conn: Any, job: jobs.Job) -> None:
    """When an import ends, however: search begins to catch up with what was merged.

    The import's own row and its staging are not touched: a slice that is still busy may hold
    them while it waits for this very job's row.
    """
    record = await store.imports.get(conn, job.id)
    await store.staging.forget_edges(conn, job.id)
    if job.status == "finished" and record and not record.dry_run:
        await store.imports.settle(conn, job.id)
    if record and not record.dry_run:
        await _tell(conn, job, record)
    if record and await searching.pieces_to_index(conn, record):
        await jobs.enqueue(
            conn, "leads.index", organization_id=record.organization_id,
            payload={"import_id": record.id, "about": record.filename}, request_id=job.request_id,
        )


async def _tell(conn: Any, job: jobs.Job, record: Import) -> None:
    """Tell its organization that an import ended, and what it did."""
    await notices.tell(conn, job.organization_id, IMPORT_FINISHED, f"import:{job.token}", {
        "import": job.token, "status": job.status,
        "error": job.error and job.error.get("code"),
        **{name: getattr(record.outcomes, name) for name in Outcomes.__struct_fields__},
        "url": f"/v1/leads/imports/{job.token}", "page": f"/leads/imports/{job.token}",
    })


async def bars(conn: Any, found: Sequence[jobs.Job]) -> dict[int, VazaoError]:
    """Those cannot start over whose sheet is not stored any more: they read it again."""
    sheets_of = await store.imports.sheets_of(conn, [job.id for job in found])
    kept = await uploads.stored_among(conn, found[0].organization_id, list(sheets_of.values()))
    return {job.id: jobs.FileGone() for job in found if sheets_of.get(job.id) not in kept}


async def retried(conn: Any, job: jobs.Job) -> None:
    """Before an ended import starts over: its outcomes are counted anew."""
    await store.imports.reset(conn, job.id)


async def sweep(platform: Platform) -> None:
    """Drop the staging of imports whose job has ended."""
    kept = timedelta(hours=platform.settings.of(LeadSettings).trials_kept_hours)
    async with platform.db.connection() as conn:
        tables = await store.staging.tables(conn, kept=kept)
        at_work = await jobs.at_work(conn, [job_id for _, job_id in tables])
        for staging, job_id in tables:
            if job_id not in at_work:
                await store.staging.drop(conn, staging)


async def plan_index(run: jobs.PartRun) -> None:
    """Parts for the merged slices whose leads search does not know."""
    async with run.finishing() as conn:
        record = await store.imports.get(conn, run.job.payload["import_id"])
        pieces = await searching.pieces_to_index(conn, record) if record else []
        if record:
            await store.search.begin_indexing(conn, record.organization_id, record.id)
        await run.split(conn, "index", pieces, join="mark")
    if record and record.staging:
        await _drop(run, record.staging)


async def index(run: jobs.PartRun) -> None:
    """Bring the search rows and the feed up to date with a piece of a slice."""
    async with run.finishing() as conn:
        await store.staging.prepare_slice(conn)
        await searching.index_piece(
            conn, run.job.organization_id, run.job.payload["import_id"], run.part.payload
        )


async def mark(run: jobs.PartRun) -> None:
    """Once all parts are committed: ``updated_since`` can tell them from what comes later."""
    async with run.platform.db.connection() as conn:
        await store.search.mark_epoch(conn, run.job.organization_id)


async def renew_words(platform: Platform) -> None:
    """Make some search rows anew that were made by older rules."""
    for _ in range(RENEWED // searching.PIECE_LEADS):
        async with platform.db.transaction() as conn:
            base = await store.search.outdated(conn)
            if base is None:
                return
            await store.staging.prepare_slice(conn)
            organization_id, after = base
            await store.search.make_anew(
                conn, organization_id, after=after, limit=searching.PIECE_LEADS
            )


async def thin(platform: Platform) -> None:
    """Forget the marks that nobody needs any more."""
    async with platform.db.connection() as conn:
        await store.search.thin_epochs(conn)
