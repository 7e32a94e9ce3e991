"""What is held back, removed and purged."""

from __future__ import annotations

from tests.support.relay import Hub, change

SQL = "-- columns: id integer, name text\nselect id, name from citizen"


def hashes(hub: Hub, name: str) -> int:
    ((number,),) = hub.execute("select id from relay.list where name = %s", name)
    ((rows,),) = hub.execute(f"select count(*) from relay_data.list_{number}")
    return int(rows)


def held(hub: Hub, name: str) -> str:
    """The token of the run of a list that is held back."""
    said = hub.running.vazao("relay", "runs", "-o", hub.organization, "--state", "held")
    (token,) = [line.split()[0] for line in said.splitlines() if f"\t{name}\t" in line]
    return token


def test_rows_that_nobody_sees_any_more_are_removed(hub: Hub) -> None:
    hub.publish("swept", SQL)
    source = hub.source(100)
    site, agent = hub.agent(source)
    agent.run("once")
    change(source, "update citizen set name = 'Nova' where id <= 10")
    hub.expire()
    agent.run("once")
    assert hashes(hub, "swept") == 110
    hub.execute("update relay.current set swapped_at = now() - interval '2 hours'")
    hub.sweep()
    assert hashes(hub, "swept") == 100
    assert len(hub.rows("swept", site)) == 100


def test_a_list_that_suddenly_shrinks_is_held_back(hub: Hub) -> None:
    hub.publish("odd", SQL)
    source = hub.source(100)
    site, agent = hub.agent(source)
    agent.run("once")
    change(source, "delete from citizen where id > 50")
    hub.expire()
    assert "held" in agent.run("once", code=1)
    assert len(hub.rows("odd", site)) == 100
    hub.expire()
    assert "odd" not in agent.run("once"), "one look is enough"
    hub.running.vazao("relay", "release", held(hub, "odd"), "-o", hub.organization)
    assert len(hub.rows("odd", site)) == 50
    change(source, "delete from citizen")
    hub.expire()
    assert "held" in agent.run("once", code=1)
    hub.running.vazao("relay", "reject", held(hub, "odd"), "-o", hub.organization)
    change(source, "insert into citizen select i, 'Nova' from generate_series(1, 50) as i")
    agent.run("once", code=None)
    agent.run("once")
    assert len(hub.rows("odd", site, "id, name")) == 50


def test_a_purged_site_leaves_nothing(hub: Hub) -> None:
    hub.publish("purged", SQL)
    source = hub.source(100)
    site, agent = hub.agent(source)
    agent.run("once")
    before = hub.execute("select count(*) from relay.audit")
    hub.running.vazao("relay", "purge", site, "-o", hub.organization, "--yes")
    assert hub.rows("purged", site) == []
    assert "agent_unknown" not in agent.run("once", code=1)
    hub.sweep()
    assert hashes(hub, "purged") == 0
    assert not hub.execute("select 1 from relay.site where name = %s", site)
    assert hub.execute("select count(*) from relay.audit") > before
