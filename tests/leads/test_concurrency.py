"""Imports beside each other and beside other writers: no deadlock, no error, sums right."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.leads import Tenant, five, make_platform, outcome, working
from tests.support.locks import waits_for_lock, writer
from vazao.kit.platform import Platform
from vazao.leads import editing, searching, store

pytestmark = pytest.mark.anyio


@pytest.fixture
async def at_work(database_url: str, data_dir: Path) -> AsyncIterator[Platform]:
    """A platform of this test's own with a worker of four parts at a time and small slices."""
    made = make_platform(database_url, data_dir, leads_slice_rows=100, worker_concurrency=4)
    await made.open()
    async with working(made):
        yield made
    await made.close()



async def deadlocks(platform: Platform) -> int:
    async with platform.db.connection() as conn:
        await conn.execute("select pg_stat_clear_snapshot()")
        found = await conn.execute(
            "select deadlocks from pg_stat_database where datname = current_database()"
        )
        return (await found.fetchone() or (0,))[0]


def sheet(name: str, numbers: list[int]) -> str:
    return "E-mail,Nome,Tags\n" + "".join(f"u{n}@x.com,{name}{n},{name}\n" for n in numbers)


async def test_four_imports_of_the_same_people_at_once(at_work: Platform) -> None:
    tenant = Tenant(at_work, 5)
    dice = random.Random(7)
    await tenant.run(sheet("old", list(range(0, 1500, 3))))
    tokens = []
    for name in "abcd":
        numbers = list(range(1500))
        dice.shuffle(numbers)
        tokens.append(await tenant.begin(sheet(name, numbers + numbers[:10])))
    ended = await asyncio.gather(*(outcome(at_work, token, 5) for token in tokens))
    assert [shown["status"] for shown in ended] == ["finished"] * 4
    assert [sum(five(shown)) for shown in ended] == [1510] * 4
    assert sum(shown["created"] for shown in ended) == 1000, "each person is created once"
    assert all(shown["duplicates"] == 10 for shown in ended)
    assert await deadlocks(at_work) == 0
    base = await tenant.base()
    assert len(base) == 1500
    for email, lead in base.items():
        number = email[1:].partition("@")[0]
        assert lead["name"] in {f"{name}{number}" for name in "abcd"}
        old = ["old"] if int(number) % 3 == 0 else []
        assert sorted(lead["tags"]) == sorted([*"abcd", *old]), "no import's tag is lost"
    assert await base_row(tenant) == 1500


async def base_row(tenant: Tenant) -> int:
    async with tenant.platform.db.connection() as conn:
        return await store.base.size(conn, tenant.id)


async def test_four_imports_that_create_everything_at_once(at_work: Platform) -> None:
    tenant = Tenant(at_work, 5)
    tokens = [await tenant.begin(sheet("x", list(range(800)))) for _ in range(4)]
    ended = await asyncio.gather(*(outcome(at_work, token, 5) for token in tokens))
    assert [shown["status"] for shown in ended] == ["finished"] * 4
    assert sum(shown["created"] for shown in ended) == 800
    assert sum(shown["unchanged"] for shown in ended) == 2400
    assert await deadlocks(at_work) == 0
    assert len(await tenant.base()) == await base_row(tenant) == 800


async def test_two_organizations_with_the_same_people_do_not_see_each_other(
    at_work: Platform,
) -> None:
    one, two = Tenant(at_work, 5), Tenant(at_work, 6)
    tokens = [(t, await t.begin(sheet(name, list(range(400))))) for t, name in
              ((one, "one"), (two, "two"))]
    for tenant, token in tokens:
        assert five(await outcome(at_work, token, tenant.id)) == (400, 0, 0, 0, 0)
    assert {lead["tags"][0] for lead in (await one.base()).values()} == {"one"}
    assert {lead["tags"][0] for lead in (await two.base()).values()} == {"two"}
    assert await one.five(sheet("one", [1]), mode="create") == (0, 0, 0, 0, 1)
    assert await Tenant(at_work, 7).five(sheet("z", [1]), mode="update") == (0, 0, 0, 0, 1)


INSERT = "insert into leads.lead (organization_id, email, name) values (5, 'u1@x.com', 'theirs')"


@pytest.mark.parametrize("commits", [True, False])
async def test_another_writer_holds_the_same_new_email(at_work: Platform, commits: bool) -> None:
    tenant = Tenant(at_work, 5)
    async with writer(at_work) as theirs:
        await theirs.execute(INSERT)
        token = await tenant.begin(sheet("x", [0, 1, 2]))
        await waits_for_lock(at_work)
        await (theirs.commit() if commits else theirs.rollback())
        shown = await outcome(at_work, token, 5)
    assert shown["status"] == "finished"
    assert five(shown) == ((2, 1, 0, 0, 0) if commits else (3, 0, 0, 0, 0))
    assert (await tenant.lead("u1@x.com"))["name"] == "x1"


async def test_another_writer_creates_the_same_email_in_mode_create(at_work: Platform) -> None:
    tenant = Tenant(at_work, 5)
    async with writer(at_work) as theirs:
        await theirs.execute(INSERT)
        token = await tenant.begin(sheet("x", [0, 1, 2]), mode="create")
        await waits_for_lock(at_work)
        await theirs.commit()
        shown = await outcome(at_work, token, 5)
    assert five(shown) == (2, 0, 0, 0, 1)
    assert (await tenant.lead("u1@x.com"))["name"] == "theirs"


async def test_what_another_writer_changed_meanwhile_is_kept(at_work: Platform) -> None:
    """Values come from the row as it is when its lock is got, not from the comparison."""
    tenant = Tenant(at_work, 5)
    await tenant.run("E-mail,Nome,Cidade,Tags\nu1@x.com,old,Olinda,old\n")
    async with writer(at_work) as theirs:
        await theirs.execute(
            "update leads.lead set city = 'Recife', tags = tags || '{theirs}', "
            "custom = '{\"k\": \"v\"}', opted_out = true where organization_id = 5"
        )
        token = await tenant.begin(
            "E-mail,Nome,Cidade,Tags,Cor,Opt-out\nu1@x.com,mine,,mine,azul,não\n"
        )
        await waits_for_lock(at_work)
        await theirs.commit()
        assert five(await outcome(at_work, token, 5)) == (0, 1, 0, 0, 0)
    lead = await tenant.lead("u1@x.com")
    assert (lead["name"], lead["city"], lead["opted_out"]) == ("mine", "Recife", True)
    assert lead["tags"] == ["old", "theirs", "mine"]
    assert lead["custom"] == {"k": "v", "cor": "azul"}


async def test_a_lead_deleted_meanwhile_is_created_again(at_work: Platform) -> None:
    tenant = Tenant(at_work, 5)
    await tenant.run(sheet("x", [0, 1, 2]))
    async with writer(at_work) as theirs:
        await theirs.execute("delete from leads.lead where email = 'u1@x.com'")
        token = await tenant.begin(sheet("y", [0, 1, 2]))
        await waits_for_lock(at_work)
        await theirs.commit()
        shown = await outcome(at_work, token, 5)
    assert five(shown) == (1, 2, 0, 0, 0)
    assert (await tenant.lead("u1@x.com"))["name"] == "y1"


async def test_a_lead_whose_email_changes_meanwhile_is_not_mistaken(at_work: Platform) -> None:
    tenant = Tenant(at_work, 5)
    await tenant.run(sheet("x", [1]))
    async with writer(at_work) as theirs:
        await theirs.execute("update leads.lead set email = 'new@x.com' where email = 'u1@x.com'")
        token = await tenant.begin(sheet("y", [1]))
        await waits_for_lock(at_work)
        await theirs.commit()
        shown = await outcome(at_work, token, 5)
    assert five(shown) == (1, 0, 0, 0, 0)
    base = await tenant.base()
    assert {email: lead["name"] for email, lead in base.items()} == {
        "new@x.com": "x1", "u1@x.com": "y1"
    }


async def test_edits_by_hand_during_an_import_lose_nothing(at_work: Platform) -> None:
    tenant = Tenant(at_work, 5)
    await tenant.run(sheet("x", list(range(600))))
    ids = dict(await tenant.rows("select email, id::text from leads.lead where organization_id=%s"))
    token = await tenant.begin(sheet("y", list(range(600))))

    async def edit(number: int) -> None:
        async with at_work.db.transaction() as conn:
            await editing.change_lead(
                conn, 5, ids[f"u{number}@x.com"], {"city": "Olinda", "custom": {f"k{number}": "v"}},
                at_work.secret,
            )

    await asyncio.gather(*(edit(n) for n in range(0, 600, 20)))
    shown = await outcome(at_work, token, 5)
    assert (shown["status"], five(shown)) == ("finished", (0, 600, 0, 0, 0))
    base = await tenant.base()
    for n in range(600):
        lead = base[f"u{n}@x.com"]
        assert lead["name"] == f"y{n}"
        assert lead["city"] == (None if n % 20 else "Olinda")
    assert await deadlocks(at_work) == 0


async def test_two_edits_of_custom_fields_at_once_both_stay(at_work: Platform) -> None:
    tenant = Tenant(at_work, 5)
    await tenant.run(sheet("x", [1]))
    ((id,),) = await tenant.rows("select id::text from leads.lead where organization_id = %s")

    async def edit(name: str, ready: asyncio.Event, go: asyncio.Event) -> None:
        async with at_work.db.transaction() as conn:
            await conn.execute("select 1")
            ready.set()
            await go.wait()
            await editing.change_lead(conn, 5, id, {"custom": {name: "v"}}, at_work.secret)

    go, ready = asyncio.Event(), [asyncio.Event() for _ in range(6)]
    edits = [asyncio.create_task(edit(f"k{n}", each, go)) for n, each in enumerate(ready)]
    for each in ready:
        await each.wait()
    go.set()
    await asyncio.gather(*edits)
    assert (await tenant.lead("u1@x.com"))["custom"] == {f"k{n}": "v" for n in range(6)}


async def test_search_does_not_fall_back_behind_an_edit(at_work: Platform) -> None:
    """Indexing that began before an edit committed must not bring the old words back."""
    tenant = Tenant(at_work, 5)
    await tenant.run(sheet("x", [1]))
    ((id,),) = await tenant.rows("select id from leads.lead where organization_id = %s")
    async with writer(at_work) as theirs, at_work.db.pool.connection() as mine:
        await theirs.execute("update leads.lead set name = 'Zuleica' where id = %s", [id])
        await store.search.index(theirs, 5, [id])

        async def index() -> None:
            async with mine.transaction():
                await store.search.index(mine, 5, [id])

        task = asyncio.create_task(index())
        await waits_for_lock(at_work)
        await theirs.commit()
        await task
    async with at_work.db.connection() as conn:
        assert [
            lead.name for lead in (await searching.search(conn, 5, q="zuleica")).items
        ] == ["Zuleica"]
