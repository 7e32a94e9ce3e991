"""Rejected rows, put right on the page, come in as an import of their own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath

from vazao import uploads
from vazao.kit.platform import Platform
from vazao.kit.web import sending
from vazao.leads import correcting, service, store
from vazao.leads.errors import NothingCorrected
from vazao.leads.models import Import, Options
from vazao.leads.settings import LeadSettings

LONGEST = 18
AT_MOST = 200
"""Rows that are sent again at once: those of a page, and more."""


async def resend(
    platform: Platform, record: Import, said: Mapping[str, str],
    *, form: bytes | None = None, requested_by: str | None = None, request_id: str | None = None,
) -> Import:
    """Import the rows of *record* that were put right.

    Args:
        said: by the row's number, what its refused cell is to hold; those left as they were are
            not sent.
        form: the key of the form that sends them, which is sent once.

    Raises:
        NothingCorrected: no cell is another than before.
        SentAlready: the form was sent before.
    """
    rows = {int(row): value for row, value in list(said.items())[:AT_MOST]
            if row.isdecimal() and len(row) < LONGEST}
    cells = await _changed(platform, record, rows)
    if not cells:
        raise NothingCorrected(remedy="Change a value, and send it again.")
    upload = await uploads.receive(
        platform, uploads.Owner(record.organization_id),
        correcting.corrected_csv(platform, record, cells), purpose=service.SHEET,
        filename=f"{PurePath(record.filename).stem[:80]} (+).csv", content_type="text/csv",
        limit_bytes=platform.settings.of(LeadSettings).max_file_bytes, sha256=True,
    )
    options = Options(
        mode=record.mode, empty=record.empty, strict=record.strict, header_row="1",
        delimiter=",", encoding="utf-8", types=record.new_types,
        mapping={header: field for header, field in (record.mapping or {}).items() if field},
    )
    async with platform.db.transaction() as conn:
        await sending.claim(conn, form, f"/leads/imports/{record.token}")
        made, _ = await service.begin(
            conn, record.organization_id, upload, options, requested_by=requested_by,
            request_id=request_id,
        )
        await store.imports.mark_corrected(conn, record.id, list(cells), made.id)
        await sending.lead(conn, form, f"/leads/imports/{made.token}")
    return made


async def _changed(
    platform: Platform, record: Import, rows: Mapping[int, str]
) -> dict[int, str]:
    """Of *rows* those whose cell is another than the one that was refused."""
    if not rows:
        return {}
    async with platform.db.connection() as conn:
        stored = await store.imports.rejected_values(conn, record.id, list(rows))
    return {row: value for row, value in rows.items() if row in stored and value != stored[row]}
