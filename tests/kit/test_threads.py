"""Threads that let others go first."""

from __future__ import annotations

import contextvars
import os
import sys
import threading

import pytest

from vazao.kit.limits import NICE
from vazao.kit.threads import to_last_thread

pytestmark = pytest.mark.anyio
said = contextvars.ContextVar("said", default="")


def niceness() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no priority of their own")
async def test_its_thread_lets_others_go_first() -> None:
    assert await to_last_thread(niceness) == NICE
    assert niceness() < NICE


async def test_it_knows_what_its_caller_knows_and_gives_back_what_was_found() -> None:
    said.set("before")
    assert await to_last_thread(lambda more: said.get() + more, more=" and after") == \
        "before and after"
    with pytest.raises(ZeroDivisionError):
        await to_last_thread(divmod, 1, 0)
