"""The pages and the JSON of ops: for who runs the platform, and nobody else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from tests.support.jobs import make_platform
from tests.support.people import People
from vazao import ops
from vazao.accounts import service
from vazao.kit.findings import Finding
from vazao.kit.platform import PUBLIC, Platform
from vazao.ops import finding, reading, sampling, store
from vazao.ops.spending import Spending

pytestmark = pytest.mark.anyio
WRONG = Finding(
    code="disk_full", level="critical", message="The disk has {free_bytes} free, less than the "
    "{floor_bytes} below which new files are refused.", remedy="Free some space, use a larger "
    "disk, or lower VAZAO_DISK_FLOOR_BYTES.",
    params={"free_bytes": 1 << 30, "floor_bytes": 2 << 30},
)


@pytest.fixture
async def people(counted: str, data_dir: Path) -> AsyncIterator[People]:
    platform = make_platform(counted, data_dir, disk_floor_bytes=0, ops_every_seconds=3600)
    ops.register(platform.registry)
    made = People(platform)
    await platform.open()
    yield made
    await made.close()
    await platform.close()


async def note(platform: Platform, *found: Finding) -> None:
    async with platform.db.transaction() as conn:
        await store.alarms.note(conn, found, quiet=0.0)


async def of_the_platform(people: People) -> httpx2.AsyncClient:
    async with people.platform.db.connection() as conn:
        public = (await service.organization(conn, PUBLIC)).id
    return await people.signed_in(public, "admin")


async def test_who_runs_the_platform_sees_what_is_wrong(people: People) -> None:
    await note(people.platform, WRONG)
    admin = await of_the_platform(people)
    shown = (await admin.get("/ops")).text
    assert "The disk has 1.0 GiB free, less than the 2.0 GiB" in shown
    shown = (await admin.get("/ops", headers={"Accept-Language": "pt-BR"})).text
    assert "O disco tem 1,0 GiB livres" in shown
    answer = await admin.get("/v1/ops/findings")
    assert [each["code"] for each in answer.json()["items"]] == ["disk_full"]
    await note(people.platform)
    assert "Nothing is wrong." in (await admin.get("/ops")).text
    assert "disk_full" in (await admin.get("/ops/alarms")).text
    assert (await admin.get("/v1/ops/findings")).json() == {"items": []}


async def test_others_see_nothing(people: People) -> None:
    admin = await people.signed_in(await people.found_organization(), "admin")
    token = await people.with_token(await people.found_organization(), "ops:read")
    for path in ("/ops", "/ops/alarms", "/ops/figures/load", "/v1/ops/findings"):
        for client in (admin, token):
            assert (await client.get(path)).status_code == 403, path


async def test_a_token_of_the_platform_reads(people: People) -> None:
    async with people.platform.db.connection() as conn:
        public = (await service.organization(conn, PUBLIC)).id
    token = await people.with_token(public, "ops:read")
    assert (await token.get("/v1/ops/findings")).json() == {"items": []}
    other = await people.with_token(public, "jobs:read")
    assert (await other.get("/v1/ops/findings")).status_code == 403


async def test_figures_are_kept_and_drawn(people: People) -> None:
    platform, sampler = people.platform, sampling.Sampler()
    async with platform.db.connection() as conn:
        await sampler.look(platform, conn, None, 0.0)
        await sampler.keep(conn, 59.0)
        assert await store.samples.course(conn, ["workers"], level=1, seconds=3600) == []
        await sampler.keep(conn, 60.0)
        await conn.execute("update ops.sample set at = at - interval '40 minutes'")
        await store.samples.thin(conn)
        quarters = await store.samples.course(conn, ["workers"], level=15, seconds=86400)
    assert [each.figures for each in quarters] == [{"workers": 0}]
    admin = await of_the_platform(people)
    drawn = (await admin.get("/ops/figures/queue")).json()
    assert [(s["label"], s["values"]) for s in drawn["series"]] == [
        ("At work", [0]), ("In the queue", [0]), ("Held for their turn", [0])
    ]
    assert (await admin.get("/ops/figures/nothing")).status_code == 404
    assert (await admin.get("/ops/figures/load?span=year")).status_code == 404


async def test_what_takes_the_database_s_time(people: People) -> None:
    platform, spending = people.platform, Spending()
    async with finding.connected(platform) as looking:
        before = await reading.read(looking)
        for _ in range(3):
            await looking.execute("select pg_sleep(0.1) as slow_one")
        spending.add(reading.between(before, await reading.read(looking)))
        for _ in range(2):
            async with platform.db.transaction() as conn:
                await spending.keep(conn, looking)
    chief = await of_the_platform(people)
    shown = (await chief.get("/ops/database")).text
    assert "select pg_sleep($1) as slow_one" in shown
    assert "jobs.job" in shown
    assert "All large indexes are in use." in shown


async def test_the_database_s_page_waits_for_no_lock(people: People) -> None:
    chief = await of_the_platform(people)
    async with people.platform.db.transaction() as conn:
        await conn.execute("lock table jobs.job in access exclusive mode")
        answer = await chief.get("/ops/database", timeout=10)
    assert answer.status_code == 200
    assert "jobs.job" in answer.text
