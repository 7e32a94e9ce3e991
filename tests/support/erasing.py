"""A person who is erased: what holds their mark, before and afterwards."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

from tests.support.jobs import end_of
from tests.support.leads import Tenant
from vazao.leads import erasing

TABLES = """
select format('%I.%I', n.nspname, c.relname)
from pg_class c join pg_namespace n on n.oid = relnamespace
where c.relkind in ('r', 'p') and not c.relispartition
    and n.nspname in ('leads', 'leads_staging', 'jobs', 'kit', 'public')
"""


def mark_of(tenant: Tenant) -> str:
    """A word that stands in all that is one's who is to be erased."""
    return f"planted{tenant.id}"


def who(tenant: Tenant) -> str:
    """The address of that person."""
    return f"{mark_of(tenant)}.person@x.com"


async def planted(tenant: Tenant) -> list[str]:
    """The tables in which the mark stands, in any column."""
    found, mark = [], mark_of(tenant)
    async with tenant.platform.db.connection() as conn:
        for (table,) in await (await conn.execute(TABLES)).fetchall():
            row = await (await conn.execute(
                f"select count(*) from {table} t where lower(t::text) like '%{mark}%'"  # type: ignore[arg-type]
            )).fetchone()
            if row and row[0]:
                found.append(f"{table}: {row[0]}")
    return found


async def stored(tenant: Tenant) -> list[str]:
    """The files on the disk that hold the mark, but for other organizations' stored ones."""
    async with tenant.platform.db.connection() as conn:
        rows = await conn.execute(
            "select token from jobs.upload where organization_id <> %s", [tenant.id]
        )
        others = {token for (token,) in await rows.fetchall()}
    root = tenant.platform.blobs.root
    assert root is not None
    return [
        path.parent.name for path in root.rglob("*")
        if path.is_file() and path.parent.name not in others and holds(path, mark_of(tenant))
    ]


def holds(path: Path, mark: str) -> bool:
    """Whether a file, or one packed in it, holds the mark."""
    body = path.read_bytes()
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as book:
            body += b"".join(book.read(name) for name in book.namelist())
    return mark.encode() in body.lower()


async def purge(tenant: Tenant, *emails: str) -> dict[str, Any]:
    """Erase people; what the job says that it did."""
    async with tenant.platform.db.transaction() as conn:
        job = await erasing.begin(conn, tenant.id, emails or [who(tenant)])
    done = await end_of(tenant.platform, job)
    assert done.status == "finished", done.error
    return done.result
