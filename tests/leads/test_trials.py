"""A dry run: exact outcomes, nothing written, each value before and after; then applied, or not."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import pytest

from tests.support.leads import Tenant, five, outcome
from tests.support.waiting import eventually
from vazao.kit.errors import VazaoError
from vazao.leads import editing, errors, service, store, tasks, trying
from vazao.leads.views import difference_view

pytestmark = pytest.mark.anyio
KNOWN = (
    "E-mail,Nome,Cidade,Tags,Cor,Time\n"
    "ana@x.com,Ana,Recife,um,azul,A\nbea@x.com,Bea,Olinda,um,,\ncaio@x.com,Caio,,,,\n"
)
SHEET = (
    "E-mail,Nome,Cidade,Tags,Cor\n"
    "ana@x.com,,Olinda,dois,verde\nbea@x.com,Bea,Olinda,,\nbad,X,,,\n"
    "new@x.com,New,,três,\nnew@x.com,Newer,,,\ncaio@x.com,Caio,Natal,,\n"
)
EXPECTED = (1, 2, 1, 1, 1)


async def changes(tenant: Tenant, token: str, **asked: Any) -> list[dict[str, Any]]:
    """All pages of a trial's changes, two a page."""
    found: list[dict[str, Any]] = []
    after = ""
    while True:
        async with tenant.platform.db.connection() as conn:
            page = await trying.changes(conn, tenant.id, token, after=after, limit=2, **asked)
        found += [dict(difference_view(each)) for each in page.items]
        if not page.more:
            return found
        after = found[-1]["email"]


async def begin_apply(tenant: Tenant, token: str) -> str:
    async with tenant.platform.db.transaction() as conn:
        record, _ = await trying.apply(conn, tenant.id, token)
    return record.token


async def apply(tenant: Tenant, token: str) -> dict[str, Any]:
    """The import that takes a trial's rows, at its end."""
    return await outcome(tenant.platform, await begin_apply(tenant, token), tenant.id)


async def refused(tenant: Tenant, token: str, what: Any = trying.apply) -> str:
    """The code with which something is refused."""
    more = {} if what is trying.apply else {"limit": 5}
    with pytest.raises(VazaoError) as refusal:
        async with tenant.platform.db.transaction() as conn:
            await what(conn, tenant.id, token, **more)
    return refusal.value.code


async def staging_of(tenant: Tenant, token: str) -> str | None:
    [(name,)] = await tenant.rows(
        "select staging from leads.import where organization_id = %s and token = %s", token
    )
    return name


async def test_a_trial_counts_exactly_and_writes_nothing(tenant: Tenant) -> None:
    await tenant.run(KNOWN)
    before, versions = await tenant.base(), await tenant.versions()
    shown = await tenant.run(SHEET, dry_run="true")
    assert (shown["dry_run"], five(shown)) == (True, EXPECTED)
    assert (await tenant.base(), await tenant.versions()) == (before, versions)
    assert [line["vazao_row"] for line in csv.DictReader(
        io.StringIO((await tenant.errors(shown)).decode())
    )] == ["4"]
    assert await tenant.rows(
        "select 1 from leads.slice s join leads.import i on i.id = s.import_id "
        "where i.organization_id = %s and i.dry_run"
    ) == []


async def test_changes_show_what_differs_before_and_after(tenant: Tenant) -> None:
    await tenant.run(KNOWN)
    shown = await tenant.run(SHEET, dry_run="true")
    found = {each.pop("email"): each for each in await changes(tenant, shown["id"])}
    assert list(found) == ["ana@x.com", "caio@x.com", "new@x.com"]
    ana, caio, new = found.values()
    assert ana.pop("lead_id")
    assert caio.pop("lead_id")
    assert ana == {
        "row": 2, "outcome": "updated",
        "before": {"city": "Recife", "tags": ["um"], "custom": {"cor": "azul"}},
        "after": {"city": "Olinda", "tags": ["um", "dois"], "custom": {"cor": "verde"}},
    }
    assert caio == {
        "row": 7, "outcome": "updated", "before": {"city": None}, "after": {"city": "Natal"},
    }
    assert new == {
        "row": 6, "outcome": "created", "lead_id": None, "before": {},
        "after": {"name": "Newer", "tags": ["três"]},
    }
    made = await changes(tenant, shown["id"], created=True)
    assert [each["email"] for each in made] == ["new@x.com"]
    changed = await changes(tenant, shown["id"], created=False)
    assert [each["email"] for each in changed] == ["ana@x.com", "caio@x.com"]


@pytest.mark.parametrize("mode", ["upsert", "create", "update"])
@pytest.mark.parametrize("empty", ["keep", "clear"])
async def test_applied_it_does_what_it_said(tenant: Tenant, mode: str, empty: str) -> None:
    await tenant.run(KNOWN)
    trial = await tenant.run(SHEET, dry_run="true", mode=mode, empty=empty)
    said = await changes(tenant, trial["id"])
    shown = await apply(tenant, trial["id"])
    assert (shown["status"], five(shown), shown["drift"]) == ("finished", five(trial), {})
    assert (shown["dry_run"], shown["mode"], shown["empty"]) == (False, mode, empty)
    assert shown["trial"] == trial["id"]
    assert shown["bytes_done"] == shown["bytes_total"] == trial["bytes_total"]
    base = await tenant.base()
    for each in said:
        lead, after = base[each["email"]], each["after"]
        custom = after.pop("custom", {})
        assert {name: lead[name] for name in after} == after
        assert {name: lead["custom"].get(name) for name in custom} == custom
    assert await tenant.errors(shown) == await tenant.errors(trial)


async def test_an_applied_trial_reads_nothing_again(tenant: Tenant) -> None:
    trial = await tenant.run(SHEET, dry_run="true")
    staging = await staging_of(tenant, trial["id"])
    async with tenant.platform.db.connection() as conn:
        # A row that only the trial's staging has: it comes in, since that is what is taken.
        await conn.execute(
            f"update leads_staging.{staging} set name = 'Staged' where email = 'caio@x.com'"
        )
    shown = await apply(tenant, trial["id"])
    assert shown["created"] == 4
    assert (await tenant.lead("caio@x.com"))["name"] == "Staged"


async def test_drift_says_by_how_much_the_base_has_moved(tenant: Tenant) -> None:
    await tenant.run(KNOWN)
    trial = await tenant.run(SHEET, dry_run="true")
    await tenant.run("E-mail,Nome\nnew@x.com,Between\n")
    await tenant.run("E-mail,Cidade\ncaio@x.com,Natal\n")
    shown = await apply(tenant, trial["id"])
    assert shown["drift"] == {"created": -1, "unchanged": 1}
    assert five(shown) == (0, 2, 2, 1, 1)


async def test_one_who_left_after_the_trial_stays_away(tenant: Tenant) -> None:
    await tenant.run("E-mail,Opt-out\ngone@x.com,sim\n")
    trial = await tenant.run("E-mail,Nome\ngone@x.com,G\nhere@x.com,H\n", dry_run="true")
    assert five(trial) == (1, 1, 0, 0, 0)
    async with tenant.platform.db.transaction() as conn:
        # The trial was asked for long before the import that applies it.
        await conn.execute(
            "update leads.import set requested_at = requested_at - interval '5 hours' "
            "where organization_id = %s", [tenant.id],
        )
        found = await store.base.find(conn, tenant.id, "gone@x.com")
        assert found is not None
        await editing.delete_lead(conn, tenant.id, str(found.id), tenant.platform.secrets)
        await conn.execute(
            "update leads.suppression set created_at = created_at - interval '3 hours' "
            "where organization_id = %s", [tenant.id],
        )
    shown = await apply(tenant, trial["id"])
    assert five(shown) == (1, 0, 0, 0, 1)
    assert set(await tenant.base()) == {"here@x.com"}
    assert b"suppressed" in await tenant.errors(shown)


async def test_it_is_applied_once(tenant: Tenant) -> None:
    trial = await tenant.run(SHEET, dry_run="true")
    shown = await apply(tenant, trial["id"])
    assert await refused(tenant, trial["id"]) == "trial_applied"
    assert await refused(tenant, trial["id"], trying.changes) == "changes_gone"
    assert await refused(tenant, shown["id"]) == "import_not_a_trial"
    assert await refused(tenant, shown["id"], trying.changes) == "import_not_a_trial"
    async with tenant.platform.db.connection() as conn:
        record, job = await service.get(conn, tenant.id, trial["id"])
    assert service.view(record, job)["applied"] == shown["id"]


async def test_a_failed_trial_cannot_be_applied(tenant: Tenant) -> None:
    trial = await tenant.run("Nome\nAna\n", dry_run="true")
    assert trial["status"] == "failed"
    assert await refused(tenant, trial["id"]) == "trial_ended"
    assert await refused(tenant, trial["id"], trying.changes) == "trial_ended"


async def test_another_organization_sees_no_trial(tenant: Tenant, other: Tenant) -> None:
    trial = await tenant.run(SHEET, dry_run="true")
    for what in (trying.apply, trying.changes):
        with pytest.raises(errors.ImportNotFound):
            async with other.platform.db.transaction() as conn:
                await what(conn, other.id, trial["id"], **(
                    {} if what is trying.apply else {"limit": 5}
                ))


async def test_what_the_trial_read_may_be_lost_and_is_read_anew(tenant: Tenant) -> None:
    await tenant.run(KNOWN)
    trial = await tenant.run(SHEET, dry_run="true")
    staging = await staging_of(tenant, trial["id"])
    async with tenant.platform.db.connection() as conn:
        await conn.execute(f"truncate leads_staging.{staging}")
    shown = await apply(tenant, trial["id"])
    assert (five(shown), shown["drift"]) == (EXPECTED, {})


async def test_the_sweep_keeps_a_trial_for_a_while(tenant: Tenant) -> None:
    trial = await tenant.run(SHEET, dry_run="true")
    staging = await staging_of(tenant, trial["id"])
    assert staging is not None
    await tasks.sweep(tenant.platform)
    assert await changes(tenant, trial["id"])
    async with tenant.platform.db.connection() as conn:
        await conn.execute(
            "update leads.import set requested_at = requested_at - %s where organization_id = %s",
            [timedelta(hours=25), tenant.id],
        )
    await tasks.sweep(tenant.platform)
    async with tenant.platform.db.connection() as conn:
        left = await store.staging.exists(conn, staging)
        left_changes = await store.staging.exists(conn, store.staging.changes_of(staging))
    assert (left, left_changes) == (False, False)
    assert await refused(tenant, trial["id"], trying.changes) == "changes_gone"
    shown = await apply(tenant, trial["id"])
    assert five(shown) == (4, 0, 0, 1, 1)


async def test_the_same_sheet_after_a_trial_comes_in(tenant: Tenant) -> None:
    await tenant.run(SHEET, dry_run="true")
    assert await tenant.five(SHEET) == (4, 0, 0, 1, 1)
    again = await tenant.run(SHEET, dry_run="true")
    assert five(again) == (0, 0, 4, 1, 1)
    assert await changes(tenant, again["id"]) == []


async def test_an_empty_sheet_is_tried_too(tenant: Tenant) -> None:
    trial = await tenant.run("E-mail,Nome\n", dry_run="true")
    assert (trial["status"], five(trial)) == ("finished", (0, 0, 0, 0, 0))
    assert await changes(tenant, trial["id"]) == []
    shown = await apply(tenant, trial["id"])
    assert (shown["status"], shown["rows_total"]) == ("finished", 0)


async def test_warnings_and_notes_come_with_what_is_applied(tenant: Tenant) -> None:
    trial = await tenant.run("Lista\n\nE-mail,Fone\na@x.com,?9\nb@x.com,zz\n", dry_run="true")
    shown = await apply(tenant, trial["id"])
    assert (shown["warnings"], shown["notes"]) == (trial["warnings"], trial["notes"])
    assert shown["warnings"] == 2
    assert shown["notes"]
    assert await tenant.warnings(shown) == await tenant.warnings(trial)


async def test_a_cancelled_apply_can_be_started_over(tenant: Tenant) -> None:
    from vazao import jobs

    rows = "".join(f"u{n}@x.com,N{n}\n" for n in range(2000))
    trial = await tenant.run("E-mail,Nome\n" + rows, dry_run="true")
    token = await begin_apply(tenant, trial["id"])
    async with tenant.platform.db.transaction() as conn:
        await jobs.cancel(conn, tenant.id, token)
    await outcome(tenant.platform, token, tenant.id)
    async with tenant.platform.db.transaction() as conn:
        await jobs.retry(conn, tenant.id, token)

    async def finished() -> dict[str, Any] | None:
        shown = await outcome(tenant.platform, token, tenant.id)
        return shown if shown["status"] == "finished" else None

    shown = await eventually(finished, within=30)
    assert shown["rows_total"] == sum(five(shown)) == 2000
    assert len(await tenant.base()) == 2000
