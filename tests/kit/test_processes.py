"""What processes of one host share: a lock, a metrics folder, and their parent's fate."""

from __future__ import annotations

import os
import select
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from vazao.kit import processes
from vazao.kit.errors import ConfigurationError

CHILD = "from vazao.kit.processes import die_with_parent; import signal\n"
PARENT = (
    "import os, subprocess, sys\n"
    "child = subprocess.Popen([sys.executable, '-c', sys.argv[1] + "
    "f'die_with_parent({os.getpid()}); print(1, flush=True); signal.pause()'], "
    "stdout=subprocess.PIPE)\n"
    "child.stdout.readline(); print(child.pid, flush=True); sys.stdin.read()\n"
)


def test_a_child_dies_with_its_parent_however_that_ends() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    assert parent.stdin is not None
    descriptor = os.pidfd_open(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    assert select.select([descriptor], [], [], 10)[0], "the child lives on"
    os.close(descriptor)
    parent.stdin.close()
    parent.stdout.close()


def test_a_child_whose_parent_is_already_gone_ends_at_once() -> None:
    done = subprocess.run([sys.executable, "-c", CHILD + "die_with_parent(1 << 22)"], check=False)
    assert done.returncode == 1


def test_one_at_a_time(tmp_path: Path) -> None:
    lock = processes.claim_folder(tmp_path, "http://127.0.0.1:1")
    with pytest.raises(ConfigurationError, match=f"process {os.getpid()}, http://127.0.0.1:1"):
        processes.claim_folder(tmp_path, "http://127.0.0.1:2")
    os.close(lock)
    os.close(processes.claim_folder(tmp_path, "http://127.0.0.1:2"))


def test_what_the_dead_counted_stays_and_what_they_showed_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(processes.METRICS, "")
    dead = subprocess.Popen([sys.executable, "-c", "pass"])
    dead.wait()
    place = processes.share_metrics(tmp_path, alone=True)
    for pid in (dead.pid, os.getpid()):
        for kind in ("counter", "gauge_livesum", "gauge_mostrecent"):
            (place / f"{kind}_{pid}.db").write_text("")
    assert processes.share_metrics(tmp_path, alone=False) == place
    left = {file.name for file in place.iterdir()}
    assert left == {
        *(f"{kind}_{os.getpid()}.db" for kind in ("counter", "gauge_livesum", "gauge_mostrecent")),
        f"counter_{dead.pid}.db", f"gauge_mostrecent_{dead.pid}.db",
    }
    processes.share_metrics(tmp_path, alone=True)
    assert not list(place.iterdir())


def test_a_start_where_nobody_lives_counts_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(processes.METRICS, "")
    dead = subprocess.Popen([sys.executable, "-c", "pass"])
    dead.wait()
    place = processes.share_metrics(tmp_path, alone=False)
    (place / f"counter_{dead.pid}.db").write_text("")
    processes.share_metrics(tmp_path, alone=False)
    assert not list(place.iterdir())


def test_a_full_disk_is_told_from_a_forbidden_one(tmp_path: Path) -> None:
    assert processes.unusable(tmp_path, OSError(28, "No space left")).code == "storage_full"
    assert processes.unusable(tmp_path, OSError(13, "Permission denied")).code != "storage_full"


def test_a_data_folder_is_closed_to_others(tmp_path: Path) -> None:
    made, open_to_all = tmp_path / "deep" / "made", tmp_path / "known"
    open_to_all.mkdir(mode=0o777)
    open_to_all.chmod(0o2775)
    for folder in (made, open_to_all):
        processes.prepare_folder(folder)
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    assert stat.S_IMODE(open_to_all.stat().st_mode) == 0o2710
