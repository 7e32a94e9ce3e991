"""People who leave while a sheet with their address is being imported do not come back with it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import pytest

from tests.support.leads import Tenant, five, outcome
from tests.support.waiting import eventually
from vazao.kit.platform import Platform
from vazao.leads import editing, store

pytestmark = pytest.mark.anyio
Connection = psycopg.AsyncConnection[Any]
BASE = "E-mail,Nome,Opt-out\n" + "".join(f"u{n}@x.com,N{n},sim\n" for n in range(4))
SHEET = "E-mail,Nome\n" + "".join(f"u{n}@x.com,M{n}\n" for n in (0, 1, 1, 2, 3, 4))


@asynccontextmanager
async def writer(platform: Platform) -> AsyncIterator[Connection]:
    """Another connection, inside a transaction that the test ends."""
    conn = await psycopg.AsyncConnection.connect(platform.database_url)
    try:
        yield conn
    finally:
        await conn.rollback()
        await conn.close()


async def merging_waits(platform: Platform) -> None:
    """Until a slice of an import waits for a lock."""

    async def look() -> bool:
        async with platform.db.connection() as conn:
            found = await conn.execute(
                "select count(*) from pg_stat_activity where datname = current_database() "
                "and wait_event_type = 'Lock' and query like '-- One slice into the base%'"
            )
            return (await found.fetchone() or (0,))[0] > 0

    await eventually(look)


async def delete(conn: Connection, tenant: Tenant, id: str) -> None:
    await editing.delete_lead(conn, tenant.id, id, tenant.platform.secrets)


async def move(conn: Connection, tenant: Tenant, id: str) -> None:
    fields = {"email": f"new{id}@x.com"}
    await editing.change_lead(conn, tenant.id, id, fields, tenant.platform.secrets)


Leave = Callable[[Connection, Tenant, str], Awaitable[None]]
LEAVING = pytest.mark.parametrize("leave", [delete, move])


async def ids(tenant: Tenant) -> dict[str, str]:
    """The leads by e-mail, once search knows them: its part, too, would wait for the barrier."""

    async def indexed() -> bool:
        async with tenant.platform.db.connection() as conn:
            return not await store.search.behind(conn, tenant.id)

    await eventually(indexed)
    return dict(
        await tenant.rows("select email, id::text from leads.lead where organization_id = %s")
    )


@LEAVING
@pytest.mark.parametrize(
    ("mode", "wanted"),
    [("upsert", (1, 2, 0, 1, 2)), ("create", (1, 0, 0, 1, 4)), ("update", (0, 2, 0, 1, 3))],
)
async def test_who_leaves_between_reading_and_merging(
    tenant: Tenant, leave: Leave, mode: str, wanted: tuple[int, ...]
) -> None:
    await tenant.run(BASE)
    known = await ids(tenant)
    async with writer(tenant.platform) as barrier:
        await barrier.execute("lock table leads.slice in share mode")
        token = await tenant.begin(SHEET, mode=mode)
        await merging_waits(tenant.platform)
        async with tenant.platform.db.transaction() as conn:
            await leave(conn, tenant, known["u1@x.com"])
            await leave(conn, tenant, known["u2@x.com"])
        await barrier.commit()
        shown = await outcome(tenant.platform, token, tenant.id)
    assert (shown["status"], five(shown)) == ("finished", wanted)
    base = await tenant.base()
    assert not {"u1@x.com", "u2@x.com"} & set(base)
    told = (await tenant.errors(shown)).decode()
    assert told.count("suppressed") == (0 if mode == "update" else 2)
    kept = await tenant.rows(
        "select r.code, r.value from leads.rejection r join leads.import i on i.id = r.import_id "
        "where i.organization_id = %s and r.code = 'suppressed'"
    )
    assert all(value is None for _, value in kept), "their address is not written down again"


@LEAVING
async def test_who_leaves_while_a_slice_waits_for_the_lead(tenant: Tenant, leave: Leave) -> None:
    await tenant.run(BASE)
    known = await ids(tenant)
    async with writer(tenant.platform) as theirs:
        await leave(theirs, tenant, known["u1@x.com"])
        token = await tenant.begin("E-mail,Nome\nu1@x.com,Back\n")
        await merging_waits(tenant.platform)
        await theirs.commit()
        shown = await outcome(tenant.platform, token, tenant.id)
    assert (shown["status"], five(shown)) == ("finished", (0, 0, 0, 0, 1))
    assert "u1@x.com" not in await tenant.base()


@LEAVING
async def test_who_had_not_opted_out_is_created_again(tenant: Tenant, leave: Leave) -> None:
    await tenant.run(BASE.replace("sim", "não"))
    known = await ids(tenant)
    async with writer(tenant.platform) as barrier:
        await barrier.execute("lock table leads.slice in share mode")
        token = await tenant.begin(SHEET)
        await merging_waits(tenant.platform)
        async with tenant.platform.db.transaction() as conn:
            await leave(conn, tenant, known["u1@x.com"])
        await barrier.commit()
        shown = await outcome(tenant.platform, token, tenant.id)
    assert five(shown) == (2, 3, 0, 1, 0)
    assert "u1@x.com" in await tenant.base()
