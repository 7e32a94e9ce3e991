"""Killed at any moment: the former list or the new one is shown, and the next try is whole."""

from __future__ import annotations

import random
import subprocess
import sys
import time

import psycopg

from tests.support.relay import Hub, change

SQL = "-- columns: id integer, name text, note text\nselect id, name, note from citizen"


def source_rows(source: str) -> list[tuple[object, ...]]:
    with psycopg.connect(source) as conn:
        return conn.execute("select id, name, note from citizen order by id").fetchall()


def test_an_agent_killed_at_any_moment_leaves_one_of_two_lists(hub: Hub) -> None:
    hub.publish("killed", SQL)
    source = hub.source(10_000)
    site, agent = hub.agent(source)
    agent.run("once")
    known = source_rows(source)
    for turn in range(4):
        change(source, f"update citizen set name = 'Volta {turn}' where id % 3 = {turn % 3}")
        wanted = source_rows(source)
        hub.expire()
        process = subprocess.Popen(
            [sys.executable, "-m", "vazao_agent", "once", "--state", str(agent.folder)],
            env=agent.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        try:
            process.wait(random.uniform(0.2, 0.8))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shown = hub.rows("killed", site, "id, name, note")
        assert shown in (known, wanted)
        deadline = time.monotonic() + 30
        while hub.rows("killed", site, "id, name, note") != wanted:
            assert time.monotonic() < deadline
            agent.run("once", code=None)
        known = wanted
