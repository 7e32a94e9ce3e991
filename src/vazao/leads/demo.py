"""The demonstration: one real import of a 300,000-row sheet, and a search for what it brought."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from vazao import uploads
from vazao.kit.cli import language
from vazao.kit.formats import duration, number, size
from vazao.kit.platform import Platform
from vazao.kit.steps import text as _
from vazao.leads import searching, service, store
from vazao.leads.models import Options, Outcomes
from vazao.leads.settings import LeadSettings

ROWS = 300_000
BLOCK = 4 << 20


def body(platform: Platform) -> str:
    """What ``curl`` sends to ``/v1/leads/imports``."""
    sheet = "email,name\\nana@example.org,Ana\\n"
    return f"-H 'Content-Type: text/csv' --data-binary $'{sheet}'"


async def import_sheet(
    platform: Platform, say: Callable[[str], Any], rows: int = ROWS
) -> list[str]:
    """Make a sheet, import it into the organization ``demo``, and find one of its leads."""
    from vazao.leads import samples

    async with platform.db.connection() as conn:
        organization_id = await platform.registry.organization_id(conn, "demo")
    with tempfile.TemporaryDirectory(prefix="vazao-demo-") as folder:
        path = Path(folder) / "leads.csv"
        await asyncio.to_thread(samples.sheet_csv, path, 0, rows)
        say(_("Importing a sheet of {rows} rows ({size}) …", rows=_number(rows),
              size=size(path.stat().st_size, language())))
        shown = await _import(platform, organization_id, path)
    lines = [_(
        "{rows} rows in {time} ({speed} rows/s): {created} created, {updated} updated, "
        "{unchanged} unchanged, {duplicates} duplicates, {rejected} rejected",
        rows=_number(shown["rows_total"]), time=duration(shown["lead_time_seconds"], language()),
        speed=_number(shown.get("rows_per_second") or 0),
        **{name: _number(shown[name]) for name in Outcomes.__struct_fields__},
    )]
    began = time.perf_counter()
    async with platform.db.transaction() as conn:
        found = await searching.search(conn, organization_id, q="joao silva", limit=5)
    lines.append(_(
        "Search for “joao silva”: {count} shown in {time}", count=len(found.items),
        time=duration(time.perf_counter() - began, language()),
    ))
    return lines


def _number(value: float) -> str:
    return number(value, language())


async def _import(platform: Platform, organization_id: int, path: Path) -> dict[str, Any]:
    async def blocks() -> AsyncIterator[bytes]:
        with path.open("rb") as opened:
            while block := await asyncio.to_thread(opened.read, BLOCK):
                yield block

    upload = await uploads.receive(
        platform, uploads.Owner(organization_id), blocks(), filename=path.name,
        content_type="text/csv", purpose=service.SHEET,
        limit_bytes=platform.settings.of(LeadSettings).max_file_bytes, sha256=True,
    )
    async with platform.db.transaction() as conn:
        record, job = await service.begin(
            conn, organization_id, upload, Options(), requested_by="demo"
        )
    while True:
        async with platform.db.connection() as conn:
            record, job = await service.get(conn, organization_id, record.token)
            behind = await store.search.behind(conn, organization_id)
        if job.ended and not behind:
            return dict(service.view(record, job))
        await asyncio.sleep(0.1)
