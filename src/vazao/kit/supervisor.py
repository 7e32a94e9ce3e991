"""A supervisor: keeps child processes alive, and ends them in order.

Each child leads a session of its own, so Ctrl-C in a terminal reaches only the supervisor, and
whatever a child leaves behind is found by its process group.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from vazao.kit.logging import get
from vazao.kit.settings import Settings

HEALTHY_SECONDS = 10.0
LONGEST_PAUSE_SECONDS = 30.0
SPARE_SECONDS = 10.0
# Allocators give back what a large sheet took: polars' at once; the C library's by taking blocks
# of a file from the system each time, and by not keeping one heap for each of many threads.
FRUGAL = {
    "_RJEM_MALLOC_CONF": "dirty_decay_ms:0,muzzy_decay_ms:0",
    "MALLOC_ARENA_MAX": "2", "MALLOC_MMAP_THRESHOLD_": str(1 << 20),
}
# A web server uses the same memory over and over: what it gave back at once it would take anew with
# each request. A second later is soon enough. And what polars does for one request may not take
# every core from the others.
WEB = FRUGAL | {
    "_RJEM_MALLOC_CONF": "dirty_decay_ms:1000,muzzy_decay_ms:0", "POLARS_MAX_THREADS": "1",
}
log = get("supervisor")


@dataclass
class Child:
    """A process to keep: its command, and how long it may take to end.

    ``failures`` counts ends in a row, each within ten seconds of its start.
    """

    name: str
    command: Sequence[str]
    grace_seconds: float
    process: asyncio.subprocess.Process | None = None
    failures: int = 0
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    def signal_group(self, number: int) -> None:
        """Signal everything that this child started."""
        if self.process is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, number)


def ours(command: str, *options: str) -> tuple[str, ...]:
    """The command line that runs ``vazao COMMAND`` as a child of this process."""
    return (sys.executable, "-m", "vazao", command, "--parent", str(os.getpid()), *options)


def pause(failures: int) -> float:
    """Seconds before the next try: none after the first end, then 0.5, 1, 2 … 30."""
    return 0.0 if failures <= 1 else min(LONGEST_PAUSE_SECONDS, 0.25 * 2.0 ** min(failures, 10) / 2)


class Supervisor:
    """Children kept alive until :meth:`stop`.

    Args:
        environment: variables that they get besides ours.
    """

    def __init__(self, environment: dict[str, str] | None = None) -> None:
        self._environment = environment or {}
        self._kept: list[tuple[Child, asyncio.Task[None]]] = []
        self.hurry = asyncio.Event()

    @property
    def children(self) -> list[Child]:
        """All that were started, in that order."""
        return [child for child, _ in self._kept]

    async def start(self, child: Child) -> None:
        """Start *child* and keep it."""
        await self._spawn(child)
        self._kept.append((child, asyncio.create_task(self._keep(child), name=child.name)))

    async def stop(self) -> None:
        """End the children, kind by kind in the order they were started; waits for them."""
        for name in dict.fromkeys(child.name for child in self.children):
            await asyncio.gather(
                *(self._end(child, task) for child, task in self._kept if child.name == name)
            )

    async def _spawn(self, child: Child) -> None:
        child.process = await asyncio.create_subprocess_exec(
            *child.command, stdin=asyncio.subprocess.DEVNULL, start_new_session=True,
            # As it is now: what was set since we were made (where metrics go, say) counts.
            env=(WEB if child.name == "web" else FRUGAL) | os.environ | self._environment,
        )
        if child.stopping.is_set():
            # Whoever asked for the end has told only the process before this one.
            self._tell_end(child)

    def _tell_end(self, child: Child) -> None:
        if child.process is not None and child.process.returncode is None:
            with suppress(ProcessLookupError):
                child.process.send_signal(signal.SIGTERM)

    async def _respawn(self, child: Child) -> bool:
        """Start *child* again, however often the system refuses; False if it was to end before."""
        while True:
            await _either(child.stopping, pause(child.failures))
            if child.stopping.is_set():
                return False
            try:
                await self._spawn(child)
                return True
            except OSError as error:
                child.failures += 1
                log.error("child cannot be started", child=child.name, reason=str(error),
                          pause_seconds=pause(child.failures))

    async def _keep(self, child: Child) -> None:
        while True:
            began = time.monotonic()
            assert child.process is not None
            code = await child.process.wait()
            child.signal_group(signal.SIGKILL)
            if child.stopping.is_set():
                return
            lived = time.monotonic() - began
            child.failures = 1 if lived > HEALTHY_SECONDS else child.failures + 1
            log.warning("child ended", child=child.name, pid=child.process.pid, code=code,
                        lived_seconds=round(lived, 1), pause_seconds=pause(child.failures))
            if not await self._respawn(child):
                return

    async def _end(self, child: Child, task: asyncio.Task[None]) -> None:
        child.stopping.set()
        self._tell_end(child)
        grace = asyncio.create_task(_either(self.hurry, child.grace_seconds))
        await asyncio.wait({task, grace}, return_when=asyncio.FIRST_COMPLETED)
        grace.cancel()
        if not task.done():
            log.warning("child is cut off", child=child.name)
            child.signal_group(signal.SIGKILL)
        await task


async def _either(event: asyncio.Event, seconds: float) -> None:
    """Wait for *event*, *seconds* at most."""
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)


def worker_grace(settings: Settings) -> float:
    """Seconds that a worker gets to end: what it lets its parts have, and some to sign off."""
    return settings.worker_stop_seconds + SPARE_SECONDS


async def start_workers(supervisor: Supervisor, settings: Settings) -> None:
    """Start this host's worker processes: those of its slots, and one of the spare slot.

    The spare slot has a process of its own, since what long parts do in Python would keep it from
    the processor for tenths of a second at a time.
    """
    grace = worker_grace(settings)
    for _ in range(settings.processes("worker")):
        await supervisor.start(Child("worker", ours("worker"), grace))
    await supervisor.start(Child("worker", ours("worker", "--spare"), grace))


async def keep_workers(settings: Settings) -> None:
    """Keep ``vazao worker`` processes until SIGTERM or SIGINT; a second one hurries."""
    supervisor, stop = Supervisor(), asyncio.Event()

    def interrupted() -> None:
        (supervisor.hurry if stop.is_set() else stop).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, interrupted)
    await start_workers(supervisor, settings)
    await stop.wait()
    await supervisor.stop()
