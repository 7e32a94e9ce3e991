"""What is looked through for a person who is erased, beside leads and their sheets."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from psycopg import sql

from tests.support.erasing import mark_of, planted, purge, stored, who
from tests.support.leads import Tenant
from tests.support.waiting import eventually
from vazao import uploads
from vazao.leads import store
from vazao.uploads import store as uploads_store
from vazao.uploads.errors import UploadNotFound
from vazao.uploads.tus import service as tus

pytestmark = pytest.mark.anyio


async def pieces(*bodies: bytes) -> AsyncIterator[bytes]:
    for body in bodies:
        yield body


async def send(tenant: Tenant, *bodies: bytes, length: int, metadata: str = "") -> str:
    """The beginning of a resumable upload, a request a body; its id."""
    made = await tus.create(
        tenant.platform, uploads.Owner(tenant.id), bytes_total=length, metadata=metadata
    )
    for body in bodies:
        made = await tus.append(
            tenant.platform, tenant.id, made.token, pieces(body), offset=made.bytes
        )
    return made.token


async def test_an_upload_that_is_still_being_sent_is_looked_into(tenant: Tenant) -> None:
    one = who(tenant).encode()
    held = await send(tenant, b"E-mail,Nome\n" + one[:7], one[7:] + b",x\n", length=10_000)
    kept = await send(tenant, b"E-mail,Nome\nk@x.com,", length=10_000)
    held_on, reads = asyncio.Event(), asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b"more@x.com,y\n"
        reads.set()
        await held_on.wait()
        yield b"last@x.com,z\n"

    offset = (await tus.find(tenant.platform, tenant.id, held)).bytes
    writer = asyncio.create_task(
        tus.append(tenant.platform, tenant.id, held, slowly(), offset=offset)
    )
    await reads.wait()
    done = await purge(tenant)
    assert (done["sheets"], done["sheets_removed"]) == (2, 1)
    assert done["removed"] == [{"filename": None, "imports": [], "unfinished": True}]
    held_on.set()
    with pytest.raises(UploadNotFound):
        await writer
    with pytest.raises(UploadNotFound):
        await tus.find(tenant.platform, tenant.id, held)
    assert await stored(tenant) == []
    root = tenant.platform.blobs.root
    assert root is not None
    assert not [*(root / held).glob("*")], "what the writer brought goes, too"
    again = await tus.append(
        tenant.platform, tenant.id, kept, pieces(b"K\n"), offset=len(b"E-mail,Nome\nk@x.com,")
    )
    assert again.bytes


async def test_what_files_are_called_goes(tenant: Tenant) -> None:
    one, mark = who(tenant), mark_of(tenant)
    metadata = f"filename {base64.b64encode(f'{one}.csv'.encode()).decode()},of {b64(one)}"
    token = await send(tenant, b"E-mail\nk@x.com\n", length=15, metadata=metadata)
    shown = await tenant.run("E-mail\nk@x.com\nbad\n", filename=f"List of {one.upper()}.csv")
    await tenant.run("E-mail\nk2@x.com\n", filename="kept.csv")
    refused = await tenant.run("E-mail\nk@x.com\n", mapping=json.dumps({f"{one} x": "email"}))
    assert refused["status"] == "failed"
    assert mark in json.dumps(refused)
    async with tenant.platform.db.transaction() as conn:
        await store.mappings.save(
            conn, tenant.id, {"E-mail": "email"}, name=f"for {one}"
        )
    done = await purge(tenant)
    assert done["sheets_removed"] == 0
    assert done["values"] >= 3
    assert await planted(tenant) == []
    assert (await tus.find(tenant.platform, tenant.id, token)).metadata == ""
    assert await tenant.rows(
        "select filename from leads.import where organization_id = %s order by id limit 2"
    ) == [("erased.csv",), ("kept.csv",)]
    assert b"bad" in await tenant.errors(shown), "the sheet is read by its suffix as before"
    async with tenant.platform.db.connection() as conn:
        assert await store.mappings.names(conn, tenant.id) == []


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


TOLD = """
select r.row, r.code, r.value is null from leads.rejection r join leads.import i
on i.id = r.import_id where i.organization_id = %s order by r.row
"""


async def test_what_was_told_of_others_goes_with_the_sheet(tenant: Tenant) -> None:
    shown = await tenant.run(
        f"E-mail,Nome,Idade\n{who(tenant)},x,1\nbad second,Second,2\nbad third,Third,3\n"
    )
    assert shown["rejected"] == 2
    before = await tenant.rows(TOLD)
    assert [gone for _, _, gone in before] == [False, False]
    await purge(tenant)
    assert await tenant.rows(TOLD) == [(row, code, True) for row, code, _ in before]
    assert await tenant.rows(
        "select rows_refused from leads.import where organization_id = %s"
    ) == [(2,)]


async def test_other_leads_that_mention_the_address_are_counted(tenant: Tenant) -> None:
    one = who(tenant)
    await tenant.run(
        "E-mail,Nome,Empresa,Nota\n"
        f"{one},Own,,see {one}\n"
        f"a@x.com,A,,mother of {one.upper()}\n"
        f"b@x.com,<{one}>,,\n"
        f"c@x.com,C,x.{one} Ltd,of {one}.br\n"
        "d@x.com,D,,x\n"
    )
    before = await tenant.base()
    done = await purge(tenant)
    assert done["mentions"] == 2
    assert (await tenant.base())["a@x.com"] == before["a@x.com"], "they stay as they are"


async def test_a_sheet_of_a_longer_address_stays(tenant: Tenant) -> None:
    other = f"jo{who(tenant)}"
    await tenant.run(f"E-mail,Nome\n{other},x\n")
    done = await purge(tenant)
    assert (done["sheets"], done["sheets_removed"]) == (1, 0)
    assert set(await tenant.base()) == {other}


async def test_an_image_by_name_alone_is_looked_into(tenant: Tenant) -> None:
    metadata = f"filename {b64('a.png')},filetype {b64('image/png')}"
    body = f"E-mail\n{who(tenant)}\n".encode()
    await send(tenant, body, length=len(body), metadata=metadata)
    done = await purge(tenant)
    assert done["removed"] == [{"filename": "a.png", "imports": [], "unfinished": False}]
    assert await stored(tenant) == []


FILES = """
insert into jobs.upload (token, organization_id, status, filename, created_at, last_segment_at)
select md5('many' || n), 1000 + n % 50, 'stored', 'a.csv', now(), now()
from generate_series(1, 20000) as n
"""
LEADS = """
insert into leads.lead (organization_id, email, name)
select 1000 + n % 50, n || '@x.com', 'N' from generate_series(1, 40000) as n
"""


async def test_only_rows_of_the_organization_are_read(tenant: Tenant) -> None:
    async with tenant.platform.db.connection() as conn:
        await conn.execute(FILES)
        await conn.execute(LEADS)
        await conn.execute("analyze jobs.upload, leads.lead")
        values: dict[str, Any] = {
            "organization_id": 1007, "after": 0, "limit": 100, "emails": ["a@x.com"],
            "patterns": ["%a@x.com%"], "exactly": ["a@x[.]com"],
        }
        plans = []
        for statement in (uploads_store.Q.list_held, uploads_store.Q.list_named,
                          store.erasing.Q.count_mentions):
            cursor = await conn.execute(
                sql.SQL("explain (format json) ") + statement, values
            )
            plans.append(json.dumps(await cursor.fetchone()))
    for plan in plans:
        assert "upload_of_organization" in plan or "lead_p" in plan
        assert not re.search(r'"Seq Scan"[^{}]*"Relation Name": "(upload|lead)', plan), plan


async def test_what_is_about_to_be_removed_goes_at_once(tenant: Tenant) -> None:
    token = await send(tenant, who(tenant).encode(), length=1000)
    async with tenant.platform.db.transaction() as conn:
        found = await uploads.find_any(conn, token)
        assert found is not None
        await uploads.doom_upload(conn, found.id)
    await purge(tenant)
    assert await stored(tenant) == []

    async def gone() -> bool:
        async with tenant.platform.db.connection() as conn:
            return await uploads.find_any(conn, token) is None

    await eventually(gone)
