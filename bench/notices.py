"""Webhooks whose receivers are down: what is lost, what comes twice, and in which order.

    python bench/notices.py [MINUTES]      how long the receivers are down (10)

Three webhooks, each with a receiver of its own, and two real worker processes on an embedded
server. A thousand events of a hundred objects are told while nothing listens. One of the workers is
killed with -9 meanwhile, and both in the middle of the deliveries; others take their places.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from dataclasses import dataclass, field

import uvloop

from engine import Engine, engine
from platform_under_test import free_port, say
from vazao.notices import service

EVENTS, OBJECTS, WEBHOOKS, MINUTES = 1000, 100, 3, 10.0
WITHIN_SECONDS = 120.0
TYPE = "job.ended"
os.environ["VAZAO_NOTICES_PRIVATE_NETWORKS"] = "127.0.0.0/8"


@dataclass
class Receiver:
    """A receiver of webhooks that keeps, in order, what it took, and when."""

    port: int = field(default_factory=free_port)
    took: list[tuple[str, str, int]] = field(default_factory=list)
    at: list[float] = field(default_factory=list)

    async def listen(self) -> asyncio.Server:
        """Begin to take."""
        return await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
                event = json.loads(await reader.readexactly(length))
                self.took.append((event["id"], event["object"], event["data"]["n"]))
                self.at.append(time.monotonic())
                writer.write(b"HTTP/1.1 204 Taken\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def disordered(self) -> int:
        """Objects of which a later event came before an earlier one."""
        seen: dict[str, int] = {}
        wrong = set()
        known = set()
        for id, object, n in self.took:
            if id not in known and seen.get(object, -1) > n:
                wrong.add(object)
            known.add(id)
            seen[object] = max(n, seen.get(object, -1))
        return len(wrong)


async def tell(made: Engine, seconds: float) -> None:
    """The events, each in a transaction of its own, spread over *seconds*."""
    began = time.monotonic()
    for n in range(EVENTS):
        async with made.platform.db.transaction() as conn:
            await service.tell(conn, 1, TYPE, f"job:{n % OBJECTS}", {"n": n})
        await asyncio.sleep(max(0.0, began + seconds * (n + 1) / EVENTS - time.monotonic()))


async def measure(minutes: float) -> None:
    """Let the receivers be down, bring them back, and say what arrived."""
    async with engine() as made:
        receivers = [Receiver() for _ in range(WEBHOOKS)]
        for each in receivers:
            new = service.checked(
                made.platform, made.platform.registry.notice_types, types=[TYPE], about="",
                url=f"http://127.0.0.1:{each.port}/",
            )
            async with made.platform.db.transaction() as conn:
                await service.create(conn, made.platform, 1, new)
        doomed, _ = made.start(), made.start()
        began = time.monotonic()
        await tell(made, minutes * 30)
        doomed.send_signal(signal.SIGKILL)
        made.start()
        await asyncio.sleep(max(0.0, began + minutes * 60 - time.monotonic()))
        back = time.monotonic()
        servers = [await each.listen() for each in receivers]
        while not any(each.took for each in receivers):
            await asyncio.sleep(0.005)
        for process in made.workers:
            process.send_signal(signal.SIGKILL)
        made.start()
        made.start()
        while time.monotonic() - back < WITHIN_SECONDS * 2 and any(
            len({id for id, _, _ in each.took}) < EVENTS for each in receivers
        ):
            await asyncio.sleep(0.2)
        took = max(max(each.at, default=back) for each in receivers) - back
        for server in servers:
            server.close()
        report(receivers, minutes, took)


def report(receivers: list[Receiver], minutes: float, seconds: float) -> None:
    """The lines."""
    arrived = [len({id for id, _, _ in each.took}) for each in receivers]
    doubles = sum(len(each.took) for each in receivers) - sum(arrived)
    same = len({id for each in receivers for id, _, _ in each.took})
    what = f"{WEBHOOKS} webhooks, receivers down, {EVENTS:,} events, workers killed with -9"
    lost = EVENTS * WEBHOOKS - sum(arrived)
    say(f"{what}: events lost", "0", lost, ok=lost == 0, minutes=minutes, doubles=doubles,
        ids=same)
    wrong = sum(each.disordered() for each in receivers)
    say(f"{what}: objects whose events came out of order", "0", wrong, ok=wrong == 0)
    say(f"{what}: from the receivers' return to the last event", f"≤ {WITHIN_SECONDS:.0f} s",
        seconds, ok=seconds <= WITHIN_SECONDS)


if __name__ == "__main__":
    uvloop.run(measure(float(sys.argv[1]) if len(sys.argv) > 1 else MINUTES))
