"""A person is erased: their planted values are nowhere, and everybody else's stay."""

from __future__ import annotations

import pytest

from tests.support.erasing import mark_of, planted, purge, stored, who
from tests.support.jobs import end_of
from tests.support.leads import Tenant, indexed
from tests.support.waiting import eventually
from tests.support.workbooks import workbook
from vazao.jobs.views import report
from vazao.leads import editing, erasing, service, store
from vazao.leads.errors import SheetErased, SheetExpired
from vazao.uploads import tasks as uploads_tasks

pytestmark = pytest.mark.anyio


async def test_nothing_of_a_person_is_left_and_nothing_else_is_touched(
    tenant: Tenant, other: Tenant
) -> None:
    mark, one = mark_of(tenant), who(tenant)
    keep = "".join(f"k{n}@x.com,K{n},1\n" for n in range(50))
    shown = await tenant.run(f"E-mail,Nome,Idade\n{keep}{one.upper()},{mark} Person,x\n")
    await tenant.run(workbook(("E-mail", "Nota"), ("k1@x.com", "n"), (one, f"{mark} note")),
                     filename="a.xlsx")
    await tenant.run(f"E-mail,Telefone\nbad,1\n{one},{mark}\n", strict="true")
    await tenant.run(f"E-mail,Nome\n{one},{mark} Again\nk2@x.com,Other\n", dry_run="true")
    clean = await tenant.run("E-mail,Nome\nk3@x.com,Clean\nbad,y\n")
    await other.run(f"E-mail,Nome\n{one},Same Name\n")
    await indexed(tenant)
    await indexed(other)
    before = await tenant.base()
    del before[one]

    done = await purge(tenant)

    assert done["leads"] == 1
    assert done["sheets_removed"] == 4
    assert await tenant.base() == before
    found = await planted(tenant)
    theirs = {each.partition(":")[0] for each in found}
    assert theirs == {"leads.lead", "leads.document"}, "the other organization's alone"
    assert (await other.base())[one]["name"] == "Same Name"
    assert await other.rows("select count(*) from leads.lead where organization_id = %s") == [(1,)]
    assert await stored(tenant) == []
    with pytest.raises(SheetErased):
        await tenant.errors(shown)
    assert await tenant.errors(clean)
    async with tenant.platform.db.connection() as conn:
        record, _ = await service.get(conn, tenant.id, shown["id"])
    assert record.sheet_gone == erasing.ERASED


async def test_its_report_is_shown_with_the_job(tenant: Tenant) -> None:
    await tenant.run(f"E-mail,Nome\n{who(tenant)},{mark_of(tenant)}\n")
    async with tenant.platform.db.transaction() as conn:
        job = await erasing.begin(conn, tenant.id, [who(tenant)])
    done = await end_of(tenant.platform, job)
    told = report(done)
    assert told is not None
    assert (told["leads"], told["sheets_removed"]) == (1, 1)
    assert "upload" not in told


async def test_a_deleted_one_is_erased_and_an_opt_out_is_remembered(tenant: Tenant) -> None:
    one, mark = who(tenant), mark_of(tenant)
    await tenant.run(f"E-mail,Nome,Descadastrado\n{one},{mark},sim\nk@x.com,K,\n")
    async with tenant.platform.db.transaction() as conn:
        lead = await store.base.find(conn, tenant.id, one)
        assert lead is not None
        await editing.delete_lead(conn, tenant.id, str(lead.id), tenant.platform.secrets)
    done = await purge(tenant)
    assert (done["leads"], done["deleted_leads"]) == (0, 1)
    assert await planted(tenant) == []
    shown = await tenant.run(f"E-mail,Nome\n{one},Back\n")
    assert shown["created"] == 0
    assert shown["rejected"] == 1


async def test_whom_nobody_knows_is_erased_without_a_trace(tenant: Tenant) -> None:
    await tenant.run("E-mail\nk@x.com\n")
    done = await purge(tenant, f"{mark_of(tenant)}.nobody@x.com")
    assert (done["leads"], done["sheets"], done["sheets_removed"]) == (0, 1, 0)
    assert await planted(tenant) == []
    assert set(await tenant.base()) == {"k@x.com"}


async def test_a_dry_run_that_held_them_cannot_bring_them_back(tenant: Tenant) -> None:
    trial = await tenant.run(f"E-mail,Nome\n{who(tenant)},Planted\nk@x.com,K\n", dry_run="true")
    await purge(tenant)
    async with tenant.platform.db.connection() as conn:
        record, _ = await service.get(conn, tenant.id, trial["id"])
        assert record.staging is not None
        assert await store.staging.count(conn, record.staging) == 1


async def test_one_who_is_back_outlives_the_old_deletion(tenant: Tenant) -> None:
    back, gone = who(tenant), f"gone.{who(tenant)}"
    await tenant.run(f"E-mail,Nome\n{back},{mark_of(tenant)}\n{gone},{mark_of(tenant)}\n")
    await indexed(tenant)
    async with tenant.platform.db.transaction() as conn:
        for email in (back, gone):
            lead = await store.base.find(conn, tenant.id, email)
            assert lead is not None
            await editing.delete_lead(conn, tenant.id, str(lead.id), tenant.platform.secrets)
        await conn.execute(
            "update leads.deleted set deleted_at = deleted_at - interval '31 days' "
            "where organization_id = %s", [tenant.id]
        )
        # What was stored by an older rule stops nobody else.
        await conn.execute(
            "insert into leads.deleted (organization_id, lead_id, lead, deleted_at) values "
            "(%s, 1, '{\"email\": \"no address\"}', now() - interval '31 days')", [tenant.id]
        )
    await tenant.run(f"E-mail,Nome\n{back},Back\n")
    await erasing.forget_deleted(tenant.platform)

    async def done() -> bool:
        return await tenant.rows("select 1 from jobs.job where organization_id = %s and kind = "
                                 "'leads.purge' and status = 'finished'") == [(1,)]

    await eventually(done)
    assert set(await tenant.base()) == {back}
    assert await tenant.rows("select 1 from leads.deleted where organization_id = %s") == []


async def test_a_sheet_is_kept_for_its_days_and_says_so_then(tenant: Tenant) -> None:
    old = await tenant.run(f"E-mail,Nome\nbad {mark_of(tenant)},x\nk@x.com,K\n")
    new = await tenant.run("E-mail,Nome\nbad new,x\n")
    await erasing.expire_sheets(tenant.platform)
    assert await tenant.errors(old)
    async with tenant.platform.db.connection() as conn:
        await conn.execute(
            "update leads.import set requested_at = requested_at - interval '31 days' "
            "where token = %s", [old["id"]]
        )
    await erasing.expire_sheets(tenant.platform)
    with pytest.raises(SheetExpired, match="30 days"):
        await tenant.errors(old)
    await uploads_tasks.sweep(tenant.platform)
    assert await planted(tenant) == []
    assert await stored(tenant) == []
    assert await tenant.errors(new)
    assert set(await tenant.base()) == {"k@x.com"}
