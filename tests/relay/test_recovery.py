"""What goes wrong on a site heals without a hand on it, and the hub goes on hearing of it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.relay import Agent, Hub, change, running_hub
from tests.support.waiting import until
from vazao_agent.hub import Hub as Line
from vazao_agent.identity import Identity
from vazao_agent.running import wait_after
from vazao_agent.state import State


def altered(agent: Agent, **values: Any) -> None:
    """Change what the agent's identity says."""
    file = agent.folder / "identity.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def transmitted(hub: Hub, name: str, citizens: int = 20) -> tuple[str, Agent, str]:
    """A site whose list arrived once, and is due again; its source."""
    site, agent, source = hub.transmitted(name, citizens)
    change(source, "update citizen set name = 'Nova' where id = 1")
    return site, agent, source


def pending(agent: Agent) -> list[Path]:
    """The chunks that wait in the spool."""
    return sorted((agent.folder / "spool").glob("*/*"))


def started(agent: Agent, *words: str) -> subprocess.Popen[bytes]:
    """A command of the agent that a test stops."""
    return subprocess.Popen(
        [sys.executable, "-m", "vazao_agent", *words, "--state", str(agent.folder)],
        env=agent.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )


def test_a_chunk_that_is_lost_is_read_anew(hub: Hub) -> None:
    site, agent, _ = transmitted(hub, "lost")
    # No slot: the list is read, and waits.
    hub.execute("update relay.version set opens = 0, closes = 1440")
    with psycopg.connect(hub.url) as conn:
        conn.execute("select from relay.pace for update")
        process = started(agent, "once")
        assert until(lambda: hub.execute(
            "select 1 from relay.run r join relay.site s on s.id = r.site_id "
            "where s.name = %s and r.state = 'waiting'", site
        ))
        process.kill()
        process.wait()
    for each in pending(agent):
        each.write_bytes(b"damaged")
    assert "agent_state_lost" in agent.run("once", code=1)
    assert "finished" in agent.run("once")
    assert hub.rows("lost", site, "name")[0] == ("Nova",)


def test_nothing_is_left_in_the_spool(hub: Hub) -> None:
    _, agent, _ = transmitted(hub, "tidy")
    orphan = agent.folder / "spool" / "0123"
    orphan.mkdir(parents=True)
    (orphan / "000001").write_bytes(b"left by a kill")
    agent.run("once")
    assert pending(agent) == []


def test_the_spool_has_a_quota_and_leaves_the_disk_some_room(hub: Hub) -> None:
    site, agent, _ = transmitted(hub, "quota")
    altered(agent, spool_quota=10)
    assert "quota" in agent.run("once", code=1)
    assert pending(agent) == []
    altered(agent, spool_quota=1 << 30)
    agent.run("once")
    assert hub.rows("quota", site, "name")[0] == ("Nova",)


def test_six_digits_of_a_municipality_are_its_seven(hub: Hub) -> None:
    site, agent, source = transmitted(hub, "digits")
    change(
        source, "create table tb_dim_municipio (co_seq_dim_municipio bigint, co_ibge text)",
        "create table tb_fat_cad_individual (co_dim_municipio bigint)",
        "insert into tb_dim_municipio values (2, '2611606')",
        "insert into tb_fat_cad_individual values (2)",
    )
    hub.execute("update relay.site set ibge = '261160' where name = %s", site)
    agent.run("once")
    assert hub.rows("digits", site, "name")[0] == ("Nova",)


def test_one_agent_works_with_a_state_and_status_looks_on(hub: Hub) -> None:
    site, agent, _ = transmitted(hub, "alone")
    process = started(agent, "run")
    try:
        until(lambda: hub.execute("select 1 from relay.journal where what = 'started' and site_id "
                                  "= (select id from relay.site where name = %s)", site))
        assert "Another agent works" in agent.run("once", code=1)
        # While a list is read, its memory is being written.
        state = State(agent.folder)
        state.begin(state.kept("alone"))
        assert "alone" in agent.run("status")
        state.abandon()
        state.close()
    finally:
        process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0


def test_what_fails_rests_longer_and_longer() -> None:
    waits = [max(wait_after(n) for _ in range(50)) for n in (1, 3, 20)]
    assert 15 <= waits[0] <= 22.5 < waits[1] <= 90 < waits[2] <= 1350


def test_an_agent_that_waits_is_not_silent() -> None:
    with running_hub(VAZAO_RELAY_CHECK_IN_SECONDS="1") as made:
        hub = made.of_new_organization()
        hub.publish("slow", "-- columns: id integer\nselect 1 as id from pg_sleep(120)")
        site, agent = hub.agent(hub.source(1))
        process = started(agent, "once")

        def heard() -> Any:
            return hub.execute(
                "select a.stamp from relay.agent a join relay.site s on s.agent_id = a.id "
                "where s.name = %s", site,
            )[0][0]

        first = until(heard)
        second = until(lambda: (now := heard()) != first and now)
        assert until(lambda: heard() != second)
        assert hub.rows("slow", site) == []
        # And one whose identity ended learns of it from its doctor.
        hub.running.vazao("relay", "revoke", site, "-o", hub.organization)
        assert "401" not in agent.run("doctor", code=1)
        process.kill()
        process.wait()


def test_a_proxy_that_is_not_there_is_named(hub: Hub) -> None:
    _, agent, _ = transmitted(hub, "proxied")
    identity = Identity.load(agent.folder)
    kept = Identity(**{**vars(identity), "proxy": "http://127.0.0.1:9"})
    line = Line("https://hub.example.org", kept)
    with pytest.raises(Exception, match=r"proxy at 127\.0\.0\.1:9 cannot be reached") as refused:
        line.get("/hello")
    assert refused.value.cause == "network_proxy"  # type: ignore[attr-defined]


def test_a_site_that_is_purged_while_it_sends_leaves_nothing(hub: Hub) -> None:
    site, agent, _ = transmitted(hub, "gone", 2_000)
    with psycopg.connect(hub.url) as conn:
        conn.execute("select from relay.pace for update")
        process = started(agent, "once")
        until(lambda: pending(agent))
        conn.rollback()
        hub.running.vazao("relay", "purge", site, "-o", hub.organization, "--yes")
    process.wait(60)
    assert hub.rows("gone", site) == []
    runs = [number for (number,) in hub.execute("select r.id from relay.run r "
            "join relay.site s on s.id = r.site_id where s.name = %s", site)]

    def is_forgotten() -> bool:
        hub.sweep()
        return not hub.execute("select 1 from relay.site where name = %s", site)

    until(is_forgotten)
    left = [hub.running.folder / "blobs" / "relay" / str(number) for number in runs]
    assert not [file for folder in left for file in folder.rglob("*") if file.is_file()]
