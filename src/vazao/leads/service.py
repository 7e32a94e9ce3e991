"""The verbs of imports: begin one, and tell of it.

Nothing here commits, and nothing here knows HTTP.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, cast

from psycopg import AsyncConnection

from vazao import jobs, sheets, uploads
from vazao.kit import clock
from vazao.kit.i18n import translate
from vazao.kit.registry import Deed
from vazao.kit.sql import Page
from vazao.leads import store
from vazao.leads.errors import (
    ImportNotFound,
    OptionInvalid,
    OptionUnknown,
    TooManySheets,
)
from vazao.leads.models import Empty, Import, Mode, Options, Outcomes
from vazao.leads.settings import LeadSettings
from vazao.leads.views import ImportView

Connection = AsyncConnection[Any]
CHOICES = {"mode": ("upsert", "create", "update"), "empty": ("keep", "clear")}
OPTIONS = (
    "mode", "empty", "sheet", "header_row", "delimiter", "encoding", "mapping", "strict", "dry_run",
)
DELIMITERS = {"tab": "\t", "TAB": "\t", "\\t": "\t"}
MEBIBYTE = 1 << 20
TRUE, FALSE = ("true", "1", "yes", "on"), ("false", "0", "no", "off")


def options_of(given: Mapping[str, str]) -> Options:
    """The options of an import from form fields or a query.

    Raises:
        OptionUnknown: there is no such option.
        OptionInvalid: a value is none of those allowed.
        MappingInvalid, MappingUnknownField, MappingCustomName: the mapping can fit no sheet.
        SheetDelimiterInvalid, SheetEncodingUnknown: it cannot be read so.
    """
    for name, allowed in CHOICES.items():
        if given.get(name, allowed[0]) not in allowed:
            raise OptionInvalid.of(name, given[name], *allowed)
    _check_names(given)
    if "\0" in given.get("sheet", ""):
        raise OptionInvalid.of("sheet", "NUL", "the workbook's sheets")
    row = _header_row_of(given)
    encoding = given.get("encoding", "").strip()
    delimiter = DELIMITERS.get(given.get("delimiter", ""), given.get("delimiter", ""))
    if delimiter:
        sheets.check_delimiter(delimiter)
    if encoding:
        sheets.encoding_of(encoding)
    return Options(
        mode=cast(Mode, given.get("mode", "upsert")),
        empty=cast(Empty, given.get("empty", "keep")),
        sheet=given.get("sheet") or None,
        header_row=row or None,
        delimiter=delimiter or None,
        encoding=encoding or None,
        mapping=_mapping_of(given.get("mapping")),
        strict=_is_true(given, "strict"),
        dry_run=_is_true(given, "dry_run"),
    )


def _header_row_of(given: Mapping[str, str]) -> str:
    row = given.get("header_row", "").strip().lower()
    number = int(row[:9]) if row.isascii() and row.isdecimal() else 0
    if row and row != "none" and not 0 < number < 1 << 20:
        raise OptionInvalid.of("header_row", row, "1, 2, …", "none")
    return row


def _check_names(given: Mapping[str, str]) -> None:
    for name in given:
        if name not in OPTIONS:
            nearest = get_close_matches(name[:80].lower(), OPTIONS, 1, 0.6)
            raise OptionUnknown(
                name=name[:80], known=", ".join(OPTIONS),
                details=[{"place": name[:80], "nearest": nearest[0] if nearest else None,
                          "known": list(OPTIONS)}],
            )


def _is_true(given: Mapping[str, str], name: str) -> bool:
    # An empty one is no "no": a script whose variable is unset must not import for real.
    value = given.get(name, "false").lower()
    if value not in TRUE + FALSE:
        raise OptionInvalid.of(name, value, "true", "false")
    return value in TRUE


def _mapping_of(text: str | None) -> dict[str, str | None] | None:
    from vazao.leads import mapping

    return mapping.checked(text) if text else None


LATEST = 5
SHEET = uploads.Purpose(
    "sheet", most=lambda settings: settings.of(LeadSettings).max_sheets,
    reached=lambda limit: TooManySheets(
        remedy="Ask the administrator for a higher limit, or wait: sheets are removed some time "
        "after their import.",
        limit=limit,
    ),
)


async def begin(
    conn: Connection, organization_id: int, upload: uploads.Upload, options: Options, *,
    requested_by: str | None = None, request_id: str | None = None,
    idempotency: tuple[str, str] | None = None,
) -> tuple[Import, jobs.Job]:
    """Enqueue the import of a stored sheet, in the caller's transaction; the sheet is kept.

    Raises:
        UploadNotFound: it was kept no longer.
    """
    await uploads.hold_upload(conn, organization_id, upload.token)
    job = await jobs.enqueue(
        conn, "leads.import", organization_id=organization_id,
        payload={"upload": upload.token, "about": upload.filename},
        cost=1 + upload.bytes / MEBIBYTE, bytes_total=upload.bytes, request_id=request_id,
        requested_by=requested_by, idempotency=idempotency,
    )
    if not job.created:
        record = await store.imports.get(conn, job.id)
        if record is not None:
            return record, job
    record = await store.imports.insert(
        conn, id=job.id, token=job.token, organization_id=organization_id, upload=upload.token,
        filename=upload.filename or "sheet.csv", options=options, requested_by=requested_by,
    )
    return record, job


async def get(
    conn: Connection, organization_id: int, token: str
) -> tuple[Import, jobs.Job]:
    """An import and its job.

    Raises:
        ImportNotFound: there is none by that id in this organization.
    """
    record = await store.imports.find(conn, organization_id, token)
    job = await jobs.get_job(conn, organization_id, token) if record else None
    if record is None or job is None:
        raise ImportNotFound
    return await _settled(conn, record, job), job


async def _settled(conn: Connection, record: Import, job: jobs.Job) -> Import:
    """*record*, or what it is by now: read before its job, it may lack the last slices."""
    if job.ended and record.outcomes.total != record.rows_total:
        return await store.imports.get(conn, record.id) or record
    return record


async def history(
    conn: Connection, organization_id: int, *, before: int | None = None, limit: int = 50
) -> Page[tuple[Import, jobs.Job]]:
    """A page of imports with their jobs, newest first."""
    records = await store.imports.newest(conn, organization_id, before=before, limit=limit)
    found = await jobs.by_ids(conn, organization_id, [r.id for r in records.items])
    return Page([
        (await _settled(conn, record, found[record.id]), found[record.id])
        for record in records.items if record.id in found
    ], records.more)


async def latest(conn: Connection, organization_id: int) -> list[Deed]:
    """The newest few imports, for the home page."""
    found = await history(conn, organization_id, limit=LATEST)
    return [
        Deed(f"/leads/imports/{job.token}", job.status, job.requested_at, about=record.filename)
        for record, job in found.items
    ]


def view(record: Import, job: jobs.Job, language: str = "en") -> ImportView:
    """An import as the API shows it: the platform's fields of long work and its own."""
    outcomes, total = record.outcomes, _total(record, job)
    shown: Any = {
        **jobs.view(job, language),
        "undone": record.undone, "filename": record.filename, "mode": record.mode,
        "empty": record.empty, "sheet": record.sheet, "header_row": record.header_row,
        "delimiter": record.delimiter, "encoding": record.encoding, "strict": record.strict,
        "dry_run": record.dry_run, "mapping": record.mapping, "rows_total": total,
        "warnings": record.rows_warned or 0, "trial": record.trial, "applied": record.applied,
        "drift": drift(record, job),
        "notes": [note.say(language) for note in record.notes],
        **{name: getattr(outcomes, name) for name in Outcomes.__struct_fields__},
    }
    if job.status in ("failed", "cancelled") and total:
        shown["rows_unprocessed"] = max(0, total - outcomes.total)
    done = outcomes.total
    shown["rows_per_second"] = _speed(job, done)
    shown["rows_done"] = done
    return shown


def drift(record: Import, job: jobs.Job) -> dict[str, int] | None:
    """By how much an import did other things than the trial that it applied had said.

    ``None`` where it applied none, or has not finished.
    """
    if record.expected is None or job.status != "finished":
        return None
    return {
        name: getattr(record.outcomes, name) - said for name, said in record.expected.items()
        if getattr(record.outcomes, name) != said
    }


def _speed(job: jobs.Job, rows: int) -> int | None:
    """Rows a second since the job began, until now or its end."""
    if job.started_at is None or not rows:
        return None
    seconds = ((job.finished_at or clock.now()) - job.started_at).total_seconds()
    return round(rows / seconds) if seconds > 0 else None


def _total(record: Import, job: jobs.Job) -> int | None:
    return record.rows_total if record.rows_total is not None else job.rows_total


def reason(code: str, language: str) -> tuple[str, str]:
    """What is wrong with a refused row, and its remedy, in *language*."""
    from vazao.leads.reasons import REASONS

    message, remedy = REASONS.get(code, (code, ""))
    return translate(message, language), translate(remedy, language)
