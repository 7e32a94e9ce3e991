"""What the tests of leads share: a platform, an import from bytes to its end, and the base."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.support import eventually
from vazao import jobs, leads
from vazao.kit.platform import Platform
from vazao.kit.registry import Registry
from vazao.kit.settings import Settings
from vazao.kit.worker import work
from vazao.leads import service

ORGANIZATION = 7


def make_platform(database_url: str, data_dir: Path, **settings: Any) -> Platform:
    """A platform with jobs and leads alone."""
    registry = Registry()
    jobs.register(registry)
    leads.register(registry)
    chosen = {"worker_beat_seconds": 0.5, "worker_lost_seconds": 3.0} | settings
    made = Settings(database_url=database_url, data_dir=data_dir, secret="x" * 32, **chosen)
    return Platform(made, database_url, registry, direct=True)


@asynccontextmanager
async def working(platform: Platform) -> AsyncIterator[None]:
    """A worker inside the test's own process."""
    stop = asyncio.Event()
    task = asyncio.create_task(work(platform, stop))
    try:
        yield
    finally:
        stop.set()
        await task


async def begin(
    platform: Platform, body: bytes, *, filename: str = "sheet.csv",
    organization_id: int = ORGANIZATION, **options: str,
) -> str:
    """Store *body* and ask for its import; the import's public id."""

    async def stream() -> AsyncIterator[bytes]:
        yield body

    upload = await jobs.receive(
        platform, organization_id, stream(), filename=filename, content_type=None,
        limit_bytes=1 << 30,
    )
    async with platform.db.transaction() as conn:
        record, _ = await service.begin(
            conn, organization_id, upload, service.options_of(options)
        )
    return record.token


async def view(
    platform: Platform, token: str, organization_id: int = ORGANIZATION
) -> dict[str, Any]:
    """The import as the API shows it."""
    async with platform.db.connection() as conn:
        record, job = await service.get(conn, organization_id, token)
    return service.view(record, job)


async def outcome(
    platform: Platform, token: str, organization_id: int = ORGANIZATION
) -> dict[str, Any]:
    """The import once it has ended."""

    async def ended() -> dict[str, Any] | None:
        shown = await view(platform, token, organization_id)
        return shown if shown["status"] in ("finished", "failed", "cancelled") else None

    return await eventually(ended, within=60)


async def imported(
    platform: Platform, text: str | bytes, *, filename: str = "sheet.csv",
    organization_id: int = ORGANIZATION, **options: str,
) -> dict[str, Any]:
    """Import *text* with a worker, to its end."""
    body = text.encode() if isinstance(text, str) else text
    async with working(platform):
        token = await begin(
            platform, body, filename=filename, organization_id=organization_id, **options
        )
        return await outcome(platform, token, organization_id)


async def base(
    platform: Platform, organization_id: int = ORGANIZATION
) -> dict[str, dict[str, Any]]:
    """The organization's leads by e-mail, without ids and times."""
    async with platform.db.connection() as conn:
        found = await conn.execute(
            "select email, name, phone, company, job_title, city, state, country, website, "
            "legal_basis, tags, custom, opted_out from leads.lead where organization_id = %s",
            [organization_id],
        )
        names = [c.name for c in found.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in await found.fetchall()]
    return {row.pop("email"): row for row in rows}


FIVE = ("created", "updated", "unchanged", "duplicates", "rejected")


def five(shown: dict[str, Any]) -> tuple[int, ...]:
    """The five outcomes."""
    return tuple(shown[name] for name in FIVE)
