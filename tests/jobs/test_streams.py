"""Live streams of jobs: told at once, read once for all, ended for good."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.jobs import ask, make_effects, make_platform, working
from tests.support.kinds import gate
from tests.support.waiting import eventually
from tests.support.web import serving
from vazao.jobs import service
from vazao.kit.platform import Platform
from vazao.kit.web import following

pytestmark = pytest.mark.anyio


@pytest.fixture
def platform(database_url: str, data_dir: Path) -> Platform:
    return make_platform(database_url, data_dir, streams_per_principal=3)


@asynccontextmanager
async def follow(
    client: httpx2.AsyncClient, token: str, **headers: str
) -> AsyncIterator[tuple[httpx2.Response, AsyncIterator[str]]]:
    """A stream's answer, and its lines."""
    async with client.stream("GET", f"/v1/jobs/{token}/stream", headers=headers) as answer:
        yield answer, answer.aiter_lines()


async def event(lines: AsyncIterator[str]) -> dict[str, Any]:
    """The next event's JSON."""
    async for line in lines:
        if line.startswith("data: "):
            return json.loads(line[6:])
    raise AssertionError("the stream ended")


async def cancel(platform: Platform, token: str) -> None:
    async with platform.db.transaction() as conn:
        await service.cancel(conn, 1, token)


async def test_a_change_is_told_without_being_asked_for(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nothing but what is announced makes it look again.
    monkeypatch.setattr(following, "HEARTBEAT_SECONDS", 3600.0)
    async with serving(platform) as client:
        job = await ask(platform, "test.echo")
        async with follow(client, job.token) as (answer, lines):
            assert answer.headers["content-type"].startswith("text/event-stream")
            assert (await event(lines))["status"] == "queued"
            async with working(platform):
                # A worker that is there changes what a queued job waits for: told as well.
                while (await event(lines))["status"] != "finished":
                    continue
                rest = [line async for line in lines]
        assert rest[-1] == "" or rest == []


async def test_an_announcement_that_was_lost_is_made_up_for(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "HEARTBEAT_SECONDS", 0.2)
    monkeypatch.setattr(platform.listener, "_tell", lambda topic: None)
    async with serving(platform) as client:
        job = await ask(platform, "test.echo")
        async with follow(client, job.token) as (_, lines):
            assert (await event(lines))["status"] == "queued"
            await cancel(platform, job.token)
            assert (await event(lines))["status"] == "cancelled"


async def test_what_changes_while_a_stream_begins_is_shown_last(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two readings at a time the older came last: a finished job was shown at work for ever."""
    monkeypatch.setattr(following, "HEARTBEAT_SECONDS", 3600.0)
    status, again = ["running"], asyncio.Event()

    async def load(conn: object) -> dict[str, str]:
        found = {"status": status[-1]}
        if len(status) > 1:
            again.set()
            return found
        status.append("finished")
        platform.listener._tell("job:1")
        with suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                await again.wait()
        return found

    await platform.open()
    try:
        streams = following.Following(platform)
        follower = following.Follower("somebody")
        channel = await streams.join(follower, "key", ("job:1",), load, following.has_ended)
        await eventually(lambda: _value(channel.over))
        assert b"finished" in channel.event
        await channel.stop()
    finally:
        await platform.close()


@pytest.mark.parametrize("only_told", [True, False])
async def test_what_each_reading_changes_is_read_only_when_told(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, only_told: bool
) -> None:
    monkeypatch.setattr(following, "HEARTBEAT_SECONDS", 0.05)
    read = count(1)

    async def load(conn: object) -> dict[str, int]:
        return {"changes": next(read)}

    await platform.open()
    try:
        streams = following.Following(platform)
        follower = following.Follower("somebody")
        channel = await streams.join(
            follower, "key", ("jobs:1",), load, following.has_ended, only_told=only_told
        )
        for _ in range(3):
            await follower.wait()
        assert (channel.version == 1) is only_told
        await channel.stop()
    finally:
        await platform.close()


async def test_a_worker_s_changes_reach_a_web_process(platform: Platform) -> None:
    async with serving(platform) as client, working(platform):
        await make_effects(platform)
        job = await ask(platform, "test.gate", gate="held")
        async with follow(client, job.token) as (_, lines):
            while (await event(lines))["status"] != "running":
                continue
            gate("held").set()
            while (shown := await event(lines))["status"] != "finished":
                continue
        assert (shown["id"], shown["progress"]) == (job.token, 1)


async def test_many_followers_cost_one_reading_a_change(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform.settings, "streams_per_principal", 100)
    read: list[object] = []
    channel_read = following.Channel.read

    async def counted(channel: following.Channel) -> None:
        read.append(channel)
        await channel_read(channel)

    monkeypatch.setattr(following.Channel, "read", counted)
    async with serving(platform) as client:
        job = await ask(platform, "test.echo")

        async def until_its_end() -> list[str]:
            async with follow(client, job.token) as (_, lines):
                first = await event(lines)
                began.append(first)
                return [first["status"], (await event(lines))["status"]]

        began: list[Any] = []
        followers = [asyncio.create_task(until_its_end()) for _ in range(30)]
        await eventually(lambda: _value(len(began) == 30))
        assert len(read) == 1
        await cancel(platform, job.token)
        assert await asyncio.gather(*followers) == [["queued", "cancelled"]] * 30
        assert len(read) == 2
        hub = next(iter(read))._following  # type: ignore[attr-defined]
        await eventually(lambda: _value(not hub._channels and not hub._streams))


async def test_who_comes_back_after_the_end_is_told_to_stay_away(platform: Platform) -> None:
    async with serving(platform) as client:
        job = await ask(platform, "test.echo")
        await cancel(platform, job.token)
        async with follow(client, job.token) as (_, lines):
            seen = [line async for line in lines]
        last = next(line[4:] for line in seen if line.startswith("id: "))
        async with follow(client, job.token, **{"last-event-id": last}) as (answer, _):
            assert answer.status_code == 204
        async with platform.db.transaction() as conn:
            await service.retry(conn, 1, job.token)
        async with follow(client, job.token, **{"last-event-id": last}) as (answer, lines):
            assert answer.status_code == 200
            assert (await event(lines))["status"] == "queued"


async def test_so_many_streams_of_one_asker_and_no_more(platform: Platform) -> None:
    async with serving(platform) as client:
        job = await ask(platform, "test.echo")
        async with follow(client, job.token) as (_, one), follow(client, job.token) as (_, two):
            async with follow(client, job.token) as (_, three):
                for lines in (one, two, three):
                    await event(lines)
                refused = await client.get(f"/v1/jobs/{job.token}/stream")
                assert refused.status_code == 429
                assert refused.json()["error"]["code"] == "too_many_streams"
                assert refused.headers["retry-after"]

            async def room() -> bool:
                async with follow(client, job.token) as (answer, _):
                    return answer.status_code == 200

            await eventually(room)


async def test_another_organization_s_job_is_not_there(platform: Platform) -> None:
    async with serving(platform) as client:
        job = await ask(platform, "test.echo")
        async with follow(client, job.token) as (_, lines):
            await event(lines)
            other = await client.get(
                f"/v1/jobs/{job.token}/stream", headers={"x-organization": "2"}
            )
        assert other.status_code == 404


async def test_a_process_that_closes_ends_its_streams(platform: Platform) -> None:
    async with serving(platform) as client:
        job = await ask(platform, "test.echo")
        async with follow(client, job.token) as (_, lines):
            await event(lines)
            platform.begin_closing()
            assert not [line async for line in lines if line.startswith("data")]


async def _value(value: object) -> object:
    return value


async def test_clients_that_leave_before_the_answer_begins_keep_no_place(
    platform: Platform,
) -> None:
    async with serving(platform) as client:
        job = await ask(platform, "test.echo")
        path = f"/v1/jobs/{job.token}/stream"
        place = (client.base_url.host, client.base_url.port)
        for turn in range(40):
            with socket.create_connection(place) as line:
                line.sendall(
                    f"GET {path} HTTP/1.1\r\nHost: x\r\nx-organization: 1\r\n\r\n".encode()
                )
                with suppress(TimeoutError):
                    await asyncio.wait_for(asyncio.Event().wait(), turn * 0.0005)
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            await client.head(path)

        async def admitted() -> list[int]:
            """What as many streams at once as one may have are answered."""
            async with AsyncExitStack() as stack:
                begun = [
                    await stack.enter_async_context(follow(client, job.token)) for _ in range(3)
                ]
                return [answer.status_code for answer, _ in begun]

        async def all_admitted() -> bool:
            return await admitted() == [200] * 3

        assert await eventually(all_admitted, within=10)


async def test_a_stream_has_all_that_the_job_has(platform: Platform) -> None:
    async with serving(platform) as client:
        job = await ask(platform, "test.echo")
        async with follow(client, job.token) as (_, lines):
            told = await event(lines)
            shown = (await client.get(f"/v1/jobs/{job.token}")).json()
            assert told == shown
            assert told["waits_for"]["reason"] == "workers"
            assert told["report"] is None
            await cancel(platform, job.token)
            assert set(await event(lines)) == set(shown)
        cancelled = (await client.post(f"/v1/jobs/{job.token}/cancel")).json()
        assert cancelled == (await client.get(f"/v1/jobs/{job.token}")).json()
        again = (await client.post(f"/v1/jobs/{job.token}/retry")).json()
        assert again == (await client.get(f"/v1/jobs/{job.token}")).json()
