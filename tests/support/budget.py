"""A pytest plugin: what a run took, at its end, against what it may take.

Seconds are those of the clock, which other work on the machine makes longer; beside them stand
those of the processor, of the tests and of all processes that they started and waited for.
"""

from __future__ import annotations

import os
import time
from collections import Counter, defaultdict
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

MINUTES = {"what stood first": 5.0, "events": 3.0}
"""What the whole suite may take on two cores; a feature to come adds three minutes by its name."""
SLOWEST = 10


def processor_seconds() -> float:
    """What this process and those that it waited for have used."""
    return sum(os.times()[:4])


def server_seconds(folder: Path) -> float:
    """What the run's PostgreSQL has used: its processes, and those that have ended."""
    pid_file = folder / "postgres" / "cluster" / "postmaster.pid"
    if not pid_file.is_file():
        return 0.0
    postmaster = pid_file.read_text().split()[0]
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if postmaster in (stat.parent.name, fields[1]):
            ticks += sum(int(field) for field in fields[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


class Budget:
    """Collects what tests took, in the process that hears of all of them."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.began = time.monotonic()
        self.seconds: Counter[str] = Counter()
        self.processor: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add a phase of a test."""
        self.seconds[report.nodeid] += report.duration
        self.processor[report.nodeid] += dict(report.user_properties).get("processor", 0.0)

    def rooms(self) -> list[tuple[str, int, float, float]]:
        """Tests, seconds and processor seconds of each room, the slowest first."""
        found: dict[str, list[float]] = defaultdict(lambda: [0, 0.0, 0.0])
        for test, seconds in self.seconds.items():
            row = found[test.split("/")[1] if test.count("/") > 1 else "tests"]
            row[0] += 1
            row[1] += seconds
            row[2] += self.processor[test]
        rows = [(room, int(n), wall, used) for room, (n, wall, used) in found.items()]
        return sorted(rows, key=lambda row: -row[2])

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say it."""
        say = terminalreporter.write_line
        terminalreporter.section("time")
        for test, seconds in self.seconds.most_common(SLOWEST):
            say(f"{seconds:8.1f} s  {test}")
        say("")
        say(f"{'room':16}{'tests':>8}{'seconds':>10}{'processor':>11}")
        for room, tests, wall, used in self.rooms():
            say(f"{room:16}{tests:8}{wall:10.1f}{used:11.1f}")
        say("")
        say(self.total())

    def total(self) -> str:
        """The whole run in a line, against the budget where it was the whole suite."""
        used, wall = sum(self.processor.values()), time.monotonic() - self.began
        folder = os.environ.get("VAZAO_TEST_SERVER_FOLDER")
        server = server_seconds(Path(folder)) if folder else 0.0
        text = f"{clock(wall)}; processor: {used:.0f} s of tests, {server:.0f} s of PostgreSQL"
        option = self.config.option
        whole = self.config.args_source is pytest.Config.ArgsSource.TESTPATHS
        if whole and not (option.keyword or option.markexpr):
            most = sum(MINUTES.values()) * 60
            text += f"; the budget is {clock(most)} on two idle cores"
            text += f": OVER by {clock(wall - most)}" if wall > most else ""
        return text


def clock(seconds: float) -> str:
    """Minutes and seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def pytest_configure(config: pytest.Config) -> None:
    """Collect where all reports arrive."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Budget(config), "vazao-budget")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, Any, pytest.TestReport]:
    """Add to each phase's report what the processor did since the one before."""
    report: pytest.TestReport = yield
    now = processor_seconds()
    report.user_properties = [("processor", now - item.session.config.stash.get(SINCE, now))]
    item.session.config.stash[SINCE] = now
    return report


SINCE = pytest.StashKey[float]()
