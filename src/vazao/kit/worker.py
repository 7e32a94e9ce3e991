"""A worker process: runs the registered runner under supervision until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from vazao.kit import gauges
from vazao.kit.cancelling import end_all
from vazao.kit.logging import get
from vazao.kit.platform import Platform

log = get("worker")
FIRST_WAIT_SECONDS = 0.1
LONGEST_WAIT_SECONDS = 5.0
HEALTHY_SECONDS = 30.0


async def work(platform: Platform, stop: asyncio.Event) -> None:
    """Run the registry's runner, and again after each failure, until *stop* is set.

    A failure (a lost connection, a restarted database, a registration that others removed) is
    logged and backed off: 0.1 s, doubling up to 5 s, from the start again after a healthy spell.
    CPU work of the parts goes to threads of the default executor: two for each part at most.
    """
    loop = asyncio.get_running_loop()
    threads = platform.settings.worker_concurrency * 2
    loop.set_default_executor(ThreadPoolExecutor(threads, thread_name_prefix="part"))
    runner, wait = platform.registry.runner, FIRST_WAIT_SECONDS
    if runner is None:
        raise RuntimeError("no feature registered a runner")
    warming = [asyncio.create_task(_warm(run, platform)) for run in platform.registry.warmups]
    services = [make(platform) for make in platform.registry.beside]
    for service in services:
        service.start()
    try:
        while not stop.is_set():
            began = loop.time()
            try:
                await runner(platform, stop)
            except Exception as error:
                if loop.time() - began > HEALTHY_SECONDS:
                    wait = FIRST_WAIT_SECONDS
                log.warning(
                    "worker failed; it registers anew", error=repr(error), wait_seconds=wait
                )
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), wait)
                wait = min(LONGEST_WAIT_SECONDS, wait * 2)
    finally:
        for task in warming:
            task.cancel()
        for service in services:
            await service.close()


async def _warm(run: Callable[[Any], Awaitable[None]], platform: Platform) -> None:
    try:
        await run(platform)
    except Exception as error:
        log.error("a worker's preparation failed", exc_info=error)


async def run_process(platform: Platform) -> None:
    """A whole worker process: opens *platform*, works until SIGTERM or SIGINT, closes it."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await platform.open()
    showing = asyncio.create_task(gauges.keep(platform))
    try:
        await work(platform, stop)
    finally:
        await end_all([showing])
        await platform.close()
