"""``vazao up`` as a process: starts, survives, explains itself, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.support.running import Running, answers, free_port, ready, running_platform
from tests.support.waiting import until
from vazao.kit.embedded.process import processes_in, running_postmaster
from vazao.kit.embedded.server import EmbeddedPostgres


def children(pid: int, command: str) -> set[int]:
    """The processes that *pid* started as ``vazao COMMAND``."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_text().split("\0")
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue
        if parent == pid and command in words:
            found.add(int(folder.name))
    return found


def healthy(running: Running) -> bool:
    return answers(running, "/healthz")


def group(pid: int) -> list[int]:
    """The processes of the session that *pid* leads."""
    members = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if os.getpgid(int(folder.name)) == pid:
                members.append(int(folder.name))
        except ProcessLookupError:
            continue
    return members


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with running_platform(VAZAO_WORKER_PROCESSES="2") as up:
        yield up


def test_is_ready_with_its_workers(running: Running) -> None:
    answer = httpx2.get(f"{running.address}/readyz").json()
    assert answer["status"] == "ok"
    assert int(answer["checks"]["workers"]) >= 1
    assert len(children(running.process.pid, "worker")) == 3, "two, and the spare slot's"


def test_sums_the_metrics_of_all_processes(running: Running) -> None:
    assert "vazao_http_request_seconds_count" in httpx2.get(f"{running.address}/metrics").text


@pytest.mark.parametrize("kind", ["worker", "web"])
def test_a_killed_child_is_back(running: Running, kind: str) -> None:
    before = children(running.process.pid, kind)
    victim = min(before)
    os.kill(victim, signal.SIGKILL)
    until(lambda: victim not in children(running.process.pid, kind))
    until(lambda: len(children(running.process.pid, kind) - {victim}) == len(before))
    until(lambda: healthy(running))
    ready(running)
    assert before - {victim} <= children(running.process.pid, kind), "its siblings lived on"


def test_a_killed_process_of_the_web_server_is_replaced(running: Running) -> None:
    (web,) = children(running.process.pid, "web")
    before = len(group(web))
    victim = max(set(group(web)) - {web})
    os.kill(victim, signal.SIGKILL)
    until(lambda: victim not in group(web))
    until(lambda: healthy(running))
    until(lambda: len(group(web)) == before)
    assert children(running.process.pid, "web") == {web}, "the server itself lived on"
    httpx2.get(f"{running.address}/metrics")
    left = {file.name for file in (running.folder / "metrics").glob(f"*_{victim}.db")}
    assert f"counter_{victim}.db" in left or f"histogram_{victim}.db" in left, "it still counts"
    assert not [name for name in left if name.startswith("gauge_live")]


def test_a_killed_database_comes_back(running: Running) -> None:
    cluster = running.folder / "postgres" / "cluster"
    killed = running_postmaster(cluster)
    assert killed is not None
    os.kill(killed.pid, signal.SIGKILL)
    until(lambda: (now := running_postmaster(cluster)) and now.pid != killed.pid, within=60)
    until(lambda: EmbeddedPostgres(running.folder).url() is not None, within=60)
    ready(running)


def test_doctor_finds_everything_in_order(running: Running) -> None:
    said = running.vazao("doctor")
    assert "✗" not in said
    assert said.count("✓") >= 8


def test_tells_where_its_database_is(running: Running) -> None:
    assert running.vazao("database-url").startswith("postgresql://vazao:")
    assert running.vazao("psql", "-Atc", "select 6 * 7").strip() == "42"


def test_a_second_one_says_that_the_first_is_up(running: Running) -> None:
    said = running.vazao("up", "--port", str(free_port()), code=1)
    assert "already running with the data folder" in said
    assert str(running.process.pid) in said
    assert running.address in said
    assert "VAZAO_DATA_DIR" in said
    assert "Traceback" not in said


def test_a_taken_port_is_said_before_anything_is_started(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = vazao(tmp_path, "up", "--port", str(port))
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"Port {port} on 127.0.0.1 is already in use." in done.stderr
    assert "--port or VAZAO_PORT" in done.stderr
    assert not (tmp_path / "data" / "postgres").exists()


def test_a_second_platform_cannot_take_the_port_of_a_running_one(
    running: Running, tmp_path: Path
) -> None:
    done = vazao(tmp_path, "up", "--port", str(running.port))
    assert done.returncode == 1
    assert "already in use" in done.stderr


def test_stops_cleanly_by_either_signal_and_starts_again_quickly() -> None:
    with running_platform() as first:
        until(lambda: children(first.process.pid, "worker"))
        first.process.send_signal(signal.SIGTERM)
        assert first.process.wait(60) == 0
        assert nothing_runs(first)
        began = time.monotonic()
        with running_platform(first.folder) as second:
            took = time.monotonic() - began
            assert second.process.poll() is None
            # Ctrl-C stops it, too.
            second.process.send_signal(signal.SIGINT)
            assert second.process.wait(60) == 0
            assert nothing_runs(second)
        assert took < 15, "a machine at rest needs one second"


def test_killed_with_9_its_children_die_and_the_next_one_adopts_the_database() -> None:
    with running_platform() as first:
        postmaster = (first.folder / "postgres" / "cluster" / "postmaster.pid").read_text()
        kept = children(first.process.pid, "worker") | children(first.process.pid, "web")
        kept |= {member for pid in kept for member in group(pid)}
        first.process.kill()
        first.process.wait(10)
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in kept))
        with running_platform(first.folder) as second:
            now = (second.folder / "postgres" / "cluster" / "postmaster.pid").read_text()
            assert now.split()[0] == postmaster.split()[0]
        assert nothing_runs(first)


def nothing_runs(running: Running) -> bool:
    cluster = running.folder / "postgres" / "cluster"
    return not processes_in(cluster) and EmbeddedPostgres(running.folder).url() is None


def vazao(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command with a data folder below *folder*."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("VAZAO_")}
    return subprocess.run(
        [sys.executable, "-m", "vazao", *arguments], capture_output=True, text=True, check=False,
        env=clean | {"VAZAO_DATA_DIR": str(folder / "data"), "LC_ALL": "C.UTF-8"}, timeout=60,
    )
