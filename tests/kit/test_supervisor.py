"""The supervisor: keeps children, ends them in order, leaves none behind."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.support.waiting import eventually
from vazao.kit import supervisor as supervising
from vazao.kit.supervisor import Child, Supervisor, pause

pytestmark = pytest.mark.anyio
FAITHFUL = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
SAY = "import sys; open(sys.argv[1], 'a').write('x')\n"
WAIT = "import signal\nwhile True: signal.pause()\n"


def child(name: str, *code: str, file: Path, grace: float = 20.0) -> Child:
    return Child(name, [sys.executable, "-c", "".join(code), str(file)], grace)


async def started(file: Path, times: int = 1) -> None:
    async def look() -> bool:
        return file.exists() and len(file.read_text()) >= times

    await eventually(look)


def gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


async def test_a_child_that_ends_is_started_again(tmp_path: Path) -> None:
    supervisor, file = Supervisor(), tmp_path / "starts"
    kept = child("a", FAITHFUL, SAY, WAIT, file=file)
    await supervisor.start(kept)
    await started(file)
    assert kept.process is not None
    first = kept.process.pid
    os.kill(first, signal.SIGKILL)
    await started(file, 2)
    assert kept.process.pid != first
    assert kept.failures == 1
    await supervisor.stop()
    assert gone(kept.process.pid)


async def test_a_child_that_keeps_ending_is_counted(tmp_path: Path) -> None:
    supervisor, file = Supervisor(), tmp_path / "starts"
    kept = child("a", SAY, file=file)
    await supervisor.start(kept)
    await started(file, 3)
    await supervisor.stop()
    assert kept.failures >= 2


async def test_a_child_that_lived_well_is_not_counted_among_failures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervising, "HEALTHY_SECONDS", 0.0)
    supervisor, file = Supervisor(), tmp_path / "starts"
    kept = child("a", SAY, file=file)
    await supervisor.start(kept)
    await started(file, 4)
    assert kept.failures == 1
    await supervisor.stop()


async def test_kinds_end_in_the_order_they_were_started(tmp_path: Path) -> None:
    supervisor, file, ended = Supervisor(), tmp_path / "ends", tmp_path / "order"
    tell = (
        "import signal, sys\n"
        "def end(*_): open({!r}, 'a').write({!r}); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end)\n"
    )
    for name in ("web", "worker", "worker"):
        await supervisor.start(
            child(name, tell.format(str(ended), f"{name} "), SAY, WAIT, file=file)
        )
    await started(file, 3)
    await supervisor.stop()
    assert ended.read_text() == "web worker worker "


async def test_what_ignores_the_end_is_cut_off_after_its_grace(tmp_path: Path) -> None:
    supervisor, file = Supervisor(), tmp_path / "starts"
    kept = child("a", STUBBORN, SAY, WAIT, file=file, grace=0.2)
    await supervisor.start(kept)
    await started(file)
    await supervisor.stop()
    assert kept.process is not None
    assert kept.process.returncode == -signal.SIGKILL


async def test_hurry_cuts_the_grace_short(tmp_path: Path) -> None:
    supervisor, file = Supervisor(), tmp_path / "starts"
    kept = child("a", STUBBORN, SAY, WAIT, file=file, grace=600)
    await supervisor.start(kept)
    await started(file)
    stopping = asyncio.create_task(supervisor.stop())
    supervisor.hurry.set()
    await asyncio.wait_for(stopping, 10)
    assert kept.process is not None
    assert kept.process.returncode == -signal.SIGKILL


async def test_a_killed_childs_own_children_end_with_it(tmp_path: Path) -> None:
    supervisor, file, pids = Supervisor(), tmp_path / "starts", tmp_path / "pids"
    below = (
        "import subprocess, sys\n"
        "below = subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause()'])\n"
        f"open({str(pids)!r}, 'a').write(f'{{below.pid}}\\n')\n"
    )
    kept = child("a", below, SAY, WAIT, file=file)
    await supervisor.start(kept)
    await started(file)
    grandchild = int(pids.read_text().split()[0])
    assert kept.process is not None
    kept.process.kill()
    await started(file, 2)

    async def ended() -> bool:
        return gone(grandchild)

    await eventually(ended)
    await supervisor.stop()


async def test_a_child_that_the_system_refuses_to_start_is_tried_again(tmp_path: Path) -> None:
    supervisor, file, program = Supervisor(), tmp_path / "starts", tmp_path / "program"
    program.symlink_to(sys.executable)
    kept = child("a", FAITHFUL, SAY, WAIT, file=file)
    kept.command = [str(program), *kept.command[1:]]
    await supervisor.start(kept)
    await started(file)
    program.unlink()
    assert kept.process is not None
    kept.process.kill()

    async def refused() -> bool:
        return kept.failures >= 3

    await eventually(refused)
    program.symlink_to(sys.executable)
    await started(file, 2)
    await supervisor.stop()
    assert gone(kept.process.pid)


async def test_a_child_that_starts_while_all_end_is_ended_too(tmp_path: Path) -> None:
    class Slow(Supervisor):
        """The system is slow to start anything once *slow* is set."""

        slow = asyncio.Event()
        go_on = asyncio.Event()

        async def _spawn(self, child: Child) -> None:
            if kept.process is not None:
                self.slow.set()
                await self.go_on.wait()
            await super()._spawn(child)

    supervisor, file = Slow(), tmp_path / "starts"
    kept = child("a", FAITHFUL, SAY, WAIT, file=file)
    await supervisor.start(kept)
    await started(file)
    assert kept.process is not None
    first = kept.process
    first.kill()
    await supervisor.slow.wait()
    stopping = asyncio.create_task(supervisor.stop())
    await kept.stopping.wait()
    supervisor.go_on.set()
    await asyncio.wait_for(stopping, 15)
    assert kept.process is not first
    assert gone(kept.process.pid)
    assert kept.process.returncode != -signal.SIGKILL, "it was told, not cut off"


@pytest.mark.parametrize(
    ("failures", "seconds"), [(1, 0.0), (2, 0.5), (3, 1.0), (4, 2.0), (20, 30.0)]
)
async def test_pauses_grow(failures: int, seconds: float) -> None:
    assert pause(failures) == seconds
