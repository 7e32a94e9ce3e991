"""What the tests of leads share: a platform, an import from bytes to its end, and the base."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.waiting import eventually
from vazao import jobs, leads, uploads
from vazao.kit.platform import Platform
from vazao.kit.registry import Registry
from vazao.kit.settings import Settings
from vazao.kit.worker import work
from vazao.leads import correcting, exporting, service, store

ORGANIZATION = 7


def make_platform(database_url: str, data_dir: Path, **settings: Any) -> Platform:
    """A platform with jobs and leads alone."""
    registry = Registry()
    uploads.register(registry)
    jobs.register(registry)
    leads.register(registry)
    chosen = {"worker_beat_seconds": 0.5, "worker_lost_seconds": 15.0} | settings
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

    upload = await uploads.receive(
        platform, uploads.Owner(organization_id), stream(), filename=filename, content_type=None,
        limit_bytes=1 << 30, sha256=True,
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


@dataclass(frozen=True)
class Tenant:
    """An organization on a platform whose worker is at work."""

    platform: Platform
    id: int

    async def begin(self, text: str | bytes, *, filename: str = "sheet.csv", **options: str) -> str:
        """Ask for an import; its public id."""
        body = text.encode() if isinstance(text, str) else text
        return await begin(
            self.platform, body, filename=filename, organization_id=self.id, **options
        )

    async def run(
        self, text: str | bytes, *, filename: str = "sheet.csv", **options: str
    ) -> dict[str, Any]:
        """An import to its end; that its outcomes add up is checked each time."""
        token = await self.begin(text, filename=filename, **options)
        shown = await outcome(self.platform, token, self.id)
        if shown["status"] == "finished":
            assert sum(five(shown)) == shown["rows_total"], shown
        return shown

    async def five(self, text: str | bytes, **options: str) -> tuple[int, ...]:
        """The five outcomes of an import that must finish."""
        shown = await self.run(text, **options)
        assert shown["status"] == "finished", shown["error"]
        return five(shown)

    async def base(self) -> dict[str, dict[str, Any]]:
        """The leads by e-mail."""
        return await base(self.platform, self.id)

    async def lead(self, email: str) -> dict[str, Any]:
        """One lead by its normalized e-mail."""
        return (await self.base())[email]

    async def rows(self, statement: str, *more: Any) -> list[tuple[Any, ...]]:
        """The answer of *statement*, whose first parameter is the organization."""
        async with self.platform.db.connection() as conn:
            return await (await conn.execute(statement, [self.id, *more])).fetchall()  # type: ignore[arg-type]

    async def versions(self) -> set[tuple[Any, ...]]:
        """Which version of which row stands where: equal only if nothing was written."""
        return set(await self.rows(
            "select id, ctid::text, xmin::text, xmax::text, updated_at from leads.lead "
            "where organization_id = %s"
        ))

    async def errors(self, shown: dict[str, Any], language: str = "en") -> bytes:
        """The file of refused rows."""
        async with self.platform.db.connection() as conn:
            record, _ = await service.get(conn, self.id, shown["id"])
        blocks = correcting.errors_csv(self.platform, record, language)
        return b"".join([block async for block in blocks])

    async def warnings(self, shown: dict[str, Any], language: str = "en") -> bytes:
        """The file of values that were left out or doubted."""
        async with self.platform.db.connection() as conn:
            record, _ = await service.get(conn, self.id, shown["id"])
        blocks = correcting.warnings_csv(self.platform, record, language)
        return b"".join([block async for block in blocks])

    async def export(self, form: exporting.Format = "csv") -> bytes:
        """The whole base."""
        blocks = exporting.export(self.platform, self.id, form)
        return b"".join([block async for block in blocks])


async def indexed(tenant: Tenant) -> None:
    """Until search knows every lead."""
    async def caught_up() -> bool:
        async with tenant.platform.db.connection() as conn:
            return await store.search.behind(conn, tenant.id) == 0

    await eventually(caught_up)


def lines(errors: bytes, delimiter: str = ",") -> list[list[str]]:
    """A file of errors as cells."""
    return list(csv.reader(io.StringIO(errors.decode()), delimiter=delimiter))
