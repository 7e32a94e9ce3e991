"""Agents that come back at once, each with a list that was prepared: their side alone.

    python bench/flock.py      reads one line of JSON, prints "ready", waits for a line, and begins

A process of its own: what it costs is not the hub's, and it says how much that was. Agents speak as
:mod:`vazao_agent` does (the same requests, signed by the same code, the same waits), but for the
extraction: their chunks were made before, and all bring the same bytes.
"""

from __future__ import annotations

import asyncio
import json
import re
import resource
import sys
import time
import uuid
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import uvloop

from vazao_agent import __version__, machine
from vazao_agent.identity import Identity
from vazao_agent.loop import wait_after
from vazao_agent.running import ENDED, LONGEST_POLL, POLL_SECONDS
from vazao_agent.wire import AGENT, PREFIX, SIGNATURE, STAMP, Manifest, signed_bytes

LENGTH = re.compile(rb"content-length: ?(\d+)", re.IGNORECASE)
WITHIN_SECONDS = 1.0
"""All come within so long."""
BLOCK = 1 << 18


class Refused(Exception):
    """The hub answered with an error, or not at all."""


@dataclass
class Line:
    """An agent's connection to the hub, which is opened anew where it was closed."""

    port: int
    reader: asyncio.StreamReader | None = None
    writer: asyncio.StreamWriter | None = None

    async def ask(self, head: bytes, body: bytes) -> tuple[int, bytes]:
        """The status and the body of what comes back."""
        for fresh in (self.reader is None, True):
            try:
                return await self._once(head, body)
            except (OSError, asyncio.IncompleteReadError) as error:
                self.close()
                if fresh:
                    raise Refused(repr(error)) from error
        raise AssertionError

    async def _once(self, head: bytes, body: bytes) -> tuple[int, bytes]:
        if self.reader is None or self.writer is None:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.writer.write(head)
        for place in range(0, len(body), BLOCK):
            self.writer.write(body[place:place + BLOCK])
            await self.writer.drain()
        found = await self.reader.readuntil(b"\r\n\r\n")
        length = LENGTH.search(found)
        answer = await self.reader.readexactly(int(length[1])) if length else b""
        return int(found[9:12]), answer

    def close(self) -> None:
        """Close it."""
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None


@dataclass
class Seen:
    """What all agents saw."""

    check_ins: list[float] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    waited: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


@dataclass
class Returning:
    """One agent; *manifest* is of a run of its own."""

    identity: Identity
    line: Line
    manifest: Manifest
    chunks: list[bytes]
    seen: Seen
    stamp: int = 0

    async def send(self, method: str, path: str, body: bytes, media: str) -> Any:
        """A signed request; what the answer says."""
        target = PREFIX + path
        self.stamp = max(self.stamp + 1, time.time_ns())
        signature = self.identity.sign(signed_bytes(method, target, self.stamp, body))
        lines = [
            f"{method} {target} HTTP/1.1", "host: 127.0.0.1", "accept: application/json",
            f"content-type: {media}", f"{AGENT}: {self.identity.agent}", f"{STAMP}: {self.stamp}",
            f"{SIGNATURE}: {signature}", *([f"content-length: {len(body)}"] if body else []),
        ]
        status, answer = await self.line.ask(("\r\n".join(lines) + "\r\n\r\n").encode(), body)
        if status >= 400:
            raise Refused(f"{method} {path.split('/')[1]}: {status} {answer[:200].decode()}")
        return json.loads(answer) if answer else None

    async def post(self, path: str, given: Any) -> Any:
        """The same with JSON."""
        return await self.send("POST", path, json.dumps(given).encode(), "application/json")

    async def check_in(self, due: float) -> float:
        """Check in, as was due; seconds until the next time."""
        found = await self.post("/check-in", {
            "version": __version__, "journal": [],
            "facts": {"machine": machine.described(), "free_bytes": 1 << 40},
        })
        self.seen.check_ins.append(time.perf_counter() - due)
        return float(found["next"])

    async def offer(self) -> list[int]:
        """Offer the run until there is a slot; the numbers of the chunks that are missing."""
        refused, began = 0, time.perf_counter()
        while True:
            offered = await self.post("/runs", self.manifest.json())
            if not offered["wait"]:
                self.seen.refused.append(refused)
                self.seen.waited.append(time.perf_counter() - began)
                return offered["missing"]
            refused += 1
            await asyncio.sleep(offered["wait"])

    async def bring(self, missing: list[int]) -> None:
        """Send what is missing."""
        for number in missing:
            await self.send("PUT", f"/runs/{self.manifest.run}/chunks/{number}",
                            self.chunks[number - 1], "application/octet-stream")

    async def commit(self) -> str:
        """Have it loaded; how it ended."""
        run = await self.post(f"/runs/{self.manifest.run}/commit", {})
        wait = POLL_SECONDS
        while run["state"] not in ENDED:
            await asyncio.sleep(wait)
            wait = min(wait * 1.5, LONGEST_POLL)
            run = await self.send("GET", f"/runs/{self.manifest.run}", b"", "application/json")
        return run["state"]

    async def come(self, due: float, room: asyncio.Semaphore) -> str:
        """Come back, and transmit; after a failure it waits as the agent's loop does."""
        failures = 0
        while True:
            await asyncio.sleep(due - time.perf_counter())
            try:
                await self.check_in(due)
                async with room:
                    await self.bring(await self.offer())
                    return await self.commit()
            except Refused as refused:
                self.seen.wrong.append(str(refused))
                failures += 1
                due = time.perf_counter() + wait_after(failures)

    async def stay(self, wait: float) -> None:
        """Check in now, and whenever it is due, until cancelled."""
        due = time.perf_counter()
        while True:
            try:
                wait = await self.check_in(due)
            except Refused as refused:
                self.seen.wrong.append(str(refused))
            due = time.perf_counter() + wait
            await asyncio.sleep(wait)


async def go() -> None:
    """Until somebody says so."""
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)


async def come_back(agents: list[Returning], at_once: int) -> list[str]:
    """All within a second, at most *at_once* of them transmitting; how their runs ended."""
    await go()
    began, room = time.perf_counter(), asyncio.Semaphore(at_once)
    staying: list[asyncio.Task[None]] = []

    async def one(n: int, each: Returning) -> str:
        state = await each.come(began + n / len(agents) * WITHIN_SECONDS, room)
        staying.append(asyncio.create_task(each.stay(60.0)))
        return state

    ended = await asyncio.gather(*(one(n, each) for n, each in enumerate(agents)))
    for task in staying:
        task.cancel()
    await asyncio.gather(*staying, return_exceptions=True)
    return ended


async def stock(agents: list[Returning]) -> list[str]:
    """Bring all chunks, and only then have all runs loaded, back to back."""
    for each in agents:
        await each.bring(await each.offer())
    await go()
    # Nobody looks how it goes: looking would take from what is measured.
    return [
        (await each.post(f"/runs/{each.manifest.run}/commit", {}))["state"] for each in agents
    ]


async def main() -> None:
    """Do what the line says, and print what was seen."""
    given = json.loads(sys.stdin.readline())
    manifest, seen = Manifest.of(given["manifest"]), Seen()
    chunks = [Path(name).read_bytes() for name in given["chunks"]]
    agents = [
        Returning(Identity(**each), Line(given["port"]),
                  replace(manifest, run=uuid.uuid4().hex, began=time.time()), chunks, seen)
        for each in given["agents"]
    ]
    began = resource.getrusage(resource.RUSAGE_SELF)
    if given["at_once"]:
        ended = await come_back(agents, given["at_once"])
    else:
        ended = await stock(agents)
    used = resource.getrusage(resource.RUSAGE_SELF)
    for each in agents:
        each.line.close()
    print(json.dumps({
        "ended": {state: ended.count(state) for state in set(ended)},
        "check_ins": sorted(seen.check_ins), "refused": seen.refused, "waited": sorted(seen.waited),
        "wrong": seen.wrong[:5], "wrong_count": len(seen.wrong),
        "cpu": used.ru_utime + used.ru_stime - began.ru_utime - began.ru_stime,
    }))


if __name__ == "__main__":
    uvloop.run(main())
