"""Followers of live streams on one web process: queries, delay, memory.

    python bench/followers.py [COUNT]      COUNT streams (5,000), of 500 tokens, one job moving

A real web process and a real worker on an embedded server; the streams come from many loopback
addresses, each a bare connection that is read to the end. The job reports its progress four times
a second, as workers do at most.
"""

from __future__ import annotations

import asyncio
import os
import resource
import subprocess
import sys
import time
from typing import Any

import psutil
import uvloop

from engine import Engine, engine
from platform_under_test import free_port, median, say
from vazao import jobs
from vazao.accounts import service

COUNT, TOKENS, ADDRESSES = 5000, 500, 250
MOVES_SECONDS = 20.0
KILOBYTE = 1000


class Stream(asyncio.Protocol):
    """One follower: what it was told, and when. Lean: it must not be what is measured."""

    def __init__(self, path: str, token: str) -> None:
        self._request = (
            f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
        )
        self.begun = asyncio.get_running_loop().create_future()
        self.told: list[tuple[bytes, float]] = []

    def connection_made(self, transport: Any) -> None:
        """Ask."""
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Note the newest event."""
        if not self.begun.done():
            self.begun.set_result(data.startswith(b"HTTP/1.1 200") or data[:200])
        place = data.rfind(b'"phase":"')
        if place >= 0:
            self.told.append((data[place + 9 : place + 24], time.time()))


async def opened(port: int, path: str, token: str, address: str) -> Stream:
    """A stream whose answer has begun."""
    _, stream = await asyncio.get_running_loop().create_connection(
        lambda: Stream(path, token), "127.0.0.1", port, local_addr=(address, 0)
    )
    if (answer := await stream.begun) is not True:
        raise SystemExit(f"a stream was refused: {answer!r}")
    return stream


def start_web(made: Engine, port: int) -> subprocess.Popen[bytes]:
    """``vazao web`` with one process."""
    environment = os.environ | {
        "VAZAO_DATABASE_URL": made.url, "VAZAO_DATA_DIR": str(made.folder),
        "VAZAO_SECRET": "x" * 32, "VAZAO_PORT": str(port), "VAZAO_WEB_PROCESSES": "1",
        "VAZAO_LOG_LEVEL": "warning", "VAZAO_TRUSTED_PROXIES": "127.0.0.0/8",
    }
    log = (made.folder / "web.log").open("ab")
    return subprocess.Popen(
        [sys.executable, "-m", "vazao", "web"], env=environment, stdout=log, stderr=log
    )


def memory_of(process: subprocess.Popen[bytes]) -> int:
    """Bytes that the server and its processes hold, shared pages counted by halves."""
    whole = psutil.Process(process.pid)
    return sum(p.memory_full_info().pss for p in [whole, *whole.children(recursive=True)])


async def calls(made: Engine) -> int:
    """Statements that the server has run so far, ours to ask included."""
    return (await made.one("select sum(calls)::bigint from pg_stat_statements"))[0]


async def tokens_of(made: Engine) -> tuple[int, list[str]]:
    """An organization's id and its tokens."""
    found = []
    async with made.platform.db.transaction() as conn:
        organization = await service.create_organization(conn, "acme")
        for n in range(TOKENS):
            secret, _ = await service.create_token(
                conn, organization.id, application=f"bench{n}", scopes=["jobs:read"],
                known={"jobs:read"},
            )
            found.append(secret)
    return organization.id, found


async def moving(made: Engine, organization: int, seconds: float) -> Any:
    """A job that reports its progress for *seconds*."""
    async with made.platform.db.transaction() as conn:
        return await jobs.enqueue(
            conn, "bench.moving", organization_id=organization, payload={"seconds": seconds}
        )


async def queries_a_second(made: Engine, seconds: float) -> float:
    """Statements a second over *seconds*, but for the one that asks."""
    before, began = await calls(made), time.perf_counter()
    await asyncio.sleep(seconds)
    return (await calls(made) - before - 1) / (time.perf_counter() - began)


async def alone(made: Engine, organization: int) -> float:
    """Statements a second of the same moving job with no follower."""
    await moving(made, organization, MOVES_SECONDS / 2)
    await asyncio.sleep(1)
    return await queries_a_second(made, MOVES_SECONDS / 2 - 2)


async def wait_for(port: int) -> None:
    """Until the web server answers."""
    for _ in range(600):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.1)
        else:
            writer.close()
            return
    raise SystemExit("the web server did not start")


def delays(streams: list[Stream], since: float) -> list[float]:
    """How long after each change, from *since* on, each follower knew it, or a newer one."""
    told = [
        [(float(said.partition(b'"')[0]), at) for said, at in stream.told] for stream in streams
    ]
    moments = sorted({said for events in told for said, _ in events if said > since})
    found = []
    for events in told:
        place = 0
        for moment in moments[:-4]:
            while place < len(events) and events[place][0] < moment:
                place += 1
            found.append(events[place][1] - moment if place < len(events) else float("inf"))
    return found


async def measure(count: int) -> None:
    """Open the streams, let the job move, and say what it took."""
    async with engine() as made:
        async with made.platform.db.connection() as conn:
            await conn.execute("create extension if not exists pg_stat_statements")
        made.start()
        port = free_port()
        web = start_web(made, port)
        try:
            await wait_for(port)
            organization, tokens = await tokens_of(made)
            quiet = await alone(made, organization)
            await asyncio.sleep(2)
            job = await moving(made, organization, 1800.0)
            path = f"/v1/jobs/{job.token}/stream"
            warm = await opened(port, path, tokens[0], "127.0.0.1")
            before = memory_of(web)
            streams = [warm]
            for start in range(0, count - 1, 100):
                streams += await asyncio.gather(*(
                    opened(port, path, tokens[n % TOKENS], f"127.0.1.{1 + n % ADDRESSES}")
                    for n in range(start, min(start + 100, count - 1))
                ))
            await asyncio.sleep(5)
            since = time.time()
            busy = await queries_a_second(made, MOVES_SECONDS)
            after = memory_of(web)
            report(count, busy - quiet, delays(streams, since), (after - before) / count)
        finally:
            web.terminate()
            web.wait(30)


def report(count: int, queries: float, late: list[float], memory: float) -> None:
    """The three lines."""
    say(f"{count:,} followers of one moving job: queries for all of them", "≤ 20 a second",
        queries, ok=queries <= 20)
    late.sort()
    worst = late[-1] if late else float("inf")
    say(f"{count:,} followers: from a change until the last of them knows", "≤ 1 s", worst,
        ok=worst <= 1, median=round(median(late), 3), p99=round(late[int(len(late) * 0.99)], 3),
        events=len(late))
    say(f"{count:,} followers: memory of a follower", "≤ 60 KB above idle", memory / KILOBYTE,
        ok=memory <= 60 * KILOBYTE, unit="KB")


if __name__ == "__main__":
    # The streams are files of this process, too.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    uvloop.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else COUNT))
