"""A person is forgotten (LGPD): leads, deleted ones, staged rows, what was told, stored files.

A job of three steps: *erase* takes them out of the tables, *scan* looks into each stored file, a
part each, and *close* takes out what an import brought meanwhile, what jobs say and how files are
called. A sheet that holds them is removed whole, and its imports say so: its other rows are in the
base, and whoever sent it has it. What opted out leaves the keyed hash of its address. Whom a job
forgets stands in ``leads.purge`` until it has finished, or for a week after it failed or was
cancelled; its payload and its parts name nobody.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from psycopg import AsyncConnection

from vazao import jobs, uploads
from vazao.kit.errors import NotFound, VazaoError
from vazao.kit.formats import number
from vazao.kit.i18n import translate
from vazao.kit.platform import Platform, Principal
from vazao.kit.web.idempotency import Idempotency
from vazao.leads import sifting, store, suppressing
from vazao.leads.errors import EmailInvalid, LeadInvalid, PurgeForgotten, PurgeNeedsAdmin
from vazao.leads.settings import LeadSettings

KIND = "leads.purge"
AT_ONCE = 1000
"""People that one job forgets."""
PAGE = 500
LEADS_PAGE = 20_000
STOPPED_KEPT = timedelta(days=7)
"""How long an erasure that failed or was cancelled knows whom it was to forget."""
NAMED_MOST = 100
"""Removed files that a report names."""
COUNTED = ("leads", "deleted_leads", "values")
TEXTS = {
    "nothing": "Nothing was erased. Start the job over, or request the erasure again.",
    "partly": "The leads with this address are erased, but stored sheets may still contain the "
    "person. Start the job over within {days} days, or request the erasure again.",
    "no_trace": "No trace of this address was found. Stored files searched: {sheets}.",
    "leads": "Erased leads: {leads}. Erased deleted leads that could still be restored: "
    "{deleted_leads}. Erased values, texts and names that mentioned them: {values}.",
    "files": "Stored files searched: {sheets}. Removed: {sheets_removed}.",
    "removed": "Removed files: {names}.",
    "unnamed": "(its name held the address)",
    "mentioned": "Other leads that mention this address in a field: {mentions}. They were not "
    "changed: search for them and edit them yourself.",
    "comes_back": "Other spellings of the address were not searched for. Importing a sheet with "
    "this person brings them back, unless they had opted out.",
}
ERASED, EXPIRED = "erased", "expired"


async def begin(
    conn: AsyncConnection[Any], organization_id: int, emails: Sequence[str], *,
    requested_by: str | None = None, request_id: str | None = None, expired: bool = False,
    idempotency: Idempotency | None = None,
) -> jobs.Job:
    """Ask for people to be forgotten, in the caller's transaction.

    Args:
        emails: as leads have them.
        expired: they were deleted for so long that nobody can restore them; one who has come back
            meanwhile is not meant.
        idempotency: as :func:`jobs.enqueue` has it; nothing in it may name them.
    """
    job = await jobs.enqueue(
        conn, KIND, organization_id=organization_id, payload={}, requested_by=requested_by,
        request_id=request_id, idempotency=idempotency,
    )
    if job.created:
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


def permitted(principal: Principal, email: str) -> str:
    """The address of a person whom *principal* may erase, as a lead has it.

    Raises:
        PurgeNeedsAdmin: they are signed in, and no administrator.
        EmailInvalid: no lead can have that address.
    """
    if not jobs.may_begin(KIND, principal):
        raise PurgeNeedsAdmin
    return stored(email)


async def ask(
    platform: Platform, principal: Principal, email: str, request_id: str | None,
    key: str | None = None,
) -> jobs.Job:
    """Begin at somebody's request.

    Args:
        key: the request's ``Idempotency-Key``. The address is kept beside it as a keyed hash.

    Raises:
        PurgeNeedsAdmin, EmailInvalid: as :func:`permitted`.
        IdempotencyClash: the key came with another request.
    """
    known = permitted(principal, email)
    async with platform.db.transaction() as conn:
        return await begin(
            conn, principal.organization_id, [known], requested_by=principal.name,
            request_id=request_id,
            idempotency=None if key is None else (key, _hidden(platform, known)),
        )


def _hidden(platform: Platform, email: str) -> str:
    """Stands for an address, and tells nothing of it to who lacks the signing key."""
    return hmac.new(platform.secret, f"purge\0{email}".encode(), hashlib.sha256).hexdigest()


async def erase(run: jobs.PartRun) -> None:
    """Take the people out of the tables, and look up the files."""
    await run.progress(0.0, phase="erasing")
    async with run.platform.db.connection() as conn:
        known = await _files(conn, run.job.organization_id)
    async with run.finishing() as conn:
        await store.erasing.spare_those_back(conn, run.job.id)
        run.result = await _from_tables(run, conn)
        await run.split(conn, "scan", [{"upload": token} for token in known], join="close")


async def _files(conn: AsyncConnection[Any], organization_id: int) -> list[str]:
    """The organization's files, begun ones too, but for those that we made ourselves."""
    found: list[str] = []
    after = 0
    while page := await uploads.list_held(conn, organization_id, after=after, limit=PAGE):
        after = page[-1].id
        found += [each.token for each in page]
    return found


async def _from_tables(run: jobs.PartRun, conn: AsyncConnection[Any]) -> dict[str, int]:
    organization_id, secrets = run.job.organization_id, run.platform.secrets
    emails = (await store.erasing.whom(conn, run.job.id)).emails
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
    """Look into one stored file, and remove it if it holds one of the people.

    Who is still sending it gets 404 with the next piece.
    """
    token = run.part.payload["upload"]
    async with run.platform.db.connection() as conn:
        emails = (await store.erasing.whom(conn, run.job.id)).emails
        upload = await uploads.find_any(conn, token)
    held = None
    if upload is not None and upload.status != "deleted":
        held = await _look(run.platform, upload, emails)
    async with run.finishing() as conn:
        run.result = {"sheets": int(held is not None)}
        if held and upload is not None:
            removed = await _remove(conn, upload, emails)
            run.result = {"sheets": 1, "upload": token, "removed": removed}


async def _look(
    platform: Platform, upload: uploads.Upload, emails: Sequence[str]
) -> bool | None:
    """Whether a file holds one of the people; ``None`` where it has gone meanwhile."""
    try:
        async with uploads.local_file(platform, upload) as path:
            return await asyncio.to_thread(
                sifting.holds, path, upload.filename or "", emails, platform
            )
    except NotFound:
        async with platform.db.connection() as conn:
            now = await uploads.find_any(conn, upload.token)
        if now is None or now.status == "deleted":
            return None
        raise


async def _remove(
    conn: AsyncConnection[Any], upload: uploads.Upload, emails: Sequence[str]
) -> dict[str, Any]:
    """Remove a file with what was told of its rows; what the report says of it."""
    organization_id, token = upload.organization_id, upload.token
    await store.erasing.clear_sheet(conn, organization_id, token)
    imports = await store.erasing.lose_sheet(conn, organization_id, token, ERASED)
    for unread in (each for each, read in imports if not read):
        await _stop(conn, organization_id, unread)
    await uploads.doom_upload(conn, upload.id)
    name = upload.filename
    held = name is not None and any(email in name.lower() for email in emails)
    return {
        "filename": None if held else name, "imports": [each for each, _ in imports],
        "unfinished": upload.status == "receiving",
    }


async def _stop(conn: AsyncConnection[Any], organization_id: int, token: str) -> None:
    """An import that has not read its sheet would bring the person back."""
    job = await jobs.get_job(conn, organization_id, token)
    if not job.ended:
        await jobs.cancel(conn, organization_id, token)


async def close(run: jobs.PartRun) -> None:
    """Take out what an import has brought meanwhile, what jobs say, and names of files.

    The files' bytes go before the job ends, not with the next sweep.
    """
    async with run.platform.db.connection() as conn:
        emails, expired, _ = await store.erasing.whom(conn, run.job.id)
        scanned = await jobs.results_of(conn, run.job.id, "scan")
        lost = [await uploads.find_any(conn, each["upload"]) for each in scanned
                if each.get("upload")]
    for upload in lost:
        if upload is not None:
            await uploads.delete_upload(run.platform, upload)
    said = await uploads.forget_called(run.platform, run.job.organization_id, emails)
    said += await _from_jobs(run, emails)
    mentions = None if expired else await _mentions(run, emails)
    async with run.finishing() as conn:
        again = await _from_tables(run, conn)
        total = await _done(conn, run.job.id)
        for name in COUNTED:
            total[name] += again[name]
        total["values"] += said
        await run.finish(conn, {**total, "done": "all", "mentions": mentions})


async def _from_jobs(run: jobs.PartRun, emails: Sequence[str]) -> int:
    after, cleared = 0, 0
    while True:
        async with run.platform.db.transaction() as conn:
            last, count = await jobs.forget_said(
                conn, run.job.organization_id, emails, after=after
            )
        if last is None:
            return cleared
        after, cleared = last, cleared + count
        await run.progress()


async def _mentions(run: jobs.PartRun, emails: Sequence[str]) -> int:
    """How many other leads mention one of the people. The whole base, page by page."""
    after, found = 0, 0
    while True:
        async with run.platform.db.connection() as conn:
            last, count = await store.erasing.mentions(
                conn, run.job.organization_id, emails, after=after, limit=LEADS_PAGE
            )
        if last is None:
            return found
        after, found = last, found + count
        await run.progress()


async def _done(conn: AsyncConnection[Any], job_id: int) -> dict[str, Any]:
    """What this attempt, and those before, have removed until now."""
    before = (await store.erasing.whom(conn, job_id)).done
    erased = await jobs.results_of(conn, job_id, "erase")
    scanned = await jobs.results_of(conn, job_id, "scan")
    removed = [each["removed"] for each in scanned if each.get("removed")]
    total = {n: before.get(n, 0) + sum(each[n] for each in erased) for n in COUNTED}
    begun = erased or before.get("done") == "leads"
    return {
        **total, "done": "leads" if begun else "nothing",
        "sheets": sum(each["sheets"] for each in scanned),
        "sheets_removed": before.get("sheets_removed", 0) + len(removed),
        "removed": (before.get("removed", []) + removed)[:NAMED_MOST],
    }


async def ended(conn: Any, job: jobs.Job) -> None:
    """One that did not finish says what it did; for a week it may start over."""
    if job.status == "finished":
        await store.erasing.forget(conn, job.id)
        return
    done = await _done(conn, job.id)
    await store.erasing.stop(conn, job.id, done)
    await jobs.keep_result(conn, job.id, {**done, "mentions": None})


async def bars(conn: Any, found: Sequence[jobs.Job]) -> dict[int, VazaoError]:
    """Those cannot start over of which it is known no longer whom they were to erase."""
    known = await store.erasing.known(conn, [job.id for job in found])
    return {job.id: _forgotten() for job in found if job.id not in known}


async def retried(conn: Any, job: jobs.Job) -> None:
    """It starts over: whom it is to erase stays known until it has ended.

    Raises:
        PurgeForgotten: it was forgotten meanwhile.
    """
    if not await store.erasing.resume(conn, job.id):
        raise _forgotten()


def _forgotten() -> PurgeForgotten:
    return PurgeForgotten(remedy="Request the erasure again.", days=STOPPED_KEPT.days)


def says(job: jobs.Job, language: str) -> list[str]:
    """The report in sentences; none of a version before that told less."""
    found = job.result
    if "done" not in found:
        return []
    counts = {
        name: number(found[name] or 0, language)
        for name in (*COUNTED, "sheets", "sheets_removed", "mentions")
    }

    def words(text: str, **more: Any) -> str:
        return translate(TEXTS[text], language).format(**counts, **more)

    if found["done"] == "nothing":
        return [words("nothing")]
    told = [words("partly", days=STOPPED_KEPT.days)] if found["done"] == "leads" else []
    if not told and not any(found[name] for name in (*COUNTED, "sheets_removed")):
        told.append(words("no_trace"))
    else:
        told += [words("leads"), words("files")]
    if found["removed"]:
        unnamed = translate(TEXTS["unnamed"], language)
        told.append(words("removed", names=", ".join(
            each["filename"] or unnamed for each in found["removed"]
        )))
    if found["mentions"]:
        told.append(words("mentioned"))
    return told if found["done"] == "leads" else [*told, words("comes_back")]


async def forget_deleted(platform: Platform) -> None:
    """Forget those whose deletion cannot be taken back any more; and whom erasures were to forget
    that ended long ago, unfinished.
    """
    kept = timedelta(days=platform.settings.of(LeadSettings).deleted_kept_days)
    async with platform.db.transaction() as conn:
        await store.erasing.forget_stopped(conn, kept=STOPPED_KEPT)
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
