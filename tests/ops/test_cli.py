"""What is wrong, on the command line: for people, for programs, and in ``vazao doctor``."""

from __future__ import annotations

import json
from pathlib import Path

import psycopg

from tests.support.commands import vazao


def settings(url: str, data_dir: Path) -> dict[str, str]:
    return {
        "VAZAO_DATABASE_URL": url, "VAZAO_SECRET": "x" * 32, "VAZAO_DATA_DIR": str(data_dir),
        "VAZAO_DISK_FLOOR_BYTES": "0", "VAZAO_OPS_IDLE_TRANSACTION_SECONDS": "1",
    }


def test_nothing_is_wrong(counted: str, data_dir: Path) -> None:
    done = vazao("ops", "findings", **settings(counted, data_dir))
    assert (done.returncode, done.stdout) == (0, "Nothing is wrong.\n"), done.stderr
    done = vazao("ops", "findings", "--json", **settings(counted, data_dir))
    assert (done.returncode, json.loads(done.stdout)) == (0, [])


def test_a_transaction_left_open_is_named(counted: str, data_dir: Path) -> None:
    with psycopg.connect(counted, application_name="forgetful") as left:
        left.execute("select 1")
        given = settings(counted, data_dir)
        done = vazao("ops", "findings", "--json", **given)
        assert done.returncode == 1, done.stderr
        found = json.loads(done.stdout)[0]
        assert (found["code"], found["subject"], found["level"]) == (
            "transaction_idle", str(left.info.backend_pid), "warning"
        )
        assert f"select pg_terminate_backend({left.info.backend_pid})" in found["remedy"]
        done = vazao("doctor", **given)
        assert done.returncode == 1
        line = next(line for line in done.stdout.splitlines() if "transaction_idle" in line)
        assert line.startswith("✗")
        assert "(forgetful)" in line
    done = vazao("doctor", **given | {"LC_ALL": "pt_BR.UTF-8"})
    assert "✓ findings       nenhum problema" in done.stdout
