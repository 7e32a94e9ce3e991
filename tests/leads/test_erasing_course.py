"""The course of an erasure: begun, cancelled, started over; by whom; and what it says."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from tests.support.erasing import mark_of, planted, stored, who
from tests.support.jobs import end_of, fetch, load
from tests.support.leads import Tenant, begin, outcome, working
from tests.support.sites import Site, csrf_in
from tests.support.waiting import eventually
from vazao import jobs
from vazao.jobs.ending import end
from vazao.jobs.errors import JobFailed
from vazao.jobs.models import Job
from vazao.jobs.parts import PartRun
from vazao.jobs.views import report
from vazao.kit.platform import Platform
from vazao.leads import erasing, trying
from vazao.leads.errors import PurgeForgotten, SheetErased

pytestmark = pytest.mark.anyio
TEXT_HTML = {"accept": "text/html"}


async def ask(tenant: Tenant, *, cancelled: bool = False) -> Job:
    """An erasure; one that is cancelled in the same breath never begins."""
    async with tenant.platform.db.transaction() as conn:
        job = await erasing.begin(conn, tenant.id, [who(tenant)])
        return await jobs.cancel(conn, tenant.id, job.token) if cancelled else job


async def told(platform: Platform, job: Job) -> dict[str, Any]:
    found = report(await load(platform, job))
    assert found is not None
    return found


async def half_done(tenant: Tenant) -> Job:
    """An erasure of which only the first step was done."""
    job = await ask(tenant)
    async with tenant.platform.db.connection() as conn:
        begun = await fetch(conn, 1)
        assert begun is not None
    part, found, token = begun
    await erasing.erase(PartRun(tenant.platform, found, part, token))
    return job


@pytest.fixture
async def tenant(place: Site) -> Tenant:
    return await place.organization()


@pytest.fixture
async def still(platform: Platform) -> Tenant:
    """An organization whose sheet was imported, on a platform whose worker has gone."""
    made = Tenant(platform, 100)
    async with working(platform):
        token = await begin(
            platform, f"E-mail,Nome\n{who(made)},{mark_of(made)}\nk@x.com,K\n".encode(),
            filename="list.csv", organization_id=made.id,
        )
        await outcome(platform, token, made.id)
        await eventually(lambda: idle(made))
    return made


async def idle(tenant: Tenant) -> bool:
    return not await tenant.rows(
        "select 1 from jobs.job where organization_id = %s and status in ('queued', 'running')"
    )


async def test_a_cancelled_one_says_what_is_left_and_starts_over(still: Tenant) -> None:
    platform = still.platform
    job = await half_done(still)
    async with platform.db.transaction() as conn:
        cancelled = await jobs.cancel(conn, still.id, job.token)
    said = report(cancelled)
    assert said == await told(platform, job), "also where it is cancelled"
    assert (said["done"], said["leads"], said["sheets_removed"]) == ("leads", 1, 0)
    assert "stored sheets may still contain the person" in said["says"][0]
    assert "over within 7 days" in said["says"][0]
    assert await stored(still), "its sheet is still there"
    async with platform.db.transaction() as conn:
        await jobs.retry(conn, still.id, job.token)
    async with working(platform):
        done = await end_of(platform, job)
    assert done.status == "finished", done.error
    said = await told(platform, job)
    assert (said["done"], said["leads"], said["sheets_removed"]) == ("all", 1, 1)
    assert [each["filename"] for each in said["removed"]] == ["list.csv"]
    assert "Removed files: list.csv." in said["says"]
    assert await planted(still) == []
    assert await stored(still) == []


async def test_one_that_failed_starts_over_too(still: Tenant) -> None:
    platform = still.platform
    job = await half_done(still)
    async with platform.db.transaction() as conn:
        failed = await end(conn, await load(platform, job), "failed", error=JobFailed())
    assert failed is not None
    assert "stored sheets may still contain the person" in report(failed)["says"][0]
    async with platform.db.transaction() as conn:
        await jobs.retry(conn, still.id, job.token)
    async with working(platform):
        assert (await end_of(platform, job)).status == "finished"
    assert await planted(still) == []


async def test_whom_it_was_to_forget_is_known_for_a_week(still: Tenant) -> None:
    platform = still.platform
    job = await ask(still, cancelled=True)
    said = await told(platform, job)
    assert (said["done"], said["leads"]) == ("nothing", 0)
    assert said["says"][0].startswith("Nothing was erased.")
    for days, known in ((6, True), (8, False)):
        async with platform.db.connection() as conn:
            await conn.execute(
                "update leads.purge set ended_at = now() - make_interval(days => %s)", [days]
            )
        await erasing.forget_deleted(platform)
        assert bool(await still.rows("select 1 from leads.purge where organization_id = %s")) \
            is known
    with pytest.raises(PurgeForgotten, match="Request the erasure again"):
        async with platform.db.transaction() as conn:
            await jobs.retry(conn, still.id, job.token)


async def test_one_at_work_is_not_forgotten(still: Tenant) -> None:
    job = await ask(still, cancelled=True)
    async with still.platform.db.transaction() as conn:
        await jobs.retry(conn, still.id, job.token)
        await conn.execute("update jobs.job set requested_at = now() - interval '9 days'")
    await erasing.forget_deleted(still.platform)
    async with working(still.platform):
        await end_of(still.platform, job)
    assert (await told(still.platform, job))["leads"] == 1


async def test_no_trace_is_said_in_words(tenant: Tenant) -> None:
    await tenant.run("E-mail\nk@x.com\n")
    job = await ask(tenant)
    await end_of(tenant.platform, job)
    said = await told(tenant.platform, job)
    assert said["says"][0] == (
        "No trace of this address was found. Stored files searched: 1."
    )
    assert "brings them back" in said["says"][-1]
    found = report(await load(tenant.platform, job), "pt_BR")
    assert found is not None
    assert "Nenhum vestígio" in found["says"][0]


async def test_a_dry_run_whose_sheet_is_gone_is_not_applied(tenant: Tenant) -> None:
    trial = await tenant.run(f"E-mail,Nome\n{who(tenant)},x\nk@x.com,K\n", dry_run="true")
    job = await ask(tenant)
    await end_of(tenant.platform, job)
    with pytest.raises(SheetErased):
        async with tenant.platform.db.transaction() as conn:
            await trying.apply(conn, tenant.id, trial["id"])


async def test_one_that_was_being_applied_says_why_it_fails(still: Tenant) -> None:
    platform = still.platform
    async with working(platform):
        trial = await still.run(f"E-mail,Nome\n{who(still)},x\nk@x.com,K\n", dry_run="true")
        await eventually(lambda: idle(still))
    async with platform.db.transaction() as conn:
        record, _ = await trying.apply(conn, still.id, trial["id"])
        # As where the erasure did not see the import yet.
        await conn.execute(
            "update leads.import set sheet_gone = 'erased' where token = %s", [trial["id"]]
        )
        await conn.execute(
            "update jobs.upload set status = 'deleted' where token = %s", [record.upload]
        )
    async with working(platform):
        shown = await outcome(platform, record.token, still.id)
    assert (shown["status"], shown["error"]["code"]) == ("failed", "sheet_erased")


async def csrf(browser: httpx2.AsyncClient) -> str:
    return csrf_in((await browser.get("/leads/imports", headers=TEXT_HTML)).text)


async def test_only_who_may_begin_it_ends_it_or_starts_it_over(place: Site) -> None:
    tenant = await place.organization()
    job = await ask(tenant, cancelled=True)
    member, admin = await place.browser(tenant), await place.browser(tenant, "admin")
    program = await place.api(tenant, "jobs:read", "jobs:write", "leads:read")
    for verb in ("cancel", "retry"):
        for path in (f"/v1/jobs/{job.token}/{verb}", f"/jobs/{job.token}/{verb}"):
            answer = await member.post(path, headers={"x-csrf-token": await csrf(member)})
            assert answer.status_code == 403, (path, answer.text[:300])
        answer = await member.post(
            f"/v1/jobs/{job.token}/{verb}",
            headers={"x-csrf-token": await csrf(member), "accept": "application/json"},
        )
        assert answer.json()["error"]["code"] == "job_needs_admin"
    form = {"csrf": await csrf(member), "jobs": job.token}
    await member.post("/jobs/retry", data=form)
    shown = (await program.get(f"/v1/jobs/{job.token}")).json()
    assert shown["status"] == "cancelled", "nor together with others"
    async with tenant.platform.db.transaction() as conn:
        await conn.execute("update jobs.job set status = 'failed' where id = %s", [job.id])
    listed = [(await who.get("/jobs?status=failed")).text for who in (member, admin)]
    assert [f'value="{job.token}"' in text for text in listed] == [False, True]
    async with tenant.platform.db.transaction() as conn:
        await conn.execute("update jobs.job set status = 'cancelled' where id = %s", [job.id])
    page = await member.get(f"/jobs/{job.token}")
    assert page.status_code == 200
    assert f"/jobs/{job.token}/retry" not in page.text
    page = await admin.get(f"/jobs/{job.token}")
    assert f"/jobs/{job.token}/retry" in page.text
    assert "Nothing was erased." in page.text
    answer = await admin.post(
        f"/v1/jobs/{job.token}/cancel", headers={"x-csrf-token": await csrf(admin)}
    )
    assert answer.status_code == 200
    answer = await program.post(f"/v1/jobs/{job.token}/retry")
    assert answer.status_code == 202, answer.text
    assert set(answer.json()) >= {"report", "waits_for"}


async def test_it_is_told_alike_wherever_it_is_shown(place: Site) -> None:
    tenant = await place.organization()
    await tenant.run(f"E-mail\n{who(tenant)}\n")
    program = await place.api(tenant, "jobs:read", "jobs:write", "leads:read", "leads:write")
    asked = await program.post("/v1/leads/purge", json={"email": who(tenant)})
    assert asked.json()["report"] is None
    address = f"/v1/jobs/{asked.json()['id']}"

    async def done() -> dict[str, Any] | None:
        found = (await program.get(address)).json()
        return found if found["status"] == "finished" else None

    shown = await eventually(done)
    assert shown["report"]["leads"] == 1, shown
    stream = (await program.get(f"{address}/stream")).text
    events = [line[6:] for line in stream.splitlines() if line.startswith("data: ")]
    assert json.loads(events[-1]) == shown
    assert set(asked.json()) == set(shown)


async def test_a_page_names_whom_it_erases_before_it_does(place: Site) -> None:
    tenant = await place.organization()
    await tenant.run(f"E-mail,Nome\n{who(tenant)},Zenaide\n")
    admin, member = await place.browser(tenant, "admin"), await place.browser(tenant)
    for path in ("/leads", "/leads/deleted"):
        assert ('href="/leads/purge"' in (await admin.get(path)).text)
        assert ('href="/leads/purge"' not in (await member.get(path)).text)
    assert (await member.get("/leads/purge")).status_code == 403
    first = await admin.get("/leads/purge")
    form = {"csrf": csrf_in(first.text), "email": who(tenant).upper()}
    refused = await admin.post("/leads/purge", data=form | {"email": "nobody"})
    assert refused.status_code == 400
    second = await admin.post("/leads/purge", data=form)
    assert second.status_code == 200
    assert f"Erase {who(tenant)} permanently?" in second.text
    assert "There is a lead with this address: Zenaide." in second.text
    assert "mention the address" in second.text
    assert set(await tenant.base()) == {who(tenant)}, "nothing is erased yet"
    none = await admin.post("/leads/purge", data=form | {"email": "else@x.com"})
    assert "No lead has this address now." in none.text
    answer = await admin.post("/leads/purge", data=form | {"sure": "yes"})
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/jobs/")

    await eventually(lambda: idle(tenant))
    assert await tenant.base() == {}
    page = await admin.get(answer.headers["location"])
    assert "Erased leads: 1" in page.text
