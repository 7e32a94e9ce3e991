"""Jobs forget what they say of a person: values in errors, pieces of files, requests."""

from __future__ import annotations

import json
from typing import Any

import pytest
from psycopg import sql

from tests.support.jobs import ask, end_of, load, working
from tests.support.sums import TEXT, ended, served
from vazao import jobs
from vazao.jobs import forgetting
from vazao.jobs.store import said
from vazao.kit.platform import Platform

pytestmark = pytest.mark.anyio
EMAIL = "zenaide.quixada@example.com"
LONG = f"{'z' * 60}enaide@example.com"
MANY = """
insert into jobs.job (token, organization_id, kind, status, step, requested_at, error)
select md5('many' || n), 2 + n % 50, 'test.echo', 'failed', 'only', now(), '{"code": "x"}'
from generate_series(1, 20000) as n
"""


async def forget(platform: Platform, *texts: str, limit: int = 2) -> int:
    """Forget them page by page; of how many jobs something went."""
    after, count = 0, 0
    while True:
        async with platform.db.transaction() as conn:
            last, some = await jobs.forget_said(
                conn, 1, texts or (EMAIL,), after=after, limit=limit
            )
        if last is None:
            return count
        after, count = last, count + some


async def all_said(platform: Platform, organization_id: int = 1) -> str:
    """All that stands of an organization's jobs and their parts."""
    async with platform.db.connection() as conn:
        rows = await conn.execute(
            "select j::text, coalesce(string_agg(p::text, ' '), '') from jobs.job j "
            "left join jobs.part p on p.job_id = j.id where j.organization_id = %s "
            "group by j.id, j", [organization_id],
        )
        return json.dumps(await rows.fetchall()).lower()


async def test_an_error_loses_its_values_and_keeps_code_and_places(platform: Platform) -> None:
    async with served(platform) as client:
        for text in (f"1 2\n{EMAIL.upper()}\n3", f"4\n{LONG} 5", "1 other@example.com"):
            asked = await client.post("/sum-even", content=text.encode(), headers=TEXT)
            await ended(client, asked.json()["token"])
        listed = (await client.get("/v1/jobs")).json()["items"]
        assert EMAIL in json.dumps(listed).lower()
        assert await forget(platform, EMAIL, LONG) == 2
        other, cut, one = (await client.get("/v1/jobs")).json()["items"]
        status = (await client.get(f"/sum-even/{one['id']}/status")).json()
        left = await all_said(platform)
    said_of = [each["error"]["details"][0] for each in (one, cut, other)]
    assert [each["value"] for each in said_of] == ["…", "…", "other@example.com"]
    assert said_of[0]["code"] == "not_a_number"
    assert said_of[0]["place"] == {"byte": 4, "line": 2}
    assert one["error"]["message"] == listed[2]["error"]["message"]
    assert EMAIL not in json.dumps(status).lower()
    assert EMAIL not in left
    assert "z" * 20 not in left


async def test_pieces_of_a_file_go_and_requests_of_jobs_that_ended(platform: Platform) -> None:
    kept = await ask(platform, "test.echo", url=f"s3://bucket/{EMAIL}.txt")
    async with platform.db.transaction() as conn:
        gone = await jobs.enqueue(
            conn, "test.echo", organization_id=1, payload={"url": f"s3://bucket/{EMAIL}.txt"},
            idempotency=(f"import {EMAIL}", "x"), request_id=f"of:{EMAIL}",
        )
        await jobs.cancel(conn, 1, gone.token)
        await conn.execute(
            "update jobs.part set result = '{\"text\": \"emVuYWlkZQ==\"}' where job_id = %s",
            [gone.id],
        )
    other = await ask(platform, "test.echo", organization_id=2, url=EMAIL)
    assert await forget(platform) == 2
    assert (await load(platform, kept)).payload == {"url": f"s3://bucket/{EMAIL}.txt"}
    assert (await load(platform, gone)).payload == {"url": "…"}
    assert (await load(platform, other)).payload == {"url": EMAIL}
    async with platform.db.connection() as conn:
        found = await conn.execute(
            "select p.result, j.idempotency_key, j.request_id from jobs.part p "
            "join jobs.job j on j.id = p.job_id where j.id = %s", [gone.id],
        )
        assert await found.fetchall() == [(None, None, None)]


async def test_results_lose_it_wherever_it_stands(platform: Platform) -> None:
    job = await ask(platform, "test.echo", a=[{"b": f"<{EMAIL}>"}, 1], **{EMAIL: 2})
    async with working(platform):
        await end_of(platform, job)
    await forget(platform)
    assert (await load(platform, job)).result == {"echo": {"a": [{"b": "…"}, 1], "…": 2}}


def test_a_value_that_was_cut_within_it_holds_it() -> None:
    assert forgetting.holds("x zenaide.qui…", [EMAIL])
    assert not forgetting.holds("x zenaide.qui", [EMAIL])
    assert not forgetting.holds("zen…", [EMAIL])


@pytest.mark.parametrize("name", ["end_of_page", "find_saying", "forget_pieces"])
async def test_only_the_jobs_of_the_organization_are_read(platform: Platform, name: str) -> None:
    async with platform.db.connection() as conn:
        await conn.execute(MANY)  # type: ignore[arg-type]
        await conn.execute("analyze jobs.job")
        values: dict[str, Any] = {
            "organization_id": 7, "after": 0, "last": 1 << 40, "limit": 100,
            "patterns": [f"%{EMAIL}%"],
        }
        cursor = await conn.execute(
            sql.SQL("explain (format json) ") + getattr(said.Q, name), values
        )
        found = await cursor.fetchone()
    plan = json.dumps(found)
    assert '"Relation Name": "job"' in plan
    assert not _read_whole(json.loads(plan)[0][0]["Plan"], "job")


def _read_whole(plan: dict[str, Any], table: str) -> bool:
    """Whether a plan reads all of a table."""
    if plan["Node Type"] == "Seq Scan" and plan.get("Relation Name") == table:
        return True
    return any(_read_whole(each, table) for each in plan.get("Plans", []))
