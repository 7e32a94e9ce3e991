"""A person is forgotten (LGPD): leads, deleted ones, staged rows, what imports told, sheets.

A job of three steps: *erase* takes them out of the tables, *scan* looks into each stored sheet, a
part each, and *close* takes out what an import brought meanwhile. A sheet that holds them is
removed whole, and its imports say so: its other rows are in the base, and whoever sent it has it.
What opted out leaves the keyed hash of its address. Whom a job forgets stands in ``leads.purge``
until it has ended; its payload and its parts name nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psycopg import AsyncConnection

from vazao import jobs, sheets, uploads
from vazao.kit.errors import NotFound
from vazao.kit.platform import Platform, Principal
from vazao.leads import store, suppressing
from vazao.leads.errors import EmailInvalid, LeadInvalid, PurgeNeedsAdmin
from vazao.leads.settings import LeadSettings

if TYPE_CHECKING:
    import polars as pl

KIND = "leads.purge"
AT_ONCE = 1000
"""People that one job forgets."""
PAGE = 500
BLOCK = 1 << 20
ERASED, EXPIRED = "erased", "expired"
LABELS = {
    "leads": "Leads erased", "deleted_leads": "Deleted leads erased",
    "values": "Values erased from what imports told", "sheets": "Sheets looked through",
    "sheets_removed": "Sheets removed",
}
"""What its report says, in words."""


async def begin(
    conn: AsyncConnection[Any], organization_id: int, emails: Sequence[str], *,
    requested_by: str | None = None, request_id: str | None = None, expired: bool = False,
) -> jobs.Job:
    """Ask for people to be forgotten, in the caller's transaction.

    Args:
        emails: as leads have them.
        expired: they were deleted for so long that nobody can restore them; one who has come back
            meanwhile is not meant.
    """
    job = await jobs.enqueue(
        conn, KIND, organization_id=organization_id, payload={}, requested_by=requested_by,
        request_id=request_id,
    )
    await store.erasing.create(conn, job.id, organization_id, emails, expired=expired)
    return job


def stored(email: str) -> str:
    """*email* as a lead has it.

    Raises:
        EmailInvalid: no lead can have it.
    """
    from vazao.leads import validation

    try:
        known: str = validation.clean_lead({"email": email.replace("\0", "")})["email"]
    except LeadInvalid as error:
        raise EmailInvalid from error
    return known


def may_ask(principal: Principal) -> None:
    """Whether somebody may have a person erased.

    Raises:
        PurgeNeedsAdmin: they are signed in, and no administrator.
    """
    if principal.session_id is not None and "admin" not in principal.roles:
        raise PurgeNeedsAdmin


async def ask(
    platform: Platform, principal: Principal, email: str, request_id: str | None
) -> jobs.Job:
    """Begin at somebody's request.

    Raises:
        PurgeNeedsAdmin: they are signed in, and no administrator.
        EmailInvalid: no lead can have that address.
    """
    may_ask(principal)
    known = stored(email)
    async with platform.db.transaction() as conn:
        return await begin(
            conn, principal.organization_id, [known], requested_by=principal.name,
            request_id=request_id,
        )


async def erase(run: jobs.PartRun) -> None:
    """Take the people out of the tables, and look up the sheets."""
    await run.progress(0.0, phase="erasing")
    async with run.platform.db.connection() as conn:
        known = await _sheets(conn, run.job.organization_id)
    async with run.finishing() as conn:
        await store.erasing.spare_those_back(conn, run.job.id)
        found = await _from_tables(run, conn)
        if known:
            run.result = found
            await run.split(conn, "scan", [{"upload": token} for token in known], join="close")
        else:
            await run.finish(conn, {**found, "sheets": 0, "sheets_removed": 0})


async def _sheets(conn: AsyncConnection[Any], organization_id: int) -> list[str]:
    """The organization's stored files that may be sheets."""
    found: list[str] = []
    after = 0
    while page := await uploads.list_stored(conn, organization_id, after=after, limit=PAGE):
        after = page[-1].id
        found += [
            each.token for each in page if not (each.content_type or "").startswith("image/")
        ]
    return found


async def _from_tables(run: jobs.PartRun, conn: AsyncConnection[Any]) -> dict[str, int]:
    organization_id, secrets = run.job.organization_id, run.platform.secrets
    emails = await store.erasing.emails(conn, run.job.id)
    people = await store.erasing.people(conn, organization_id, emails)
    for person in people:
        if person.opted_out:
            await suppressing.leave(conn, organization_id, secrets, person.email)
    ids = [person.id for person in people]
    await store.erasing.leads(conn, organization_id, ids)
    await store.search.forget(conn, organization_id, ids)
    live = sum(person.live for person in people)
    if live:
        await store.base.raise_base(conn, organization_id, -live)
    await store.erasing.staged(conn, organization_id, emails)
    values = await store.erasing.told(conn, organization_id, emails)
    return {"leads": live, "deleted_leads": len(people) - live, "values": values}


async def scan(run: jobs.PartRun) -> None:
    """Look into one stored sheet, and remove it if it holds one of the people."""
    token, organization_id = run.part.payload["upload"], run.job.organization_id
    async with run.platform.db.connection() as conn:
        emails = await store.erasing.emails(conn, run.job.id)
        try:
            upload = await uploads.get_upload(conn, organization_id, token)
        except NotFound:
            upload = None
    rows: list[int] | None = None
    if upload is not None:
        async with uploads.local_file(run.platform, upload) as path:
            rows = await asyncio.to_thread(
                _rows_of, path, upload.filename or "", emails, run.platform
            )
    async with run.finishing() as conn:
        run.result = {
            "sheets": int(upload is not None), "sheets_removed": int(rows is not None),
            "upload": token if rows is not None else None,
        }
        if upload is None or rows is None:
            return
        await store.erasing.rows(conn, organization_id, token, rows)
        for unread in await store.erasing.lose_sheet(conn, organization_id, token, ERASED):
            await _stop(conn, organization_id, unread)
        await uploads.doom_upload(conn, upload.id)


async def _stop(conn: AsyncConnection[Any], organization_id: int, token: str) -> None:
    """An import that has not read its sheet would bring the person back."""
    job = await jobs.get_job(conn, organization_id, token)
    if not job.ended:
        await jobs.cancel(conn, organization_id, token)


def _rows_of(
    path: Path, filename: str, emails: Sequence[str], platform: Platform
) -> list[int] | None:
    """The rows of a sheet that hold one of *emails*; ``None`` where nothing of it does.

    What cannot be read as a sheet is searched byte by byte.
    """
    import polars as pl

    from vazao.leads.reading import limits

    found: list[int] = []
    try:
        with sheets.open_sheet(path, filename, limits=limits(platform)) as sheet:
            if _holds(sheet.headers, emails):
                found.append(sheet.header_row)
            for batch in sheet.batches():
                refused = batch.refused.drop("code", "value")
                found += _hits(pl.concat([batch.frame, refused], how="diagonal"), emails)
    except sheets.SheetError:
        return found if _in_bytes(path, emails) else (found or None)
    return found or None


def _holds(texts: Iterable[str], emails: Sequence[str]) -> bool:
    return any(email in text.lower() for text in texts for email in emails)


def _hits(frame: pl.DataFrame, emails: Sequence[str]) -> list[int]:
    import polars as pl

    from vazao.leads import validation

    plan = validation.Plan((), {})
    hit = pl.Series([False]).new_from_index(0, frame.height)
    for name in frame.columns:
        cells = frame.get_column(name)
        if cells.dtype != pl.String or not cells.str.contains("[@＠]").any():
            continue
        known = validation.check(cells, "email", plan).values
        held = cells.str.to_lowercase().str.contains_any(list(emails))
        hit = hit | known.is_in(list(emails)).fill_null(value=False) | held.fill_null(value=False)
    return frame.get_column("row").filter(hit).to_list()


def _in_bytes(path: Path, emails: Sequence[str]) -> bool:
    wanted = [email.encode(form) for email in emails for form in ("utf-8", "utf-16-le")]
    overlap = max(map(len, wanted), default=0)
    before = b""
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            held = (before + block).lower()
            if any(each in held for each in wanted):
                return True
            before = block[-overlap:]
    return False


async def close(run: jobs.PartRun) -> None:
    """Take out what an import has brought meanwhile, and say what was done.

    The sheets' bytes go before the job ends, not with the next sweep.
    """
    async with run.platform.db.connection() as conn:
        scanned = await jobs.results_of(conn, run.job.id, "scan")
        first = (await jobs.results_of(conn, run.job.id, "erase"))[0]
        lost = [await uploads.find_any(conn, each["upload"]) for each in scanned
                if each.get("upload")]
    for upload in lost:
        if upload is not None:
            await uploads.delete_upload(run.platform, upload)
    async with run.finishing() as conn:
        again = await _from_tables(run, conn)
        total = {name: first[name] + again[name] for name in again}
        for name in ("sheets", "sheets_removed"):
            total[name] = sum(each[name] for each in scanned)
        await run.finish(conn, total)


async def forget_deleted(platform: Platform) -> None:
    """Forget those whose deletion cannot be taken back any more."""
    kept = timedelta(days=platform.settings.of(LeadSettings).deleted_kept_days)
    async with platform.db.transaction() as conn:
        for organization_id, emails in await store.erasing.take_expired(
            conn, kept=kept, limit=AT_ONCE
        ):
            await begin(conn, organization_id, emails, expired=True)


async def expire_sheets(platform: Platform) -> None:
    """Remove sheets whose time is over, and what was told of their rows."""
    kept = timedelta(days=platform.settings.of(LeadSettings).sheets_kept_days)
    async with platform.db.connection() as conn:
        late = await store.erasing.late_sheets(conn, kept=kept, limit=PAGE)
    for organization_id, token, ids in late:
        async with platform.db.transaction() as conn:
            if await jobs.at_work(conn, ids):
                continue
            await store.erasing.clear_sheet(conn, organization_id, token)
            await store.erasing.lose_sheet(conn, organization_id, token, EXPIRED)
            upload = await uploads.find_any(conn, token)
            if upload is not None:
                await uploads.doom_upload(conn, upload.id)


async def ended(conn: Any, job: jobs.Job) -> None:
    """One that failed may be tried again, and must know whom to forget."""
    if job.status != "failed":
        await store.erasing.forget(conn, job.id)
