"""An organization's work, for support: why it takes long, and what can be done at once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest

from tests.support.jobs import ask, load, make_platform
from tests.support.people import People, csrf_in
from vazao import ops
from vazao.accounts import service
from vazao.jobs.models import Job
from vazao.kit import clock
from vazao.kit.platform import PUBLIC
from vazao.ops.explaining import explained
from vazao.ops.models import Alarm

pytestmark = pytest.mark.anyio


@pytest.fixture
async def people(counted: str, data_dir: Path) -> AsyncIterator[People]:
    platform = make_platform(counted, data_dir, disk_floor_bytes=0, ops_every_seconds=3600)
    ops.register(platform.registry)
    made = People(platform)

    async def slugs(conn: object, ids: set[int]) -> dict[int, str]:
        return dict.fromkeys(ids, "acme")

    async def organization(conn: object, slug: str) -> int:
        return (await service.organization(conn, slug)).id  # type: ignore[arg-type]

    platform.registry.name_organizations = slugs
    platform.registry.resolve_organization = organization
    await platform.open()
    yield made
    await made.close()
    await platform.close()


@pytest.fixture
async def acme(people: People) -> int:
    async with people.platform.db.transaction() as conn:
        return (await service.create_organization(conn, "acme")).id


@pytest.fixture
async def chief(people: People) -> httpx2.AsyncClient:
    async with people.platform.db.connection() as conn:
        public = (await service.organization(conn, PUBLIC)).id
    return await people.signed_in(public, "admin")


async def test_what_it_waits_for_and_what_can_be_done(
    people: People, acme: int, chief: httpx2.AsyncClient
) -> None:
    job = await ask(people.platform, "test.echo", organization_id=acme)
    shown = (await chief.get("/ops/organizations")).text
    assert '<a href="/ops/organizations/acme">acme</a>' in shown
    found = await chief.get("/ops/organizations", params={"slug": "acme"})
    assert (found.status_code, found.headers["location"]) == (303, "/ops/organizations/acme")
    shown = (await chief.get("/ops/organizations/acme")).text
    assert "It waits for a worker: none is running." in shown
    csrf = csrf_in(shown)
    path = f"/ops/organizations/acme/jobs/{job.token}"
    assert (await chief.post(f"{path}/cancel", data={"csrf": csrf})).status_code == 303
    assert (await load(people.platform, job)).status == "cancelled"
    assert "The job was cancelled." in (await chief.get("/ops/organizations/acme")).text
    assert (await chief.post(f"{path}/retry", data={"csrf": csrf})).status_code == 303
    assert (await load(people.platform, job)).status == "queued"
    sent = await chief.post("/ops/organizations/acme/weight", data={"csrf": csrf, "weight": "2,5"})
    assert sent.status_code == 303
    assert "has the weight 2.5 from now on" in (await chief.get("/ops/organizations/acme")).text
    for weight in ("0", "nan", "-1", "x", "101"):
        sent = await chief.post(
            "/ops/organizations/acme/weight", data={"csrf": csrf, "weight": weight}
        )
        assert "must be a number above 0" in (await chief.get("/ops/organizations/acme")).text, (
            weight, sent.status_code
        )
    assert (await chief.get("/ops/organizations/nobody")).status_code == 404


async def test_others_may_do_nothing(people: People, acme: int) -> None:
    job = await ask(people.platform, "test.echo", organization_id=acme)
    client = await people.signed_in(acme, "admin")
    csrf = csrf_in((await client.get("/account")).text)
    path = "/ops/organizations/acme"
    assert (await client.get(path)).status_code == 403
    for verb in ("weight", f"jobs/{job.token}/cancel", f"jobs/{job.token}/retry"):
        await client.post(f"{path}/{verb}", data={"csrf": csrf, "weight": "9"})
    assert (await load(people.platform, job)).status == "queued"
    async with people.platform.db.connection() as conn:
        row = await (await conn.execute(
            "select count(*) from jobs.share where weight <> 1")).fetchone()
    assert row == (0,)


async def test_why_it_took_so_long(people: People, acme: int) -> None:
    now = clock.now()
    asked = await ask(people.platform, "test.echo", organization_id=acme)

    def job(**values: object) -> Job:
        import msgspec

        return msgspec.structs.replace(asked, **values)

    def alarm(began: float, ended: float | None) -> Alarm:
        return Alarm(
            id=1, code="lock_held", message="A lock.", remedy="", seen_at=now,
            since=now - timedelta(seconds=began),
            ended_at=None if ended is None else now - timedelta(seconds=ended),
        )

    took = job(
        status="finished", requested_at=now - timedelta(seconds=100),
        started_at=now - timedelta(seconds=90), finished_at=now - timedelta(seconds=10),
        execution_seconds=5.0,
    )
    found = explained(took, None, [alarm(5, None), alarm(50, 20), alarm(500, 200)], "en")
    assert found.sentences == [
        "It waited 10.0 s for its turn and ended 1 min 20 s later. Workers spent 5.0 s on it.",
        "Most of that time none of its parts was at work: parts of others came before them.",
    ]
    assert [each.told("en") for each in found.alarms] == ["A lock."]
    queued = explained(job(status="queued"), "It waits for its turn.", [], "en")
    assert queued.sentences[1:] == ["It waits for its turn."]
