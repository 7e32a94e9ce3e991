"""The same sheet sent again is not compared where nothing changed since, and is where it did."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.leads import ORGANIZATION, base, begin, five, imported, outcome, working
from vazao.kit.platform import Platform
from vazao.leads import correcting, declaring, editing, service, store

pytestmark = pytest.mark.anyio

SHEET = "E-mail,Nome\na@x.com,Ana\nb@x.com,Bia\nb@x.com,Bia 2\nwrong,Zé\n"


async def parts(platform: Platform, shown: dict[str, Any]) -> int:
    """How many slices an import compared."""
    async with platform.db.connection() as conn:
        found = await conn.execute(
            "select count(*) from jobs.part p join jobs.job j on j.id = p.job_id "
            "where j.token = %s and p.step = 'merge'", [shown["id"]],
        )
        return (await found.fetchone() or (0,))[0]


async def test_the_same_sheet_again_is_not_compared(platform: Platform) -> None:
    first = await imported(platform, SHEET)
    assert five(first) == (2, 0, 0, 1, 1)
    again = await imported(platform, SHEET)
    assert five(again) == (0, 0, 2, 1, 1)
    assert again["rows_total"] == first["rows_total"] == 4
    assert again["mapping"] == first["mapping"]
    assert await parts(platform, again) == 0
    third = await imported(platform, SHEET)
    assert five(third) == five(again)
    async with platform.db.connection() as conn:
        record, _ = await service.get(conn, ORGANIZATION, third["id"])
    text = b"".join([b async for b in correcting.errors_csv(platform, record, "en")]).decode()
    assert "wrong" in text
    assert "email_without_at" in text


async def test_a_change_by_hand_makes_it_compared_again(platform: Platform) -> None:
    await imported(platform, SHEET)
    async with platform.db.transaction() as conn:
        lead = await store.base.find(conn, ORGANIZATION, "a@x.com")
        assert lead is not None
        await editing.change_lead(
            conn, ORGANIZATION, str(lead.id), {"name": "Outra"}, platform.secrets
        )
    again = await imported(platform, SHEET)
    assert five(again) == (0, 1, 1, 1, 1)
    assert (await base(platform))["a@x.com"]["name"] == "Ana"


async def test_a_deletion_makes_it_compared_again(platform: Platform) -> None:
    await imported(platform, SHEET)
    async with platform.db.transaction() as conn:
        lead = await store.base.find(conn, ORGANIZATION, "a@x.com")
        assert lead is not None
        await editing.delete_lead(conn, ORGANIZATION, str(lead.id), platform.secrets)
    assert five(await imported(platform, SHEET)) == (1, 0, 1, 1, 1)


async def test_another_import_between_makes_it_compared_again(platform: Platform) -> None:
    await imported(platform, SHEET)
    await imported(platform, "E-mail,Nome\na@x.com,Alterada\n")
    assert five(await imported(platform, SHEET)) == (0, 1, 1, 1, 1)


async def test_imports_that_ran_at_once_settle_nothing_wrong(platform: Platform) -> None:
    other = SHEET.replace("Ana", "Beatriz")
    async with working(platform):
        tokens = [await begin(platform, text.encode()) for text in (SHEET, other)]
        for token in tokens:
            assert (await outcome(platform, token))["status"] == "finished"
    await imported(platform, SHEET)
    assert (await base(platform))["a@x.com"]["name"] == "Ana"
    await imported(platform, other)
    assert (await base(platform))["a@x.com"]["name"] == "Beatriz"


async def test_other_options_and_organizations_are_other_sheets(platform: Platform) -> None:
    await imported(platform, SHEET)
    cleared = await imported(platform, SHEET, empty="clear")
    assert await parts(platform, cleared) == 1
    created = await imported(platform, SHEET, mode="create")
    assert five(created) == (0, 0, 0, 1, 3)
    assert five(await imported(platform, SHEET, mode="create")) == (0, 0, 0, 1, 3)
    stranger = await imported(platform, SHEET, organization_id=ORGANIZATION + 1)
    assert five(stranger) == (2, 0, 0, 1, 1)


async def test_the_same_sheet_in_another_mode_is_another_sheet(platform: Platform) -> None:
    await imported(platform, "E-mail,Nome\nz@x.com,Zoe\n")
    for _ in range(2):
        assert five(await imported(platform, SHEET, mode="update")) == (0, 0, 0, 1, 3)
    assert five(await imported(platform, SHEET)) == (2, 0, 0, 1, 1)


async def test_what_is_new_the_first_time_is_known_the_second(platform: Platform) -> None:
    assert five(await imported(platform, SHEET, mode="create")) == (2, 0, 0, 1, 1)
    assert five(await imported(platform, SHEET, mode="create")) == (0, 0, 0, 1, 3)


async def test_a_declared_type_makes_it_read_again(platform: Platform) -> None:
    sheet = "E-mail,Nota\na@x.com,dez\n"
    assert five(await imported(platform, sheet)) == (1, 0, 0, 0, 0)
    async with platform.db.transaction() as conn:
        await declaring.declare_field(conn, ORGANIZATION, "nota", "integer")
    again = await imported(platform, sheet)
    assert (five(again), again["warnings"]) == ((0, 0, 1, 0, 0), 1)
