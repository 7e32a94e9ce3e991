"""The schedule: each provider in its time, each tick once; and syncs through trouble."""

from __future__ import annotations

import asyncio
import os
import threading
from typing import Any

import pytest

from tests.support.events import Answer, Feeds, Partner, base, event, feed, make_platform
from tests.support.leads import working
from tests.support.waiting import eventually
from vazao import jobs
from vazao.events import service, store, tasks
from vazao.events.feeds import apart
from vazao.events.sample import Sample
from vazao.kit.platform import Platform

pytestmark = pytest.mark.anyio
ONE = feed(base("1", event("1")))


@pytest.fixture
async def resting(
    platform_at_rest: Platform, provider_server: Partner
) -> Any:
    """An organization on a platform of its own, without a worker."""
    await platform_at_rest.open()
    yield Feeds(platform_at_rest, provider_server, 7)
    await platform_at_rest.close()


async def asked(feeds: Feeds) -> list[dict[str, Any]]:
    """The payloads of the syncs that were asked for."""
    rows = await feeds.rows("select payload from jobs.job where kind = 'events.sync' order by id")
    return [payload for (payload,) in rows]


async def test_each_tick_once_whichever_host_ticks(resting: Feeds) -> None:
    providers = [await resting.add(ONE) for _ in range(5)]
    await asyncio.gather(*(tasks.schedule(resting.platform) for _ in range(4)))
    assert sorted(payload["provider"] for payload in await asked(resting)) == sorted(
        provider.id for provider in providers
    )
    await tasks.schedule(resting.platform)
    assert len(await asked(resting)) == 5
    waits = await resting.rows(
        "select extract(epoch from next_at - kit.now())::float8 from events.provider"
    )
    assert all(53 <= wait <= 66 for (wait,) in waits)
    assert len({round(wait, 2) for (wait,) in waits}) > 1


async def test_a_sync_that_has_not_ended_is_not_asked_for_again(resting: Feeds) -> None:
    provider = await resting.add(ONE)
    await tasks.schedule(resting.platform)
    await resting.rows("update events.provider set next_at = kit.now() returning 1")
    await tasks.schedule(resting.platform)
    assert len(await asked(resting)) == 1
    async with resting.platform.db.connection() as conn:
        known = await store.providers.get(conn, provider.id)
    assert known is not None
    assert known.next_at > known.created_at


async def test_a_provider_that_rests_is_not_synced(resting: Feeds) -> None:
    provider = await resting.add(ONE)
    async with resting.platform.db.transaction() as conn:
        await service.change_provider(conn, provider, paused=True)
    await tasks.schedule(resting.platform)
    assert await asked(resting) == []


async def test_a_worker_that_is_lost_while_it_reads(
    resting: Feeds, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sync begins anew elsewhere, and is applied once."""
    provider = await resting.add(ONE)
    real, first = apart.read, asyncio.Event()

    async def hangs(*given: Any, **named: Any) -> Any:
        if not first.is_set():
            first.set()
            await asyncio.Event().wait()
        return await real(*given, **named)

    monkeypatch.setattr(apart, "read", hangs)
    async with resting.platform.db.transaction() as conn:
        job = await service.ask_sync(conn, provider)
    async with working(resting.platform):
        await first.wait()
        await resting.rows("update jobs.part set run_token = gen_random_uuid() returning 1")
        await resting.rows("update jobs.part set state = 'held', worker_id = null, run_at = now() "
                           "returning 1")

        async def ended() -> bool:
            async with resting.platform.db.connection() as conn:
                return (await jobs.get_job(conn, 7, job.token)).status == "finished"

        await eventually(ended, within=40)
    assert await resting.rows("select version from events.event") == [(1,)]
    assert os.listdir(resting.platform.settings.folder / "feeds") == []


async def test_a_reader_that_is_killed_fails_the_sync_alone(
    feeds: Feeds, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = asyncio.create_subprocess_exec

    async def killed(*given: Any, **named: Any) -> Any:
        made = await real(*given, **named)
        made.kill()
        return made

    provider = await feeds.add(ONE)
    with monkeypatch.context() as broken:
        broken.setattr(asyncio, "create_subprocess_exec", killed)
        assert (await feeds.refused(provider))["code"] == "feed_needs_too_much"
    assert (await feeds.applied(provider))["created"] == 1


async def test_a_feed_that_needs_too_much_memory(database_url: str, data_dir: Any) -> None:
    platform = make_platform(database_url, data_dir, events_read_memory_bytes=64 << 20)
    await platform.open()
    from tests.support.events import partner

    with partner() as server:
        feeds = Feeds(platform, server, 7)
        zones = "".join(f'<zone zone_id="{n}" price="1" capacity="1"/>' for n in range(400_000))
        provider = await feeds.add(feed(base("1", event("1", zones=zones))))
        async with working(platform):
            assert (await feeds.refused(provider))["code"] == "feed_needs_too_much"
    await platform.close()


async def test_the_sample_grows_changes_and_fails_as_asked(feeds: Feeds) -> None:
    now = [0.0]
    sample = Sample(0, clock=lambda: now[0], said=False)
    thread = threading.Thread(target=sample.serve)
    thread.start()
    address = f"http://127.0.0.1:{sample.port}"
    try:
        provider = await feeds.add(url=f"{address}/feed.xml")
        first = await feeds.applied(provider)
        assert (first["listed"], first["aside"]) == (40, 3)
        assert (await feeds.applied(provider))["outcome"] == "unchanged"
        now[0] = 25.0
        second = await feeds.applied(provider)
        assert (second["created"], second["left"]) == (2, 2)
        for path, code in (("500", "feed_refused"), ("truncated", "feed_cut_off"),
                           ("nothing", "feed_refused")):
            other = await feeds.add(url=f"{address}/{path}")
            assert (await feeds.refused(other))["code"] == code
        plans = await feeds.add(url=f"{address}/plans.xml")
        assert (await feeds.applied(plans))["dialect"] == "planList"
        large = await feeds.add(url=f"{address}/huge?events=300&zones=20")
        assert (await feeds.applied(large))["zones"] == 300 * 20
    finally:
        sample.close()
        thread.join()


async def test_an_etag_that_is_too_long_is_not_kept(feeds: Feeds) -> None:
    provider = await feeds.add(Answer(ONE, headers={"ETag": "x" * 5000}))
    await feeds.applied(provider)
    assert (await feeds.provider(provider)).etag is None


async def test_old_syncs_are_forgotten_as_jobs(feeds: Feeds) -> None:
    provider = await feeds.add(ONE)
    await feeds.applied(provider)
    await feeds.refused(provider, b"nothing")
    for hours, left in ((0, 2), (2, 1), (24 * 8, 0)):
        await feeds.rows(
            "update jobs.job set finished_at = finished_at - %s * interval '1 hour' "
            "where organization_id = %s returning 1", hours, feeds.id
        )
        await tasks.thin(feeds.platform)
        kept = await feeds.rows("select 1 from jobs.job where organization_id = %s", feeds.id)
        assert len(kept) == left
    kept = await feeds.rows("select 1 from events.sync where provider_id = %s", provider.id)
    assert len(kept) == 2
