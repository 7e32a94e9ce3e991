"""Jobs end to end, with a worker inside the test's process."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest

from tests.support.jobs import ask, effects, end_of, load, make_effects, working
from tests.support.kinds import gate, gates
from tests.support.waiting import eventually
from vazao import jobs
from vazao.jobs import fairness, recovery
from vazao.jobs.errors import (
    IdempotencyClash,
    JobEnded,
    JobFinished,
    JobNotEnded,
    JobNotFound,
    KindUnknown,
)
from vazao.jobs.models import Job
from vazao.kit.platform import Platform

pytestmark = pytest.mark.anyio



async def test_a_returned_value_is_the_result(platform: Platform) -> None:
    job = await ask(platform, "test.echo", word="oi")
    async with working(platform):
        job = await end_of(platform, job)
    assert job.status == "finished"
    assert job.result == {"echo": {"word": "oi"}}
    assert job.progress == 1
    assert (job.parts_total, job.parts_done, job.pending) == (1, 1, 0)
    assert job.requested_at <= job.started_at <= job.finished_at
    assert job.execution_seconds > 0


async def test_parts_are_joined_once(platform: Platform) -> None:
    await make_effects(platform)
    job = await ask(platform, "test.fan", parts=30)
    async with working(platform):
        job = await end_of(platform, job)
    assert job.status == "finished"
    assert job.result == {"sum": sum(range(30))}
    assert await effects(platform, job) == ["slice"] * 30 + ["join", "on_end finished"]
    assert (job.parts_total, job.parts_done, job.rows_done) == (32, 32, 300)


async def test_a_refusal_fails_the_job_at_once(platform: Platform) -> None:
    job = await ask(platform, "test.refuse")
    async with working(platform):
        job = await end_of(platform, job)
    assert (job.status, job.attempts, job.parts_done) == ("failed", 1, 0)
    assert job.error is not None
    assert job.error["code"] == "unprocessable"
    assert job.error["params"] == {"value": 7}
    assert "Correct it" in jobs.view(job)["error"]["message"]


async def test_errors_are_tried_again_and_then_fail(platform: Platform) -> None:
    two = await ask(platform, "test.stumble", times=2)
    three = await ask(platform, "test.stumble", times=3)
    async with working(platform):
        two, three = await end_of(platform, two), await end_of(platform, three)
    assert (two.status, two.result, two.attempts) == ("finished", 3, 3)
    assert (three.status, three.attempts) == ("failed", 3)
    said = jobs.view(three)["error"]
    assert said["code"] == "job_failed"
    assert three.token in said["message"]
    assert "stumbled" not in said["message"], "the log has what happened, not the answer"


async def test_what_cannot_be_done_right_now_is_tried_again_too(platform: Platform) -> None:
    two = await ask(platform, "test.stumble", times=2, store=True)
    three = await ask(platform, "test.stumble", times=3, store=True)
    async with working(platform):
        two, three = await end_of(platform, two), await end_of(platform, three)
    assert (two.status, two.result, two.attempts) == ("finished", 3, 3)
    assert (three.status, three.attempts) == ("failed", 3)
    assert jobs.view(three)["error"]["message"] == "The file storage cannot be read."


async def test_an_error_that_cannot_be_stored_still_fails_the_job(platform: Platform) -> None:
    job = await ask(platform, "test.nul")
    async with working(platform):
        job = await end_of(platform, job)
    assert (job.status, jobs.view(job)["error"]["code"]) == ("failed", "job_failed")


async def test_lost_connections_count_apart_from_errors(platform: Platform) -> None:
    job = await ask(platform, "test.cut")
    async with platform.db.connection() as conn:
        await conn.execute("update jobs.part set lost = 9")
        async with working(platform):
            job = await end_of(platform, job)
        row = await (await conn.execute("select errors, attempts from jobs.part")).fetchone()
    assert (job.status, row) == ("failed", (0, 1))


async def test_a_broken_hook_stops_a_finish_but_not_a_failure(platform: Platform) -> None:
    made = [await ask(platform, f"test.{name}-broken") for name in ("refuse", "echo")]
    async with working(platform):
        refused, echoed = [await end_of(platform, job) for job in made]
    assert refused.error is not None
    assert echoed.error is not None
    assert refused.error["code"] == "unprocessable"
    assert (echoed.status, echoed.error["code"], echoed.attempts) == ("failed", "job_failed", 2)


async def test_a_failed_part_cancels_its_siblings(platform: Platform) -> None:
    await make_effects(platform)
    job = await ask(platform, "test.mixed", parts=40, bad=3)
    async with working(platform):
        job = await end_of(platform, job)
    assert job.status == "failed"
    assert (await effects(platform, job)).count("on_end failed") == 1
    async with platform.db.connection() as conn:
        rows = await conn.execute("select state, count(*) from jobs.part group by 1 order by 1")
        states = dict(await rows.fetchall())
        left = await (await conn.execute("select count(*) from procrastinate_jobs")).fetchone()
    assert states["failed"] == 1
    assert set(states) <= {"done", "failed", "cancelled"}
    assert left == (0,)


async def test_no_payloads_join_at_once(platform: Platform) -> None:
    await make_effects(platform)
    job = await ask(platform, "test.fan", parts=0)
    async with working(platform):
        job = await end_of(platform, job)
    assert (job.status, job.result) == ("finished", {"sum": 0})


async def test_many_finishers_join_exactly_once(platform: Platform) -> None:
    await make_effects(platform)
    made = [await ask(platform, "test.fan", parts=25) for _ in range(4)]
    async with working(platform):
        ended = [await end_of(platform, job) for job in made]
    for job in ended:
        found = await effects(platform, job)
        assert (job.status, job.pending) == ("finished", 0)
        assert sorted(found) == ["join", "on_end finished"] + ["slice"] * 25


async def test_a_queued_job_is_cancelled_at_once(platform: Platform) -> None:
    await make_effects(platform)
    job = await ask(platform, "test.fan", parts=3)
    async with platform.db.transaction() as conn:
        job = await jobs.cancel(conn, 1, job.token)
    assert (job.status, job.started_at) == ("cancelled", None)
    async with platform.db.connection() as conn:
        assert (await jobs.cancel(conn, 1, job.token)).status == "cancelled"
        left = await (await conn.execute("select count(*) from procrastinate_jobs")).fetchone()
    assert left == (0,)
    assert await effects(platform, job) == ["on_end cancelled"]


async def test_a_running_job_notices_its_cancel(platform: Platform) -> None:
    gates.clear()
    job = await ask(platform, "test.spin")
    async with working(platform):
        await asyncio.wait_for(gate("spin-begun").wait(), 10)

        async def phase() -> bool:
            return (await load(platform, job)).phase == "spinning"

        await eventually(phase)
        async with platform.db.transaction() as conn:
            await jobs.cancel(conn, 1, job.token)
        await asyncio.wait_for(gate("spin-ended").wait(), 10)
        after = await ask(platform, "test.echo")
        assert (await end_of(platform, after)).status == "finished"
    assert (await load(platform, job)).status == "cancelled"


async def test_a_part_that_only_waits_is_stopped_and_cannot_commit(platform: Platform) -> None:
    gates.clear()
    await make_effects(platform)
    job = await ask(platform, "test.gate", gate="never")
    async with working(platform):
        await asyncio.wait_for(gate("never-begun").wait(), 10)
        async with platform.db.transaction() as conn:
            await jobs.cancel(conn, 1, job.token)

        async def idle() -> bool:
            return not any("process job" in t.get_name() for t in asyncio.all_tasks())

        await eventually(idle)
        gate("never").set()
    assert await effects(platform, job) == []


async def test_an_ended_job_starts_over(platform: Platform) -> None:
    await make_effects(platform)
    job = await ask(platform, "test.fan", parts=2)
    async with platform.db.transaction() as conn:
        with pytest.raises(JobNotEnded):
            await jobs.retry(conn, 1, job.token)
        await jobs.cancel(conn, 1, job.token)
        again = await jobs.retry(conn, 1, job.token)
    assert (again.status, again.attempts, again.token) == ("queued", 2, job.token)
    async with working(platform):
        job = await end_of(platform, job)
    assert (job.status, job.result) == ("finished", {"sum": 1})
    async with platform.db.transaction() as conn:
        with pytest.raises(JobFinished, match="has finished; there is nothing to retry"):
            await jobs.retry(conn, 1, job.token)


async def test_another_organization_s_job_is_not_there(platform: Platform) -> None:
    job = await ask(platform, "test.echo")
    async with platform.db.transaction() as conn:
        for verb in (jobs.get_job, jobs.cancel, jobs.retry):
            with pytest.raises(JobNotFound):
                await verb(conn, 2, job.token)
        assert not (await jobs.list_jobs(conn, 2)).items
        with pytest.raises(JobNotFound):
            await jobs.get_job(conn, 1, "0" * 32)


async def test_enqueue_joins_the_callers_transaction(platform: Platform) -> None:
    async def undone() -> None:
        async with platform.db.transaction() as conn:
            await jobs.enqueue(conn, "test.echo", organization_id=1, payload={})
            raise RuntimeError("undo")

    with pytest.raises(RuntimeError, match="undo"):
        await undone()
    async with platform.db.connection() as conn:
        row = await (await conn.execute(
            "select (select count(*) from jobs.job), (select count(*) from procrastinate_jobs)"
        )).fetchone()
    assert row == (0, 0)


async def keyed(
    platform: Platform, key: str, digest: str, organization_id: int = 1,
    at: datetime | None = None,
) -> Job:
    """Ask with a key, now or *at* another time."""
    async with platform.db.transaction() as conn:
        if at:
            await conn.execute("select set_config('vazao.now', %s, true)", [at.isoformat()])
        return await jobs.enqueue(
            conn, "test.echo", organization_id=organization_id, payload={},
            idempotency=(key, digest),
        )


async def test_a_key_leads_to_one_job(platform: Platform) -> None:
    made = await asyncio.gather(*(keyed(platform, "k", "body") for _ in range(5)))
    assert len({job.id for job in made}) == 1
    assert sum(job.created for job in made) == 1
    with pytest.raises(IdempotencyClash):
        await keyed(platform, "k", "another")
    assert (await keyed(platform, "k", "another", organization_id=2)).created


async def test_a_key_is_honoured_for_24_hours(platform: Platform) -> None:
    made = await keyed(platform, "k", "body")
    after = made.requested_at + timedelta(hours=24)
    before = after - timedelta(microseconds=1)
    assert (await keyed(platform, "k", "body", at=before)).id == made.id
    with pytest.raises(IdempotencyClash):
        await keyed(platform, "k", "another", at=before)
    renewed = await keyed(platform, "k", "another", at=after)
    assert renewed.created
    assert renewed.id != made.id
    assert (await keyed(platform, "k", "another", at=after)).id == renewed.id


async def test_an_unknown_kind_is_refused(platform: Platform) -> None:
    with pytest.raises(KindUnknown, match=r"no\.such"):
        await ask(platform, "no.such")


async def test_only_so_many_parts_stand_in_the_queue(platform: Platform) -> None:
    await make_effects(platform)
    job = await ask(platform, "test.fan", parts=450)
    most = 0

    async def look() -> bool:
        nonlocal most
        async with platform.db.connection() as conn:
            row = await (await conn.execute("select count(*) from procrastinate_jobs")).fetchone()
        most = max(most, row[0] if row else 0)
        return (await load(platform, job)).ended

    async with working(platform):
        await eventually(look, within=60)
    job = await load(platform, job)
    assert (job.status, job.result) == ("finished", {"sum": sum(range(450))})
    assert 100 < most <= fairness.QUEUE_LIMIT + platform.settings.worker_concurrency + 1


async def test_progress_never_falls_and_is_whole_at_the_end(platform: Platform) -> None:
    await make_effects(platform)
    job = await ask(platform, "test.fan", parts=60)
    seen: list[float] = []

    async def look() -> bool:
        now = await load(platform, job)
        seen.append(now.progress)
        return now.ended

    async with working(platform):
        await eventually(look, every=0.001)
    assert seen == sorted(seen)
    assert seen[-1] == 1
    assert any(0.1 < value < 0.9 for value in seen)


async def test_fractions_of_a_step_are_kept_monotone(platform: Platform) -> None:
    job = await ask(platform, "test.steps", fractions=[0.5, 0.2, 7.0, -1])
    async with working(platform):
        job = await end_of(platform, job)
    assert (job.progress, job.phase) == (1, "at -1")


async def test_an_open_job_is_hidden_until_sealed(platform: Platform) -> None:
    await make_effects(platform)
    async with platform.db.transaction() as conn:
        job = await jobs.open_job(conn, "test.fan", organization_id=1, payload={"a": 1})
        await jobs.add_part(conn, job, "slice", {"n": 5})
        with pytest.raises(JobNotFound):
            await jobs.get_job(conn, 1, job.token)
        assert not (await jobs.list_jobs(conn, 1)).items
    async with working(platform):
        async def worked() -> bool:
            return await effects(platform, job) == ["slice"]

        await eventually(worked)
        async with platform.db.transaction() as conn:
            await jobs.add_part(conn, job, "slice", {"n": 6})
            await jobs.seal(conn, job, join="join", payload={"b": 2}, bytes_total=9)
        job = await end_of(platform, job)
    assert (job.status, job.result, job.payload) == ("finished", {"sum": 11}, {"a": 1, "b": 2})


async def test_a_sealed_job_whose_parts_are_done_joins_at_once(platform: Platform) -> None:
    await make_effects(platform)
    async with platform.db.transaction() as conn:
        job = await jobs.open_job(conn, "test.fan", organization_id=1, payload={})
        await jobs.seal(conn, job, join="join")
    async with working(platform):
        assert (await end_of(platform, job)).result == {"sum": 0}


async def test_abandoned_open_jobs_and_old_keys_are_swept(platform: Platform) -> None:
    await make_effects(platform)
    async with platform.db.transaction() as conn:
        job = await jobs.open_job(conn, "test.fan", organization_id=1, payload={})
    await keyed(platform, "old", "body")
    async with platform.db.connection() as conn:
        await conn.execute("update jobs.job set requested_at = kit.now() - interval '24 hours'")
        young = await keyed(platform, "young", "body")
        await conn.execute(
            "update jobs.job set requested_at = kit.now() - interval '23:59' where id = %s",
            [young.id],
        )
        await recovery.sweep(platform)
        keys = await (await conn.execute(
            "select idempotency_key from jobs.job order by id"
        )).fetchall()
    assert keys == [(None,), (None,), ("young",)]
    assert await effects(platform, job) == ["on_end cancelled"]
    with pytest.raises(JobEnded):
        async with platform.db.transaction() as conn:
            await jobs.seal(conn, job, join=None)
