"""The fair order: tags, shares, caps, refunds, the spare slot, and numbers that last."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.support.jobs import ask, end_of, load, make_effects, working
from tests.support.kinds import gate, gates
from tests.support.waiting import eventually
from vazao import jobs
from vazao.jobs import fairness, recovery, store
from vazao.jobs.models import UNIT_SECONDS, Job, NewPart
from vazao.kit.platform import Platform

pytestmark = pytest.mark.anyio
SECOND = 1_000_000


async def rows(platform: Platform, query: str, *values: Any) -> list[tuple[Any, ...]]:
    """All rows of a query."""
    async with platform.db.connection() as conn:
        return await (await conn.execute(query.encode(), values)).fetchall()


async def enqueue(platform: Platform, organization: int, cost: float = 1.0, **payload: Any) -> Job:
    """A job of one part whose unit of cost is expected to take a quarter of a second."""
    async with platform.db.transaction() as conn:
        return await jobs.enqueue(
            conn, "test.echo", organization_id=organization, payload=payload, cost=cost
        )


async def order(platform: Platform) -> list[int]:
    """The organizations of what stands in the queue, in the order in which it is fetched."""
    found = await rows(platform, """
        select p.organization_id from procrastinate_jobs as q join jobs.part as p
        on p.queue_id = q.id where q.status = 'todo' order by q.priority desc, q.id""")
    return [row[0] for row in found]


async def write_parts(
    conn: Any, job: jobs.Job, parts: list[NewPart], *, background: bool = False
) -> None:
    """Parts of the second step, held, and none of them released."""
    await store.parts.insert(
        conn, job, "slice", parts, unit_seconds=UNIT_SECONDS, background=background
    )


async def begin(platform: Platform, worker: int = 1) -> jobs.Part:
    """The next part, as a worker takes it."""
    async with platform.db.connection() as conn:
        fetched = await store.parts.fetch(
            conn, [store.order.QUEUE, store.order.QUICK], None, worker
        )
    assert fetched is not None
    assert fetched[1] is not None
    return fetched[1][0]


async def finish_tag(platform: Platform, organization: int) -> int:
    """An organization's last finish tag, in microseconds."""
    found = await rows(
        platform, "select last_finish from jobs.share where organization_id = %s", organization
    )
    return found[0][0]


async def test_who_comes_late_does_not_wait_for_a_flood(platform: Platform) -> None:
    for _ in range(20):
        await enqueue(platform, 1)
    for _ in range(3):
        await begin(platform)
    await enqueue(platform, 2)
    assert (await order(platform))[:2] in ([1, 2], [2, 1]), "right after what is begun"


async def test_equal_queues_take_turns(platform: Platform) -> None:
    for organization in (1, 2, 3):
        for _ in range(5):
            await enqueue(platform, organization)
    found = await order(platform)
    for start in range(0, 15, 3):
        assert sorted(found[start:start + 3]) == [1, 2, 3]


async def test_larger_parts_take_fewer_turns(platform: Platform) -> None:
    for _ in range(8):
        await enqueue(platform, 1, cost=1.0)
    for _ in range(4):
        await enqueue(platform, 2, cost=4.0)
    first = (await order(platform))[:8]
    assert first.count(1) >= 5, "four small ones for a large one"


async def test_weight_divides_the_charge(platform: Platform) -> None:
    async with platform.db.transaction() as conn:
        assert await fairness.set_share(conn, 2, weight=4.0) == (4.0, None)
    await enqueue(platform, 1)
    await enqueue(platform, 2)
    assert await finish_tag(platform, 1) == SECOND // 4
    assert await finish_tag(platform, 2) == SECOND // 16


async def test_virtual_time_rises_to_what_begins_and_never_falls(platform: Platform) -> None:
    for _ in range(4):
        await enqueue(platform, 1)
    seen = []
    for _ in range(4):
        await begin(platform)
        seen.append((await rows(platform, "select virtual_time from jobs.clock"))[0][0])
    assert seen == [0, SECOND // 4, SECOND // 2, 3 * SECOND // 4]
    await enqueue(platform, 2)
    late = await begin(platform)
    assert late.organization_id == 2
    assert (await rows(platform, "select virtual_time from jobs.clock"))[0][0] == seen[-1]
    assert await finish_tag(platform, 2) == seen[-1] + SECOND // 4, "no credit for having slept"


async def test_a_guess_is_corrected_at_the_end(platform: Platform) -> None:
    job = await enqueue(platform, 1, cost=100.0)
    assert await finish_tag(platform, 1) == 25 * SECOND
    async with working(platform):
        await end_of(platform, job)

        async def settled() -> bool:
            return await finish_tag(platform, 1) < 5 * SECOND

        await eventually(settled)


async def test_expected_costs_follow_what_parts_took(platform: Platform) -> None:
    async with working(platform):
        await end_of(platform, await enqueue(platform, 1, cost=100.0))

        async def measured() -> list[Any]:
            return await rows(platform, "select 1 from jobs.rate where kind = 'test.echo'")

        await eventually(measured)
    await enqueue(platform, 1, cost=100.0)
    (expected,) = (await rows(
        platform, "select expected_seconds from jobs.part order by job_id desc limit 1"
    ))[0]
    assert expected < 20, "a hundred units took much less than the first guess"


async def test_many_parts_of_a_kind_teach_nothing_about_another(platform: Platform) -> None:
    ledger = fairness.Ledger()
    for _ in range(40):
        ledger.measure("a", "only", 1.0, 2.0)
    await ledger.settle(platform)
    ledger.measure("a", "only", 1.0, 4.0)
    for _ in range(1000):
        ledger.measure("b", "only", 1.0, 0.001)
    await ledger.settle(platform)
    found = dict(await rows(platform, "select kind, seconds / units from jobs.rate"))
    assert 2.0 < found["a"] < 2.1, "one sample among forty"
    assert found["b"] == pytest.approx(0.001)


async def test_a_high_cap_is_held_too(platform: Platform) -> None:
    async with platform.db.transaction() as conn:
        await fairness.set_share(conn, 1, parts_cap=450)
        job = await jobs.open_job(conn, "test.fan", organization_id=1, payload={"parts": 1})
        parts = [NewPart({"n": n}) for n in range(700)]
        await write_parts(conn, job, parts)
        for _ in range(5):
            await fairness.release(conn, 1)
            await conn.execute("update jobs.part set state = 'running' where state = 'queued'")
        await fairness.release(conn, 1)
    in_hand = await rows(platform, "select count(*) from jobs.part where state <> 'held'")
    assert in_hand == [(450,)]


async def test_a_cancelled_backlog_is_given_back(platform: Platform) -> None:
    kept = await enqueue(platform, 1)
    job = await ask(platform, "test.fan", parts=40)
    async with platform.db.transaction() as conn:
        part = await begin(platform)
        assert part.job_id == kept.id
        before = await finish_tag(platform, 1)
        assert before == SECOND // 2
        await jobs.cancel(conn, 1, job.token)
    assert await finish_tag(platform, 1) == SECOND // 4, "what runs stays charged"


async def test_an_attempt_taken_back_is_charged_again(platform: Platform) -> None:
    await enqueue(platform, 1)
    await begin(platform, worker=7)
    charged = await finish_tag(platform, 1)
    await recovery.take_back(platform, [7])
    assert await finish_tag(platform, 1) == charged + SECOND // 4


async def test_a_cap_holds_one_organization_back_and_no_other(platform: Platform) -> None:
    await make_effects(platform)
    async with platform.db.transaction() as conn:
        await fairness.set_share(conn, 1, parts_cap=2)
    made = [await enqueue(platform, 1) for _ in range(6)]
    assert len(await order(platform)) == 2
    other = [await enqueue(platform, 2) for _ in range(6)]
    assert (await order(platform)).count(2) == 6
    await begin(platform)
    await begin(platform)
    async with platform.db.transaction() as conn:
        await fairness.release(conn, 1)
        assert await fairness.waits_for(conn, await load(platform, made[5])) == {
            "reason": "cap", "in_hand": 2}
    in_hand = await rows(platform, "select count(*) from jobs.part where organization_id = 1 "
                                   "and state in ('queued', 'running')")
    assert in_hand == [(2,)], "running ones count"
    await recovery.take_back(platform, [1])
    async with working(platform):
        for job in (*made, *other):
            assert (await end_of(platform, job)).status == "finished"


async def test_what_is_in_the_background_lets_all_else_of_its_organization_pass(
    platform: Platform,
) -> None:
    await make_effects(platform)
    behind = await ask(platform, "test.behind", parts=40)
    await begin(platform)
    async with platform.db.transaction() as conn:
        await write_parts(conn, behind, [NewPart({"n": 1})] * 30, background=True)
        await fairness.release(conn, 1)
    assert len(await order(platform)) == fairness.BACKGROUND_LIMIT
    asked = await enqueue(platform, 1)
    for _ in range(fairness.BACKGROUND_LIMIT):
        assert (await begin(platform)).job_id == behind.id
    async with platform.db.transaction() as conn:
        await fairness.release(conn, 1)
    assert (await begin(platform)).job_id == asked.id
    assert (await begin(platform)).job_id == behind.id


async def test_nothing_stands_still_in_the_background(platform: Platform) -> None:
    await make_effects(platform)
    behind = await ask(platform, "test.behind", parts=100)
    async with working(platform):
        found = await end_of(platform, behind)
        asked = await end_of(platform, await enqueue(platform, 1))
    assert (found.status, found.result) == ("finished", {"sum": sum(range(100))})
    assert asked.status == "finished"


async def test_a_job_says_how_many_come_before_it(platform: Platform) -> None:
    for _ in range(3):
        await enqueue(platform, 1)
    job = await enqueue(platform, 1)
    async with platform.db.connection() as conn:
        assert await fairness.waits_for(conn, job) == {"reason": "turn", "ahead": 3}


async def test_many_parts_are_tagged_in_one_go_one_after_the_other(platform: Platform) -> None:
    async with platform.db.transaction() as conn:
        job = await jobs.open_job(conn, "test.fan", organization_id=1, payload={"parts": 1})
        for n in range(30):
            await write_parts(conn, job, [NewPart({"n": n})])
        await fairness.release(conn, 1)
    found = await rows(platform, "select start_tag, finish_tag from jobs.part order by number")
    assert [tag for tag, _ in found] == [n * SECOND // 4 for n in range(30)]
    assert all(end - start == SECOND // 4 for start, end in found)


async def test_the_spare_slot_runs_quick_parts_while_all_others_are_busy(
    platform: Platform,
) -> None:
    await make_effects(platform)
    gates.clear()
    for n in range(platform.settings.worker_concurrency):
        await ask(platform, "test.gate", gate=f"g{n}")
    async with working(platform):
        for n in range(platform.settings.worker_concurrency):
            await gate(f"g{n}-begun").wait()
        slow = await enqueue(platform, 2, cost=1.0)
        quick = await enqueue(platform, 3, cost=0.1)
        assert (await end_of(platform, quick)).status == "finished"
        assert (await load(platform, slow)).status == "queued", "that slot is for quick ones"
        for n in range(platform.settings.worker_concurrency):
            gate(f"g{n}").set()
        assert (await end_of(platform, slow)).status == "finished"


async def test_priorities_begin_anew_when_nothing_waits(platform: Platform) -> None:
    async with platform.db.connection() as conn:
        await conn.execute("update jobs.clock set virtual_time = 5000 * 1000000::bigint")
    await fairness.rebase(platform)
    await enqueue(platform, 1)
    assert await rows(platform, "select priority from procrastinate_jobs") == [(0,)]


async def test_before_int4_ends_what_waits_moves_along_in_its_order(platform: Platform) -> None:
    for organization in (1, 2):
        for _ in range(4):
            await enqueue(platform, organization)
    before = await order(platform)
    async with platform.db.connection() as conn:
        await conn.execute(
            "update jobs.clock set virtual_time = %s", [fairness.LASTS_MICROSECONDS + SECOND]
        )
    late = await enqueue(platform, 3)
    ((far,),) = await rows(platform, "select min(priority) from procrastinate_jobs")
    assert far < -(1 << 30)
    await fairness.rebase(platform)
    assert await order(platform) == [*before, 3]
    ((near,),) = await rows(
        platform, "select q.priority from procrastinate_jobs as q join jobs.part as p "
        "on p.queue_id = q.id where p.job_id = %s", late.id)
    assert near == 0


async def test_no_tag_overflows_the_queues_priority(platform: Platform) -> None:
    await enqueue(platform, 1, cost=1e9)
    await enqueue(platform, 1)
    found = await rows(platform, "select priority from procrastinate_jobs order by id")
    assert found == [(0,), (-2147483647,)]


async def test_stuck_parts_alarm_and_are_stopped_at_the_limit(platform: Platform) -> None:
    await make_effects(platform)
    gates.clear()
    job = await ask(platform, "test.gate", gate="never")
    async with working(platform):
        await gate("never-begun").wait()

        async def age(seconds: int) -> None:
            async with platform.db.connection() as conn:
                await conn.execute("update jobs.part set progress_at = kit.now() "
                                   "- make_interval(secs => %s)", [seconds])

        await recovery.watch_progress(platform)
        assert await rows(platform, "select stuck_at from jobs.part") == [(None,)]
        await age(40)
        await recovery.watch_progress(platform)
        assert await rows(platform, "select stuck_at is not null from jobs.part") == [(True,)]
        assert not (await load(platform, job)).ended, "an alarm does not stop it"
        await age(round(platform.settings.worker_stuck_seconds) + 60)
        await recovery.watch_progress(platform)
        ended = await load(platform, job)
        assert ended.status == "failed"
        assert (ended.error or {})["code"] == "job_stuck"

        async def dropped() -> bool:
            return not await rows(platform, "select 1 from jobs.part where state = 'running'")

        await eventually(dropped)


async def test_a_part_committed_while_a_worker_looks_is_begun_not_taken_for_stale(
    platform: Platform,
) -> None:
    async with platform.db.connection() as conn, conn.transaction():
        await conn.execute("lock table procrastinate_jobs in exclusive mode")
        await jobs.enqueue(conn, "test.echo", organization_id=1, payload={})
        looking = asyncio.create_task(begin(platform))

        async def waits() -> bool:
            return bool(await rows(platform, "select 1 from pg_stat_activity where "
                                   "datname = current_database() and wait_event_type = 'Lock'"))

        await eventually(waits)
    assert (await looking).state == "running"
